// A column's distribution in a window, as bars, and in the reference or another window, as an outline.

import { numberMarks } from "./axis.js";
import { fileButtons, fileName } from "./chart_files.js";
import { h, patch, s } from "./dom.js";
import { cut, moment, number, plural } from "./words.js";

const HEIGHT = 190;
const EDGES = { left: 54, right: 14, top: 10, bottom: 26 };
const ROW = 22; // of a label
const MISSING = "(missing)";

export class BarChart {
  #found = null;
  #column;
  #view;

  constructor(root) {
    this.plot = h("div", { class: "plot", role: "img", "aria-label": "Distribution, loading" });
    this.head = h("figcaption");
    this.note = h("p", { class: "readout" });
    this.table = h("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": "Table" });
    this.details = h("details", { ontoggle: () => this.#fillTable() }, h("summary", {}, "Show as a table"), this.table);
    this.saves = fileButtons(() => this.#file());
    this.figure = h("figure", { class: "chart" }, this.head, this.plot, this.note, h("div", { class: "below" }, this.details, this.saves));
    root.append(this.figure);
    new ResizeObserver(() => this.#draw()).observe(this.plot);
  }

  /** Show a distribution, or that there is none. */
  show(column, { window, against, against_reason: unlike, bins }, view) {
    const found = (this.#found = window && { ...window, against, bins, compared: against ? comparedWith(bins) : bins });
    [this.#column, this.#view] = [column, view];
    const legend = [["bar", this.#names[0]], ["outline", this.#names[1]]];
    if (bins.some((bin) => bin.further)) legend.push(["beyond", "beyond the reference's bins"]);
    patch(
      this.head,
      h("div", {}, h("h3", {}, `${cut(column)} · distribution`),
        h("p", { class: "legend" }, found ? legend.map(([kind, text]) => h("span", {}, box(kind), text)) : null),
        found ? h("p", { class: "latest" }, plural(found.rows, "row")) : null),
    );
    this.details.hidden = this.saves.hidden = !found;
    this.note.textContent = found && view.against && unlike ? `Compared with the reference: ${unlike}.` : "";
    this.table.setAttribute("aria-label", `${cut(column)}, by bin`);
    if (!found) {
      const none = view.window ? "No window that ends then has a distribution of this column." : "No window has a distribution of this column yet.";
      return patch(this.plot, h("div", {}, h("p", { class: "empty" }, none)));
    }
    this.plot.setAttribute("aria-label", inWords(cut(column), found.compared, this.#names[1]));
    this.#draw();
    this.#fillTable();
  }

  // What the bars and the outline are of.
  get #names() {
    if (!this.#found) return ["", ""];
    const { window_end: end, against } = this.#found;
    return [
      this.#view.window ? `A: window until ${moment(end)}` : `newest window, until ${moment(end)}`,
      against ? `B: window until ${moment(against.window_end)}` : "reference",
    ];
  }

  #file() {
    const { window_start: start, window_end: end, against, bins } = this.#found;
    const heads = ["monitor", "column", "window_start", "window_end", "bin", "low", "high", "share", "reference_share",
      ...(against ? ["against_window_end", "against_share"] : [])];
    const rows = bins.map((bin) => [this.#view.monitor, this.#column, start, end, bin.label, bin.low, bin.high, bin.share, bin.reference_share,
      ...(against ? [against.window_end, bin.against_share] : [])]);
    return {
      name: fileName(this.#view.monitor, this.#column, "distribution", end),
      heads, rows, figure: this.figure, subtitle: `${this.#view.monitor} · share of rows · until ${moment(end)} UTC`,
    };
  }

  #draw() {
    const width = this.plot.clientWidth;
    if (!width || !this.#found) return;
    const bins = this.#found.compared.filter((bin) => bin.label !== MISSING || bin.share || bin.reference_share);
    const ordered = bins.some((bin) => bin.low !== null || bin.high !== null);
    patch(this.plot, h("div", {}, ordered ? columns(bins, width) : rows(bins, width)));
  }

  #fillTable() {
    if (!this.details.open || !this.#found) return;
    const { against, bins } = this.#found;
    const shares = (bin) => [bin.share, ...(against ? [bin.against_share] : []), bin.reference_share];
    const body = bins.map((bin) =>
      h("tr", {}, h("th", { scope: "row" }, bin.label), shares(bin).map((share) => h("td", {}, number(share, "share")))));
    const titles = ["Bin", sentenceCase(this.#names[0]), ...(against ? [sentenceCase(this.#names[1])] : []), "Reference"];
    const head = h("thead", {}, h("tr", {}, titles.map((text) => h("th", { scope: "col" }, text))));
    patch(this.table, h("div", {}, h("table", {}, head, h("tbody", {}, body))));
  }
}

// Bins whose outline is the other window's.
const comparedWith = (bins) => bins.map((bin) => ({ ...bin, reference_share: bin.against_share }));
const sentenceCase = (text) => text[0].toUpperCase() + text.slice(1);

function largest(bins) {
  return Math.max(...bins.flatMap((bin) => [bin.share ?? 0, bin.reference_share ?? 0]), 0.01);
}

// Bins in order of their values: columns side by side, each as wide as the next.
function columns(bins, width) {
  const { left, right, top, bottom } = { ...EDGES, right: width - EDGES.right, bottom: HEIGHT - EDGES.bottom };
  const high = largest(bins) * 1.05;
  const y = (share) => round(bottom - ((share ?? 0) / high) * (bottom - top));
  const step = (right - left) / bins.length;
  const x = (place) => round(left + place * step);
  const grid = numberMarks(0, high, 3).map((share) => [
    s("path", { class: "grid", d: `M${left} ${y(share)}H${right}` }),
    s("text", { class: "tick", x: left - 7, y: y(share) + 4, "text-anchor": "end" }, number(share, "share")),
  ]);
  const beyond = bins.map((bin, place) => (bin.further ? `M${x(place)} ${top}H${x(place + 1)}V${bottom}H${x(place)}Z` : "")).join("");
  const bars = bins.map((bin, place) =>
    s("path", { class: bin.label === MISSING ? "bar missing" : "bar", d: `M${x(place) + 0.5} ${bottom}V${y(bin.share)}H${x(place + 1) - 0.5}V${bottom}Z` },
      s("title", {}, sentence(bin))));
  const outline = bins.map((bin, place) => `${place ? "L" : "M"}${x(place)} ${y(bin.reference_share)}H${x(place + 1)}`).join("");
  const every = Math.ceil(64 / step);
  const marks = bins.map((bin, place) => {
    if (bin.label === MISSING) return s("text", { class: "tick", x: right, y: HEIGHT - 8, "text-anchor": "end" }, "missing");
    const room = place % every === 0 && x(place) < right - (bins.at(-1).label === MISSING ? 80 : 20);
    return room && bin.low !== null ? s("text", { class: "tick", x: x(place), y: HEIGHT - 8, "text-anchor": "middle" }, number(bin.low)) : null;
  });
  return s("svg", frame(width, HEIGHT), s("path", { class: "beyond", d: beyond }), grid, bars, s("path", { class: "outline", d: outline }), s("g", {}, marks.filter(Boolean)));
}

// Labels: rows, in the order of the reference.
function rows(bins, width) {
  const left = Math.min(120, width * 0.3);
  const right = width - 64;
  const x = (share) => round(left + ((share ?? 0) / largest(bins)) * (right - left));
  const drawn = bins.map((bin, place) => {
    const y = place * ROW;
    return [
      s("text", { class: "tick label", x: left - 8, y: y + 15, "text-anchor": "end" }, short(bin.label)),
      s("path", { class: bin.label === MISSING ? "bar missing" : "bar", d: `M${left} ${y + 4}H${x(bin.share)}V${y + ROW - 4}H${left}Z` }, s("title", {}, sentence(bin))),
      s("path", { class: "outline", d: `M${left} ${y + 2.5}H${x(bin.reference_share)}V${y + ROW - 2.5}H${left}` }),
      s("text", { class: "tick", x: width - 4, y: y + 15, "text-anchor": "end" }, number(bin.share, "share")),
    ];
  });
  return s("svg", frame(width, bins.length * ROW + 4), drawn);
}

function frame(width, height) {
  return { viewBox: `0 0 ${width} ${height}`, width, height, "aria-hidden": "true", focusable: "false" };
}

function inWords(column, bins, other) {
  const moved = [...bins].sort((a, b) => difference(b) - difference(a)).slice(0, 3);
  return `Distribution of ${column}. Furthest from the ${other}: ${moved.map(sentence).join("; ")}.`;
}

const difference = (bin) => Math.abs((bin.share ?? 0) - (bin.reference_share ?? 0));
const sentence = (bin) => `${bin.label}: ${number(bin.share, "share")}, against ${number(bin.reference_share, "share")}`;
const short = (text) => (text.length > 16 ? `${text.slice(0, 15)}…` : text);
const round = (value) => Math.round(value * 10) / 10;

function box(kind) {
  return s("svg", { class: "swatch", viewBox: "0 0 18 12", width: 18, height: 12, "aria-hidden": "true" },
    s("path", { class: kind, d: "M3 1.500H15V10.500H3Z" }));
}
