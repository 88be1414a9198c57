// A worker with all that is known of it, and what it does.
import { get, workerPath } from "./api.js";
import { reinstate, suspend } from "./actions.js";
import { $, cell, h, perFrame, replace, show } from "./dom.js";
import { ago, count, model, moment, percent, seconds, short } from "./format.js";
import { fields, table } from "./details.js";
import { line } from "./log.js";
import { badge, plain } from "./parts.js";
import { mayOperate, maySee, now, on, state, throttle } from "./store.js";

const EVENTS = 50;
let id = null;
let worker = null;
let events = [];

const tally = (t) =>
  h(
    "tr",
    {},
    cell("Type", {}, short(t.task_type ?? "–", 40)),
    cell("Model", { class: "wrap" }, short(model(t.model), 48)),
    cell("Points", { class: "num" }, count(t.points)),
    cell("Answers", { class: "num" }, count(t.submissions)),
    cell("Agreement", { class: "num" }, percent(t.agreement)),
    cell("Late", { class: "num" }, count(t.late)),
    cell("Lost leases", { class: "num" }, count(t.lost_leases)),
    cell("Mean time", { class: "num" }, seconds(t.mean_latency_seconds)),
  );

const standing = (s) => h("tr", {}, cell("Type", {}, short(s.task_type, 40)), cell("Standing", {}, badge(s.state)), cell("Why", { class: "wrap" }, short(s.reason ?? "–", 300)), cell("Found by", {}, s.cause ?? "–"), cell("Since", {}, moment(s.since)));

function buttons() {
  if (!mayOperate()) return null;
  const stop = h("button", { type: "button", id: "suspend-button", class: "danger" }, "Suspend …");
  const back = h("button", { type: "button", id: "reinstate-button" }, "Reinstate …");
  stop.addEventListener("click", () => suspend(worker));
  back.addEventListener("click", () => reinstate(worker));
  return h("p", { class: "row" }, stop, back);
}

const drawEvents = perFrame(() => {
  const list = $("worker-events");
  if (list) list.replaceChildren(...events.map(line));
});

function draw() {
  const w = worker;
  const box = $("worker-details");
  // What holds the focus is not built anew under one's fingers.
  const held = box.contains(document.activeElement) ? document.activeElement.id : "";
  box.dataset.workerId = w.worker_id;
  box.dataset.state = w.state;
  const models = Object.entries(w.models ?? {}).map(([type, info]) => `${type}: ${model(info)}`);
  const tallies = w.tallies ?? [];
  const standings = w.standings ?? [];
  const special = w.specialization ?? [];
  replace(
    box,
    h("p", { class: "id-line" }, h("bdi", {}, w.worker_id)),
    buttons(),
    fields([
      ["state", "State", badge(w.state)],
      ["standing", "Standing", [badge(w.standing?.state ?? "active"), w.standing?.reason ? ` ${short(w.standing.reason, 300)}` : null]],
      ["leases", "Tasks at hand", count(w.leases)],
      ["points", "Points", count(w.points)],
      ["submissions", "Answers", count(w.submissions)],
      ["owner", "Owner", w.owner],
      ["types", "Types", short(w.capabilities.join(", "), 600)],
      ["model", "Model", w.model ? model(w.model) : null],
      ["models", "Models by type", models.length ? short(models.join("; "), 600) : null],
      ["last_seen", "Last seen", w.last_seen ? `${ago(w.last_seen, now())} (${moment(w.last_seen)})` : null],
      ["registered_at", "Registered", w.registered_at ? moment(w.registered_at) : null],
      ["specialization", "Better than others at", special.length ? special.map((s) => `${short(s.task_type, 40)} (${percent(s.agreement)}, others ${percent(s.others)})`).join(", ") : null],
    ]),
    h("h2", {}, "Tallies"),
    tallies.length ? table("worker-tallies", "Tallies", ["Type", "Model", "Points", "Answers", "Agreement", "Late", "Lost leases", "Mean time"], tallies.map(tally)) : plain("It has answered nothing yet."),
    standings.length ? [h("h2", {}, "Standing by type"), table("worker-standings", "Standing by type", ["Type", "Standing", "Why", "Found by", "Since"], standings.map(standing))] : null,
    h("h2", {}, "What it does"),
    maySee() ? h("ol", { id: "worker-events", class: "log scroll", tabindex: "0", "aria-label": "Its events, newest first" }, events.map(line)) : plain("A worker's key is told of no events."),
  );
  if (held) $(held)?.focus({ preventScroll: true });
}

async function load() {
  if (id === null || $("view-worker").hidden || document.hidden) return;
  const mine = id;
  try {
    const fresh = await get(workerPath(mine));
    if (mine !== id) return;
    worker = fresh;
    draw();
  } catch (error) {
    if (mine !== id || (worker !== null && error.status === 0)) return;
    worker = null;
    const why = error.status === 404 ? "There is no such worker." : error.status === 403 ? "This key shows its own worker alone." : `It cannot be shown: ${error.message}.`;
    replace($("worker-details"), h("p", { class: "empty" }, why));
  }
}

export function startWorker() {
  const soon = throttle(1000, load);
  // A ring of what happened lately, of which a worker's own events are shown.
  const recent = [];
  on("event", (event) => {
    if (!event.worker_id) return;
    recent.push(event);
    if (recent.length > 4000) recent.splice(0, 2000);
    if (event.worker_id !== id) return;
    events.unshift(event);
    events.length = Math.min(events.length, EVENTS);
    drawEvents();
    if (!event.past) soon();
  });
  on("shown", ({ view, id: asked }) => {
    if (view !== "worker") {
      id = null;
      return;
    }
    if (asked !== id) {
      id = asked;
      worker = null;
      events = recent.filter((event) => event.worker_id === id).slice(-EVENTS).reverse();
      replace($("worker-details"), h("p", { class: "quiet" }, "loading …"));
    }
    load();
  });
  on("reload", load);
  setInterval(load, 5000);
  show($("view-worker"), false);
}
