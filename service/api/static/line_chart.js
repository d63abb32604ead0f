// A series over event time: line, band, threshold, reference, breaches, gaps.
// Plain SVG: colours come from the style sheet, so light, dark and print need no second drawing.

import { fileButtons, fileName } from "./chart_files.js";
import { h, patch, s } from "./dom.js";
import {
  axes, band, chosenMarks, crosses, dots, legend, line, lone, mark, nearest, runs, scaleOf, singles,
} from "./line_shapes.js";
import { held, moment, nameOf, number, numberInWords, plural, unitBehind } from "./words.js";

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
    if (!width || !this.#series) return; // until the rows are there, it is not known whether there are any
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
          row ? unitBehind(row) : null,
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

function bandText(row) {
  return row.low === null || row.low === undefined || row.value === null
    ? ""
    : `, 95\u00a0% band ${number(row.low, row.unit)} to ${numberInWords(row.high, row.unit)}`;
}
