// Where the reader is: all of it stands in the address, so that a link, a reload and the back button keep it.
//   #/                                   every monitor
//   #/NAME?aspect=drift&find=temp&bad=1&all=1&last=400&s=SERIES&s=SERIES

export const LAST = [100, 400, 2000]; // windows of a chart
const DEFAULT_LAST = 400;

/** Read the place from the address. `series` is null where none was chosen. */
export function place() {
  const [path, search = ""] = location.hash.startsWith("#/") ? location.hash.slice(2).split("?") : [""];
  const given = new URLSearchParams(search);
  const last = Number(given.get("last"));
  return {
    monitor: path ? decoded(path) : null,
    aspect: given.get("aspect"),
    find: given.get("find") || "",
    bad: given.has("bad"),
    all: given.has("all"),
    last: LAST.includes(last) ? last : DEFAULT_LAST,
    series: given.has("s") ? given.getAll("s").filter(Boolean) : null,
  };
}

/** The address of a place; what is left out is as by default. */
export function address({ monitor, aspect, find, bad, all, last, series } = {}) {
  if (!monitor) return "#/";
  const told = new URLSearchParams();
  if (aspect) told.set("aspect", aspect);
  if (find) told.set("find", find);
  if (bad) told.set("bad", "1");
  if (all) told.set("all", "1");
  if (last && last !== DEFAULT_LAST) told.set("last", last);
  if (series) (series.length ? series : [""]).forEach((key) => told.append("s", key));
  const search = told.toString();
  return `#/${encodeURIComponent(monitor)}${search ? `?${search}` : ""}`;
}

/** Go to a place without a new step for the back button: what is typed is one step, not one a letter. */
export function replacePlace(where) {
  history.replaceState(null, "", address(where));
  dispatchEvent(new HashChangeEvent("hashchange"));
}

function decoded(text) {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
