// The form that asks the market, and shows how its consensus arrives.
import { ApiError, post } from "./api.js";
import { $, h, perFrame, replace, say } from "./dom.js";
import { percent } from "./format.js";
import { answer, foreign, marked, spansOf, taskName, votes } from "./parts.js";
import { on } from "./store.js";
import { apply, fetchTask } from "./tasks.js";

let task = null;
let told = "";
/** What was asked last without an answer, with the key that lets it be asked again. */
let unsure = null;

const draw = perFrame(() => {
  if (task === null) return;
  const box = $("submit-result");
  box.dataset.status = task.status;
  box.dataset.taskId = task.id;
  const seen = JSON.stringify([task.status, task.submission_count, task.wanted, task.final_label, task.waiting_for]);
  // It is read out as it changes, so it changes only where something is new.
  if (seen === told) return;
  told = seen;
  const spans = task.status === "finalized" ? spansOf(task.final_label) : null;
  const say = {
    queued: ["Waits for workers.", task.waiting_for ? [" ", foreign(task.waiting_for, 300), "."] : null],
    assigned: ["Workers are at it."],
    finalized: ["The answer is ", answer(task.final_label, null, 400), `, by ${percent(task.agreement)} of the votes.`],
    failed: ["It failed: ", foreign(task.failure_reason ?? "no reason is known", 300)],
    cancelled: ["It was cancelled: ", foreign(task.failure_reason ?? "no reason is known", 300)],
  }[task.status] ?? [task.status];
  replace(box, h("p", { class: "step" }, votes(task.submission_count, task.wanted), " ", say), spans?.length ? marked(task.text, spans) : null, h("p", { class: "quiet" }, "Task ", taskName(task.id), task.status === "finalized" ? ": the link shows all votes." : ""));
});

async function refresh(id) {
  try {
    const fresh = await fetchTask(id);
    if (task?.id !== id) return;
    task = fresh;
    draw();
  } catch (error) {
    if (task?.id === id && error.status === 404) {
      task = null;
      replace($("submit-result"), h("p", {}, "The task is not there any more."));
    }
  }
}

const DECIDES = new Set(["task_finalized", "task_failed", "task_cancelled"]);

function happened(event) {
  if (event.event === "market_reset" && task) refresh(task.id);
  if (task === null || event.task_id !== task.id || event.past) return;
  apply(task, event);
  draw();
  if (DECIDES.has(event.event)) refresh(task.id);
}

/** Unlike `randomUUID` it is there on plain HTTP too. */
const newKey = () => Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, "0")).join("");

/** Creates a task; the same once more, where it is not known what became of it, creates none. */
async function create(spec) {
  const asked = JSON.stringify(spec);
  if (unsure?.asked !== asked) unsure = { asked, key: newKey() };
  try {
    const { task_id } = await post("tasks", { ...spec, idempotency_key: unsure.key });
    unsure = null;
    return task_id;
  } catch (error) {
    // It was refused, and may be asked anew.
    if (error.status >= 400 && error.status < 500) unsure = null;
    throw error;
  }
}

async function submit(event) {
  event.preventDefault();
  say($("submit-error"), null);
  const text = $("submit-text").value;
  const task_type = $("submit-type").value.trim();
  const required_submissions = Number($("submit-votes").value);
  $("submit-button").disabled = true;
  try {
    const task_id = await create({ text, task_type, required_submissions });
    told = "";
    task = { id: task_id, text, task_type, status: "queued", submission_count: 0, wanted: required_submissions, lease_count: 0 };
    draw();
    await refresh(task_id);
  } catch (error) {
    say($("submit-error"), error instanceof ApiError ? error.message : "that did not work");
  } finally {
    $("submit-button").disabled = false;
  }
}

export function startSubmit() {
  $("submit-form").addEventListener("submit", submit);
  on("event", happened);
  on("reload", () => task && refresh(task.id));
  // Where no events come, it is asked for.
  setInterval(() => {
    if (task && !document.hidden && (task.status === "queued" || task.status === "assigned")) refresh(task.id);
  }, 3000);
}
