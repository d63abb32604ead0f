// What a person chose to see of a monitor: a range over time, and the windows whose distributions are compared.

import { h } from "./dom.js";
import { MAX_RANGE } from "./model.js";
import { address, LAST, place, replacePlace } from "./place.js";
import { count, keyOf, moment, plural } from "./words.js";

const MAX_OPTIONS = 200;

/** What a chart needs to know of the place. */
export function viewOf(here, columns) {
  const { monitor, axis, from, to, window, against } = here;
  return { monitor, axis, from, to, window, against, picks: columns.length > 0 };
}

const go = (change) => { location.hash = address({ ...place(), ...change }); };

/** What charts ask for: each is a step in the history. */
export const choices = {
  range: (from, to) => go({ from, to }),
  whole: () => go({ from: null, to: null }),
  pick: (window) => go({ window }),
  compare: (against) => go({ against }),
};

/** The controls above the charts over time: how many windows, which axis, which range, and a link to it all. */
export function timeControls(model, here, chosen) {
  const rows = chosen.map((series) => model.pointsOf(here.monitor, series, here)).filter((some) => some?.length);
  if (!chosen.length) return null;
  const link = rows.length ? pinned(model, here, chosen, rows) : null;
  return [
    h("div", { class: "view-controls" },
      here.from ? null : h("label", {}, "Windows ", h("select", {
        id: "last", value: String(here.last), onchange: (event) => go({ last: Number(event.target.value) }),
      }, LAST.map((last) => h("option", { value: String(last), selected: last === here.last }, count(last))))),
      h("label", {}, "Time ", h("select", {
        id: "axis", value: here.axis, onchange: (event) => go({ axis: event.target.value, from: null, to: null }),
      }, h("option", { value: "window_end", selected: here.axis === "window_end" }, "of the events"),
      h("option", { value: "computed_at", selected: here.axis === "computed_at" }, "of the computation"))),
      h("label", {}, "From ", instantInput("from", here, rows)),
      h("label", {}, "to ", instantInput("to", here, rows), " UTC"),
      here.from ? h("button", { type: "button", id: "whole", onclick: choices.whole }, "Show all") : null),
    rows.length
      ? h("p", { class: "faint view-hint" },
        here.from ? `${rangeInWords(here, rows)} ` : null,
        h("span", {}, "Drag across a chart to show a range"),
        h("span", { class: "wide" }, ", or hold Shift with the arrow keys and press Enter; Escape shows all"), ". ",
        h("a", { id: "link", href: link, onclick: copyLink }, "Link to this view"),
        h("span", { id: "copied", role: "status" }, copied.link === link ? copied.text : ""))
      : null,
  ];
}

// The ends of what is shown until a range is chosen; typing is one step in the history.
function instantInput(end, here, rows) {
  const shown = here[end] ?? extent(rows, here.axis)[end === "from" ? 0 : 1];
  return h("input", {
    type: "datetime-local", step: "1", id: end, value: shown ? inUtc(shown).slice(0, 19) : "",
    onchange: (event) => {
      if (!event.target.value) return;
      const [first, last] = extent(rows, here.axis);
      const range = { from: here.from ?? first, to: here.to ?? last, [end]: `${inUtc(`${event.target.value}Z`)}` };
      if (range.from && range.to) replacePlace({ ...place(), ...range });
    },
  });
}

function rangeInWords({ from, to }, rows) {
  const most = Math.max(...rows.map((some) => some.length));
  const cut = most >= MAX_RANGE ? `, the newest ${count(MAX_RANGE)} windows of it` : `, ${plural(most, "window")}`;
  return `${moment(from)} to ${moment(to)}${cut}.`;
}

/** The first and last instant of a chart's rows on an axis, as the service wrote them. */
export function extent(rows, axis) {
  const ends = rows.flatMap((some) => [some[0][axis], some.at(-1)[axis]]).sort((a, b) => Date.parse(a) - Date.parse(b));
  return [ends[0] ?? null, ends.at(-1) ?? null];
}

// The address of exactly what is shown now, whatever is measured later.
function pinned(model, here, chosen, rows) {
  const [from, to] = here.from ? [here.from, here.to] : extent(rows, here.axis);
  const columns = chosen.map((series) => series.column_name).filter(Boolean);
  const window = here.window ?? (columns.length ? model.distributionOf(here.monitor, columns[0], here)?.window?.window_end : null);
  return address({ ...here, series: chosen.map(keyOf), from, to, window });
}

// The link works as a link; where the browser allows it, it is copied as well.
let copied = { link: null, text: "" };

function copyLink(event) {
  const link = event.currentTarget.getAttribute("href");
  const say = (text) => {
    copied = { link, text };
    document.getElementById("copied").textContent = text;
  };
  const elsewhere = () => say(" It is in the address bar.");
  if (navigator.clipboard) navigator.clipboard.writeText(event.currentTarget.href).then(() => say(" Copied."), elsewhere);
  else elsewhere();
}

/** The controls above the distributions: which window, compared with what. */
export function windowControls(model, here, chosen) {
  const series = chosen.find((one) => one.column_name) ?? chosen[0];
  const rows = (series && model.pointsOf(here.monitor, series, here)) || [];
  const ends = [...new Set(rows.map((row) => row.window_end))].sort((a, b) => Date.parse(b) - Date.parse(a)).slice(0, MAX_OPTIONS);
  return h("div", { class: "view-controls" },
    h("label", {}, "Window ", windowSelect("w", "the newest", here.window, ends, (window) => go({ window }))),
    h("label", {}, "compared with ", windowSelect("against", "the reference", here.against, ends, (against) => go({ against }))));
}

function windowSelect(id, nothing, chosen, ends, onchosen) {
  const known = chosen && ends.find((end) => Date.parse(end) === Date.parse(chosen));
  const options = [...(chosen && !known ? [chosen] : []), ...ends];
  const value = known ?? chosen ?? "";
  return h("select", { id, value, onchange: (event) => onchosen(event.target.value || null) },
    h("option", { value: "", selected: !value }, nothing),
    options.map((end) => h("option", { value: end, selected: end === value }, `until ${moment(end)}`)));
}

const inUtc = (when) => new Date(when).toISOString().replace(".000Z", "Z");
