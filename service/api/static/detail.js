// One monitor: its aspects, its measurements with the worst first, charts of the chosen ones, its events.

import { h, s, slot } from "./dom.js";
import { aspectText, aspectWhy, eventList, headlineOf, mark, sentence, time, verdictOf } from "./parts.js";
import { address, replacePlace } from "./place.js";
import { timeControls, windowControls } from "./view.js";
import { ASPECTS, count, keyOf, nameOf, number, plural, seriesOf } from "./words.js";

const FIRST = 14; // rows that are shown until all are asked for
const FIRST_NARROW = 7;
const narrow = matchMedia("(max-width: 620px)");
const MAX_CHARTS = 6;
const MAX_DISTRIBUTIONS = 3;

export function detail(model, here) {
  const state = model.monitors.get(here.monitor);
  if (!state) {
    return [h("div", { class: "head" }, back(), h("h1", { tabindex: "-1" }, "No such monitor"),
      h("p", { class: "lead" }, `There is no monitor named ${here.monitor}.`))];
  }
  const chosen = chosenSeries(model, here);
  const verdict = verdictOf(state, model);
  return [
    h("div", { class: "head" }, back(),
      h("h1", { tabindex: "-1" }, mark(verdict, { said: true }), state.name),
      h("p", { class: "lead" }, sentence(state, model)),
      h("p", { class: "faint" }, facts(state, model))),
    aspectTiles(state, here),
    h("div", { class: "halves" },
      h("div", { class: "half list" }, numbers(model, here, chosen)),
      h("div", { class: "half shown" }, charts(model, here, chosen))),
    h("section", { class: "panel", "aria-labelledby": "recent" }, h("h2", { id: "recent" }, "Recent events"),
      eventList((model.events.get(state.name) ?? []).map((event) => ({ ...event, monitor: state.name })), model)),
  ];
}

/** The series to chart: those of the address, else the ones that represent the monitor. */
export function chosenSeries(model, here) {
  if (here.series) return here.series.map(seriesOf).filter(Boolean).slice(0, MAX_CHARTS);
  const state = model.monitors.get(here.monitor);
  if (!state) return [];
  if (here.aspect) {
    const headline = headlineOf(state, [here.aspect]);
    return headline ? [headline] : [];
  }
  const performance = headlineOf(state, ["performance"]);
  const worst = headlineOf(state, ["drift", "quality", "health"]);
  return [performance, worst].filter(Boolean);
}

function back() {
  return h("nav", { "aria-label": "Back" }, h("a", { href: "#/", class: "back" }, "← All monitors"));
}

function facts(state, model) {
  return [
    state.description ? `${state.description}. ` : null,
    state.window
      ? ["Newest window ", time(state.window.window_start, model), " to ", time(state.window.window_end, model), ` UTC, ${plural(state.window.rows, "row")}. `]
      : null,
    state.last_cycle ? ["Cycle ", time(state.last_cycle, model, { past: true }), `, one every ${number(state.cycle_seconds)} s`] : "No cycle yet",
    state.finished ? "; its source has ended." : ".",
  ];
}

function aspectTiles(state, here) {
  return h("nav", { "aria-label": "Aspects" }, h("ul", { class: "aspects tiles" },
    ASPECTS.map((name) => state.aspects.find((one) => one.aspect === name)).map((one) => {
      const current = here.aspect === one.aspect;
      return h("li", { key: one.aspect },
        h("a", {
          class: `panel aspect ${one.verdict}`,
          href: address({ ...here, aspect: current ? null : one.aspect, all: false, series: null }),
          "aria-current": current ? "true" : null,
        },
        h("span", { class: "name" }, one.aspect),
        h("span", { class: "verdict" }, mark(one.verdict), aspectText(one)),
        h("span", { class: "faint" }, aspectWhy(one)),
        one.gaps ? h("span", { class: "faint" }, `${plural(one.gaps, "measurement")} without a value`) : null));
    })));
}

function numbers(model, here, chosen) {
  const known = model.newest.get(here.monitor);
  const all = known?.measurements ?? [];
  const words = here.find.toLowerCase().split(/\s+/).filter(Boolean);
  const found = all
    .filter((row) => !here.aspect || row.aspect === here.aspect)
    .filter((row) => !here.bad || row.breached || row.alarm)
    .filter((row) => {
      const text = `${row.aspect} ${nameOf(row)} ${row.metric}`.toLowerCase();
      return words.every((word) => text.includes(word));
    })
    .sort((a, b) => rank(b) - rank(a));
  const first = narrow.matches ? FIRST_NARROW : FIRST;
  const shown = here.all ? found : found.slice(0, first);
  return h("section", { class: "panel", "aria-labelledby": "numbers" },
    h("h2", { id: "numbers" }, here.aspect ? `Measurements of ${here.aspect}` : "Measurements, worst first"),
    filters(here),
    h("p", { class: "faint", role: "status" }, known ? `${count(found.length)} of ${plural(all.length, "measurement")} in the newest window` : "Loading the newest window."),
    found.length
      ? h("table", { class: "numbers" },
        h("thead", {}, h("tr", {},
          h("th", { scope: "col" }, h("span", { class: "hidden" }, "Chart")),
          h("th", { scope: "col" }, "Measurement"),
          h("th", { scope: "col", class: "right" }, "Value"),
          h("th", { scope: "col", class: "right" }, "Threshold"),
          h("th", { scope: "col", class: "right wide" }, "Reference"))),
        h("tbody", {}, shown.map((row) => numberRow(row, here, chosen))))
      : known ? h("p", { class: "empty" }, all.length ? "No measurement matches." : "No window has been measured yet.") : null,
    found.length > first
      ? h("p", {}, h("a", { href: address({ ...here, all: !here.all }) }, here.all ? "Show fewer" : `Show all ${count(found.length)}`))
      : null);
}

