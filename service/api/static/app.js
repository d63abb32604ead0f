// Connects the page's parts: the model, the address, the views, the stream.

import { BarChart } from "./bar_chart.js";
import { columnsRead, columnTable } from "./columns.js";
import { chosenSeries, columnsOf, detail } from "./detail.js";
import { h, patch } from "./dom.js";
import { intakeRead } from "./intake.js";
import { LineChart } from "./line_chart.js";
import { listReads } from "./measurement_list.js";
import { Model } from "./model.js";
import { alarmsOf, overview, overviewReads } from "./overview.js";
import { headlineOf } from "./parts.js";
import { place } from "./place.js";
import { reportRead } from "./report.js";
import { follow } from "./stream.js";
import { choices, viewOf } from "./view.js";
import { ago, ASPECTS, cut, keyOf, plural } from "./words.js";

const SPARK = { last: 100, axis: "window_end" };
const REFRESH = 1000; // milliseconds: a fast replay is read once per second
const REFRESH_MANY = 4000; // where there are many monitors, of which some cycle all the time
const MANY = 50;
const POLL = 1500; // while a report is being made
const RETRY = 5000;

const main = document.getElementById("main");
const connection = document.getElementById("connection");
const lostBox = document.getElementById("lost");
const announcer = document.getElementById("announcer");

const model = new Model();
const mounted = new Map(); // by slot, the charts
let stale = new Set(); // monitors that had a cycle since they were read
let staleKinds = new Set(); // answers that must be read again whatever cycled
let fetching = false;
let again = null; // the options of a refresh that was asked for while fetching
let fetched = 0; // time of the last fetch
let timer = 0;
let drawing = 0;
let marked = false;
let lost = null; // seconds until the next try

function draw() {
  if (drawing) return;
  drawing = requestAnimationFrame(() => {
    drawing = 0;
    drawNow();
  });
}

function drawNow() {
  if (!model.ready) return;
  const here = place();
  patch(main, h("main", {}, view(here)));
  mount(here);
  title(here);
}

function view(here) {
  if (!here.monitor) return overview(model, here);
  const shown = here.view === "columns" && model.monitors.has(here.monitor) ? columnTable : detail;
  return shown(model, here);
}

// What the place shows beside its charts, each with how it is read.
function needs(here) {
  if (!here.monitor) return overviewReads(here);
  const name = `v1/monitors/${encodeURIComponent(here.monitor)}`;
  const state = { kind: "state", monitor: here.monitor, url: `v1/overview?${new URLSearchParams({ name: here.monitor })}` };
  if (!model.monitors.has(here.monitor)) return [state]; // what follows is known to exist
  if (here.view === "columns") return [state, columnsRead(here)];
  return [state, ...listReads(here), { kind: "events", monitor: here.monitor, url: `${name}/events?limit=12` }, intakeRead(here), reportRead(model, here)];
}

// Charts draw themselves into their slots; those without a slot are dropped.
function mount(here) {
  const slots = [...main.querySelectorAll("[data-slot]")];
  const names = new Set(slots.map((slot) => slot.dataset.slot));
  for (const name of mounted.keys()) if (!names.has(name)) mounted.delete(name);
  const wanted = new Map(wants(here).map((want) => [want.slot, want]));
  for (const slot of slots) {
    const want = wanted.get(slot.dataset.slot);
    if (!want) continue;
    const chart = mounted.get(want.slot) ?? { drawn: want.make(slot) };
    mounted.set(want.slot, chart);
    const data = want.data();
    const viewed = JSON.stringify(want.view);
    if (data !== undefined && (data !== chart.data || viewed !== chart.viewed)) {
      chart.data = data;
      chart.viewed = viewed;
      chart.drawn.show(want.of, data, want.view);
      if (!marked) {
        marked = true;
        performance.mark("first-chart");
      }
    }
  }
}

// The charts of the place, each with how it is read, kept and drawn.
function wants(here) {
  if (!here.monitor) return sparks();
  if (here.view || !model.monitors.has(here.monitor)) return [];
  const chosen = chosenSeries(model, here);
  const columns = columnsOf(chosen);
  const view = viewOf(here, columns);
  const lines = chosen.map((series) => ({
    slot: `line ${here.monitor} ${keyOf(series)}`,
    of: series,
    monitor: here.monitor,
    view,
    make: (root) => new LineChart(root, { on: choices }),
    read: () => model.readPoints(here.monitor, series, here),
    data: () => model.pointsOf(here.monitor, series, here),
  }));
  const bars = columns.map((column) => ({
    slot: `bars ${here.monitor} ${column}`,
    of: column,
    monitor: here.monitor,
    view,
    make: (root) => new BarChart(root),
    read: () => model.readDistribution(here.monitor, column, here),
    data: () => model.distributionOf(here.monitor, column, here),
  }));
  return [...lines, ...bars];
}

function sparks() {
  return (model.answer("overview")?.monitors ?? []).flatMap((state) => {
    const headline = headlineOf(state, ASPECTS);
    if (!headline) return [];
    return [{
      slot: `spark ${state.name} ${keyOf(headline)}`,
      of: headline,
      monitor: state.name,
      make: (root) => new LineChart(root, { bare: true, height: 64 }),
      read: () => model.readPoints(state.name, headline, SPARK),
      data: () => model.pointsOf(state.name, headline, SPARK),
    }];
  });
}

