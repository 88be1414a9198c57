// What operators do, each asked for once more in a dialog that says what will happen.
import { post, workerPath } from "./api.js";
import { $, h, replace, say, show } from "./dom.js";
import { short } from "./format.js";
import { emit, on } from "./store.js";

let pending = null;

/** A field of the dialog with its label. */
export const field = (name, title, attributes, ...children) => {
  const id = `dialog-${name}`;
  const tag = children.length ? "select" : "input";
  return h("div", { class: "field", "data-name": name }, h("label", { for: id }, title), h(tag, { id, name, autocomplete: "off", ...attributes }, children));
};

/**
 * Asks before something is done. `run` gets the values of the fields; what it returns, if anything,
 * is shown in the dialog, which then only closes.
 */
export function confirm({ title, text, fields = [], label, danger = false, run }) {
  $("dialog-title").textContent = title;
  $("dialog-text").textContent = text;
  replace($("dialog-fields"), fields);
  say($("dialog-error"), null);
  const button = $("dialog-confirm");
  button.textContent = label;
  button.className = danger ? "danger" : "primary";
  show(button, true);
  $("dialog-cancel").textContent = "Cancel";
  pending = run;
  $("dialog").showModal();
}

async function confirmed(event) {
  event.preventDefault();
  if (pending === null || $("dialog-confirm").disabled) return;
  const values = Object.fromEntries(new FormData($("dialog-form")));
  for (const [name, value] of Object.entries(values)) if (value.trim() === "") delete values[name];
  $("dialog-confirm").disabled = true;
  const mine = pending;
  try {
    const outcome = await mine(values);
    if (pending !== mine) return;
    emit("reload");
    if (!outcome) {
      $("dialog").close();
      return;
    }
    pending = null;
    $("dialog-text").textContent = outcome.text;
    replace($("dialog-fields"), outcome.content ?? []);
    say($("dialog-error"), null);
    show($("dialog-confirm"), false);
    $("dialog-cancel").textContent = "Close";
    $("dialog-cancel").focus();
  } catch (error) {
    if (pending === mine) say($("dialog-error"), error.message);
  } finally {
    $("dialog-confirm").disabled = false;
  }
}

const typeField = () => field("task_type", "Only for the type (optional)", { list: "dialog-types", placeholder: "all types" });
const typeList = (worker) => h("datalist", { id: "dialog-types" }, worker.capabilities.map((type) => h("option", { value: type })));

export function suspend(worker) {
  confirm({
    title: `Suspend ${short(worker.worker_id, 60)}?`,
    text: "It gets no more tasks, and those that it holds go to others, until it is reinstated.",
    fields: [field("reason", "Reason", { required: true, maxlength: 300 }), typeField(), typeList(worker)],
    label: "Suspend",
    danger: true,
    run: async (values) => {
      await post(`${workerPath(worker.worker_id)}/suspend`, values);
    },
  });
}

export function reinstate(worker) {
  confirm({
    title: `Reinstate ${short(worker.worker_id, 60)}?`,
    text: "It is active again, whatever had suspended it, and judged by what comes from now on.",
    fields: [typeField(), typeList(worker)],
    label: "Reinstate",
    run: async (values) => {
      await post(`${workerPath(worker.worker_id)}/reinstate`, values);
    },
  });
}

function requeue() {
  confirm({
    title: "Requeue stale tasks?",
    text: "Leases that have run out are ended now, and their tasks go to other workers. Leases that still run are left alone.",
    label: "Requeue",
    run: async () => {
      const { requeued } = await post("ops/requeue-stale", {});
      return { text: requeued === 0 ? "No lease had run out." : `${requeued} leases had run out and were ended.` };
    },
  });
}

export function startActions() {
  $("dialog-form").addEventListener("submit", confirmed);
  $("dialog-cancel").addEventListener("click", () => $("dialog").close());
  $("dialog").addEventListener("close", () => {
    pending = null;
    // A key that was shown is not kept in the page.
    replace($("dialog-fields"));
  });
  $("requeue-button").addEventListener("click", requeue);
  on("logout", () => $("dialog").open && $("dialog").close());
}
