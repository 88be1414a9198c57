// A task with all that is known of it.
import { cancel } from "./actions.js";
import { $, cell, h, patch, perFrame, show } from "./dom.js";
import { ago, count, millis, model, moment, percent, seconds } from "./format.js";
import { badge, fields, foreign, labelText, longText, marked, plain, spansOf, table, votes, workerName } from "./parts.js";
import { maySee, now, on, state, throttle } from "./store.js";
import { apply, fetchTask } from "./tasks.js";
import { timeline } from "./timeline.js";

let id = null;
let task = null;
let asked = null;
let story = null;

const isOpen = () => task.status === "queued" || task.status === "assigned";
const isDecided = () => task.final_label !== null && task.final_label !== undefined;
/** Whether answers in other words may say the same: then the policy names what compares them. */
const isCompared = () => / \(.+\)$/.test(task.policy ?? "");

/** Whether a vote agrees with the answer; null where only the coordinator knows. */
function agrees(v) {
  if (v.label === task.final_label || (isCompared() && task.agreement === 1 && !v.late)) return true;
  return isCompared() ? null : false;
}

function verdict(v) {
  if (!isDecided()) return "–";
  const same = agrees(v);
  if (same === null) return h("span", { title: "They may say the same: the policy compares what answers mean." }, "other words");
  return same ? h("span", { class: "good" }, "✓ same") : h("span", { class: "bad" }, "differs");
}

const vote = (v) =>
  h(
    "tr",
    { "data-worker-id": v.worker_id, "data-agrees": isDecided() && agrees(v) !== null ? String(agrees(v)) : null },
    cell("Worker", { class: "name-cell" }, workerName(v.worker_id)),
    cell("Answer", { class: "wrap" }, foreign(labelText(v.label, 200), 200)),
    cell("Agrees", {}, verdict(v)),
    cell("Confidence", { class: "num" }, percent(v.confidence)),
    cell("Model", { class: "wrap" }, foreign(model(v.model), 48)),
    cell("After", { title: v.submitted_at }, seconds((millis(v.submitted_at) - millis(task.created_at)) / 1000), v.late ? h("small", {}, " late") : null, v.truncated ? h("small", {}, " truncated") : null),
  );

const lease = (l) => h("tr", { "data-worker-id": l.worker_id }, cell("Worker", { class: "name-cell" }, workerName(l.worker_id)), cell("Since", {}, ago(l.claimed_at, now())), cell("Until", {}, moment(l.lease_until)));

function answerField() {
  if (!isDecided()) return null;
  const spans = spansOf(task.final_label);
  if (spans === null) return h("b", { class: "answer" }, foreign(task.final_label, Infinity));
  return spans.length === 0 ? "nothing found" : foreign(labelText(task.final_label, 300), 300);
}

const after = (time) => seconds((millis(time) - millis(task.created_at)) / 1000);
const words = (text) => (text ? foreign(text, 600) : null);

const facts = () =>
  fields([
    ["status", "Status", badge(task.status)],
    ["type", "Type", words(task.task_type)],
    ["votes", "Votes", votes(task.submission_count, task.wanted)],
    ["answer", "Answer", answerField()],
    ["agreement", "Agreement", task.final_label === null ? null : percent(task.agreement)],
    ["failure_reason", task.status === "cancelled" ? "Why it was cancelled" : "Why it failed", words(task.failure_reason)],
    ["waiting_for", "Waits for", words(task.waiting_for)],
    ["able_workers", "Able workers", task.able_workers === null || task.able_workers === undefined ? null : count(task.able_workers)],
    ["created_at", "Created", moment(task.created_at)],
    ["decided_at", "Decided", task.decided_at ? `${moment(task.decided_at)}, after ${after(task.decided_at)}` : null],
    ["deadline", "Deadline", task.deadline ? moment(task.deadline) : null],
    ["priority", "Priority", count(task.priority)],
    ["required", "Votes asked for", `${count(task.required_submissions)}${task.max_submissions ? `, at most ${count(task.max_submissions)}` : ""}`],
    ["attempts", "Lost leases", `${count(task.attempts)} of at most ${count(task.max_attempts)}`],
    ["policy", "Policy", words(task.policy)],
    ["distinct_models", "Distinct models", task.distinct_models ? "yes" : null],
  ]);

/** A client's key cancels only its owner's tasks; for others the coordinator refuses. */
function buttons() {
  if (!isOpen() || !maySee()) return null;
  const button = h("button", { type: "button", id: "cancel-button", class: "danger" }, "Cancel …");
  button.addEventListener("click", () => cancel(task));
  return h("p", { class: "row", "data-field": "actions" }, button);
}

function voteList() {
  const listed = task.submissions ?? [];
  if (listed.length > 0) return table("task-votes", "Votes", ["Worker", "Answer", "Agrees", "Confidence", "Model", "After"], listed.map(vote));
  return plain(isOpen() ? `Votes are blind: they show once the task is decided. ${count(task.submission_count)} of ${count(task.wanted)} are in.` : "There are none.");
}

const draw = perFrame(() => {
  if (task === null) return;
  const box = $("task-details");
  box.dataset.taskId = task.id;
  box.dataset.status = task.status;
  const spans = spansOf(task.final_label);
  const leases = task.leases ?? [];
  patch(
    box,
    h("p", { class: "id-line", "data-field": "id" }, h("code", {}, task.id)),
    h("div", { "data-field": "text" }, spans?.length ? marked(task.text, spans) : longText(task.text)),
    buttons(),
    facts(),
    h("h2", { "data-field": "votes-title" }, "Votes"),
    voteList(),
    leases.length > 0 ? [h("h2", { "data-field": "leases-title" }, "Workers at it"), table("task-leases", "Leases", ["Worker", "Since", "Until"], leases.map(lease))] : null,
  );
});

function sayInstead(text) {
  task = null;
  const box = $("task-details");
  delete box.dataset.status;
  patch(box, h("p", { class: "empty" }, text));
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
    if (error.status === 404) {
      story.of(null);
      sayInstead("There is no such task.");
    } else if (task === null) sayInstead(`It cannot be shown: ${error.message}.`);
  }
}

const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;

export function startDetails() {
  story = timeline({ name: "task-events", title: "What happened", by: "task_id", section: $("view-task"), begins: "task_created" });
  const soon = throttle(500, load);
  on("shown", ({ view, id: asked }) => {
    if (view !== "task") {
      id = null;
      story.of(null);
      return;
    }
    if (asked !== id) {
      id = asked;
      task = null;
      patch($("task-details"), h("p", { class: "quiet" }, "loading …"));
    }
    if (UUID.test(id)) story.of(id.toLowerCase());
    load();
  });
  on("event", (event) => {
    story.add(event);
    if (event.past || task === null || event.task_id !== task.id || id === null) return;
    apply(task, event);
    draw();
    soon();
  });
  on("reload", load);
  setInterval(() => {
    if (task && id !== null && !document.hidden && isOpen()) soon();
  }, 5000);
  show($("view-task"), false);
}
