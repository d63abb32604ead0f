// All monitors on one screen: each one's state, since when, and why.

import { h, slot } from "./dom.js";
import { aspectText, aspectWhy, eventList, headlineOf, mark, sentence, time, utc, verdictOf } from "./parts.js";
import { found, pager, searchField } from "./pager.js";
import { address } from "./place.js";
import { ASPECTS, count, cut, held, keyOf, nameOf, plural } from "./words.js";

const PER_PAGE = 20;
const SEARCHED_FROM = 6; // so few monitors are seen at a glance

export function overviewReads(here) {
  const asked = new URLSearchParams({ search: here.find, page: here.page, limit: PER_PAGE });
  return [
    { kind: "overview", url: `v1/overview?${asked}` },
    { kind: "recent", url: `v1/events?${new URLSearchParams({ search: here.find, limit: 12 })}` },
  ];
}

/** How many monitors are in alarm: as the service says, or more where one has gone silent since. */
export function alarmsOf(model, here = {}) {
  const known = here.monitor ? model.answer("state", here.monitor) : model.answer("overview");
  if (!known) return 0;
  const silent = known.monitors.filter((state) => state.verdict !== "alarm" && verdictOf(state, model) === "alarm");
  return known.alarms + silent.length;
}

export function overview(model, here) {
  const known = model.answer("overview");
  if (!known) return [h("h1", { tabindex: "-1" }, "Monitors"), h("p", { class: "empty", role: "status" }, "Loading the monitors.")];
  const searching = here.find || here.page > 1 || known.total >= SEARCHED_FROM;
  return [
    h("div", { class: "head" }, h("h1", { tabindex: "-1" }, "Monitors"), h("p", { class: "lead" }, summary(known, model))),
    searching
      ? h("div", { class: "search" }, searchField(here, { label: "Monitors", placeholder: "name or description" }),
        h("p", { class: "faint", role: "status" }, `${found(known, "monitor")}, the worst first`))
      : null,
    known.monitors.length
      ? h("ul", { class: "monitors" }, known.monitors.map((state) => card(state, model)))
      : h("p", { class: "empty" }, known.total ? "No monitor matches." : "There are no monitors. Put a file into the monitors folder: `tidegauge init` writes a first one."),
    pager(here, known.matched, PER_PAGE, "Pages of monitors"),
    h("section", { class: "panel", "aria-labelledby": "recent" },
      h("div", { class: "titled" }, h("h2", { id: "recent" }, "Recent events"), utc()), eventList(model.answer("recent") ?? [], model, { named: known.total > 1 })),
  ];
}

function summary(known, model) {
  const bad = alarmsOf(model);
  if (!known.total) return "";
  if (bad && known.total === 1) return "The only monitor is in alarm.";
  if (bad) return `${count(bad)} of ${plural(known.total, "monitor")} in alarm.`;
  return `${plural(known.total, "monitor")}, none in alarm.`;
}

function card(state, model) {
  const verdict = verdictOf(state, model);
  const headline = headlineOf(state, ASPECTS);
  const here = { monitor: state.name };
  return h("li", { key: state.name, class: `panel card ${verdict}` },
    h("div", { class: "who" },
      h("h2", {}, mark(verdict, { said: true }), h("a", { href: address(here) }, cut(state.name))),
      h("p", { class: "why" }, sentence(state, model)),
      state.description ? h("p", { class: "faint" }, cut(state.description, 160)) : null,
      h("p", { class: "faint" },
        state.window ? ["Window until ", time(state.window.window_end, model), ` UTC · ${plural(state.window.rows, "row")} · `] : null,
        state.last_cycle ? ["cycle ", time(state.last_cycle, model, { past: true })] : "no cycle yet",
        state.finished ? " · source ended" : null,
        state.replica ? ` · measured by ${cut(state.replica)}` : null)),
    h("ul", { class: "aspects", "aria-label": `Aspects of ${cut(state.name)}` },
      ASPECTS.map((name) => state.aspects.find((one) => one.aspect === name)).map((one) =>
        h("li", { key: one.aspect },
          h("a", { class: `aspect ${one.verdict}`, href: address({ ...here, aspect: one.aspect }) },
            h("span", { class: "name" }, one.aspect),
            h("span", { class: "verdict" }, mark(one.verdict), aspectText(one)),
            h("span", { class: "faint" }, aspectWhy(one)))))),
    headline
      ? h("div", { class: "spark" },
        h("p", {}, h("a", { href: address({ ...here, series: [keyOf(headline)] }) }, nameOf(headline)),
          h("span", { class: "faint" }, ` ${held({ ...headline, reason: headline.value === null ? headline.reason : null })}`)),
        slot(`spark ${state.name} ${keyOf(headline)}`, { class: "sparkline" }))
      : null);
}
