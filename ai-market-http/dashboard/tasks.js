// The list of tasks, a page at a time, kept up to date by events.
import { get, page, taskPath } from "./api.js";
import { apply, newer } from "./change.js";
import { $, cell, h, perFrame, replace, say, setText, show } from "./dom.js";
import { ago, count, short } from "./format.js";
import { answer, askMarket, badge, foreign, plain, votes } from "./parts.js";
import { narrow, taskLink } from "./router.js";
import { maySee, now, on, state, throttle } from "./store.js";

export { apply } from "./change.js";

const PAGE = 50;
/** More new tasks a second than are shown. */
const SAMPLED = 20;

/** Tasks shown, by id, newest first; each with its row. */
let shown = new Map();
/** Those of them that an event has changed, until the next frame. */
let changed = new Set();
/** What the coordinator is asked for. */
let chosen = { status: "", type: "" };
/** Where the page that is shown begins, or null, and the one after it. */
let cursor = null;
let next = null;
let asked = 0;
let created = 0;
let seen = 0;
let fast = false;

function fits(task) {
  if (chosen.status !== "" && task.status !== chosen.status) return false;
  const words = state.filter.toLowerCase();
  return words === "" || [task.text, task.task_type, task.final_label, task.id, task.status].some((v) => v && String(v).toLowerCase().includes(words));
}

function row(task) {
  const cells = {
    text: cell("Text", { class: "text-cell" }, h("a", { href: taskLink(task.id), title: short(task.text, 400) }, foreign(task.text, 140))),
    type: cell("Type", {}, h("span", { class: "type", title: task.task_type }, foreign(task.task_type, 32))),
    status: cell("Status", {}),
    votes: cell("Votes", {}),
    answer: cell("Answer", {}),
    age: cell("Age", { class: "age" }),
  };
  return { task, cells, node: h("tr", { "data-task-id": task.id }, Object.values(cells)) };
}

function paint(entry) {
  const { task, cells, node } = entry;
  node.dataset.status = task.status;
  replace(cells.status, badge(task.status));
  replace(cells.votes, votes(task.submission_count, task.wanted));
  replace(cells.answer, task.status === "failed" || task.status === "cancelled" ? h("span", { class: "quiet" }, foreign(task.failure_reason ?? task.status, 60)) : answer(task.final_label, task.agreement));
  setText(cells.age, ago(task.created_at, now()));
  showRow(entry);
}

/** Whoever is at a row that goes stays in the table. */
function leave(node) {
  if (node.contains(document.activeElement)) $("tasks-region").focus({ preventScroll: true });
}

function showRow({ task, node }) {
  const fitting = fits(task);
  if (!fitting) leave(node);
  show(node, fitting);
}

function list(tasks) {
  const entries = tasks.map((task) => {
    const known = shown.get(task.id);
    if (!known || known.task.text !== task.text) return row(task);
    known.task = newer(known.task, task);
    return known;
  });
  shown = new Map(entries.map((entry) => [entry.task.id, entry]));
  entries.forEach(paint);
  const body = $("tasks-body");
  const nodes = entries.map((entry) => entry.node);
  // Rows that stay are not touched, so that focus and selection remain.
  for (const node of [...body.children]) {
    if (shown.get(node.dataset.taskId)?.node === node) continue;
    leave(node);
    node.remove();
  }
  nodes.forEach((node, i) => {
    if (body.children[i] !== node) body.insertBefore(node, body.children[i] ?? null);
  });
  empty();
}

/** Says why no row is there. */
function empty() {
  const box = $("tasks-empty");
  const any = [...shown.values()].some((entry) => fits(entry.task));
  const narrowed = chosen.status !== "" || chosen.type !== "";
  const why = any ? "" : shown.size > 0 && state.filter !== "" ? `words ${shown.size} ${next !== null}` : narrowed ? "filter" : `nothing ${state.me?.keys}`;
  show(box, !any);
  if (box.dataset.why === why) return;
  box.dataset.why = why;
  if (why.startsWith("words")) replace(box, plain(`None of the ${count(shown.size)} tasks shown fits the filter.${next === null ? "" : " Older ones may: the button below shows them."}`));
  else if (why === "filter") replace(box, plain("No task fits the filter."));
  else replace(box, plain("Nothing was asked yet."), askMarket());
}

async function load(at = null) {
  if (!maySee()) return;
  const mine = (asked += 1);
  try {
    const { items, cursor: more } = await page("tasks", { order: "newest", limit: PAGE, status: chosen.status, task_type: chosen.type, cursor: at });
    if (mine !== asked) return;
    // What was there is gone, as after a reset.
    if (items.length === 0 && at !== null) return load();
    [cursor, next] = [at, more];
    list(items);
    say($("tasks-error"), null);
    show($("tasks-older"), next !== null);
    show($("tasks-newest"), cursor !== null);
  } catch (error) {
    if (mine === asked && error.status !== 0 && error.status !== 401) say($("tasks-error"), error.message);
  }
}

/** Asks again, seldom where much happens: the newest page then shows a sample of what came. */
const reload = throttle(1000, async () => {
  if (!document.hidden && !$("view-overview").hidden) await load(cursor);
});

const paintChanged = perFrame(() => {
  for (const id of changed) {
    const entry = shown.get(id);
    if (entry) paint(entry);
  }
  changed.clear();
  empty();
});

function happened(event) {
  if (event.past) return;
  seen += 1;
  if (event.event === "task_created") created += 1;
  if (!event.task_id || (chosen.type !== "" && event.task_type !== chosen.type)) return;
  const entry = shown.get(event.task_id);
  if (entry) {
    apply(entry.task, event);
    changed.add(event.task_id);
    paintChanged();
  }
  // An event may have been in the list already, or bring a task to it: the coordinator knows.
  if (entry || chosen.status !== "" || (event.event === "task_created" && cursor === null)) reload();
}

/** Says when more comes than is shown, once; how much that is is not read out. */
function tempo() {
  fast = created / 2 > (fast ? SAMPLED / 2 : SAMPLED);
  setText($("tasks-sample"), fast ? "Showing a sample of the tasks." : "");
  setText($("tasks-tempo"), fast ? `${count(Math.round(seen / 2))} events/s` : "");
  [created, seen] = [0, 0];
  if (document.hidden || $("view-overview").hidden) return;
  for (const { task, cells } of shown.values()) setText(cells.age, ago(task.created_at, now()));
}

/** Takes from the address what is asked for. */
function arrive({ view, query }) {
  if (view !== "overview") return;
  $("tasks-status").value = query.get("status") ?? "";
  if ($("tasks-status").selectedIndex < 0) $("tasks-status").value = "";
  $("tasks-type").value = query.get("type") ?? "";
  const wanted = { status: $("tasks-status").value, type: $("tasks-type").value.trim() };
  const same = wanted.status === chosen.status && wanted.type === chosen.type;
  chosen = wanted;
  load(same ? cursor : null);
}

export function startTasks() {
  on("event", happened);
  on("reload", () => load(cursor));
  on("shown", arrive);
  on("filter", () => {
    for (const entry of shown.values()) showRow(entry);
    empty();
  });
  for (const id of ["tasks-status", "tasks-type"]) $(id).addEventListener("change", () => narrow({ status: $("tasks-status").value, type: $("tasks-type").value.trim() }, true));
  $("tasks-older").addEventListener("click", () => load(next));
  $("tasks-newest").addEventListener("click", () => load());
  setInterval(tempo, 2000);
}

export const fetchTask = (id, signal) => get(taskPath(id), null, signal);
