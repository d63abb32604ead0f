// A monitor's measurements, the worst first, as the server orders, searches and pages them.

import { h, s } from "./dom.js";
import { mark, seriesName } from "./parts.js";
import { address, replacePlace } from "./place.js";
import { found, pager, searchField } from "./pager.js";
import { count, fullNameOf, keyOf, nameOf, number, plural } from "./words.js";

const FIRST = 14; // rows that are shown until more are asked for
const FIRST_NARROW = 7;
const PER_PAGE = 100;
const narrow = matchMedia("(max-width: 620px)");
export const MAX_CHARTS = 6;

/** What the list reads: the measurements without second opinions, and those where their group is open. */
export function listReads(here) {
  const asked = { search: here.find, ...(here.aspect ? { aspect: here.aspect } : {}), beyond: here.bad };
  const url = (more) => `v1/monitors/${encodeURIComponent(here.monitor)}/windows/latest?${new URLSearchParams({ ...asked, ...more })}`;
  const reads = [{ kind: "list", monitor: here.monitor, url: url({ second_opinions: "without", page: here.page, limit: limitOf(here) }) }];
  if (here.second) reads.push({ kind: "second", monitor: here.monitor, url: url({ second_opinions: "only", limit: PER_PAGE }) });
  return reads;
}

// Of the rows that were read for another search, those that this one has too, until its answer is there.
function matches(row, here) {
  const text = `${row.aspect} ${fullNameOf(row)} ${row.metric}`.toLowerCase();
  return (!here.aspect || row.aspect === here.aspect) && (!here.bad || row.breached || row.alarm)
    && here.find.toLowerCase().split(/\s+/).every((word) => text.includes(word));
}

function limitOf(here) {
  if (here.all || here.page > 1) return PER_PAGE;
  return narrow.matches ? FIRST_NARROW : FIRST;
}

export function measurementList(model, here, chosen) {
  const known = model.answer("list", here.monitor);
  const current = model.has(listReads(here)[0]);
  const rows = (known?.measurements ?? []).filter((row) => current || matches(row, here));
  const limit = limitOf(here);
  return h("section", { class: "panel", "aria-labelledby": "measurements" },
    h("h2", { id: "measurements" }, here.aspect ? `Measurements of ${here.aspect}, worst first` : "Measurements, worst first"),
    searchField(here, { label: "Measurements", placeholder: "column or metric" },
      h("label", {}, h("input", {
        type: "checkbox", id: "bad", checked: here.bad,
        onchange: (event) => { location.hash = address({ ...here, bad: event.target.checked, all: false, page: 1 }); },
      }), " Beyond threshold")),
    h("p", { class: "faint", role: "status" }, known?.total === 0 ? null : known && current ? `${found({ matched: known.matched + known.second_opinions, total: known.total }, "measurement")} in the newest window` : known ? "Searching." : "Loading the newest window."),
    rows.length
      ? table(rows, here, chosen)
      : known && current && !known.second_opinions ? h("p", { class: "empty" }, known.total ? "No measurement matches." : "No window has been measured yet.") : null,
    known && known.matched > rows.length && limit < PER_PAGE
      ? h("p", {}, h("a", { href: address({ ...here, all: true }) }, `Show ${known.matched > PER_PAGE ? "more of" : "all"} ${count(known.matched)}`))
      : here.all && here.page === 1 ? h("p", {}, h("a", { href: address({ ...here, all: false }) }, "Show fewer")) : null,
    known && limit === PER_PAGE ? pager(here, known.matched, PER_PAGE, "Pages of measurements") : null,
    known?.second_opinions ? secondOpinions(model, here, chosen, known.second_opinions) : null);
}

// What is beyond its threshold and raises no alarm of its own: one group, closed until asked for, as the link says.
function secondOpinions(model, here, chosen, many) {
  const known = here.second ? model.answer("second", here.monitor) : null;
  return h("details", {
    key: "second", class: "fold", open: here.second,
    ontoggle: (event) => {
      if (event.target.open !== here.second) replacePlace({ ...here, second: event.target.open });
    },
  },
  h("summary", {}, `${plural(many, "second opinion")} beyond ${many === 1 ? "its threshold" : "their thresholds"}`),
  h("p", { class: "faint" }, "Further methods of a column whose alarm follows its first method: they raise no alarm of their own."),
  known ? table(known.measurements, here, chosen) : here.second ? h("p", { class: "faint" }, "Loading.") : null,
  known && known.matched > known.measurements.length
    ? h("p", { class: "faint" }, `The first ${count(known.measurements.length)}; search for a column to see its others.`) : null);
}

function table(rows, here, chosen) {
  return h("table", { class: "numbers" },
    h("thead", {}, h("tr", {},
      h("th", { scope: "col" }, h("span", { class: "hidden" }, "Chart")),
      h("th", { scope: "col" }, "Measurement"),
      h("th", { scope: "col", class: "right" }, "Value"),
      h("th", { scope: "col", class: "right" }, "Threshold"),
      h("th", { scope: "col", class: "right wide" }, "Reference"))),
    h("tbody", {}, rows.map((row) => measurementRow(row, here, chosen))));
}

function verdictOfRow(row) {
  if (row.alarm) return "alarm";
  if (row.decides) return "breach";
  if (row.value === null) return "unmeasured";
  return row.breached === false ? "fine" : "unjudged";
}

function measurementRow(row, here, chosen) {
  const key = keyOf(row);
  const keys = chosen.map(keyOf);
  const charted = keys.includes(key);
  const others = charted ? keys.filter((one) => one !== key) : [...keys, key].slice(-MAX_CHARTS);
  const note = [row.alarm ? "alarm" : null, row.value === null ? null : row.reason].filter(Boolean).join("; ");
  return h("tr", { key, class: charted ? "charted" : null },
    h("td", {}, h("input", {
      type: "checkbox", checked: charted, "aria-label": `Chart ${nameOf(row)}`,
      onchange: () => { location.hash = address({ ...here, series: others }); },
    })),
    h("th", { scope: "row" },
      h("span", { class: "cell" }, mark(verdictOfRow(row), { said: true }),
        h("span", {}, seriesName(row, address({ ...here, series: [key] })),
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
