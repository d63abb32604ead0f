// One monitor: its aspects, its measurements with the worst first, charts of the chosen ones, its events.

import { h, slot } from "./dom.js";
import { intakePanel } from "./intake.js";
import { listReads, MAX_CHARTS, measurementList } from "./measurement_list.js";
import { aspectText, aspectWhy, eventList, headlineOf, mark, sentence, time, utc, verdictOf } from "./parts.js";
import { address } from "./place.js";
import { reportPanel } from "./report.js";
import { timeControls, windowControls } from "./view.js";
import { ASPECTS, count, cut, keyOf, lasting, plural, seriesOf } from "./words.js";

const MAX_DISTRIBUTIONS = 3;

export function detail(model, here) {
  const state = model.monitors.get(here.monitor);
  if (!state && !model.isMissing(here.monitor)) {
    return [h("div", { class: "head" }, back(), h("h1", { tabindex: "-1" }, cut(here.monitor)),
      h("p", { class: "empty", role: "status" }, "Loading the monitor."))];
  }
  if (!state) {
    return [h("div", { class: "head" }, back(), h("h1", { tabindex: "-1" }, "No such monitor"),
      h("p", { class: "lead" }, `There is no monitor named ${cut(here.monitor)}.`))];
  }
  const chosen = chosenSeries(model, here);
  const verdict = verdictOf(state, model);
  return [
    h("div", { class: "head" }, back(),
      h("h1", { tabindex: "-1" }, mark(verdict, { said: true }), cut(state.name)),
      h("p", { class: "lead" }, sentence(state, model)),
      h("p", { class: "faint" }, facts(state, model)),
      views(here)),
    aspectTiles(state, here),
    h("div", { class: "halves" },
      h("div", { class: "half list" }, measurementList(model, here, chosen)),
      h("div", { class: "half shown" }, charts(model, here, chosen))),
    intakePanel(model, here),
    h("section", { class: "panel", "aria-labelledby": "recent" }, h("div", { class: "titled" }, h("h2", { id: "recent" }, "Recent events"), utc()),
      eventList((model.answer("events", state.name) ?? []).map((event) => ({ ...event, monitor: state.name })), model)),
    reportPanel(model, here),
  ];
}

/** The series to chart: those of the address, else the ones that represent the monitor. */
export function chosenSeries(model, here) {
  if (here.series) return here.series.map(seriesOf).filter(Boolean).slice(0, MAX_CHARTS);
  const state = model.monitors.get(here.monitor);
  if (!state) return [];
  if (here.aspect) {
    const headline = headlineOf(state, [here.aspect]);
    if (headline) return [headline];
    const [listed] = listReads(here);
    return model.has(listed) ? model.answer("list", here.monitor).measurements.slice(0, 1) : [];
  }
  const performance = headlineOf(state, ["performance"]);
  const worst = headlineOf(state, ["drift", "quality", "health"]);
  return [performance, worst].filter(Boolean);
}

/** Links between a monitor's views: its measurements, and all its columns. */
export function views(here) {
  const link = (view, text) => h("li", {}, h("a", {
    href: address({ monitor: here.monitor, view }), "aria-current": here.view === view ? "page" : null,
  }, text));
  return h("nav", { "aria-label": "Views" }, h("ul", { class: "views" }, link(null, "Measurements"), link("columns", "All columns")));
}

export function back() {
  return h("nav", { "aria-label": "Back" }, h("a", { href: "#/", class: "back" }, "← All monitors"));
}

function facts(state, model) {
  return [
    state.description ? `${cut(state.description, 300)}. ` : null,
    state.window
      ? ["Newest window ", time(state.window.window_start, model), " to ", time(state.window.window_end, model), ` UTC, ${plural(state.window.rows, "row")}. `]
      : null,
    state.last_cycle ? ["Cycle ", time(state.last_cycle, model, { past: true }), `, one every ${lasting(state.cycle_seconds)}`] : "No cycle yet",
    state.finished ? "; its source has ended." : ".",
    state.replica ? ` Measured by ${cut(state.replica)}.` : null,
  ];
}

function aspectTiles(state, here) {
  return h("nav", { "aria-label": "Aspects" }, h("ul", { class: "aspects tiles" },
    ASPECTS.map((name) => state.aspects.find((one) => one.aspect === name)).map((one) => {
      const current = here.aspect === one.aspect;
      return h("li", { key: one.aspect },
        h("a", {
          class: `panel aspect ${one.verdict}`,
          href: address({ ...here, aspect: current ? null : one.aspect, all: false, page: 1, series: null }),
          "aria-current": current ? "true" : null,
        },
        h("span", { class: "name" }, one.aspect),
        h("span", { class: "verdict" }, mark(one.verdict), aspectText(one)),
        h("span", { class: "faint" }, aspectWhy(one)),
        one.gaps ? h("span", { class: "faint" }, `${plural(one.gaps, "measurement")} without a value`) : null));
    })));
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
        : h("p", { class: "empty" }, model.answer("list", here.monitor)?.total === 0
          ? "There is no chart before a window has been measured."
          : "Select a measurement in the list to see its chart.")),
    columns.length
      ? h("section", { class: "panel", "aria-labelledby": "now" },
        h("div", { class: "titled" }, h("h2", { id: "now" }, "Distribution")),
        windowControls(model, here, chosen),
        columns.map((column) => slot(`bars ${here.monitor} ${column}`, { class: "mounted" })))
      : null,
  ];
}
