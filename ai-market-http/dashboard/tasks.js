// The list of tasks: the newest page, kept up to date by events; older pages stand still.
import { get, page, taskPath } from "./api.js";
import { $, cell, h, perFrame, replace, say, setText, show } from "./dom.js";
import { ago, count, short } from "./format.js";
import { answer, badge, command, plain, votes } from "./parts.js";
import { taskLink } from "./router.js";
import { emit, maySee, now, on, state, throttle } from "./store.js";

const ROWS = 100;
const SAMPLED = 20;

/** Tasks shown, by id, newest first; each with its row. */
let shown = new Map();
/** Events of tasks that are shown, which wait for the next frame. */
let changed = new Set();
let next = null;
let paged = false;
let asked = 0;
let created = 0;
let eventsSeen = 0;
let fast = false;

const filters = () => ({ status: $("tasks-status").value, task_type: $("tasks-type").value.trim() });

function fits(task) {
  const words = state.filter.toLowerCase();
  return words === "" || [task.text, task.task_type, task.final_label, task.id, task.status].some((v) => v && String(v).toLowerCase().includes(words));
}

function row(task) {
  const cells = {
    text: cell("Text", { class: "text-cell" }, h("a", { href: taskLink(task.id), title: short(task.text, 400) }, short(task.text, 140) || "(blank)")),
    type: cell("Type", {}, h("span", { class: "type", title: task.task_type }, short(task.task_type, 32))),
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
  replace(cells.answer, task.status === "failed" ? h("span", { class: "quiet", title: task.failure_reason }, short(task.failure_reason ?? "failed", 60)) : answer(task.final_label, task.agreement));
  setText(cells.age, ago(task.created_at, now()));
  show(node, fits(task));
}

function list(tasks) {
  const entries = tasks.map((task) => {
    const known = shown.get(task.id);
    if (known && known.task.text === task.text) {
      // What an event told may be newer than what was asked before it.
      if (task.submission_count >= known.task.submission_count) known.task = task;
      return known;
    }
    return row(task);
  });
  shown = new Map(entries.map((entry) => [entry.task.id, entry]));
  entries.forEach(paint);
  const body = $("tasks-body");
  const nodes = entries.map((entry) => entry.node);
  // Rows that stay are not touched, so that focus and selection remain.
  for (const node of [...body.children]) if (!shown.has(node.dataset.taskId) || shown.get(node.dataset.taskId).node !== node) node.remove();
  nodes.forEach((node, i) => {
    if (body.children[i] !== node) body.insertBefore(node, body.children[i] ?? null);
  });
  empty();
}

function empty() {
  const box = $("tasks-empty");
  const any = [...shown.values()].some((entry) => fits(entry.task));
  show(box, !any);
  if (any) return;
  const { status, task_type } = filters();
  if (status || task_type || state.filter) replace(box, plain("No task fits the filter."));
  else {
    replace(
      box,
      plain("Nothing happened yet. Start a worker, then ask the market something with the form above or with curl:"),
      command("cargo run --example worker -- alice"),
      command(`curl -s ${location.origin}${location.pathname}tasks -H 'content-type: application/json' -d '{"text": "What a day!"}'`),
    );
  }
}

async function load(cursor = null) {
  if (!maySee()) return;
  const mine = (asked += 1);
  try {
    const { items, cursor: more } = await page("tasks", { order: "newest", limit: 50, ...filters(), cursor });
    if (mine !== asked) return;
    paged = cursor !== null;
    next = more;
    list(items);
    show($("tasks-older"), next !== null);
    show($("tasks-newest"), paged);
  } catch (error) {
    if (mine === asked && error.status !== 0 && error.status !== 401) say($("tasks-sample"), error.message);
  }
}

/** Few asks for a market that is busy: the newest page shows a sample of what came. */
const reload = throttle(1000, () => {
  if (!paged && !document.hidden && !$("view-overview").hidden) load();
});

const paintChanged = perFrame(() => {
  for (const id of changed) {
    const entry = shown.get(id);
    if (entry) paint(entry);
  }
  changed.clear();
});

/** What an event tells of a task. */
export function apply(task, event) {
  const final = task.status === "finalized" || task.status === "failed";
  switch (event.event) {
    case "task_leased":
      if (!final) task.status = "assigned";
      task.lease_count = (task.lease_count ?? 0) + 1;
      break;
    case "task_answered":
      task.submission_count = Math.max(task.submission_count, event.submission_count);
      task.wanted = event.wanted;
      break;
    case "task_requeued":
      task.lease_count = Math.max(0, (task.lease_count ?? 0) - 1);
      if (!final && task.lease_count === 0) task.status = "queued";
      break;
    case "task_finalized":
      Object.assign(task, { status: "finalized", final_label: event.label, agreement: event.agreement, submission_count: event.submission_count, decided_at: event.at });
      break;
    case "task_failed":
      Object.assign(task, { status: "failed", failure_reason: event.reason, decided_at: event.at });
      break;
    default:
  }
}

function happened(event) {
  eventsSeen += 1;
  if (event.event === "task_created") {
    created += 1;
    if (!event.past) reload();
    return;
  }
  const entry = event.task_id ? shown.get(event.task_id) : undefined;
  if (!entry || event.past) return;
  apply(entry.task, event);
  changed.add(event.task_id);
  paintChanged();
}

/** Says when more comes than is shown. */
function tempo() {
  const perSecond = eventsSeen / 2;
  fast = created / 2 > SAMPLED;
  say($("tasks-sample"), fast ? `Showing a sample: ${count(Math.round(perSecond))} events/s.` : null);
  created = 0;
  eventsSeen = 0;
  if (document.hidden || $("view-overview").hidden) return;
  for (const { task, cells } of shown.values()) setText(cells.age, ago(task.created_at, now()));
}

/** Tells which types nobody serves, and which there are. */
async function types() {
  if (!state.me || document.hidden) return;
  try {
    const list = await get("task-types", { limit: 200 });
    replace($("type-list"), list.map((type) => h("option", { value: type.task_type })));
    emit("types", list);
    const unserved = list.filter((type) => type.open > 0 && !type.served);
    if (maySee()) {
      const names = unserved.slice(0, 3).map((type) => short(type.task_type, 40)).join(", ");
      say($("notice"), unserved.length ? `No worker here serves ${names}${unserved.length > 3 ? ` and ${unserved.length - 3} more types` : ""}: open tasks wait for one.` : null);
    }
  } catch {
    // What is known stays; the connection tells of the rest.
  }
}

export function startTasks() {
  on("event", happened);
  on("reload", () => {
    load();
    types();
  });
  on("me", types);
  on("shown", ({ view }) => view === "overview" && !paged && load());
  on("filter", () => {
    for (const entry of shown.values()) show(entry.node, fits(entry.task));
    empty();
  });
  for (const id of ["tasks-status", "tasks-type"]) $(id).addEventListener("change", () => load());
  $("tasks-older").addEventListener("click", () => load(next));
  $("tasks-newest").addEventListener("click", () => load());
  setInterval(tempo, 2000);
  setInterval(types, 5000);
}

export const fetchTask = (id, signal) => get(taskPath(id), null, signal);
