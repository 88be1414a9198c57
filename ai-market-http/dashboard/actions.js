// What operators do, each asked for once more in a dialog that says what will happen.
import { post, taskPath, workerPath } from "./api.js";
import { $, h, replace, say, show } from "./dom.js";
import { count } from "./format.js";
import { foreign, taskName } from "./parts.js";
import { emit, on } from "./store.js";

let pending = null;
/** Whether the dialog shows what is not shown again, and was not taken yet. */
let once = false;

/** A field of the dialog with its label. */
export const field = (name, title, attributes, ...children) => {
  const id = `dialog-${name}`;
  const tag = children.length ? "select" : "input";
  return h("div", { class: "field", "data-name": name }, h("label", { for: id }, title), h(tag, { id, name, autocomplete: "off", ...attributes }, children));
};

/**
 * Asks before something is done. `run` gets the values of the fields and tells what came of it:
 * `done` closes the dialog and is said below the header, `text` and `content` are shown in the
 * dialog, which then only closes; `once` is the input of what is not shown again.
 */
export function confirm({ title, text, fields = [], label, danger = false, run }) {
  $("dialog-title").replaceChildren(...title);
  $("dialog-text").textContent = text;
  replace($("dialog-fields"), fields);
  say($("dialog-error"), null);
  $("done").textContent = "";
  const button = $("dialog-confirm");
  button.textContent = label;
  button.className = danger ? "danger" : "primary";
  show(button, true);
  $("dialog-cancel").textContent = "Cancel";
  pending = run;
  $("dialog").showModal();
}

function showOutcome(outcome) {
  pending = null;
  $("dialog-text").textContent = outcome.text;
  replace($("dialog-fields"), outcome.content ?? []);
  say($("dialog-error"), null);
  show($("dialog-confirm"), false);
  $("dialog-cancel").textContent = "Close";
  once = Boolean(outcome.once);
  (outcome.once ?? $("dialog-cancel")).focus();
  outcome.once?.select();
}

/** Until it is known what came of it, nothing closes the dialog: it may be something shown once. */
function wait(busy) {
  $("dialog-confirm").disabled = busy;
  $("dialog-cancel").disabled = busy;
}

async function confirmed(event) {
  event.preventDefault();
  if (pending === null || $("dialog-confirm").disabled) return;
  const values = Object.fromEntries(new FormData($("dialog-form")));
  for (const [name, value] of Object.entries(values)) if (value.trim() === "") delete values[name];
  wait(true);
  const mine = pending;
  try {
    const outcome = await mine(values);
    if (pending !== mine) return;
    wait(false);
    if (outcome.text) showOutcome(outcome);
    else {
      $("dialog").close();
      $("done").replaceChildren(...outcome.done);
    }
    emit("reload");
  } catch (error) {
    if (pending === mine) say($("dialog-error"), error.message);
  } finally {
    wait(false);
  }
}

/** What was shown once has been taken: the dialog may be closed in any way. */
export function taken() {
  once = false;
  say($("dialog-error"), null);
}

/** Keeps the dialog open where closing it would lose something. */
function hold(event) {
  if (once) say($("dialog-error"), "Copy it first, or press Close.");
  if (once || $("dialog-confirm").disabled) event.preventDefault();
}

const typeField = () => field("task_type", "Only for the type (optional)", { list: "dialog-types", placeholder: "all types" });
const typeList = (worker) => h("datalist", { id: "dialog-types" }, worker.capabilities.map((type) => h("option", { value: type })));

const forTypes = (values) => (values.task_type ? [" for ", foreign(values.task_type, 40)] : [" for all types"]);

export function suspend(worker) {
  const name = () => foreign(worker.worker_id, 60);
  confirm({
    title: ["Suspend ", name(), "?"],
    text: "It gets no more tasks, and those that it holds go to others, until it is reinstated.",
    fields: [field("reason", "Reason", { required: true, maxlength: 300 }), typeField(), typeList(worker)],
    label: "Suspend",
    danger: true,
    run: async (values) => {
      await post(`${workerPath(worker.worker_id)}/suspend`, values);
      return { done: [name(), " is suspended", ...forTypes(values), "."] };
    },
  });
}

export function reinstate(worker) {
  const name = () => foreign(worker.worker_id, 60);
  confirm({
    title: ["Reinstate ", name(), "?"],
    text: "It is active again, whatever had suspended it, and judged by what comes from now on.",
    fields: [typeField(), typeList(worker)],
    label: "Reinstate",
    run: async (values) => {
      await post(`${workerPath(worker.worker_id)}/reinstate`, values);
      return { done: [name(), " is reinstated", ...forTypes(values), "."] };
    },
  });
}

export function cancel(task) {
  confirm({
    title: ["Cancel task ", taskName(task.id), "?"],
    text: "Workers stop working on it, and their answers to it no longer count. This cannot be undone.",
    fields: [field("reason", "Reason (optional)", { maxlength: 300 })],
    label: "Cancel the task",
    danger: true,
    run: async (values) => {
      await post(`${taskPath(task.id)}/cancel`, values);
      return { done: ["Task ", taskName(task.id), " is cancelled."] };
    },
  });
}

function requeue() {
  confirm({
    title: ["Requeue stale tasks?"],
    text: "Leases that have run out are ended now, and their tasks go to other workers. Leases that still run are left alone.",
    label: "Requeue",
    run: async () => {
      const { requeued } = await post("ops/requeue-stale", {});
      return { done: [requeued === 0 ? "No lease had run out." : `${count(requeued)} leases had run out and were ended.`] };
    },
  });
}

export function startActions() {
  const dialog = $("dialog");
  $("dialog-form").addEventListener("submit", confirmed);
  $("dialog-cancel").addEventListener("click", () => dialog.close());
  // The key that made something is often still held down.
  $("dialog-cancel").addEventListener("keydown", (event) => event.repeat && event.preventDefault());
  dialog.addEventListener("keydown", (event) => event.key === "Escape" && hold(event));
  dialog.addEventListener("cancel", hold);
  dialog.addEventListener("close", () => {
    pending = null;
    once = false;
    // A key that was shown is not kept in the page.
    replace($("dialog-fields"));
    if (document.activeElement === document.body) $("main").focus({ preventScroll: true });
  });
  $("requeue-button").addEventListener("click", requeue);
  on("shown", () => {
    $("done").textContent = "";
  });
  on("logout", () => dialog.open && dialog.close());
}
