// Throughput and latency of the last ten minutes: one slot for each five seconds, as the coordinator tells them.
import { get } from "./api.js";
import { $, h, replace, setText, svg } from "./dom.js";
import { clock, count, millis, rate, seconds } from "./format.js";
import { every, maySee, now, on, throttle } from "./store.js";

const SLOT = 5_000;
const SLOTS = 120;
const PER_MINUTE = 60_000 / SLOT;
const W = 640;
const H = 110;

/** What is known of each slot, by its number since 1970; a coordinator that was restarted no longer knows what was before. */
const slots = new Map();
let parts = null;

/** Takes over what the coordinator tells; the slot of now is not complete, and the first may not be. */
function take(activity) {
  const first = Math.round(millis(activity.from) / SLOT);
  const since = millis(activity.since);
  activity.finalized.slice(0, -1).forEach((n, i) => {
    const index = first + i;
    if (index * SLOT < since && slots.has(index)) return;
    const known = Math.min(SLOT, (index + 1) * SLOT - since) / 1000;
    slots.set(index, { n, known, p50: activity.p50_seconds[i], p95: activity.p95_seconds[i] });
  });
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
  const each = Array.from({ length: SLOTS }, (_, i) => slots.get(first + i) ?? null);
  // Of a moment no rate can be told.
  const perSecond = each.map((slot) => (slot && slot.known >= 1 ? slot.n / slot.known : null));
  const p50 = each.map((slot) => slot?.p50 ?? null);
  const p95 = each.map((slot) => slot?.p95 ?? null);
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
  // The newest slot may be on its way yet.
  const latest = (list) => list.slice(-2).findLast((v) => v !== null) ?? null;
  setText(rates.legend, `Finalized per second: ${rate(latest(perSecond))}`);
  replace(times.legend, "Created to finalized: ", h("span", { class: "key-p50" }, `p50 ${seconds(latest(p50))}`), ", ", h("span", { class: "key-p95" }, `p95 ${seconds(latest(p95))}`));
  if ($("chart-table").open) table(last);
}

/** Minute by minute, for those who do not see the lines. */
function table(last) {
  const rows = [];
  for (let minute = 0; minute < SLOTS / PER_MINUTE; minute += 1) {
    const from = last - (minute + 1) * PER_MINUTE + 1;
    const of = Array.from({ length: PER_MINUTE }, (_, i) => slots.get(from + i)).filter(Boolean);
    const n = of.length ? of.reduce((sum, slot) => sum + slot.n, 0) : null;
    const known = of.reduce((sum, slot) => sum + slot.known, 0);
    // What a minute's slots say, each as often as it has tasks.
    const typical = (of_slot) => {
      const sorted = of.filter((slot) => slot.n > 0).sort((a, b) => of_slot(a) - of_slot(b));
      let left = (n ?? 0) / 2;
      for (const slot of sorted) if ((left -= slot.n) <= 0) return of_slot(slot);
      return null;
    };
    const cells = [count(n), n === null ? "–" : rate(n / known), seconds(typical((s) => s.p50)), seconds(typical((s) => s.p95))];
    rows.push(h("tr", {}, h("th", { scope: "row" }, clock(from * SLOT)), cells.map((text) => h("td", { class: "num" }, text))));
  }
  const heads = ["From", "Finalized", "Per second", "p50", "p95"].map((name, i) => h("th", { scope: "col", class: i ? "num" : null }, name));
  replace($("chart-rows"), h("table", {}, h("caption", { class: "visually-hidden" }, "Throughput and latency by minute; the times are those of its typical five seconds"), h("thead", {}, h("tr", {}, heads)), h("tbody", {}, rows)));
}

async function load() {
  if (!maySee() || $("view-overview").hidden) return;
  try {
    take(await get("activity"));
    draw();
  } catch {
    // What is known stays; the connection tells of the rest.
  }
}

export function startChart() {
  parts = [plot("Finalized per second", "chart-rate"), plot("Created to finalized", "chart-latency")];
  $("chart").append(parts[0].node, parts[1].node, h("p", { class: "ends quiet", "aria-hidden": "true" }, h("span", {}, "10 min ago"), h("span", {}, "now")));
  on("event", (event) => event.event === "market_reset" && !event.past && slots.clear());
  draw();
  const tick = every(2500, load);
  const soon = throttle(500, tick);
  on("me", soon);
  on("reload", soon);
  on("shown", ({ view }) => view === "overview" && soon());
  $("chart-table").addEventListener("toggle", draw);
}
