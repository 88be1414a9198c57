// What happens, line by line: the newest 500, never more than a frame can bear.
import { $, h, perFrame, say, show } from "./dom.js";
import { clock, count, percent, short } from "./format.js";
import { labelText, taskName, workerName } from "./parts.js";
import { on, state } from "./store.js";

const KINDS = [
  "task_created", "task_leased", "task_answered", "task_finalized", "task_failed", "task_requeued",
  "worker_registered", "worker_stale", "worker_gone", "worker_returned", "worker_suspended", "worker_probation", "worker_reinstated", "market_reset",
];
const LINES = 500;
const PER_SECOND = 50;

let waiting = [];
let kept = [];
let skipped = 0;
let missed = 0;
let second = 0;
let taken = 0;
let paused = false;

/** What an event says, as text and links. */
export function tell(e) {
  const task = e.task_id ? taskName(e.task_id) : null;
  const who = e.worker_id ? workerName(e.worker_id, 40) : null;
  const ofType = e.task_type ? ` (${short(e.task_type, 32)})` : "";
  switch (e.event) {
    case "task_created": return ["task ", task, ofType, ` created, wants ${count(e.wanted)} votes`];
    case "task_leased": return [who, " took task ", task, ofType];
    case "task_answered": return [who, " answered task ", task, ofType, ` – ${count(e.submission_count)}/${count(e.wanted)} votes`];
    case "task_finalized": return ["task ", task, ofType, " is ", h("b", { title: short(e.label, 400) }, labelText(e.label, 60)), `, ${percent(e.agreement)} of ${count(e.submission_count)} votes`];
    case "task_failed": return ["task ", task, ofType, " failed: ", short(e.reason, 120)];
    case "task_requeued": return ["task ", task, ofType, " taken back from ", who, ` (${e.cause})`];
    case "worker_registered": return [who, " registered for ", short((e.task_types ?? []).join(", "), 120)];
    case "worker_stale": return [who, " is silent"];
    case "worker_gone": return [who, " is gone"];
    case "worker_returned": return [who, " is back"];
    case "worker_suspended": return [who, " suspended", ofType, ": ", short(e.reason, 120)];
    case "worker_probation": return [who, " is on probation", ofType, ": ", short(e.reason, 120)];
    case "worker_reinstated": return [who, " reinstated", ofType];
    case "market_reset": return ["everything was forgotten"];
    default: return [short(JSON.stringify(e), 160)];
  }
}

export const line = (e) =>
  h("li", { "data-event": e.event, "data-id": e.id }, h("time", { datetime: e.at }, clock(e.at)), " ", h("span", { class: "event-name" }, String(e.event).replace(/_/g, " ")), " ", h("span", { class: "event-text" }, tell(e)));

function fits(e) {
  if ($("log-kind").value && e.event !== $("log-kind").value) return false;
  const words = state.filter.toLowerCase();
  return words === "" || [e.worker_id, e.task_type, e.task_id, e.label, e.reason, e.event].some((v) => v && String(v).toLowerCase().includes(words));
}

function says() {
  const parts = [];
  if (paused) parts.push("Paused.");
  if (skipped > 0) parts.push(`${count(skipped)} events were skipped, since more than ${PER_SECOND} a second came.`);
  if (missed > 0) parts.push(`${count(missed)} events were lost on the way.`);
  say($("log-skipped"), parts.join(" "));
}

const flush = perFrame(() => {
  if (!paused) {
    const fresh = waiting.reverse();
    waiting = [];
    kept = fresh.concat(kept).slice(0, LINES);
    if (!$("view-log").hidden) {
      $("log").prepend(...fresh.filter(fits).map(line));
      while ($("log").childElementCount > LINES) $("log").lastElementChild.remove();
    }
    show($("log-empty"), kept.length === 0);
  }
  says();
});

function redraw() {
  $("log").replaceChildren(...kept.filter(fits).map(line));
  show($("log-empty"), kept.length === 0);
  says();
}

function take(e) {
  const at = Math.floor(performance.now() / 1000);
  if (at !== second) [second, taken] = [at, 0];
  taken += 1;
  // What is read at the beginning comes all at once.
  if (taken > PER_SECOND && !e.past) skipped += 1;
  else {
    waiting.push(e);
    if (waiting.length > LINES) {
      waiting.shift();
      if (!e.past) skipped += 1;
    }
  }
  flush();
}

export function startLog() {
  $("log-kind").append(...KINDS.map((kind) => h("option", { value: kind }, kind.replace(/_/g, " "))));
  on("event", take);
  on("missed", ({ after, until }) => {
    missed += Math.max(0, until - after);
    flush();
  });
  on("shown", ({ view }) => view === "log" && redraw());
  on("filter", () => !$("view-log").hidden && redraw());
  $("log-kind").addEventListener("change", redraw);
  $("log-pause").addEventListener("click", () => {
    paused = !paused;
    $("log-pause").setAttribute("aria-pressed", String(paused));
    $("log-pause").textContent = paused ? "Resume" : "Pause";
    flush();
  });
  $("log-clear").addEventListener("click", () => {
    [kept, waiting, skipped, missed] = [[], [], 0, 0];
    redraw();
  });
}
