// Where an axis has its marks: round numbers, and round times in UTC.

import { clock, day, month, number } from "./words.js";

/** Round numbers from `low` to `high`, about `wanted` of them. */
export function numberMarks(low, high, wanted) {
  const rough = (high - low) / Math.max(1, wanted);
  const size = 10 ** Math.floor(Math.log10(rough));
  const step = size * [1, 2, 2.5, 5, 10].find((factor) => factor * size >= rough * 0.999);
  const marks = [];
  for (let at = Math.ceil(low / step - 1e-9) * step; at <= high + step * 1e-9; at += step) {
    marks.push(Math.abs(at) < step * 1e-9 ? 0 : at);
  }
  return marks;
}

const SECOND = 1000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;
const STEPS = [
  ...[1, 2, 5, 10, 15, 30].map((n) => n * SECOND),
  ...[1, 2, 5, 10, 15, 30].map((n) => n * MINUTE),
  ...[1, 2, 3, 6, 12].map((n) => n * HOUR),
  ...[1, 2, 4, 7, 14].map((n) => n * DAY),
];
const MONTHS = [1, 2, 3, 6, 12, 24, 60, 120];

/** Round times from `low` to `high` (milliseconds), at most `wanted` of them, each with its text. */
export function timeMarks(low, high, wanted) {
  const rough = (high - low) / Math.max(1, wanted);
  const step = STEPS.find((size) => size >= rough);
  const marks = step ? evenly(low, high, step) : byMonth(low, high, rough);
  return marks.map((at, place) => ({ at, text: said(at, step, place === 0 ? null : marks[place - 1]) }));
}

function evenly(low, high, step) {
  const marks = [];
  for (let at = Math.ceil(low / step) * step; at <= high; at += step) marks.push(at);
  return marks;
}

function byMonth(low, high, rough) {
  const step = MONTHS.find((size) => size * 28 * DAY >= rough) ?? MONTHS.at(-1);
  const marks = [];
  const first = new Date(low);
  let months = Math.floor((first.getUTCFullYear() * 12 + first.getUTCMonth()) / step) * step;
  for (; ; months += step) {
    const at = Date.UTC(Math.floor(months / 12), months % 12, 1);
    if (at > high) return marks;
    if (at >= low) marks.push(at);
  }
}

// The year, or the day, is said once and where it changes.
function said(at, step, before) {
  const when = new Date(at);
  if (step && step < DAY) return before !== null && day(before) === day(at) ? clock(at) : `${shortDay(when)} ${clock(at)}`;
  const sameYear = before !== null && new Date(before).getUTCFullYear() === when.getUTCFullYear();
  const text = step ? shortDay(when) : month(at);
  return sameYear ? text : `${text} ${when.getUTCFullYear()}`;
}

const shortDay = (when) => `${when.getUTCDate()} ${month(when)}`;

/** A scale's number, short. */
export const markText = (value, unit) => number(value, unit);
