// A series over event time: line, band, threshold, reference, breaches, gaps.
// Plain SVG: colours come from the style sheet, so light, dark and print need no second drawing.

import { markText, numberMarks, timeMarks } from "./axis.js";
import { h, patch, s } from "./dom.js";
import { held, moment, nameOf, number, numberInWords, plural } from "./words.js";

const HEIGHT = 200;
const EDGES = { left: 54, right: 14, top: 10, bottom: 24 };
const BARE = { left: 2, right: 4, top: 4, bottom: 4 };
const TABLE_ROWS = 400;

export class LineChart {
  #rows = [];
  #series;
  #place = -1; // of the row under the cursor
  #scale;

  /** Draw into `root`; a `bare` chart has no axes, no cursor and no table. */
  constructor(root, { bare = false, height = HEIGHT } = {}) {
    this.root = root;
    this.bare = bare;
    this.height = height;
    const kind = bare ? { class: "plot bare", role: "img" } : { class: "plot", role: "slider", tabindex: "0", "aria-valuenow": "0" };
    this.plot = h("div", { ...kind, "aria-label": "Chart, loading" });
    this.head = h("figcaption");
    this.readout = h("p", { class: "readout", "aria-hidden": "true" });
    this.table = h("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": "Table" });
    this.details = h(
      "details",
      { ontoggle: () => this.#fillTable() },
      h("summary", {}, "Show as a table"),
      this.table,
    );
    root.append(bare ? this.plot : h("figure", { class: "chart" }, this.head, this.plot, this.readout, this.details));
    new ResizeObserver(() => this.#draw()).observe(this.plot);
    if (!bare) this.#listen();
  }

  /** Show `rows`, oldest first; the cursor stays on its window. */
  show(series, rows) {
    const kept = this.#rows[this.#place]?.window_end;
    this.#series = series;
    this.#rows = rows.map((row) => ({ ...row, at: Date.parse(row.window_end) }));
    this.#place = kept ? rows.findIndex((row) => row.window_end === kept) : -1;
    this.#draw();
    if (!this.bare) {
      this.#sayHead();
      this.#fillTable();
    }
  }

  get #latest() {
    return this.#rows.at(-1);
  }

