// Search and paging, the same for monitors, measurements and columns.

import { h } from "./dom.js";
import { address, replacePlace } from "./place.js";
import { count, plural } from "./words.js";

/** A field that searches on the server; typing goes to the first page. */
export function searchField(here, { label, placeholder }, ...more) {
  return h("form", { class: "filters", role: "search", "aria-label": label, onsubmit: (event) => event.preventDefault() },
    h("label", {}, "Find ", h("input", {
      type: "search", id: "find", value: here.find, placeholder, autocomplete: "off", spellcheck: "false",
      oninput: (event) => replacePlace({ ...here, find: event.target.value, page: 1, all: false }),
    })), more);
}

/** How many match, said to screen readers when it changes: "12 of 2,000 columns". */
export function found({ matched, total }, one, many = `${one}s`) {
  return matched === total ? plural(total, one, many) : `${count(matched)} of ${plural(total, one, many)}`;
}

/** Links to the pages before and behind, where there are several. */
export function pager(here, matched, limit, label) {
  const pages = Math.max(1, Math.ceil(matched / limit));
  if (pages === 1 && here.page === 1) return null;
  const link = (page, text) => (page < 1 || page > pages
    ? h("span", { class: "faint", "aria-hidden": "true" }, text)
    : h("a", { href: address({ ...here, page }) }, text));
  return h("nav", { class: "pager", "aria-label": label },
    here.page > pages ? link(pages, "← Last page") : link(here.page - 1, "← Previous"),
    h("span", {}, here.page > pages
      ? `There is no page ${count(here.page)}; the last is page ${count(pages)}.`
      : `Page ${count(here.page)} of ${count(pages)}`),
    link(here.page + 1, "Next →"));
}
