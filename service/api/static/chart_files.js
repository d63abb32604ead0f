// A chart as a file: its numbers as CSV, its picture as PNG, made in the browser of what is shown.

import { h } from "./dom.js";
import { picture } from "./picture.js";

/** The buttons below a chart. `file` gives the name, the CSV's `heads` and `rows`, and the picture's figure and words. */
export function fileButtons(file) {
  const button = (text, kind, save) => h("button", { type: "button", class: "save", "data-kind": kind, onclick: save }, text);
  return h("p", { class: "saves" },
    button("CSV", "csv", () => {
      const { name, heads, rows } = file();
      download(new Blob([csv(heads, rows)], { type: "text/csv;charset=utf-8" }), `${name}.csv`);
    }),
    button("PNG", "png", async () => {
      const { name, figure, subtitle } = file();
      download(await picture(figure, subtitle), `${name}.png`);
    }));
}

/** Rows as RFC 4180 says: CRLF, quotes doubled. Numbers have all their digits; what is null is empty. */
export function csv(heads, rows) {
  return [heads, ...rows].map((row) => `${row.map(cell).join(",")}\r\n`).join("");
}

function cell(value) {
  if (value === null || value === undefined) return "";
  if (typeof value !== "string") return String(value);
  // A spreadsheet would run a text that begins like a formula: it is marked as text.
  const text = /^[\s\u0000-\u001f]*[=+\-@\uff1d\uff0b\uff0d\uff20]|^[\t\r\n]/.test(value) ? `'${value}` : value;
  return /[",\r\n;']|^\s|\s$/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

/** A file's name of parts that may hold anything. */
export function fileName(...parts) {
  const name = parts.filter(Boolean).join("_").normalize("NFC").replace(/[^\p{L}\p{N}._-]+/gu, "-");
  return [...name].slice(0, 120).join("").replace(/^[-._]+|[-._]+$/g, "") || "chart";
}

function download(blob, name) {
  const url = URL.createObjectURL(blob);
  const link = h("a", { href: url, download: name, hidden: true });
  document.body.append(link);
  link.click();
  link.remove();
  setTimeout(() => URL.revokeObjectURL(url), 60_000);
}