function filters(here) {
  return h("form", { class: "filters", role: "search", "aria-label": "Measurements", onsubmit: (event) => event.preventDefault() },
    h("label", {}, "Find ", h("input", {
      type: "search", id: "find", value: here.find, placeholder: "column or metric", autocomplete: "off",
      oninput: (event) => replacePlace({ ...here, find: event.target.value, all: false }),
    })),
    h("label", {}, h("input", {
      type: "checkbox", id: "bad", checked: here.bad,
      onchange: (event) => { location.hash = address({ ...here, bad: event.target.checked, all: false }); },
    }), " Beyond threshold"));
}

// Alarms, then breaches that count, then the rest; the most severe first in each.
function rank(row) {
  return (row.alarm ? 2000 : row.decides ? 1000 : 0) + (row.severity ?? -1);
}

function numberRow(row, here, chosen) {
  const key = keyOf(row);
  const keys = chosen.map(keyOf);
  const charted = keys.includes(key);
  const verdict = row.alarm ? "alarm" : row.decides ? "breach" : row.value === null ? "unmeasured" : row.breached === null ? "unjudged" : row.breached ? "breach" : "fine";
  const others = charted ? keys.filter((one) => one !== key) : [...keys, key].slice(-MAX_CHARTS);
  const verdictNote = row.alarm ? "alarm" : row.breached && !row.decides ? "raises no alarm of its own" : null;
  const note = [verdictNote, row.value === null ? null : row.reason].filter(Boolean).join("; ");
  return h("tr", { key, class: charted ? "charted" : null },
    h("td", {}, h("input", {
      type: "checkbox", checked: charted, "aria-label": `Chart ${nameOf(row)}`,
      onchange: () => { location.hash = address({ ...here, series: others }); },
    })),
    h("th", { scope: "row" },
      h("span", { class: "cell" }, mark(row.breached && !row.decides && !row.alarm ? "unjudged" : verdict, { said: true }),
        h("span", {}, h("a", { href: address({ ...here, series: [key] }) }, nameOf(row)),
          note ? h("span", { class: "faint note" }, ` ${note}`) : null,
          row.severity !== null ? severity(row) : null))),
    row.value === null
      ? h("td", { class: "right reason", colspan: "2" }, row.reason)
      : [h("td", { class: "right figure" }, number(row.value, row.unit)), h("td", { class: "right figure" }, number(row.threshold, row.unit))],
    h("td", { class: "right figure wide" }, number(row.reference, row.unit)));
}

// Full at twice the threshold, the threshold at its middle.
function severity(row) {
  const full = Math.min(1, row.severity / 2) * 60;
  return s("svg", { class: `severity ${row.alarm || row.decides ? "bad" : ""}`, viewBox: "0 0 60 6", width: 60, height: 6, "aria-hidden": "true" },
    s("path", { class: "whole", d: "M0 3H60" }), s("path", { class: "full", d: `M0 3H${full.toFixed(1)}` }), s("path", { class: "limit", d: "M30 0V6" }));
}

/** The columns of the chosen series whose distributions are shown. */
export function columnsOf(chosen) {
  return [...new Set(chosen.map((series) => series.column_name).filter(Boolean))].slice(0, MAX_DISTRIBUTIONS);
}

function charts(model, here, chosen) {
  const columns = columnsOf(chosen);
  return [
    h("section", { class: "panel", "aria-labelledby": "charts" },
      h("div", { class: "titled" }, h("h2", { id: "charts" }, "Over time")),
      timeControls(model, here, chosen),
      chosen.length
        ? chosen.map((series) => slot(`line ${here.monitor} ${keyOf(series)}`, { class: "mounted" }))
        : h("p", { class: "empty" }, "Select a measurement in the list to see its chart.")),
    columns.length
      ? h("section", { class: "panel", "aria-labelledby": "now" },
        h("div", { class: "titled" }, h("h2", { id: "now" }, "Distribution")),
        windowControls(model, here, chosen),
        columns.map((column) => slot(`bars ${here.monitor} ${column}`, { class: "mounted" })))
      : null,
  ];
}
