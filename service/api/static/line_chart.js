// A series over event time: line, band, threshold, reference, breaches, gaps.
// Plain SVG: colours come from the style sheet, so light, dark and print need no second drawing.

import { markText, numberMarks, timeMarks } from "./axis.js";
import { fileButtons, fileName } from "./chart_files.js";
import { h, patch, s } from "./dom.js";
import { held, moment, nameOf, number, numberInWords, plural } from "./words.js";

const HEIGHT = 200;
const EDGES = { left: 54, right: 14, top: 10, bottom: 24 };
const BARE = { left: 2, right: 4, top: 4, bottom: 4 };
const TABLE_ROWS = 400;
const DRAG = 5; // pixels from which a press is a drag

export class LineChart {
  #rows = [];
  #series;
  #place = -1; // of the row under the cursor
  #from = -1; // of the row where a selection began, -1 without one
  #scale;
  #view = { axis: "window_end" };

  /** Draw into `root`; a `bare` chart has no axes, no cursor and no table. `on` is told of ranges and windows chosen. */
  constructor(root, { bare = false, height = HEIGHT, on = null } = {}) {
    this.root = root;
    this.on = on;
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
    if (bare) root.append(this.plot);
    else {
      this.saves = fileButtons(() => this.#file());
      this.figure = h("figure", { class: "chart" }, this.head, this.plot, this.readout, h("div", { class: "below" }, this.details, this.saves));
      root.append(this.figure);
    }
    new ResizeObserver(() => this.#draw()).observe(this.plot);
    if (!bare) this.#listen();
  }

  /** Show `rows`, oldest first; the cursor stays on its window. */
  show(series, rows, view = this.#view) {
    const kept = (place) => {
      const row = this.#rows[place];
      return row ? rows.findIndex((one) => one.window_end === row.window_end && one.window_start === row.window_start) : -1;
    };
    [this.#place, this.#from] = [kept(this.#place), kept(this.#from)];
    this.#series = series;
    this.#view = view;
    this.#rows = rows.map((row) => ({ ...row, at: Date.parse(row[view.axis]) }));
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
    if (!width) return;
    if (!this.#rows.length) {
      const none = this.#view.from ? "No window of this range has measured this." : "No window has measured this yet.";
      return this.bare ? undefined : patch(this.plot, h("div", {}, h("p", { class: "empty" }, none)));
    }
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
      s("g", { class: "chosen" }, this.bare ? null : chosenMarks(rows, this.#view, this.#scale)),
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
    this.details.hidden = this.saves.hidden = !row;
    if (!row) this.readout.textContent = "";
    this.table.setAttribute("aria-label", `${nameOf(this.#series)}, by window`);
    this.plot.setAttribute("aria-label", `${nameOf(this.#series)}, ${plural(this.#rows.length, "window")}, by window`);
  }

  #listen() {
    const moves = { ArrowLeft: -1, ArrowRight: 1, ArrowDown: -1, ArrowUp: 1, PageDown: -10, PageUp: 10 };
    this.plot.addEventListener("keydown", (event) => {
      if (event.ctrlKey || event.altKey || event.metaKey) return;
      const end = this.#rows.length - 1;
      const from = this.#place < 0 ? end : this.#place;
      const to = event.key === "Home" ? 0 : event.key === "End" ? end : from + (moves[event.key] ?? NaN);
      if (end >= 0 && !Number.isNaN(to)) {
        this.#from = !event.shiftKey ? -1 : this.#from < 0 ? from : this.#from;
        this.#pointAt(Math.max(0, Math.min(end, to)));
      } else if (event.key === "Enter" && this.on && end >= 0) this.#choose(event.shiftKey);
      else if (event.key === "Escape" && this.on && this.#from >= 0) this.#drop();
      else if (event.key === "Escape" && this.on && this.#view.from) this.on.whole();
      else return;
      event.preventDefault();
    });
    let pressed = null;
    const under = (event) => nearest(this.#rows, this.#scale.x, event.clientX - this.plot.getBoundingClientRect().left);
    this.plot.addEventListener("pointerdown", (event) => {
      if (event.button || !this.#scale || !this.#rows.length) return;
      pressed = { x: event.clientX, y: event.clientY, place: under(event), dragged: false };
    });
    this.plot.addEventListener("pointermove", (event) => {
      if (!this.#scale || !this.#rows.length) return;
      if (pressed && !pressed.dragged && Math.abs(event.clientX - pressed.x) > DRAG) {
        pressed.dragged = true;
        this.plot.setPointerCapture(event.pointerId);
        this.#from = pressed.place;
      }
      this.#pointAt(under(event));
    });
    this.plot.addEventListener("pointerup", (event) => {
      const was = pressed;
      pressed = null;
      if (!was || !this.on || !this.#scale) return;
      if (!was.dragged) this.#drop();
      this.#pointAt(under(event));
      if (was.dragged || Math.abs(event.clientY - was.y) <= DRAG) this.#choose(event.shiftKey);
    });
    this.plot.addEventListener("pointercancel", () => { pressed = null; this.#drop(); });
    this.plot.addEventListener("pointerleave", () => { if (!pressed?.dragged) { pressed = null; this.#pointAt(-1); } });
    this.plot.addEventListener("blur", () => { this.#from = -1; this.#pointAt(-1); });
  }

  // The range that is selected, else the window under the cursor.
  #choose(compare) {
    const end = this.#rows.length - 1;
    const place = this.#place < 0 ? end : this.#place;
    const from = this.#from;
    this.#drop();
    if (from >= 0) {
      const [first, last] = [Math.min(from, place), Math.max(from, place)].map((at) => this.#rows[at][this.#view.axis]);
      if (first !== last) this.on.range(first, last);
    } else if (this.#view.picks) (compare ? this.on.compare : this.on.pick)(this.#rows[place].window_end);
  }

  #drop() {
    this.#from = -1;
    this.#pointAt(this.#place);
  }

  #file() {
    const { aspect, column_name: column, segment, metric, definition } = this.#series;
    const heads = ["monitor", "aspect", "column", "segment", "metric", "definition", "unit", "window_start", "window_end", "computed_at", "revision",
      "value", "threshold", "reference", "low", "high", "rows", "breached", "reason"];
    const rows = this.#rows.map((row) => [this.#view.monitor, aspect, column, segment, metric, definition, row.unit, row.window_start, row.window_end,
      row.computed_at, row.revision, row.value, row.threshold, row.reference, row.low, row.high, row.rows, row.breached, row.reason]);
    const [first, last] = [this.#rows[0], this.#latest].map((row) => row[this.#view.axis]);
    const unit = { share: "%", ms: "ms", seconds: "s" }[this.#latest.unit] ?? this.#latest.unit;
    const axis = this.#view.axis === "computed_at" ? "computed" : "windows ending";
    return {
      name: fileName(this.#view.monitor, column, segment, metric, definition, first, last),
      heads, rows, figure: this.figure,
      subtitle: [this.#view.monitor, `${axis} ${moment(first)} to ${moment(last)} UTC`, unit && `in ${unit}`].filter(Boolean).join(" · "),
    };
  }

  #pointAt(place) {
    this.#place = place;
    const row = this.#rows[place] ?? this.#latest;
    if (!row || this.bare) return;
    const { x, y, top, bottom } = this.#scale ?? {};
    const cursor = this.plot.querySelector(".cursor");
    if (cursor && x) {
      const begun = this.#rows[this.#from];
      const selected = begun && s("path", { class: "selected", d: `M${x(begun.at)} ${top}H${x(row.at)}V${bottom}H${x(begun.at)}Z` });
      const shown = place < 0 ? [] : [selected, s("path", { d: `M${x(row.at)} ${top}V${bottom}` }), mark(row, x, y)];
      cursor.replaceChildren(...shown.filter(Boolean));
    }
    const said = this.#from >= 0 && place >= 0 ? this.#rangeInWords(place) : `${moment(row.window_end)}: ${held(row)}${bandText(row)}`;
    this.readout.textContent = `${place < 0 ? "Newest, " : ""}${said}`;
    const end = this.#rows.length;
    for (const [name, value] of [["min", 1], ["max", end], ["now", place < 0 ? end : place + 1], ["text", said]]) {
      this.plot.setAttribute(`aria-value${name}`, value);
    }
  }

  #rangeInWords(place) {
    const [first, last] = [Math.min(this.#from, place), Math.max(this.#from, place)];
    const [from, to] = [first, last].map((at) => moment(this.#rows[at][this.#view.axis]));
    return `Selected ${from} to ${to}, ${plural(last - first + 1, "window")}; Enter shows this range`;
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

// Where the windows lie whose distributions are shown: A, and B that it is compared with.
function chosenMarks(rows, { window, against }, { x, top, bottom }) {
  return [[window, "A"], [against, "B"]].map(([end, name]) => {
    const row = end && rows.find((one) => Date.parse(one.window_end) === Date.parse(end));
    return row
      ? [s("path", { d: `M${x(row.at)} ${top}V${bottom}` }), s("text", { class: "tick", x: x(row.at) + 4, y: top + 9 }, name)]
      : null;
  });
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
