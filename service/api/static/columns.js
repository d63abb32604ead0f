// All columns of a monitor as small multiples: drift over time, drift, missing values, distribution.

import { h, s } from "./dom.js";
import { back, views } from "./detail.js";
import { mark, sentence, seriesName, verdictOf } from "./parts.js";
import { found, pager, searchField } from "./pager.js";
import { address } from "./place.js";
import { cut, keyOf, number, sideOf } from "./words.js";

const PER_PAGE = 25;
// On a phone a row is drawn as a block, so the roles of a table are said: display would take them away.
const HEADS = ["Column", "Drift over time", "Drift", "Missing", "Newest window and reference"];
const RIGHT = [2, 3];
const [WIDTH, HEIGHT] = [120, 28];

export function columnsRead(here) {
  const asked = new URLSearchParams({ search: here.find, page: here.page, limit: PER_PAGE });
  return { kind: "columns", monitor: here.monitor, url: `v1/monitors/${encodeURIComponent(here.monitor)}/columns?${asked}` };
}

export function columnTable(model, here) {
  const state = model.monitors.get(here.monitor);
  const known = model.answer("columns", here.monitor);
  return [
    h("div", { class: "head" }, back(),
      h("h1", { tabindex: "-1" }, mark(verdictOf(state, model), { said: true }), cut(state.name)),
      h("p", { class: "lead" }, sentence(state, model)),
      views(here)),
    h("section", { class: "panel", "aria-labelledby": "columns" },
      h("h2", { id: "columns" }, "Columns, worst first"),
      searchField(here, { label: "Columns", placeholder: "column" }),
      h("p", { class: "faint", role: "status" }, known ? found(known, "column") : "Loading the columns."),
      known && !known.columns.length ? h("p", { class: "empty" }, known.total ? "No column matches." : "No column is watched.") : null,
      known?.columns.length ? table(known.columns, here) : null,
      known ? pager(here, known.matched, PER_PAGE, "Pages of columns") : null),
  ];
}

function table(columns, here) {
  return h("div", { class: "sideways", tabindex: "0", role: "region", "aria-label": "Table of columns" },
    h("table", { class: "multiples", role: "table" },
      h("thead", { role: "rowgroup" }, h("tr", { role: "row" }, HEADS.map((text, place) =>
        h("th", { scope: "col", role: "columnheader", class: RIGHT.includes(place) ? "right" : null }, text)))),
      h("tbody", { role: "rowgroup" }, columns.map((column) => row(column, here)))));
}

function row(column, here) {
  const { drift, missing } = column;
  const chosen = [drift, missing].filter(Boolean).map(keyOf);
  const name = { ...(drift ?? {}), column_name: column.column_name, segment: "", metric: "", definition: "" };
  const cell = (place, properties, ...children) => h("td", { role: "cell", "data-label": HEADS[place], ...properties }, children);
  return h("tr", { key: column.column_name, role: "row" },
    h("th", { scope: "row", role: "rowheader" }, h("span", { class: "cell" }, mark(verdict(column), { said: true }),
      h("span", {}, seriesName(name, address({ monitor: here.monitor, series: chosen }))))),
    cell(1, {}, sparkline(column)),
    drift
      ? cell(2, { class: `right figure ${drift.alarm || drift.decides ? "bad" : ""}`, title: judged(drift) }, number(drift.value, drift.unit),
        h("span", { class: "faint note" }, drift.value === null ? ` ${drift.reason}` : ` ${drift.metric.replaceAll("_", " ")}`))
      : cell(2, { class: "right figure faint" }, "not measured"),
    cell(3, { class: `right figure ${missing?.alarm || missing?.decides ? "bad" : ""}` }, missing ? number(missing.value, missing.unit) : "–"),
    cell(4, {}, bars(column)));
}

function verdict({ drift, missing }) {
  const both = [drift, missing].filter(Boolean);
  if (both.some((one) => one.alarm)) return "alarm";
  if (both.some((one) => one.decides)) return "breach";
  if (both.some((one) => one.breached === false)) return "fine";
  return both.some((one) => one.value !== null) ? "unjudged" : both.length ? "unmeasured" : "waiting";
}

function judged(drift) {
  if (drift.threshold === null || drift.value === null) return null;
  return `${sideOf(drift)} its threshold of ${number(drift.threshold, drift.unit)}`;
}

function sparkline({ column_name, drift, history }) {
  const points = history.filter((point) => point.value !== null);
  if (!points.length) return h("span", { class: "faint" }, "–");
  const values = [...points.map((point) => point.value), ...(drift.threshold === null ? [] : [drift.threshold])];
  const [low, high] = [Math.min(0, ...values), Math.max(...values)];
  const x = (place) => round(2 + (place / Math.max(1, history.length - 1)) * (WIDTH - 6));
  const y = (value) => round(HEIGHT - 3 - ((value - low) / (high - low || 1)) * (HEIGHT - 6));
  let pen = "M";
  let line = "";
  history.forEach((point, place) => {
    if (point.value === null) pen = "M";
    else {
      line += `${pen}${x(place)} ${y(point.value)}`;
      pen = "L";
    }
  });
  const last = points.at(-1);
  const said = `${cut(column_name)}: drift over the last ${history.length} windows, from ${number(points[0].value, drift.unit)} to ${number(last.value, drift.unit)}`;
  return h("div", { class: "plot bare", role: "img", "aria-label": said },
    s("svg", { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, width: WIDTH, height: HEIGHT, "aria-hidden": "true", focusable: "false" },
      drift.threshold === null ? null : s("path", { class: "threshold", d: `M2 ${y(drift.threshold)}H${WIDTH - 2}` }),
      s("path", { class: "value", d: line }),
      s("path", { class: `end ${last.breached ? "bad" : ""}`, d: dot(x(history.lastIndexOf(last)), y(last.value)) })));
}

function bars({ column_name, distribution }) {
  if (!distribution?.window.length) return h("span", { class: "faint" }, "–");
  const { window, reference } = distribution;
  const high = Math.max(...window, ...reference) || 1;
  const step = WIDTH / window.length;
  const top = (share) => round(HEIGHT - 1 - (share / high) * (HEIGHT - 3));
  const filled = window.map((share, place) => `M${round(place * step + 0.5)} ${HEIGHT - 1}V${top(share)}h${round(Math.max(0.5, step - 1))}V${HEIGHT - 1}Z`).join("");
  const outline = reference.map((share, place) => `${place ? "L" : "M"}${round(place * step)} ${top(share)}H${round((place + 1) * step)}`).join("");
  return h("div", { class: "plot bare", role: "img", "aria-label": `${cut(column_name)}: ${window.length} bins, the newest window as bars, the reference as a line` },
    s("svg", { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, width: WIDTH, height: HEIGHT, "aria-hidden": "true", focusable: "false" },
      s("path", { class: "bar", d: filled }), s("path", { class: "outline", d: outline })));
}

const dot = (x, y) => `M${round(x - 2.5)} ${y}a2.500 2.500 0 1 0 5 0a2.500 2.500 0 1 0 -5 0`;
const round = (value) => Math.round(value * 10) / 10;
