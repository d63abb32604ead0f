// Words for numbers, times and verdicts. All times are shown in UTC.

export const ASPECTS = ["performance", "drift", "quality", "health"]; // the most important first

export const VERDICTS = {
  alarm: "Alarm",
  breach: "Breach",
  fine: "Healthy",
  unjudged: "No threshold",
  unmeasured: "No value",
  waiting: "Waiting",
  absent: "Not measured",
};

const PARTS = ["aspect", "column_name", "segment", "metric", "definition"];

/** The key of a measurement's series, as used in the page's address. */
export function keyOf(row) {
  return PARTS.map((part) => encodeURIComponent(row[part]).replaceAll("~", "%7E")).join("~");
}

/** The series of a key, the reverse of `keyOf`; null for a text that is no key. */
export function seriesOf(key) {
  const parts = key.split("~");
  if (parts.length !== PARTS.length) return null;
  try {
    return Object.fromEntries(PARTS.map((part, place) => [part, decodeURIComponent(parts[place])]));
  } catch {
    return null;
  }
}

const USUAL = "evidently"; // the default definition, which is not shown

const MAX_NAME = 44; // characters; columns may have names of thousands

// Letters that are written from right to left, and what changes the direction of those that follow.
const TURNING = /[\u0590-\u08ff\u200e\u200f\u202a-\u202e\u2066-\u2069\ufb1d-\ufdff\ufe70-\ufefc]/;

/** A text that leaves the order of the texts around it alone, whichever way its own letters run. */
function apart(text) {
  return TURNING.test(text) ? `\u2066${text.replace(/[\u2066-\u2069]/g, "")}\u2069` : text;
}

/** A text that fits: the start and the end of a long one, with … between them. */
export function cut(text, most = MAX_NAME) {
  const letters = [...text];
  if (letters.length <= most) return apart(text);
  const end = Math.floor(most / 3);
  return apart(`${letters.slice(0, most - end - 1).join("")}…${letters.slice(-end).join("")}`);
}

/** A series' name for people: column, segment, metric; long parts are cut. */
export function nameOf(row) {
  return [cut(row.column_name), cut(row.segment), metricOf(row)].filter(Boolean).join(" · ");
}

/** A series' name with nothing cut. */
export function fullNameOf(row) {
  return [apart(row.column_name), apart(row.segment), metricOf(row)].filter(Boolean).join(" · ");
}

function metricOf(row) {
  const definition = row.definition && row.definition !== USUAL ? ` (${row.definition})` : "";
  if (!row.metric) return "";
  return row.metric.replaceAll("_", " ") + definition;
}

const plain = new Intl.NumberFormat("en", { maximumSignificantDigits: 4, useGrouping: true });
const whole = new Intl.NumberFormat("en", { maximumFractionDigits: 0 });

const JOINED = "\u00a0"; // a space at which no line ends
const SYMBOLS = { share: "%", ms: "ms", seconds: "s" };
const SINGULARS = { categories: "category", "rows a second": "row per second", "standard deviations": "standard deviation" };
const COUNTED = /^(character|column|cycle|day|event|hour|minute|nat|row|window)s$/;
// Units that say what kind of number it is, which the measurement's name says already.
const UNSAID = new Set(["distance", "flag", "p-value", "ROC AUC", "root of the column's unit"]);

/** A number with four digits, and its unit where that has a symbol. */
export function number(value, unit = "") {
  if (value === null || value === undefined) return "–";
  const symbol = SYMBOLS[unit];
  if (symbol) return `${small(unit === "share" ? value * 100 : value)}${JOINED}${symbol}`;
  return small(value);
}

/** A number with its unit in words, for a sentence. */
export function numberInWords(value, unit) {
  const said = number(value, unit);
  if (!unit || SYMBOLS[unit] || UNSAID.has(unit)) return said;
  return `${said} ${said === "1" ? singular(unit) : unitInWords(unit)}`;
}

/** A unit as it is written; the stored one is kept in files. */
export const unitInWords = (unit) => unit.replace(" a second", " per second");

/** What follows a large number: its unit, where the number has no symbol of its own. */
export function unitBehind({ value, unit }) {
  if (!unit || SYMBOLS[unit] || value === null) return null;
  return ` ${small(value) === "1" ? singular(unit) : unitInWords(unit)}`;
}

const singular = (unit) => SINGULARS[unit] ?? (COUNTED.test(unit) ? unit.slice(0, -1) : unit);

/** A text of the service in which a number and its unit stay on one line. */
export const joined = (text) => text.replace(/(\d) (%|ms|s)(?=[\s.,;:)]|$)/g, `$1${JOINED}$2`);

function small(value) {
  const size = Math.abs(value);
  if (size !== 0 && size < 1e-4) return value.toExponential(1).replace("-", "−");
  if (size >= 1e7) return value.toExponential(2);
  return (size >= 1000 ? whole : plain).format(value).replace("-", "−");
}

export const count = (value) => whole.format(value);

const MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
const two = (value) => String(value).padStart(2, "0");

export function day(when) {
  const at = new Date(when);
  return `${at.getUTCDate()} ${MONTHS[at.getUTCMonth()]} ${at.getUTCFullYear()}`;
}

export const month = (when) => MONTHS[new Date(when).getUTCMonth()];

/** The time of day, with seconds where there are any. */
export function clock(when) {
  const at = new Date(when);
  const seconds = at.getUTCSeconds();
  return `${two(at.getUTCHours())}:${two(at.getUTCMinutes())}${seconds ? `:${two(seconds)}` : ""}`;
}

/** Day and time. */
export const moment = (when) => `${day(when)}, ${clock(when)}`;

/** How long ago, in the largest unit that fits. */
export function ago(milliseconds) {
  const seconds = Math.max(0, Math.round(milliseconds / 1000));
  if (seconds < 90) return `${seconds}${JOINED}s ago`;
  if (seconds < 5400) return `${Math.round(seconds / 60)}${JOINED}min ago`;
  if (seconds < 129_600) return `${Math.round(seconds / 3600)}${JOINED}h ago`;
  return `${Math.round(seconds / 86_400)} days ago`;
}

/** A length of time, in the largest unit that says it well. */
export function lasting(seconds) {
  if (seconds < 120) return number(seconds, "seconds");
  if (seconds < 7200) return `${number(Math.round(seconds / 6) / 10)}${JOINED}min`;
  return `${number(Math.round(seconds / 360) / 10)}${JOINED}h`;
}

export const plural = (value, one, many = `${one}s`) => `${count(value)} ${value === 1 ? one : many}`;

/** Where a value lies: within its threshold; at it, where reaching it is a breach; or beyond it, by chance too. */
export function sideOf({ value, threshold, worse, breached }) {
  const past = (worse === "higher" && value > threshold) || (worse === "lower" && value < threshold);
  if (!breached && !past) return "within";
  if (worse === "both") return "beyond";
  return past ? { higher: "above", lower: "below" }[worse] : "at";
}

/** A value and what it is compared with: "2.95, above its threshold of 0.2". */
export function held(row) {
  if (row.value === null) return row.reason;
  const said = [numberInWords(row.value, row.unit)];
  if (row.threshold !== null) {
    said.push(`${sideOf(row)} its threshold of ${number(row.threshold, row.unit)}`);
  }
  if (row.reason) said.push(row.reason);
  if (row.reference !== null) said.push(`reference ${number(row.reference, row.unit)}`);
  return said.join(", ");
}
