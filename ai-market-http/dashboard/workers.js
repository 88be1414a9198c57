// The list of workers, a page at a time.
import { reinstate, suspend } from "./actions.js";
import { page } from "./api.js";
import { $, cell, h, patch, show } from "./dom.js";
import { ago, count, model, percent, short } from "./format.js";
import { badge, foreign, plain, several, startWorker, workerName } from "./parts.js";
import { mayOperate, maySee, now, on, state, throttle } from "./store.js";
import { isRestricted, isSuspended } from "./worker.js";

const PAGE = 100;
let cursor = null;
let next = null;
/** `null` until they are known. */
let workers = null;
let tallies = new Map();

function fits(worker) {
  const words = state.filter.toLowerCase();
  return words === "" || [worker.worker_id, worker.owner, worker.state, worker.standing?.state, model(worker.model), ...worker.capabilities].some((v) => v && String(v).toLowerCase().includes(words));
}

function standing(worker) {
  const whole = worker.standing?.state ?? "active";
  // What holds for all types is what the badge says.
  const some = (worker.standings ?? []).filter((s) => s.state !== "active" && s.task_type !== null);
  const reason = worker.standing?.reason ?? some[0]?.reason ?? null;
  const types = some.slice(0, 2).map((s, i) => [i > 0 ? ", " : " ", foreign(s.task_type, 20), `: ${s.state}`]);
  return h("span", { title: reason }, badge(whole), some.length > 0 ? h("small", {}, types, some.length > 2 ? ` +${some.length - 2}` : null) : null);
}

/** What an operator may do with a worker, whose name is heard with it. */
function actions(w) {
  const button = (name, title, kind) => h("button", { type: "button", class: `${kind}small`, "data-action": name, "aria-label": `${title} ${short(w.worker_id, 60)}` }, `${title} …`);
  return h("div", { class: "row" }, isSuspended(w) ? null : button("suspend", "Suspend", "danger "), isRestricted(w) ? button("reinstate", "Reinstate", "") : null);
}

function row(w) {
  return h(
    "tr",
    { "data-worker-id": w.worker_id, "data-state": w.state },
    cell("Worker", { class: "name-cell" }, workerName(w.worker_id), w.owner ? h("small", { class: "quiet" }, " of ", foreign(w.owner, 24)) : null),
    cell("State", {}, badge(w.state)),
    cell("Standing", {}, standing(w)),
    cell("Model", { class: "wrap" }, foreign(model(w.model), 48)),
    cell("Types", { class: "wrap", title: short(w.capabilities.join(", "), 400) }, several(w.capabilities, 24, 4)),
    cell("Leases", { class: "num" }, w.leases > 0 ? count(w.leases) : h("span", { class: "quiet" }, "idle")),
    cell("Points", { class: "num" }, count(w.points)),
    cell("Answers", { class: "num" }, count(w.submissions)),
    cell("Agreement", { class: "num" }, percent(tallies.get(w.worker_id)?.agreement)),
    cell("Last seen", { title: w.last_seen }, ago(w.last_seen, now())),
    mayOperate() ? cell("Actions", {}, actions(w)) : null,
  );
}

/** What stands below the list. */
function below(fitting) {
  const all = cursor === null && next === null;
  if (workers.length === 0 && all) return [plain("No worker is here yet. Start one:"), startWorker()];
  if (all ? !workers.some((w) => w.state === "active") : state.workers === 0) return [plain("No worker is active. Start one:"), startWorker()];
  return fitting.length === 0 ? plain("No worker on this page fits the filter.") : null;
}

function say(...nodes) {
  patch($("workers-empty"), nodes);
  show($("workers-empty"), $("workers-empty").hasChildNodes());
}

function draw() {
  if (workers === null) return;
  const fitting = workers.filter(fits);
  patch($("workers-body"), fitting.map(row));
  say(below(fitting));
  show($("workers-actions"), mayOperate());
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
    // The line at the top says what is the matter where there is something to look at.
    if (error.status === 401 || (error.status === 0 && workers !== null)) return;
    say(plain(`The workers cannot be shown: ${error.message}.`));
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
  $("workers-body").addEventListener("click", (event) => {
    const action = event.target.closest("button")?.dataset.action;
    const id = event.target.closest("tr")?.dataset.workerId;
    const worker = workers?.find((w) => w.worker_id === id);
    if (worker && action) ({ suspend, reinstate })[action](worker);
  });
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
