// Throughput and latency of the last ten minutes: one slot for each five seconds.
import { $, h, replace, setText, svg } from "./dom.js";
import { clock, count, millis, rate, seconds } from "./format.js";
import { now, on } from "./store.js";

const SLOT = 5_000;
const SLOTS = 120;
/** So many latencies of a slot are kept; of more, an even sample. */
const KEPT = 200;
const W = 640;
const H = 110;

const slots = new Map();
let parts = null;
/** Since when all that was finalized is known. */
let complete = null;

function add(event) {
  const at = millis(event.at);
  const index = Math.floor(at / SLOT);
  if (!Number.isFinite(index) || index <= Math.floor(now() / SLOT) - SLOTS) return;
  let slot = slots.get(index);
  if (!slot) slots.set(index, (slot = { n: 0, times: [], p50: null, p95: null, seen: -1 }));
  slot.n += 1;
  const took = (at - millis(event.created_at)) / 1000;
  if (!(took >= 0)) return;
  if (slot.times.length < KEPT) slot.times.push(took);
  else {
    const place = Math.floor(Math.random() * slot.n);
    if (place < KEPT) slot.times[place] = took;
  }
}

function quantiles(slot) {
  if (slot.seen === slot.n || slot.times.length === 0) return;
  const sorted = slot.times.slice().sort((a, b) => a - b);
  const at = (q) => sorted[Math.min(sorted.length - 1, Math.floor(q * sorted.length))];
  Object.assign(slot, { p50: at(0.5), p95: at(0.95), seen: slot.n });
}

/** The next round number, so that the axis does not jump about. */
function nice(value) {
  if (!(value > 0)) return 1;
  const power = 10 ** Math.floor(Math.log10(value));
  for (const step of [1, 2, 5, 10]) if (value <= step * power) return step * power;
  return 10 * power;
}

function plot(title, id) {
  const area = svg("path", { class: "area" });
  const line = svg("path", { class: "line" });
  const second = svg("path", { class: "line second" });
  const grid = [0, H / 2, H].map((y) => svg("line", { class: "grid", x1: 0, x2: W, y1: y, y2: y }));
  const image = svg("svg", { viewBox: `0 -2 ${W} ${H + 4}`, role: "img", "aria-labelledby": id, preserveAspectRatio: "none" }, grid, area, line, second);
  const scale = h("span", { class: "scale", "aria-hidden": "true" });
  const legend = h("figcaption", { id }, title);
  return { node: h("figure", {}, legend, h("div", { class: "plot" }, image, scale)), area, line, second, scale, legend };
}

/** The line through what is known; `filled` closes each piece of it down to the axis. */
function path(points, most, filled = false) {
  let d = "";
  let pen = false;
  let right = "0";
  const end = () => (filled && pen ? `L${right} ${H}Z` : "");
  points.forEach((value, i) => {
    if (value === null) {
      d += end();
      pen = false;
      return;
    }
    const x = ((i / (SLOTS - 1)) * W).toFixed(1);
    const y = (H - (Math.min(value, most) / most) * H).toFixed(1);
    right = x;
    if (filled && !pen) d += `M${x} ${H}L${x} ${y}`;
    // A slot alone is a short line, or it would not be seen.
    else d += pen ? `L${x} ${y}` : `M${x} ${y}h1.5`;
    pen = true;
  });
  return d + end();
}

function draw() {
  const last = Math.floor(now() / SLOT) - 1;
  const first = last - SLOTS + 1;
  for (const index of slots.keys()) if (index < first) slots.delete(index);
  const perSecond = [];
  const p50 = [];
  const p95 = [];
  for (let index = first; index <= last; index += 1) {
    const slot = slots.get(index);
    if (slot) quantiles(slot);
    perSecond.push(slot ? slot.n / (SLOT / 1000) : complete !== null && index * SLOT >= complete ? 0 : null);
    p50.push(slot?.p50 ?? null);
    p95.push(slot?.p95 ?? null);
  }
  const known = (list) => list.filter((v) => v !== null);
  const mostRate = nice(Math.max(0, ...known(perSecond)));
  const mostTime = nice(Math.max(0, ...known(p95)));
  const [rates, times] = parts;
  rates.line.setAttribute("d", path(perSecond, mostRate));
  rates.area.setAttribute("d", path(perSecond, mostRate, true));
  times.line.setAttribute("d", path(p50, mostTime));
  times.second.setAttribute("d", path(p95, mostTime));
  setText(rates.scale, `${rate(mostRate)}/s`);
  setText(times.scale, seconds(mostTime));
  const latest = (list) => known(list).at(-1) ?? null;
  setText(rates.legend, `Finalized per second: ${rate(latest(perSecond) ?? 0)}`);
  replace(times.legend, "Created to finalized: ", h("span", { class: "key-p50" }, `p50 ${seconds(latest(p50))}`), ", ", h("span", { class: "key-p95" }, `p95 ${seconds(latest(p95))}`));
  if ($("chart-table").open) table(last);
}

/** Minute by minute, for those who do not see the lines. */
function table(last) {
  const rows = [];
  for (let minute = 0; minute < 10; minute += 1) {
    const to = last - minute * 12;
    let n = 0;
    let times = [];
    for (let i = to - 11; i <= to; i += 1) {
      const slot = slots.get(i);
      if (slot) {
        n += slot.n;
        times = times.concat(slot.times);
      }
    }
    times.sort((a, b) => a - b);
    const q = (share) => (times.length ? times[Math.min(times.length - 1, Math.floor(share * times.length))] : null);
    rows.push(h("tr", {}, h("th", { scope: "row" }, clock((to - 11) * SLOT)), h("td", { class: "num" }, count(n)), h("td", { class: "num" }, rate(n / 60)), h("td", { class: "num" }, seconds(q(0.5))), h("td", { class: "num" }, seconds(q(0.95)))));
  }
  const heads = ["From", "Finalized", "Per second", "p50", "p95"].map((name, i) => h("th", { scope: "col", class: i ? "num" : null }, name));
  replace($("chart-rows"), h("table", {}, h("caption", { class: "visually-hidden" }, "Throughput and latency by minute"), h("thead", {}, h("tr", {}, heads)), h("tbody", {}, rows)));
}

export function startChart() {
  parts = [plot("Finalized per second", "chart-rate"), plot("Created to finalized", "chart-latency")];
  $("chart").append(parts[0].node, parts[1].node, h("p", { class: "ends quiet", "aria-hidden": "true" }, h("span", {}, "10 min ago"), h("span", {}, "now")));
  on("event", (event) => {
    if (event.event === "task_finalized") add(event);
    if (event.event === "market_reset") slots.clear();
  });
  on("hello", () => {
    complete ??= now();
  });
  draw();
  setInterval(() => {
    if (!document.hidden && !$("view-overview").hidden) draw();
  }, 1000);
  $("chart-table").addEventListener("toggle", draw);
}
