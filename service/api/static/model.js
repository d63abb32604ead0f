// The state of the monitors, read from the service and kept up to date by its stream.

import { keyOf } from "./words.js";

const TIMEOUT = 15_000; // milliseconds, for one answer
const MAX_EVENTS = 60;

export class Model {
  monitors = new Map(); // by name, their states
  events = new Map(); // by name, newest first
  newest = new Map(); // by name, the newest window's measurements
  points = new Map(); // by monitor and series, a chart's rows by window
  distributions = new Map(); // by monitor and column
  trouble = null; // the service's last error
  refused = []; // files that define no monitor, and why
  skew = 0; // how far the server's clock is ahead, in milliseconds
  ready = false;

  now() {
    return Date.now() + this.skew;
  }

  /** Read every monitor's state and events. */
  async readAll() {
    const [listed, refused] = await Promise.all([this.#get("v1/monitors"), this.#get("v1/files/refused")]);
    this.refused = refused.filter((file) => !listed.some(({ name }) => name === file.name));
    const [states, events] = await Promise.all([
      Promise.all(listed.map(({ name }) => this.#get(`${path(name)}/state`))),
      Promise.all(listed.map(({ name }) => this.#get(`${path(name)}/events?limit=${MAX_EVENTS}`))),
    ]);
    this.monitors = new Map(states.map((state) => [state.name, state]));
    this.events = new Map(listed.map(({ name }, place) => [name, events[place]]));
    this.points.clear();
    this.distributions.clear();
    this.trouble = null;
    this.ready = true;
  }

  async readNewest(monitor) {
    this.newest.set(monitor, await this.#get(`${path(monitor)}/windows/latest`));
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

  /** Apply an event of the stream; returns the alarms that it raised. */
  cycle({ monitor, state, events }) {
    this.trouble = null;
    this.monitors.set(monitor, state);
    const recorded = new Date(this.now()).toISOString();
    const fresh = events.map((event) => ({ recorded_at: recorded, ...event })).reverse();
    this.events.set(monitor, [...fresh, ...(this.events.get(monitor) ?? [])].slice(0, MAX_EVENTS));
    return events.filter((event) => event.kind === "breach");
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
