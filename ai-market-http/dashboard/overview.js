// How many tasks and workers there are, and how fast things go.
import { get } from "./api.js";
import { $, h, setText } from "./dom.js";
import { count, rate } from "./format.js";
import { emit, every, maySee, on, state, throttle } from "./store.js";

const CARDS = [
  ["queued", "Queued", "wait for workers", "#/?status=queued"],
  ["assigned", "Assigned", "workers are at them", "#/?status=assigned"],
  ["finalized", "Finalized", "have an answer", "#/?status=finalized"],
  ["failed", "Failed", "have none", "#/?status=failed"],
  ["active", "Workers", "", "#/workers"],
  ["created-rate", "Created/s", "now", null],
  ["finalized-rate", "Finalized/s", "now", null],
];

const values = new Map();
const notes = new Map();
let before = null;

function card([name, title, note, href]) {
  const value = h("span", { class: "value" }, "–");
  const small = h("small", {}, note);
  values.set(name, value);
  notes.set(name, small);
  const node = h(href ? "a" : "div", { class: "count", "data-count": name, href }, h("span", { class: "title" }, title), " ", value, " ", small);
  // The list is further down.
  if (href?.startsWith("#/?")) node.addEventListener("click", () => $("tasks-title").focus());
  return node;
}

function build() {
  $("counts").append(...CARDS.map(card));
  const parts = ["stale", "gone"].map((name) => {
    const value = h("span", { class: "value" }, "0");
    values.set(name, value);
    return h("span", { "data-count": name }, value, ` ${name} `);
  });
  notes.get("active").replaceChildren(parts[0], "and ", parts[1]);
}

/** Those that are gone are stale as well. */
function workersBy(stats) {
  const stale = stats.workers_stale ?? 0;
  const gone = stats.workers_gone ?? 0;
  return { active: Math.max(0, stats.workers - stale), stale: Math.max(0, stale - gone), gone };
}

function showStats(stats) {
  const by = stats.tasks_by_status ?? {};
  for (const name of ["queued", "assigned", "finalized", "failed"]) setText(values.get(name), count(by[name] ?? 0));
  setText(notes.get("failed"), by.cancelled > 0 ? `and ${count(by.cancelled)} cancelled` : "have none");
  values.get("failed").parentElement.classList.toggle("some", (by.failed ?? 0) > 0);
  const workers = workersBy(stats);
  for (const [name, n] of Object.entries(workers)) setText(values.get(name), count(n));
  state.workers = workers.active;
  setText(notes.get("queued"), stats.tasks_short_of_workers > 0 ? `${count(stats.tasks_short_of_workers)} short of workers` : "wait for workers");
  const at = performance.now();
  const total = stats.tasks_total ?? stats.tasks;
  const finalized = by.finalized ?? 0;
  if (before !== null && at - before.at < 10_000 && total >= before.total) {
    const took = (at - before.at) / 1000;
    setText(values.get("created-rate"), rate((total - before.total) / took));
    setText(values.get("finalized-rate"), rate(Math.max(0, finalized - before.finalized) / took));
  }
  before = { at, total, finalized };
}

export function startOverview() {
  build();
  const tick = every(2000, async () => {
    if (!maySee()) return;
    try {
      const stats = await get("db/stats");
      showStats(stats);
      emit("stats", stats);
      emit("reachable", true);
    } catch (error) {
      if (error.status === 0) emit("reachable", false);
    }
  });
  const soon = throttle(500, tick);
  on("reload", () => {
    before = null;
    soon();
  });
  on("connection", () => {
    if (state.connection !== "connecting") document.body.classList.toggle("is-away", state.connection === "reconnecting");
  });
  return tick;
}
