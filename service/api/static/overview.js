// All monitors on one screen: each one's state, since when, and why.

import { h, slot } from "./dom.js";
import { aspectText, aspectWhy, eventList, headlineOf, mark, sentence, time, verdictOf } from "./parts.js";
import { address } from "./place.js";
import { ASPECTS, count, held, keyOf, nameOf, plural, VERDICTS } from "./words.js";

const BAD_FIRST = Object.keys(VERDICTS);

export function overview(model) {
  const states = [...model.monitors.values()].sort(
    (a, b) => BAD_FIRST.indexOf(verdictOf(a, model)) - BAD_FIRST.indexOf(verdictOf(b, model)) || a.name.localeCompare(b.name),
  );
  const events = [...model.events]
    .flatMap(([monitor, own]) => own.map((event) => ({ ...event, monitor })))
    .sort((a, b) => Date.parse(b.recorded_at) - Date.parse(a.recorded_at));
  return [
    h("div", { class: "head" }, h("h1", { tabindex: "-1" }, "Monitors"), h("p", { class: "lead" }, summary(states, model))),
    states.length
      ? h("ul", { class: "monitors" }, states.map((state) => card(state, model)))
      : h("p", { class: "empty" }, "There are no monitors. Put a file into the monitors folder and restart the service."),
    h("section", { class: "panel", "aria-labelledby": "recent" },
      h("h2", { id: "recent" }, "Recent events"), eventList(events, model, { named: states.length > 1 })),
  ];
}

function summary(states, model) {
  const bad = states.filter((state) => verdictOf(state, model) === "alarm").length;
  if (!states.length) return "";
  if (bad) return `${count(bad)} of ${plural(states.length, "monitor")} in alarm.`;
  return `${plural(states.length, "monitor")}, none in alarm.`;
}

function card(state, model) {
  const verdict = verdictOf(state, model);
  const headline = headlineOf(state, ASPECTS);
  const here = { monitor: state.name };
  return h("li", { key: state.name, class: `panel card ${verdict}` },
    h("div", { class: "who" },
      h("h2", {}, mark(verdict, { said: true }), h("a", { href: address(here) }, state.name)),
      h("p", { class: "why" }, sentence(state, model)),
      state.description ? h("p", { class: "faint" }, state.description) : null,
      h("p", { class: "faint" },
        state.window ? ["Window until ", time(state.window.window_end, model), ` · ${plural(state.window.rows, "row")} · `] : null,
        state.last_cycle ? ["cycle ", time(state.last_cycle, model, { past: true })] : "no cycle yet",
        state.finished ? " · source ended" : null)),
    h("ul", { class: "aspects", "aria-label": `Aspects of ${state.name}` },
      ASPECTS.map((name) => state.aspects.find((one) => one.aspect === name)).map((one) =>
        h("li", { key: one.aspect },
          h("a", { class: `aspect ${one.verdict}`, href: address({ ...here, aspect: one.aspect }) },
            h("span", { class: "name" }, one.aspect),
            h("span", { class: "verdict" }, mark(one.verdict), aspectText(one)),
            h("span", { class: "faint" }, aspectWhy(one)))))),
    headline
      ? h("div", { class: "spark" },
        h("p", {}, h("a", { href: address({ ...here, series: [keyOf(headline)] }) }, nameOf(headline)),
          h("span", { class: "faint" }, ` ${held(headline)}`)),
        slot(`spark ${state.name} ${keyOf(headline)}`, { class: "sparkline" }))
      : null);
}
