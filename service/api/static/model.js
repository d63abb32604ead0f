// The state of the monitors, read from the service and kept up to date by its stream.

import { keyOf } from "./words.js";

const TIMEOUT = 15_000; // milliseconds, for one answer

export class Model {
  monitors = new Map(); // by name, the states of those that are or were shown
  answers = new Map(); // by kind, what was read last and for which monitor
  reports = new Map(); // by name, the window whose report was asked for here
  changed = () => {}; // called when something has to be read at once
  points = new Map(); // by monitor and series, a chart's rows by window
  distributions = new Map(); // by monitor and column
  trouble = null; // the service's last error
  refused = []; // files that define no monitor, and why
  skew = 0; // how far the server's clock is ahead, in milliseconds
  ready = false;

  now() {
    return Date.now() + this.skew;
  }

  /** Forget what was drawn, so that it is read whole again, and read which files cannot be used. */
  async restart() {
    this.refused = (await this.#get("v1/files/refused")).filter((file) => !file.runs);
    this.points.clear();
    this.distributions.clear();
  }

  /** Read one answer; the one of its kind that was read before is shown until then. */
  async read({ kind, monitor = null, url }) {
    const data = await this.#get(url);
    this.answers.set(kind, { monitor, url, data });
    if (kind === "overview" || kind === "state") {
      this.monitors.clear();
      for (const state of data.monitors) this.monitors.set(state.name, state);
    }
    this.trouble = null;
    this.ready = true;
  }

  /** The newest answer of a kind, undefined where it is about another monitor or none was read. */
  answer(kind, monitor = null) {
    const known = this.answers.get(kind);
    return known && known.monitor === monitor ? known.data : undefined;
  }

  /** Whether exactly this was read. */
  has({ kind, url }) {
    return this.answers.get(kind)?.url === url;
  }

  /** Whether the service said that there is no such monitor. */
  isMissing(monitor) {
    return this.answer("state", monitor)?.monitors.length === 0;
  }

  /** Have the report of a window made; its state is read meanwhile. */
  async makeReport(monitor, { window, path: where }) {
    this.reports.set(monitor, window.id);
    const made = fetch(where, { method: "HEAD" });
    this.answers.set("report", { ...this.answers.get("report"), data: { ...this.answer("report", monitor), state: "making" } });
    this.changed({ drawn: true });
    await made.catch(() => {}); // the state says why
    this.changed({ kind: "report" });
  }

  forgetReport(monitor) {
    this.reports.delete(monitor);
    this.changed({ kind: "report" });
  }

  /** Read the rows of a series' chart: all of them at first, then those computed since. */
  async readPoints(monitor, series, last) {
    const key = `${monitor}~${keyOf(series)}`;
    const known = this.points.get(key);
    const whole = !known || known.last < last;
    const asked = new URLSearchParams({
      aspect: series.aspect,
      column: series.column_name,
      segment: series.segment,
      metric: series.metric,
      definition: series.definition,
      limit: last,
      axis: whole ? "window_end" : "computed_at",
    });
    if (!whole && known.computed) asked.set("since", known.computed);
    const rows = await this.#get(`${path(monitor)}/metrics?${asked}`);
    const windows = whole ? new Map() : known.windows;
    for (const row of rows) windows.set(`${row.window_start} ${row.window_end}`, row);
    const ordered = [...windows.entries()]
      .sort((a, b) => Date.parse(a[1].window_end) - Date.parse(b[1].window_end))
      .slice(-Math.max(last, known?.last || 0));
    const computed = ordered.reduce((latest, [, row]) => (row.computed_at > latest ? row.computed_at : latest), "");
    const asOf = whole ? last : known.last;
    const drawn = ordered.map(([, row]) => row);
    this.points.set(key, { windows: new Map(ordered), computed, last: asOf, rows: drawn, cuts: new Map() });
  }

  /** A chart's rows, the same array as long as nothing changed; undefined if too few were read. */
  pointsOf(monitor, series, last) {
    const known = this.points.get(`${monitor}~${keyOf(series)}`);
    if (!known || known.last < last) return undefined;
    if (!known.cuts.has(last)) known.cuts.set(last, known.rows.slice(-last));
    return known.cuts.get(last);
  }

  async readDistribution(monitor, column) {
    const found = await this.#get(`${path(monitor)}/columns/${encodeURIComponent(column)}/distribution`);
    this.distributions.set(`${monitor}~${column}`, found);
  }

  distributionOf(monitor, column) {
    return this.distributions.get(`${monitor}~${column}`);
  }

  /** Seconds since a monitor's last cycle where it should have had one by now, else 0. */
  silentFor(state) {
    if (state.finished || !state.last_cycle) return 0;
    const silent = (this.now() - Date.parse(state.last_cycle)) / 1000;
    return silent > Math.max(60, 3 * state.cycle_seconds) ? Math.round(silent) : 0;
  }

  async #get(where) {
    const answer = await fetch(where, { signal: AbortSignal.timeout(TIMEOUT), headers: { accept: "application/json" } });
    const said = Date.parse(answer.headers.get("date"));
    if (said) this.skew = Math.abs(said - Date.now()) < 2000 ? 0 : said - Date.now();
    if (!answer.ok) {
      const { detail } = await answer.json().catch(() => ({}));
      throw new Error(typeof detail === "string" ? detail : `${where}: ${answer.status}`);
    }
    return answer.json();
  }
}

const path = (name) => `v1/monitors/${encodeURIComponent(name)}`;
