// Evidently's report of a window: whether it can be made, is being made, is ready, or failed.

import { h } from "./dom.js";
import { time } from "./parts.js";

/** The window whose report was asked for here, else the one that is shown, else the newest. */
export function reportRead(model, here) {
  const asked = new URLSearchParams();
  if (model.reports.has(here.monitor)) asked.set("window", model.reports.get(here.monitor));
  else if (here.window) asked.set("window_end", here.window);
  return { kind: "report", monitor: here.monitor, url: `v1/monitors/${encodeURIComponent(here.monitor)}/windows/report?${asked}` };
}

export function reportPanel(model, here) {
  const found = model.answer("report", here.monitor);
  return h("section", { class: "panel report", "aria-labelledby": "report" },
    h("h2", { id: "report" }, "Evidently’s report"),
    found?.window
      ? h("p", { class: "faint" }, "Of the window from ", time(found.window.start, model), " to ", time(found.window.end, model), " UTC, against the reference, from a sample of the rows.")
      : null,
    h("div", { class: "report-state", role: "status" }, found ? said(model, here, found) : h("p", { class: "faint" }, "Loading.")));
}

function said(model, here, found) {
  const make = (text) => h("button", { type: "button", onclick: () => model.makeReport(here.monitor, found) }, text);
  switch (found.state) {
    case "impossible":
      return [h("p", {}, h("strong", {}, "Not possible: "), `${found.reason}.`), newest(model, here)];
    case "making":
      return h("p", {}, h("strong", {}, "Being made. "), "The first report of a process takes about ten seconds, each further one two or three.");
    case "ready":
      return [h("p", {}, h("strong", {}, "Ready: "), h("a", { href: found.path, target: "_blank", rel: "noopener" }, "open the report")), newest(model, here)];
    case "failed":
      return [h("p", {}, h("strong", {}, "It could not be made: "), found.reason), h("p", {}, make("Try again")), newest(model, here)];
    default:
      return h("p", {}, make("Make the report"));
  }
}

// Back to the window that is shown, after the report of an earlier one was asked for.
function newest(model, here) {
  if (!model.reports.has(here.monitor)) return null;
  return h("p", {}, h("button", { type: "button", class: "quiet", onclick: () => model.forgetReport(here.monitor) }, here.window ? "Shown window" : "Newest window"));
}
