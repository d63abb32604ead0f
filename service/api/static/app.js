// Connects the page's parts: the model, the address, the views, the stream.

import { BarChart } from "./bar_chart.js";
import { chosenSeries, columnsOf, detail } from "./detail.js";
import { h, patch } from "./dom.js";
import { LineChart } from "./line_chart.js";
import { Model } from "./model.js";
import { overview } from "./overview.js";
import { headlineOf, verdictOf } from "./parts.js";
import { place } from "./place.js";
import { follow } from "./stream.js";
import { choices, viewOf } from "./view.js";
import { ago, ASPECTS, keyOf } from "./words.js";

const SPARK = { last: 100, axis: "window_end" };
const REFRESH = 1000; // milliseconds: a fast replay is read once per second
const RETRY = 5000;

const main = document.getElementById("main");
const connection = document.getElementById("connection");
const lostBox = document.getElementById("lost");
const announcer = document.getElementById("announcer");

const model = new Model();
const mounted = new Map(); // by slot, the charts
let stale = new Set(); // monitors whose charts must be read again
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
  patch(main, h("main", {}, here.monitor ? detail(model, here) : overview(model)));
  mount(here);
  title(here);
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
  if (!model.monitors.has(here.monitor)) return [];
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
  return [...model.monitors.values()].flatMap((state) => {
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
  if (!model.ready) return;
  if (fetching) {
    again = { soon: soon || again?.soon };
    return;
  }
  clearTimeout(timer);
  const wait = soon ? 0 : Math.max(0, fetched + REFRESH - performance.now());
  if (wait) timer = setTimeout(refresh, wait, { soon: true });
  else fetchStale();
}

async function fetchStale() {
  const due = stale;
  stale = new Set();
  fetching = true;
  again = null;
  try {
    const here = place();
    const reads = wants(here)
      .filter((want) => due.has(want.monitor) || want.data() === undefined)
      .map((want) => want.read());
    if (here.monitor && model.monitors.has(here.monitor) && (due.has(here.monitor) || !model.newest.has(here.monitor))) {
      reads.push(model.readNewest(here.monitor));
    }
    await Promise.all(reads);
  } catch (error) {
    model.trouble = error.message;
    due.forEach((monitor) => stale.add(monitor));
    setTimeout(refresh, RETRY);
    showTrouble();
  }
  fetching = false;
  fetched = performance.now();
  draw();
  if (again) refresh(again);
}

let reading = null;
function reload() {
  reading ??= readEverything().finally(() => { reading = null; });
  return reading;
}

async function readEverything() {
  try {
    await model.readAll();
    stale = new Set(model.monitors.keys());
    showTrouble();
    draw();
    refresh({ soon: true });
  } catch (error) {
    model.trouble = error.message;
    showTrouble();
    setTimeout(reload, RETRY);
  }
}

const stream = follow({
  cycle(data) {
    if (!model.ready) return;
    const alarms = model.cycle(data);
    if (alarms.length) announcer.textContent = `New alarm, ${data.monitor}: ${alarms.map((alarm) => alarm.message).join("; ")}`;
    stale.add(data.monitor);
    showTrouble();
    draw();
    refresh();
  },
  trouble({ monitor, error }) {
    model.trouble = `${monitor}: ${error}`;
    showTrouble();
  },
  reload,
  state(name, seconds) {
    connection.dataset.state = name;
    connection.textContent = { live: "Live", connecting: "Connecting", lost: "Connection lost" }[name];
    lost = name === "lost" ? seconds : name === "live" ? null : lost;
    if (name === "live" && !model.ready) reload();
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
  const bad = [...model.monitors.values()].filter((state) => verdictOf(state, model) === "alarm").length;
  document.title = `${bad ? `(${bad}) ` : ""}${here.monitor ? `${here.monitor} – ` : ""}Tidegauge`;
}

let shown = place().monitor;
addEventListener("hashchange", () => {
  drawNow();
  refresh({ soon: true });
  const { monitor } = place();
  if (monitor === shown) return;
  shown = monitor; // another page: screen readers start at its heading
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