  #draw() {
    const width = this.plot.clientWidth;
    if (!width || !this.#rows.length) return;
    const edges = this.bare ? BARE : EDGES;
    this.#scale = scaleOf(this.#rows, width, this.height, edges);
    const { x, y } = this.#scale;
    const box = { width, height: this.height, edges };
    const rows = this.#rows;
    const svg = s(
      "svg",
      { viewBox: `0 0 ${width} ${this.height}`, width, height: this.height, "aria-hidden": "true", focusable: "false" },
      this.bare ? null : axes(this.#scale, box, rows.at(-1).unit),
      s("path", { class: "band", d: band(rows, x, y) }),
      s("path", { class: "reference", d: line(rows, "reference", x, y) }),
      s("path", { class: "threshold", d: line(rows, "threshold", x, y) }),
      s("path", { class: "value", d: line(rows, "value", x, y) }),
      s("path", { class: "lone", d: lone(rows, x, y) }),
      s("path", { class: "over", d: runs(rows, x, y) }),
      this.bare ? null : s("path", { class: "breached", d: dots(singles(rows, width), x, y, 2.6) }),
      s("path", { class: "gap", d: crosses(rows.filter((row) => row.value === null), x, this.height - edges.bottom) }),
      s("path", { class: `end ${rows.at(-1).breached ? "bad" : ""}`, d: dots(rows.slice(-1), x, y, this.bare ? 3 : 4) }),
      s("g", { class: "cursor" }),
    );
    patch(this.plot, h("div", {}, svg));
    this.#pointAt(this.#place);
    if (this.bare) this.plot.setAttribute("aria-label", `${nameOf(this.#series)}: ${held(this.#latest)}`);
  }

  #sayHead() {
    const row = this.#latest;
    patch(
      this.head,
      h(
        "div",
        {},
        h("h3", {}, nameOf(this.#series)),
        h("p", { class: "legend" }, legend(this.#rows)),
        h(
          "p",
          { class: `latest ${row?.breached ? "bad" : ""}` },
          row ? h("strong", {}, number(row.value, row.unit)) : null,
          row?.unit && !["share", "ms", "seconds"].includes(row.unit) ? ` ${row.unit}` : null,
        ),
      ),
    );
    if (!row) patch(this.plot, h("div", {}, h("p", { class: "empty" }, "No window has measured this yet.")));
    this.table.setAttribute("aria-label", `${nameOf(this.#series)}, by window`);
    this.plot.setAttribute("aria-label", `${nameOf(this.#series)}, ${plural(this.#rows.length, "window")}, by window`);
  }

  #listen() {
    const moves = { ArrowLeft: -1, ArrowRight: 1, ArrowDown: -1, ArrowUp: 1, PageDown: -10, PageUp: 10 };
    this.plot.addEventListener("keydown", (event) => {
      const end = this.#rows.length - 1;
      const from = this.#place < 0 ? end : this.#place;
      const to = event.key === "Home" ? 0 : event.key === "End" ? end : from + (moves[event.key] ?? NaN);
      if (Number.isNaN(to) || end < 0) return;
      event.preventDefault();
      this.#pointAt(Math.max(0, Math.min(end, to)));
    });
    this.plot.addEventListener("pointermove", (event) => {
      if (!this.#scale) return;
      const at = event.clientX - this.plot.getBoundingClientRect().left;
      this.#pointAt(nearest(this.#rows, this.#scale.x, at));
    });
    this.plot.addEventListener("pointerleave", () => this.#pointAt(-1));
    this.plot.addEventListener("blur", () => this.#pointAt(-1));
  }

  #pointAt(place) {
    this.#place = place;
    const row = this.#rows[place] ?? this.#latest;
    if (!row || this.bare) return;
    const { x, y, top, bottom } = this.#scale ?? {};
    const cursor = this.plot.querySelector(".cursor");
    if (cursor && x) {
      const shown = place < 0 ? [] : [s("path", { d: `M${x(row.at)} ${top}V${bottom}` }), mark(row, x, y)];
      cursor.replaceChildren(...shown.filter(Boolean));
    }
    const said = `${moment(row.window_end)}: ${held(row)}${bandText(row)}`;
    this.readout.textContent = `${place < 0 ? "Newest, " : ""}${said}`;
    const end = this.#rows.length;
    for (const [name, value] of [["min", 1], ["max", end], ["now", place < 0 ? end : place + 1], ["text", said]]) {
      this.plot.setAttribute(`aria-value${name}`, value);
    }
  }

  #fillTable() {
    if (!this.details.open) return;
    const rows = this.#rows.slice(-TABLE_ROWS).reverse();
    const heads = ["Window ends", "Value", "Threshold", "Reference", "95 % band", "Rows", "Note"];
    const body = rows.map((row) =>
      h(
        "tr",
        { key: `${row.window_start} ${row.window_end}` },
        h("th", { scope: "row" }, moment(row.window_end)),
        h("td", {}, number(row.value, row.unit)),
        h("td", {}, number(row.threshold, row.unit)),
        h("td", {}, number(row.reference, row.unit)),
        h("td", {}, row.low === null ? "–" : `${number(row.low, row.unit)} to ${number(row.high, row.unit)}`),
        h("td", {}, number(row.rows)),
        h("td", { class: "note" }, row.reason ?? (row.breached ? "beyond its threshold" : "")),
      ),
    );
    const head = h("thead", {}, h("tr", {}, heads.map((text) => h("th", { scope: "col" }, text))));
    patch(this.table, h("div", {}, h("table", {}, head, h("tbody", {}, body))));
  }
}

function scaleOf(rows, width, height, edges) {
  const heights = rows.flatMap((row) => [row.value, row.threshold, row.reference, row.low, row.high]);
  const known = heights.filter((value) => value !== null && value !== undefined);
  let [low, high] = known.length ? [Math.min(...known), Math.max(...known)] : [0, 1];
  // Positive values are drawn from zero, unless that would flatten the line.
  if (low > 0 && low < high * 0.6) low = 0;
  if (low === high) [low, high] = low === 0 ? [0, 1] : [low - Math.abs(low) * 0.1, high + Math.abs(high) * 0.1];
  const room = (high - low) * 0.06;
  high += room;
  if (low !== 0) low -= room;
  let [first, last] = [rows[0].at, rows.at(-1).at];
  if (first === last) [first, last] = [first - 1000, last + 1000];
  const [left, right, top, bottom] = [edges.left, width - edges.right, edges.top, height - edges.bottom];
  return {
    x: (at) => round(left + ((at - first) / (last - first)) * (right - left)),
    y: (value) => round(bottom - ((value - low) / (high - low)) * (bottom - top)),
    low, high, first, last, left, right, top, bottom,
  };
}

function axes({ x, y, low, high, first, last, left, right, top, bottom }, box, unit) {
  const level = numberMarks(low, high, (bottom - top) / 42).map((value) => [
    s("path", { class: "grid", d: `M${left} ${y(value)}H${right}` }),
    s("text", { class: "tick", x: left - 7, y: y(value) + 4, "text-anchor": "end" }, markText(value, unit)),
  ]);
  const times = timeMarks(first, last, (right - left) / 105).map(({ at, text }) => [
    s("path", { class: "grid faint", d: `M${x(at)} ${top}V${bottom + 4}` }),
    s("text", { class: "tick", x: Math.min(x(at), right - 18), y: box.height - 6, "text-anchor": "middle" }, text),
  ]);
  return s("g", { class: "axes" }, level, times);
}

function line(rows, part, x, y) {
  let drawn = "";
  let pen = "M";
  for (const row of rows) {
    if (row[part] === null || row[part] === undefined) pen = "M";
    else {
      drawn += `${pen}${x(row.at)} ${y(row[part])}`;
      pen = "L";
    }
  }
  return drawn;
}

// The line through consecutive breached windows.
function runs(rows, x, y) {
  const within = rows.map((row, place) => ({
    at: row.at,
    value: row.breached && (rows[place - 1]?.breached || rows[place + 1]?.breached) ? row.value : null,
  }));
  return line(within, "value", x, y);
}

// Each breach gets a dot if there is room, else only single ones.
function singles(rows, width) {
  const room = width / rows.length > 7;
  return rows.filter((row, place) => row.breached && (room || !(rows[place - 1]?.breached || rows[place + 1]?.breached)));
}

function band(rows, x, y) {
  let drawn = "";
  let run = [];
  const close = () => {
    if (run.length > 1) {
      const upper = run.map((row) => `${x(row.at)} ${y(row.high)}`);
      const lower = run.map((row) => `${x(row.at)} ${y(row.low)}`).reverse();
      drawn += `M${[...upper, ...lower].join("L")}Z`;
    }
    run = [];
  };
  for (const row of rows) row.low === null || row.high === null ? close() : run.push(row);
  close();
  return drawn;
}

// A value between two gaps has no line; it gets a dot.
function lone(rows, x, y) {
  const alone = rows.filter(
    (row, place) => row.value !== null && (rows[place - 1]?.value ?? null) === null && (rows[place + 1]?.value ?? null) === null,
  );
  return dots(alone, x, y, 1.8);
}

function dots(rows, x, y, radius) {
  return rows
    .filter((row) => row.value !== null)
    .map((row) => `M${round(x(row.at) - radius)} ${y(row.value)}a${radius} ${radius} 0 1 0 ${2 * radius} 0a${radius} ${radius} 0 1 0 ${-2 * radius} 0`)
    .join("");
}

function crosses(rows, x, bottom) {
  return rows.map((row) => `M${round(x(row.at) - 2.5)} ${bottom - 6}l5 5m0 -5l-5 5`).join("");
}

function mark(row, x, y) {
  return row.value === null ? null : s("circle", { cx: x(row.at), cy: y(row.value), r: 4.5 });
}

function nearest(rows, x, at) {
  let best = 0;
  rows.forEach((row, place) => {
    if (Math.abs(x(row.at) - at) < Math.abs(x(rows[best].at) - at)) best = place;
  });
  return best;
}

function legend(rows) {
  const has = (part) => rows.some((row) => row[part] !== null && row[part] !== undefined);
  const entries = [
    ["value", "value", true],
    ["band", "95 % band", has("low")],
    ["threshold", "threshold", has("threshold")],
    ["reference", "reference", has("reference")],
    ["breached", "beyond threshold", rows.some((row) => row.breached)],
    ["gap", "no value", rows.some((row) => row.value === null)],
  ];
  return entries.filter(([, , there]) => there).map(([kind, text]) => h("span", {}, swatch(kind), text));
}

const SWATCHES = {
  value: "M0 6H18", threshold: "M0 6H18", reference: "M0 6H18", band: "M0 2H18V10H0Z",
  breached: "M6 6a3 3 0 1 0 6 0a3 3 0 1 0 -6 0M0 5.200H18V6.800H0Z", gap: "M6.500 3.500l5 5m0 -5l-5 5",
};

export function swatch(kind) {
  return s("svg", { class: "swatch", viewBox: "0 0 18 12", width: 18, height: 12, "aria-hidden": "true" },
    s("path", { class: kind, d: SWATCHES[kind] }));
}

function bandText(row) {
  return row.low === null || row.low === undefined || row.value === null
    ? ""
    : `, 95 % band ${number(row.low, row.unit)} to ${numberInWords(row.high, row.unit)}`;
}

const round = (value) => Math.round(value * 10) / 10;
