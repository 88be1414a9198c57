// The list of workers, a page at a time.
import { page } from "./api.js";
import { $, cell, h, replace, show } from "./dom.js";
import { ago, count, model, percent, short } from "./format.js";
import { badge, command, plain, workerName } from "./parts.js";
import { mayOperate, maySee, now, on, state, throttle } from "./store.js";

const PAGE = 100;
let cursor = null;
let next = null;
let workers = [];
let tallies = new Map();

function fits(worker) {
  const words = state.filter.toLowerCase();
  return words === "" || [worker.worker_id, worker.owner, worker.state, worker.standing?.state, model(worker.model), ...worker.capabilities].some((v) => v && String(v).toLowerCase().includes(words));
}

export function standing(worker) {
  const whole = worker.standing?.state ?? "active";
  const some = (worker.standings ?? []).filter((s) => s.state !== "active");
  const reason = worker.standing?.reason ?? some[0]?.reason ?? null;
  return h("span", { title: reason }, badge(whole), some.length > 0 ? h("small", {}, ` ${some.slice(0, 2).map((s) => `${short(s.task_type, 20)}: ${s.state}`).join(", ")}${some.length > 2 ? ` +${some.length - 2}` : ""}`) : null);
}

const agreementOf = (id) => tallies.get(id)?.agreement;

function row(w) {
  return h(
    "tr",
    { "data-worker-id": w.worker_id, "data-state": w.state },
    cell("Worker", { class: "name-cell" }, workerName(w.worker_id), w.owner ? h("small", { class: "quiet" }, ` of ${short(w.owner, 24)}`) : null),
    cell("State", {}, badge(w.state)),
    cell("Standing", {}, standing(w)),
    cell("Model", { class: "wrap" }, short(model(w.model), 48)),
    cell("Types", { class: "wrap", title: short(w.capabilities.join(", "), 400) }, short(w.capabilities.join(", "), 60)),
    cell("Leases", { class: "num" }, w.leases > 0 ? count(w.leases) : h("span", { class: "quiet" }, "idle")),
    cell("Points", { class: "num" }, count(w.points)),
    cell("Answers", { class: "num" }, count(w.submissions)),
    cell("Agreement", { class: "num" }, percent(agreementOf(w.worker_id))),
    cell("Last seen", { title: w.last_seen }, ago(w.last_seen, now())),
  );
}

function draw() {
  const fitting = workers.filter(fits);
  const body = $("workers-body");
  // Whoever holds the focus keeps it.
  const focused = body.contains(document.activeElement) ? document.activeElement.closest("tr")?.dataset.workerId : null;
  body.replaceChildren(...fitting.map(row));
  if (focused) [...body.children].find((tr) => tr.dataset.workerId === focused)?.querySelector("a")?.focus({ preventScroll: true });
  show($("workers-empty"), fitting.length === 0);
  if (workers.length === 0) replace($("workers-empty"), plain("No worker is here yet. Start one:"), command("cargo run --example worker -- alice"));
  else replace($("workers-empty"), plain("No worker on this page fits the filter."));
  show($("workers-next"), next !== null);
  show($("workers-first"), cursor !== null);
}

async function load() {
  if (!maySee() || $("view-workers").hidden || document.hidden) return;
  try {
    const [list, ranks] = await Promise.all([page("workers", { limit: PAGE, cursor }), page("leaderboard", { by: "worker", limit: 1000 })]);
    workers = list.items;
    next = list.cursor;
    tallies = new Map(ranks.items.map((tally) => [tally.worker_id, tally]));
    draw();
  } catch (error) {
    if (error.status !== 0 && error.status !== 401) {
      show($("workers-empty"), true);
      replace($("workers-empty"), plain(error.message));
    }
  }
}

export function startWorkers() {
  const soon = throttle(2000, load);
  on("event", (e) => !e.past && !$("view-workers").hidden && soon());
  on("reload", load);
  on("shown", ({ view }) => {
    if (view !== "workers") return;
    show($("requeue-button"), mayOperate());
    show($("ops-hint"), state.me !== null && !state.me.keys && !mayOperate());
    load();
  });
  on("filter", () => !$("view-workers").hidden && draw());
  $("workers-next").addEventListener("click", () => {
    cursor = next;
    load();
  });
  $("workers-first").addEventListener("click", () => {
    cursor = null;
    load();
  });
  setInterval(load, 5000);
}
