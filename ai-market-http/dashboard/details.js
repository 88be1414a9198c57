// A task with all that is known of it.
import { $, cell, h, perFrame, replace, show } from "./dom.js";
import { ago, count, model, moment, percent, seconds, short, millis } from "./format.js";
import { badge, labelText, marked, plain, spansOf, votes, workerName } from "./parts.js";
import { maySee, now, on, state, throttle } from "./store.js";
import { apply, fetchTask } from "./tasks.js";

let id = null;
let task = null;
let asked = null;

/** A list of names and values; `null` leaves one out. */
export function fields(list) {
  return h("dl", { class: "fields" }, list.filter(([, , value]) => value !== null && value !== undefined).map(([name, title, value]) => h("div", {}, h("dt", {}, title), h("dd", { "data-field": name }, value))));
}

/** Columns that hold numbers, which stand at the right. */
const NUMBERS = new Set(["Confidence", "Points", "Answers", "Agreement", "Late", "Lost leases", "Mean time"]);

export const table = (name, title, heads, rows) =>
  h("div", { class: "scroll", role: "region", tabindex: "0", "aria-label": title }, h("table", { id: name, class: "cards" }, h("caption", { class: "visually-hidden" }, title), h("thead", {}, h("tr", {}, heads.map((head) => h("th", { scope: "col", class: NUMBERS.has(head) ? "num" : null }, head)))), h("tbody", {}, rows)));

function vote(v) {
  const decided = task.final_label !== null && task.final_label !== undefined;
  const same = decided && v.label === task.final_label;
  return h(
    "tr",
    { "data-worker-id": v.worker_id, "data-agrees": decided ? String(same) : null },
    cell("Worker", { class: "name-cell" }, workerName(v.worker_id)),
    cell("Answer", { class: "wrap", title: short(v.label, 400) }, labelText(v.label, 200)),
    cell("Agrees", {}, !decided ? "–" : same ? h("span", { class: "good" }, "✓ same") : h("span", { class: "bad" }, "differs")),
    cell("Confidence", { class: "num" }, percent(v.confidence)),
    cell("Model", { class: "wrap" }, short(model(v.model), 48)),
    cell("After", { title: v.submitted_at }, seconds((millis(v.submitted_at) - millis(task.created_at)) / 1000), v.late ? h("small", {}, " late") : null, v.truncated ? h("small", {}, " truncated") : null),
  );
}

const lease = (l) => h("tr", { "data-worker-id": l.worker_id }, cell("Worker", { class: "name-cell" }, workerName(l.worker_id)), cell("Since", {}, ago(l.claimed_at, now())), cell("Until", {}, moment(l.lease_until)));

function answerField() {
  if (task.final_label === null || task.final_label === undefined) return null;
  const spans = spansOf(task.final_label);
  if (spans === null) return h("span", { class: "answer" }, h("b", {}, task.final_label));
  return spans.length === 0 ? "nothing found" : labelText(task.final_label, 300);
}

const draw = perFrame(() => {
  if (task === null) return;
  const box = $("task-details");
  const open = task.status === "queued" || task.status === "assigned";
  box.dataset.taskId = task.id;
  box.dataset.status = task.status;
  const spans = spansOf(task.final_label);
  const listed = task.submissions ?? [];
  const leases = task.leases ?? [];
  replace(
    box,
    h("p", { class: "id-line" }, h("code", {}, task.id)),
    h("div", { "data-field": "text" }, spans?.length ? marked(task.text, spans) : h("p", { class: "text" }, task.text)),
    fields([
      ["status", "Status", badge(task.status)],
      ["type", "Type", task.task_type],
      ["votes", "Votes", votes(task.submission_count, task.wanted)],
      ["answer", "Answer", answerField()],
      ["agreement", "Agreement", task.final_label === null ? null : percent(task.agreement)],
      ["failure_reason", "Why it failed", task.failure_reason],
      ["waiting_for", "Waits for", task.waiting_for],
      ["able_workers", "Able workers", task.able_workers === null || task.able_workers === undefined ? null : count(task.able_workers)],
      ["created_at", "Created", moment(task.created_at)],
      ["decided_at", "Decided", task.decided_at ? `${moment(task.decided_at)}, after ${seconds((millis(task.decided_at) - millis(task.created_at)) / 1000)}` : null],
      ["deadline", "Deadline", task.deadline ? moment(task.deadline) : null],
      ["priority", "Priority", count(task.priority)],
      ["required", "Votes asked for", `${count(task.required_submissions)}${task.max_submissions ? `, at most ${count(task.max_submissions)}` : ""}`],
      ["attempts", "Lost leases", `${count(task.attempts)} of at most ${count(task.max_attempts)}`],
      ["policy", "Policy", task.policy],
      ["distinct_models", "Distinct models", task.distinct_models ? "yes" : null],
    ]),
    h("h2", {}, "Votes"),
    listed.length > 0 ? table("task-votes", "Votes", ["Worker", "Answer", "Agrees", "Confidence", "Model", "After"], listed.map(vote)) : plain(open ? `Votes are blind: they show once the task is decided. ${count(task.submission_count)} of ${count(task.wanted)} are in.` : "There are none."),
    leases.length > 0 ? [h("h2", {}, "Workers at it"), table("task-leases", "Leases", ["Worker", "Since", "Until"], leases.map(lease))] : null,
  );
});

function sayInstead(text) {
  task = null;
  const box = $("task-details");
  delete box.dataset.status;
  replace(box, h("p", { class: "empty" }, text));
}

async function load() {
  if (id === null || $("view-task").hidden) return;
  if (state.me !== null && !maySee()) return sayInstead("A worker's key does not show tasks.");
  const mine = id;
  asked?.abort();
  asked = new AbortController();
  try {
    const fresh = await fetchTask(mine, asked.signal);
    if (mine !== id) return;
    task = fresh;
    draw();
  } catch (error) {
    if (mine !== id || error.name === "AbortError") return;
    if (error.status === 404) sayInstead("There is no such task.");
    else if (task === null) sayInstead(`It cannot be shown: ${error.message}.`);
  }
}

export function startDetails() {
  const soon = throttle(500, load);
  on("shown", ({ view, id: asked }) => {
    if (view !== "task") {
      id = null;
      return;
    }
    if (asked !== id) {
      id = asked;
      task = null;
      replace($("task-details"), h("p", { class: "quiet" }, "loading …"));
    }
    load();
  });
  on("event", (event) => {
    if (event.past || task === null || event.task_id !== task.id || id === null) return;
    apply(task, event);
    draw();
    soon();
  });
  on("reload", load);
  setInterval(() => {
    if (task && id !== null && !document.hidden && (task.status === "queued" || task.status === "assigned")) soon();
  }, 5000);
  show($("view-task"), false);
}
