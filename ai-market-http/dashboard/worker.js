// A worker with all that is known of it, and what it does.
import { reinstate, suspend } from "./actions.js";
import { get, workerPath } from "./api.js";
import { $, cell, h, patch, show } from "./dom.js";
import { ago, count, model, moment, percent, seconds } from "./format.js";
import { badge, fields, foreign, plain, several, startWorker as startOne, table } from "./parts.js";
import { mayOperate, maySee, now, on, state, throttle } from "./store.js";
import { timeline } from "./timeline.js";

let id = null;
let worker = null;
let story = null;

const tally = (t) =>
  h(
    "tr",
    {},
    cell("Type", {}, foreign(t.task_type ?? "–", 40)),
    cell("Model", { class: "wrap" }, foreign(model(t.model), 48)),
    cell("Points", { class: "num" }, count(t.points)),
    cell("Answers", { class: "num" }, count(t.submissions)),
    cell("Agreement", { class: "num" }, percent(t.agreement)),
    cell("Late", { class: "num" }, count(t.late)),
    cell("Lost leases", { class: "num" }, count(t.lost_leases)),
    cell("Mean time", { class: "num" }, seconds(t.mean_latency_seconds)),
  );

const standing = (s) =>
  h(
    "tr",
    {},
    cell("Type", {}, s.task_type === null ? "all types" : foreign(s.task_type, 40)),
    cell("Standing", {}, badge(s.state)),
    cell("Why", { class: "wrap" }, s.reason ? foreign(s.reason, 300) : "–"),
    cell("Found by", {}, s.cause ? foreign(s.cause, 60) : "–"),
    cell("Since", {}, moment(s.since)),
  );

/** Whether it gets no task of any type. */
export const isSuspended = (w) => w.standing?.state === "suspended";
/** Whether it is suspended or on probation, for all types or some. */
export const isRestricted = (w) => (w.standing?.state ?? "active") !== "active" || (w.standings ?? []).some((s) => s.state !== "active");

function buttons() {
  if (!mayOperate()) return null;
  const button = (name, title, kind, run) => {
    const node = h("button", { type: "button", id: name, class: kind }, title);
    node.addEventListener("click", () => run(worker));
    return node;
  };
  return h("p", { class: "row", "data-field": "actions" }, isSuspended(worker) ? null : button("suspend-button", "Suspend …", "danger", suspend), isRestricted(worker) ? button("reinstate-button", "Reinstate …", null, reinstate) : null);
}

function better(special) {
  if (special.length === 0) return null;
  return special.map((s, i) => [i > 0 ? ", " : null, foreign(s.task_type, 40), ` (${percent(s.agreement)}, others ${percent(s.others)})`]);
}

function facts(w) {
  const models = Object.entries(w.models ?? {}).map(([type, info]) => `${type}: ${model(info)}`);
  return fields([
    ["state", "State", badge(w.state)],
    ["standing", "Standing", [badge(w.standing?.state ?? "active"), w.standing?.reason ? [" ", foreign(w.standing.reason, 300)] : null]],
    ["leases", "Tasks at hand", count(w.leases)],
    ["points", "Points", count(w.points)],
    ["submissions", "Answers", count(w.submissions)],
    ["owner", "Owner", w.owner ? foreign(w.owner, 100) : null],
    ["types", "Types", several(w.capabilities)],
    ["model", "Model", w.model ? foreign(model(w.model), 200) : null],
    ["models", "Models by type", models.length ? several(models, 200) : null],
    ["last_seen", "Last seen", w.last_seen ? `${ago(w.last_seen, now())} (${moment(w.last_seen)})` : null],
    ["registered_at", "Registered", w.registered_at ? moment(w.registered_at) : null],
    ["specialization", "Better than others at", better(w.specialization ?? [])],
  ]);
}

function draw() {
  const w = worker;
  const box = $("worker-details");
  box.dataset.workerId = w.worker_id;
  box.dataset.state = w.state;
  const tallies = w.tallies ?? [];
  const standings = w.standings ?? [];
  patch(
    box,
    h("p", { class: "id-line", "data-field": "id" }, foreign(w.worker_id, 400)),
    buttons(),
    facts(w),
    h("h2", { "data-field": "tallies-title" }, "Tallies"),
    tallies.length ? table("worker-tallies", "Tallies", ["Type", "Model", "Points", "Answers", "Agreement", "Late", "Lost leases", "Mean time"], tallies.map(tally)) : plain("It has answered nothing yet."),
    standings.length ? [h("h2", { "data-field": "standings-title" }, "Standing by type"), table("worker-standings", "Standing by type", ["Type", "Standing", "Why", "Found by", "Since"], standings.map(standing))] : null,
    maySee() ? null : h("p", { class: "quiet", "data-field": "no-events" }, "A worker's key is told of no events."),
  );
}

function missing(error) {
  if (error.status === 403) return "This key shows its own worker alone.";
  if (error.status !== 404) return `It cannot be shown: ${error.message}.`;
  // A key is there before the worker that uses it.
  if (id === state.me?.worker_id) return [plain("Your worker is not here yet. Start it:"), startOne()];
  return "There is no such worker.";
}

async function load() {
  if (id === null || $("view-worker").hidden || document.hidden) return;
  const mine = id;
  try {
    const fresh = await get(workerPath(mine));
    if (mine !== id) return;
    worker = fresh;
    story.of(id);
    draw();
  } catch (error) {
    if (mine !== id || (worker !== null && error.status === 0)) return;
    worker = null;
    story.of(null);
    patch($("worker-details"), h("div", { class: "empty" }, missing(error)));
  }
}

export function startWorker() {
  story = timeline({ name: "worker-events", title: "What it does", by: "worker_id", section: $("view-worker"), begins: null });
  const soon = throttle(1000, load);
  on("event", (event) => {
    story.add(event);
    if (event.worker_id === id && id !== null && !event.past) soon();
  });
  on("shown", ({ view, id: asked }) => {
    if (view !== "worker") {
      id = null;
      story.of(null);
      return;
    }
    if (asked !== id) {
      id = asked;
      worker = null;
      patch($("worker-details"), h("p", { class: "quiet" }, "loading …"));
    }
    load();
  });
  on("reload", load);
  setInterval(load, 5000);
  show($("view-worker"), false);
}
