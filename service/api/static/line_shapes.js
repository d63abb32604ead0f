// The shapes of a line chart: its scale, axes, lines, dots and legend, as SVG.

import { markText, numberMarks, timeMarks } from "./axis.js";
import { h, s } from "./dom.js";

export function scaleOf(rows, width, height, edges) {
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

export function axes({ x, y, low, high, first, last, left, right, top, bottom }, box, unit) {
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
export function chosenMarks(rows, { window, against }, { x, top, bottom }) {
  return [[window, "A"], [against, "B"]].map(([end, name]) => {
    const row = end && rows.find((one) => Date.parse(one.window_end) === Date.parse(end));
    return row
      ? [s("path", { d: `M${x(row.at)} ${top}V${bottom}` }), s("text", { class: "tick", x: x(row.at) + 4, y: top + 9 }, name)]
      : null;
  });
}

export function line(rows, part, x, y) {
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
export function runs(rows, x, y) {
  const within = rows.map((row, place) => ({
    at: row.at,
    value: row.breached && (rows[place - 1]?.breached || rows[place + 1]?.breached) ? row.value : null,
  }));
  return line(within, "value", x, y);
}

// Each breach gets a dot if there is room, else only single ones.
export function singles(rows, width) {
  const room = width / rows.length > 7;
  return rows.filter((row, place) => row.breached && (room || !(rows[place - 1]?.breached || rows[place + 1]?.breached)));
}

export function band(rows, x, y) {
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
export function lone(rows, x, y) {
  const alone = rows.filter(
    (row, place) => row.value !== null && (rows[place - 1]?.value ?? null) === null && (rows[place + 1]?.value ?? null) === null,
  );
  return dots(alone, x, y, 1.8);
}

export function dots(rows, x, y, radius) {
  return rows
    .filter((row) => row.value !== null)
    .map((row) => `M${round(x(row.at) - radius)} ${y(row.value)}a${radius} ${radius} 0 1 0 ${2 * radius} 0a${radius} ${radius} 0 1 0 ${-2 * radius} 0`)
    .join("");
}

export function crosses(rows, x, bottom) {
  return rows.map((row) => `M${round(x(row.at) - 2.5)} ${bottom - 6}l5 5m0 -5l-5 5`).join("");
}

export function mark(row, x, y) {
  return row.value === null ? null : s("circle", { cx: x(row.at), cy: y(row.value), r: 4.5 });
}

export function nearest(rows, x, at) {
  let best = 0;
  rows.forEach((row, place) => {
    if (Math.abs(x(row.at) - at) < Math.abs(x(rows[best].at) - at)) best = place;
  });
  return best;
}

export function legend(rows) {
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

function swatch(kind) {
  return s("svg", { class: "swatch", viewBox: "0 0 18 12", width: 18, height: 12, "aria-hidden": "true" },
    s("path", { class: kind, d: SWATCHES[kind] }));
}

const round = (value) => Math.round(value * 10) / 10;