// Read what the place shows and the model lacks or has of an older window: at once after a navigation, else at
// most once per second.
function refresh({ soon = false } = {}) {
  if (fetching) {
    again = { soon: soon || again?.soon };
    return;
  }
  clearTimeout(timer);
  const many = !place().monitor && (model.answer("overview")?.total ?? 0) > MANY;
  const wait = soon ? 0 : Math.max(0, fetched + (many ? REFRESH_MANY : REFRESH) - performance.now());
  if (wait) timer = setTimeout(refresh, wait, { soon: true });
  else fetchStale();
}

async function fetchStale() {
  const [due, kinds] = [stale, staleKinds];
  [stale, staleKinds, fetching, again] = [new Set(), new Set(), true, null];
  const here = place();
  // Of all monitors any cycle may change the order; of one, its own.
  const isDue = (monitor) => (monitor === null ? due.size > 0 : due.has(monitor) || due.has(null));
  try {
    // First what is known to be shown, then what the answers name: the monitor, its list, the list's first chart.
    const read = new Set();
    for (let round = 0; round < 3; round += 1) {
      const reads = [
        ...needs(here).filter((need) => isDue(need.monitor ?? null) || kinds.has(need.kind) || !model.has(need))
          .map((need) => ({ name: need.kind, read: () => model.read(need) })),
        ...wants(here).filter((want) => isDue(want.monitor) || want.data() === undefined)
          .map((want) => ({ name: want.slot, read: want.read })),
      ].filter(({ name }) => !read.has(name));
      reads.forEach(({ name }) => read.add(name));
      await Promise.all(reads.map((one) => one.read().then(draw)));
    }
  } catch (error) {
    model.trouble = error.message;
    due.forEach((monitor) => stale.add(monitor));
    kinds.forEach((kind) => staleKinds.add(kind));
    setTimeout(refresh, RETRY, { soon: true });
  }
  fetching = false;
  fetched = performance.now();
  showTrouble();
  draw();
  if (model.answer("report", here.monitor)?.state === "making") setTimeout(reread, POLL, "report");
  if (again) refresh(again);
}

function reread(kind) {
  staleKinds.add(kind);
  refresh({ soon: true });
}

model.changed = ({ kind, drawn }) => {
  draw();
  if (drawn) setTimeout(reread, POLL, "report");
  else reread(kind);
};

let reading = null;
function reload() {
  reading ??= readEverything().finally(() => { reading = null; });
  return reading;
}

async function readEverything() {
  stale.add(null); // whatever is shown
  refresh({ soon: true });
  try {
    await model.restart();
  } catch (error) {
    model.trouble = error.message;
    setTimeout(reload, RETRY);
  }
  showTrouble();
}

const stream = follow({
  cycled({ monitors, alarms, new_alarms: raised }) {
    if (alarms.length) {
      const said = alarms.map(({ monitor, message }) => `${cut(monitor)}: ${message}`).join("; ");
      announcer.textContent = `${plural(raised, "new alarm")}: ${said}`;
    }
    Object.keys(monitors).forEach((monitor) => stale.add(monitor));
    const here = place().monitor;
    if (!here || here in monitors) refresh();
  },
  reload,
  state(name, seconds) {
    connection.dataset.state = name;
    connection.textContent = { live: "Live", connecting: "Connecting", lost: "Connection lost" }[name];
    lost = name === "lost" ? seconds : name === "live" ? null : lost;
    if (name === "live" && !model.ready && !fetching) reload();
    showTrouble();
  },
});

function showTrouble() {
  const away = lost === null ? null : h("p", {},
    h("strong", {}, "The service does not answer. "),
    h("span", { "aria-hidden": "true" }, `Trying again in ${lost} s. `),
    model.ready ? "The page shows the last known state. " : "",
    h("button", { type: "button", onclick: () => stream.now() }, "Try now"));
  const wrong = model.trouble === null ? null : h("p", {}, h("strong", {}, "The service reports an error. "), model.trouble);
  const unused = !model.refused.length ? null : h("p", {},
    h("strong", {}, "A monitor file cannot be used. "), model.refused.map(({ reason }) => reason).join("; "));
  lostBox.hidden = !away && !wrong && !unused;
  lostBox.setAttribute("role", "alert");
  patch(lostBox, h("div", {}, away ?? wrong ?? unused));
}

function title(here) {
  const bad = alarmsOf(model, here);
  document.title = `${bad ? `(${bad}) ` : ""}${here.monitor ? `${cut(here.monitor)} – ` : ""}Tidegauge`;
}

const whereabouts = () => JSON.stringify([place().monitor, place().view]);
let shown = whereabouts();
addEventListener("hashchange", () => {
  drawNow();
  refresh({ soon: true });
  const here = whereabouts();
  if (here === shown) return;
  shown = here; // another page: screen readers start at its heading
  scrollTo(0, 0);
  main.querySelector("h1")?.focus();
});

document.querySelector(".skip").addEventListener("click", (event) => {
  event.preventDefault();
  main.focus();
});

setInterval(() => {
  for (const element of document.querySelectorAll("[data-ago]")) {
    element.textContent = ago(model.now() - Date.parse(element.dataset.ago));
  }
  if ([...model.monitors.values()].some((state) => model.silentFor(state))) draw();
}, 1000);

reload();
