// Parts that several views share: the mark of a verdict, a sentence for a state, the list of events.

import { h, s } from "./dom.js";
import { address } from "./place.js";
import { ago, cut, fullNameOf, joined, keyOf, lasting, moment, nameOf, number, numberInWords, plural, sideOf, VERDICTS } from "./words.js";

// One shape per verdict, so that nobody depends on its colour.
const SHAPES = {
  alarm: "M8 1.500L15.500 14.500H0.500Z",
  breach: "M8 0.800L15.200 8L8 15.200L0.800 8Z",
  fine: "M8 1.500a6.500 6.500 0 1 0 .01 0Z",
  unjudged: "M8 2.500a5.500 5.500 0 1 0 .01 0Z",
  unmeasured: "M8 2.500a5.500 5.500 0 1 0 .01 0ZM4 12L12 4",
  waiting: "M8 2.500a5.500 5.500 0 1 0 .01 0Z",
  absent: "M3 8H13",
};

/** A verdict's shape; its word is next to it, or is read out to those who cannot see it. */
export function mark(verdict, { said = false } = {}) {
  return [
    s("svg", { class: `mark ${verdict}`, viewBox: "0 0 16 16", width: 16, height: 16, "aria-hidden": "true", focusable: "false" },
      s("path", { d: SHAPES[verdict] }),
      verdict === "alarm" ? s("path", { class: "inner", d: "M8 6V10M8 11.800V12.800" }) : null,
      verdict === "fine" ? s("path", { class: "inner", d: "M5 8.300L7.200 10.500L11 6" }) : null),
    said ? h("span", { class: "hidden" }, VERDICTS[verdict]) : null,
  ];
}

/** A monitor's state in words: the server's story, or that no cycle has come for a while. */
export function sentence(state, model) {
  const silent = model.silentFor(state);
  const story = joined(state.story);
  // Once the service knows it, its story says so itself.
  if (!silent || /^(Silent|Failing):/.test(story)) return story;
  const since = `No cycle for ${ago(silent * 1000).replace(" ago", "")}; one is due every ${lasting(state.cycle_seconds)}.`;
  return state.window ? `${since} Until then: ${story}` : since;
}

/** A monitor's verdict; a silent one is in alarm, whatever its last window showed. */
export function verdictOf(state, model) {
  return model.silentFor(state) ? "alarm" : state.verdict;
}

/** The measurement that represents a monitor: that of the first aspect in alarm, else in breach, else of the first. */
export function headlineOf(state, order) {
  const aspects = order.map((name) => state.aspects.find((one) => one.aspect === name)).filter((one) => one.headline);
  for (const verdict of ["alarm", "breach"]) {
    // Of cycles that fail or have stopped no measurement is the reason.
    const found = aspects.find((one) => one.verdict === verdict && (one.headline.alarm || one.headline.decides));
    if (found) return found.headline;
  }
  return aspects[0]?.headline ?? null;
}

export function aspectText(state) {
  if (state.verdict === "alarm" && state.alarms) return plural(state.alarms, "alarm");
  if (state.verdict === "breach") return plural(state.breaches, "breach", "breaches");
  return VERDICTS[state.verdict];
}

/** The line below an aspect's verdict: its headline measurement, or why there is none. */
export function aspectWhy(state) {
  if (state.reason) return state.reason;
  if (!state.headline) return state.aspect === "health" && state.verdict === "fine" ? "Cycles are running" : "";
  const { value, unit, threshold, reference, severity } = state.headline;
  if (state.verdict === "fine" && !severity) return plural(state.numbers, "measurement");
  const against = threshold !== null
    ? `, ${sideOf(state.headline)} ${number(threshold, unit)}`
    : reference !== null ? `, reference ${number(reference, unit)}` : "";
  return `${nameOf(state.headline)} ${numberInWords(value, unit)}${against}`;
}

export function time(when, model, { past = false } = {}) {
  return past
    ? h("time", { datetime: when, title: `${moment(when)} UTC`, "data-ago": when }, ago(model.now() - Date.parse(when)))
    : h("time", { datetime: when, title: "UTC" }, moment(when));
}

/** The note that the times of a list are in UTC. */
export const utc = () => h("p", { class: "faint" }, "Times are in UTC.");

/** A series' name as a link; a long name is cut, and shown whole on demand. */
export function seriesName(row, href) {
  const [short, full] = [nameOf(row), fullNameOf(row)];
  return [
    h("a", { href, title: short === full ? null : cut(full, 400) }, short),
    short === full ? null : h("details", { class: "whole-name" }, h("summary", {}, "Full name"), full),
  ];
}

// What each kind of event says, with the mark of the state that it leads to.
const KINDS = {
  breach: ["alarm", "Alarm raised"],
  recovery: ["fine", "Recovered"],
  schema_change: ["breach", "Columns changed"],
  change_point: ["breach", "Error changed"],
  detector_waiting: ["waiting", "Change detector waiting"],
  labels_unmatched: ["breach", "Labels without a row"],
  rows_lost: ["breach", "Rows lost"],
  file_refused: ["breach", "File refused"],
  file_replaced: ["breach", "File replaced"],
  ended: ["unjudged", "Source ended"],
  reset: ["unjudged", "Reset"],
  renamed: ["unjudged", "Renamed"],
  removed: ["unjudged", "Removed"],
};
const MAX_MESSAGE = 240; // characters

export function eventList(events, model, { named = false, most = 12 } = {}) {
  if (!events.length) return h("p", { class: "empty" }, "No events yet. Alarms, recoveries and changed columns are listed here.");
  return h("ol", { class: "events" }, events.slice(0, most).map((event) => {
    const [verdict, word] = KINDS[event.kind] ?? ["unjudged", event.kind.replaceAll("_", " ")];
    const series = event.details?.aspect ? { ...event.details, column_name: event.column_name, metric: event.metric } : null;
    const message = series
      ? h("a", { href: address({ monitor: event.monitor, series: [keyOf(series)] }) }, cut(event.message, MAX_MESSAGE))
      : cut(event.message, MAX_MESSAGE);
    return h("li", { key: `${event.monitor} ${event.id}`, class: event.kind },
      mark(verdict),
      h("p", {}, h("span", { class: "kind" }, `${word} `), named ? h("b", {}, `${cut(event.monitor)} `) : null, message),
      h("p", { class: "when" }, time(event.at, model), h("span", { class: "recorded" }, " · recorded ", time(event.recorded_at, model, { past: true }))));
  }));
}
