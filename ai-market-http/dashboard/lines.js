// Events as lines of text and links.
import { h } from "./dom.js";
import { count, moment, percent, short, stamp } from "./format.js";
import { foreign, labelText, taskName, workerName } from "./parts.js";
import { now } from "./store.js";

/** What an event says. */
function tell(e) {
  const task = e.task_id ? taskName(e.task_id) : null;
  const who = e.worker_id ? workerName(e.worker_id, 40) : null;
  const ofType = e.task_type ? [" (", foreign(e.task_type, 32), ")"] : null;
  switch (e.event) {
    case "task_created": return ["task ", task, ofType, ` created, wants ${count(e.wanted)} votes`];
    case "task_leased": return [who, " took task ", task, ofType];
    case "task_answered": return [who, " answered task ", task, ofType, ` – ${count(e.submission_count)}/${count(e.wanted)} votes`];
    case "task_finalized": return ["task ", task, ofType, " is ", h("b", { title: short(e.label, 400) }, foreign(labelText(e.label, 60), 60)), `, ${percent(e.agreement)} of ${count(e.submission_count)} votes`];
    case "task_failed": return ["task ", task, ofType, " failed: ", foreign(e.reason, 120)];
    case "task_requeued": return ["task ", task, ofType, " taken back from ", who, ` (${e.cause})`];
    case "worker_registered": return [who, " registered for ", foreign((e.task_types ?? []).join(", "), 120)];
    case "worker_stale": return [who, " is silent"];
    case "worker_gone": return [who, " is gone"];
    case "worker_returned": return [who, " is back"];
    case "worker_suspended": return [who, " suspended", ofType, ": ", foreign(e.reason, 120)];
    case "worker_probation": return [who, " is on probation", ofType, ": ", foreign(e.reason, 120)];
    case "worker_reinstated": return [who, " reinstated", ofType];
    case "market_reset": return ["everything was forgotten"];
    default: return [foreign(JSON.stringify(e), 160)];
  }
}

export const line = (e) =>
  h("li", { "data-event": e.event, "data-id": e.id }, h("time", { datetime: e.at, title: moment(e.at) }, stamp(e.at, now())), " ", h("span", { class: "event-name" }, String(e.event).replace(/_/g, " ")), " ", h("span", { class: "event-text" }, tell(e)));
