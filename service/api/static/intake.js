// What comes in from a monitor's source: how far it is behind, what was counted before, what was refused and why.

import { h } from "./dom.js";
import { time } from "./parts.js";
import { count, cut, lasting, plural } from "./words.js";

const MAX_REASON = 300; // characters

export function intakeRead(here) {
  return { kind: "intake", monitor: here.monitor, url: `v1/monitors/${encodeURIComponent(here.monitor)}/intake` };
}

/** The panel; nothing for a source that reads past rows and had none refused. */
export function intakePanel(model, here) {
  const known = model.answer("intake", here.monitor);
  if (!known) return null;
  const said = facts(known);
  const isLive = [known.lag_seconds, known.backlog, known.repeated, known.waiting].some((value) => value !== null);
  if (!isLive && !known.refused && !known.reasons.length) return null;
  return h("section", { class: "panel", "aria-labelledby": "intake" },
    h("h2", { id: "intake" }, "Rows coming in"),
    h("dl", { class: "facts" }, said.map(([name, value]) => h("div", { key: name }, h("dt", {}, name), h("dd", {}, value)))),
    known.reasons.length ? reasons(known.reasons, model, unit(known.waiting)) : null);
}

// A source that pairs events refuses these; each may hold several rows.
const unit = (waiting) => (waiting === null ? "row" : "event");

// What the source does not have is left out.
function facts({ taken, refused, repeated, unpaired, lag_seconds: lag, backlog, waiting }) {
  return [
    ["Taken in the last hour", plural(taken, "row")],
    ["Behind", lag === null ? null : lasting(lag)],
    ["Not measured yet", backlog === null ? null : plural(backlog, "row")],
    ["Sent again, counted once, in the last hour", repeated === null ? null : plural(repeated, "row")],
    ["Waiting for their other halves", waiting === null ? null : plural(waiting, "event")],
    ["Given up without their other halves, in the last hour", unpaired === null ? null : plural(unpaired, "event")],
    ["Refused in the last hour", plural(refused, unit(waiting))],
  ].filter(([, value]) => value !== null);
}

function reasons(found, model, of) {
  return [
    h("h3", { id: "refused" }, `Why ${of}s were refused in the last day`),
    h("table", { class: "refused", "aria-labelledby": "refused" },
      h("thead", {}, h("tr", {}, h("th", { scope: "col" }, "Reason"), h("th", { scope: "col", class: "right" }, of === "row" ? "Rows kept" : "Events kept"), h("th", { scope: "col", class: "right" }, "Newest"))),
      h("tbody", {}, found.map((one) => h("tr", { key: one.reason },
        h("th", { scope: "row" }, cut(one.reason, MAX_REASON)),
        h("td", { class: "right figure" }, count(one.rows)),
        h("td", { class: "right figure" }, time(one.newest, model, { past: true })))))),
  ];
}
