// The state of the monitors, read from the service and kept up to date by its stream.

import { keyOf } from "./words.js";

const TIMEOUT = 15_000; // milliseconds, for one answer
const MAX_EVENTS = 60;
export const MAX_RANGE = 2000; // windows of a range, as many as the service gives at once
const MAX_KEPT = 60; // ranges and distributions that are kept

export class Model {
  monitors = new Map(); // by name, their states
  events = new Map(); // by name, newest first
  newest = new Map(); // by name, the newest window's measurements
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
    this.ranges.clear();
    this.distributions.clear();
    this.trouble = null;
    this.ready = true;
  }

  async readNewest(monitor) {
    this.newest.set(monitor, await this.#get(`${path(monitor)}/windows/latest`));
  }

  /** Read the rows of a series' chart: those of the range that is viewed, else the newest `last`. */
  async readPoints(monitor, series, view) {
    if (!view.from) return this.#readNewestPoints(monitor, series, view.last);
    const asked = new URLSearchParams({ ...partsOf(series), limit: MAX_RANGE, axis: view.axis, since: view.from, until: view.to });
    const rows = await this.#get(`${path(monitor)}/metrics?${asked}`);
    keep(this.ranges, rangeKey(monitor, series, view), inOrder(rows, view.axis));
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
    if (from) return this.ranges.get(rangeKey(monitor, series, { axis, from, to }));
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

const rangeKey = (monitor, series, { axis, from, to }) => [monitor, keyOf(series), axis, from, to].join("~");
const distributionKey = (monitor, column, { window, against }) => [monitor, column, window ?? "", against ?? ""].join("~");
const inOrder = (rows, axis) => (axis === "computed_at" ? [...rows].sort((a, b) => Date.parse(a[axis]) - Date.parse(b[axis])) : rows);

const partsOf = ({ aspect, column_name, segment, metric, definition }) => ({ aspect, column: column_name, segment, metric, definition });

// The newest come last; the oldest go.
function keep(map, key, value) {
  map.delete(key);
  map.set(key, value);
  while (map.size > MAX_KEPT) map.delete(map.keys().next().value);
}

const path = (name) => `v1/monitors/${encodeURIComponent(name)}`;
