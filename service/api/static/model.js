// The state of the monitors, read from the service and kept up to date by its stream.

import { keyOf } from "./words.js";

const TIMEOUT = 15_000; // milliseconds, for one answer
export const MAX_RANGE = 2000; // windows of a range, as many as the service gives at once
const MAX_KEPT = 60; // ranges and distributions that are kept

export class Model {
  monitors = new Map(); // by name, the states of those that are or were shown
  answers = new Map(); // by kind, what was read last and for which monitor
  reports = new Map(); // by name, the window whose report was asked for here
  changed = () => {}; // called when something has to be read at once
  points = new Map(); // by monitor and series, a chart's rows by window
  ranges = new Map(); // by monitor, series and range, a chart's rows
  distributions = new Map(); // by monitor, column and the windows compared
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
    this.ranges.clear();
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

  /** Read the rows of a series' chart: those of the range that is viewed, else the newest `last`. */
  async readPoints(monitor, series, view) {
    if (!view.from) return this.#readNewestPoints(monitor, series, view.last);
    const key = rangeKey(monitor, series, view);
    const known = this.ranges.get(key);
    const range = known?.computed ? { axis: "computed_at", since: known.computed } : { axis: view.axis, since: view.from, until: view.to };
    const asked = new URLSearchParams({ ...partsOf(series), limit: MAX_RANGE, ...range });
    const rows = await this.#get(`${path(monitor)}/metrics?${asked}`);
    if (!known || rows.length) keep(this.ranges, key, rangeOf(known, rows, view));
  }

  // All of them at first, then those computed since.
  async #readNewestPoints(monitor, series, last) {
    const key = `${monitor}~${keyOf(series)}`;
    const known = this.points.get(key);
    const whole = !known || known.last < last;
    const asked = new URLSearchParams({ ...partsOf(series), limit: last, axis: whole ? "window_end" : "computed_at" });
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
  pointsOf(monitor, series, { last, axis, from, to }) {
    if (from) return this.ranges.get(rangeKey(monitor, series, { axis, from, to }))?.rows;
    const known = this.points.get(`${monitor}~${keyOf(series)}`);
    if (!known || known.last < last) return undefined;
    const cut = `${last} ${axis}`;
    if (!known.cuts.has(cut)) known.cuts.set(cut, inOrder(known.rows.slice(-last), axis));
    return known.cuts.get(cut);
  }

  async readDistribution(monitor, column, view) {
    const asked = new URLSearchParams();
    if (view.window) asked.set("window_end", view.window);
    if (view.against) asked.set("against", view.against);
    const found = await this.#get(`${path(monitor)}/columns/${encodeURIComponent(column)}/distribution?${asked}`);
    keep(this.distributions, distributionKey(monitor, column, view), found);
  }

  distributionOf(monitor, column, view) {
    return this.distributions.get(distributionKey(monitor, column, view));
  }

  /** Seconds since a monitor's last cycle where it should have had one by now, else 0. */
  silentFor(state) {
    if (state.finished || !state.last_cycle) return 0;
    const silent = (this.now() - Date.parse(state.last_cycle)) / 1000;
    return silent > Math.max(60, 3 * state.cycle_seconds) ? Math.round(silent) : 0;
  }

  async #get(where) {
    const answer = await fetch(where, { signal: AbortSignal.timeout(TIMEOUT), headers: { accept: "application/json" } });
    if (answer.status === 401) location.reload(); // signed out meanwhile: the service answers with its form
    const said = Date.parse(answer.headers.get("date"));
    if (said) this.skew = Math.abs(said - Date.now()) < 2000 ? 0 : said - Date.now();
    if (!answer.ok) {
      const { detail } = await answer.json().catch(() => ({}));
      throw new Error(typeof detail === "string" ? detail : `${where}: ${answer.status}`);
    }
    return answer.json();
  }
}

const rangeKey = (monitor, series, { axis, from, to }) => [monitor, keyOf(series), axis, from, to].join("~");
const distributionKey = (monitor, column, { window, against }) => [monitor, column, window ?? "", against ?? ""].join("~");
const inOrder = (rows, axis) => (axis === "computed_at" ? [...rows].sort((a, b) => Date.parse(a[axis]) - Date.parse(b[axis])) : rows);

const partsOf = ({ aspect, column_name, segment, metric, definition }) => ({ aspect, column: column_name, segment, metric, definition });

// A range's rows by window: those known, and those computed since, which may have left the range.
function rangeOf(known, fresh, { axis, from, to }) {
  const windows = new Map(known?.windows);
  for (const row of fresh) {
    const window = `${row.window_start} ${row.window_end}`;
    windows.delete(window);
    const at = Date.parse(row[axis]);
    if (at >= Date.parse(from) && at <= Date.parse(to)) windows.set(window, row);
  }
  const rows = [...windows.values()].sort((a, b) => Date.parse(a[axis]) - Date.parse(b[axis])).slice(-MAX_RANGE);
  const computed = fresh.reduce((latest, row) => (row.computed_at > latest ? row.computed_at : latest), known?.computed ?? "");
  return { windows, rows, computed };
}

// The newest come last; the oldest go.
function keep(map, key, value) {
  map.delete(key);
  map.set(key, value);
  while (map.size > MAX_KEPT) map.delete(map.keys().next().value);
}

const path = (name) => `v1/monitors/${encodeURIComponent(name)}`;
