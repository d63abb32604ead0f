// What the page shows is kept in its address, so that links, reloads and the back button work.
//   #/?find=shop&page=2                  every monitor
//   #/NAME?aspect=drift&find=temp&bad=1&all=1&page=2&second=1&last=400&s=SERIES&s=SERIES
//   #/NAME/columns?find=temp&page=2      its columns
//   axis=computed_at       charts over when a window was computed, else over event time
//   from=TIME&to=TIME      the range of that axis which the charts show, else the newest windows
//   w=TIME&against=TIME    the windows, by where they end, whose distribution is shown and compared with; else the
//                          newest one and the reference

export const LAST = [100, 400, 2000]; // windows of a chart
const DEFAULT_LAST = 400;
const VIEWS = ["columns"];

/** Read the place from the address. `series` is null if none was chosen. */
export function place() {
  const [path, search = ""] = location.hash.startsWith("#/") ? location.hash.slice(2).split("?") : [""];
  const [monitor, view] = path.split("/");
  const given = new URLSearchParams(search);
  const last = Number(given.get("last"));
  const page = Number(given.get("page"));
  const [from, to] = [instant(given.get("from")), instant(given.get("to"))];
  const ranged = from && to && Date.parse(from) <= Date.parse(to);
  return {
    monitor: monitor ? decoded(monitor) : null,
    view: VIEWS.includes(view) ? view : null,
    aspect: given.get("aspect"),
    find: given.get("find") || "",
    bad: given.has("bad"),
    all: given.has("all"),
    page: Number.isInteger(page) && page > 1 ? page : 1,
    second: given.has("second"),
    last: LAST.includes(last) ? last : DEFAULT_LAST,
    series: given.has("s") ? given.getAll("s").filter(Boolean) : null,
    axis: given.get("axis") === "computed_at" ? "computed_at" : "window_end",
    from: ranged ? from : null,
    to: ranged ? to : null,
    window: instant(given.get("w")),
    against: instant(given.get("against")),
  };
}

/** The address of a place; defaults are left out. */
export function address({
  monitor, view, aspect, find, bad, all, page, second, last, series, axis, from, to, window, against,
} = {}) {
  const query = new URLSearchParams();
  if (aspect) query.set("aspect", aspect);
  if (find) query.set("find", find);
  if (bad) query.set("bad", "1");
  if (all) query.set("all", "1");
  if (page && page > 1) query.set("page", page);
  if (second) query.set("second", "1");
  if (last && last !== DEFAULT_LAST) query.set("last", last);
  if (axis === "computed_at") query.set("axis", axis);
  if (from && to) {
    query.set("from", from);
    query.set("to", to);
  }
  if (window) query.set("w", window);
  if (against) query.set("against", against);
  if (series) (series.length ? series : [""]).forEach((key) => query.append("s", key));
  const search = query.toString().replaceAll("%3A", ":");
  const path = monitor ? `${encodeURIComponent(monitor)}${view ? `/${view}` : ""}` : "";
  return `#/${path}${search ? `?${search}` : ""}`;
}

/** Go to a place without a new entry in the history: typing is one step back, not one per letter. */
export function replacePlace(where) {
  history.replaceState(null, "", address(where));
  dispatchEvent(new HashChangeEvent("hashchange"));
}

// An instant as it is written in the address, null for what is none.
function instant(text) {
  return text && /^\d{4}-\d\d-\d\dT/.test(text) && !Number.isNaN(Date.parse(text)) ? text : null;
}

function decoded(text) {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
