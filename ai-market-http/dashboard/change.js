// What becomes of a task, as events and answers tell of it.

const closed = (task) => ["finalized", "failed", "cancelled"].includes(task.status);

function unlease(task) {
  task.lease_count = Math.max(0, (task.lease_count ?? 0) - 1);
  if (!closed(task) && task.lease_count === 0) task.status = "queued";
}

/** What an event tells of a task. */
export function apply(task, event) {
  switch (event.event) {
    case "task_leased":
      if (!closed(task)) task.status = "assigned";
      task.lease_count = (task.lease_count ?? 0) + 1;
      break;
    case "task_answered":
      task.submission_count = Math.max(task.submission_count, event.submission_count);
      task.wanted = event.wanted;
      unlease(task);
      break;
    case "task_requeued":
      unlease(task);
      break;
    case "task_finalized":
      Object.assign(task, { status: "finalized", final_label: event.label, agreement: event.agreement, submission_count: event.submission_count, decided_at: event.at });
      break;
    case "task_failed":
      Object.assign(task, { status: "failed", failure_reason: event.reason, decided_at: event.at });
      break;
    case "task_cancelled":
      Object.assign(task, { status: "cancelled", lease_count: 0, failure_reason: event.reason, decided_at: event.at });
      break;
    default:
  }
}

/** The newer of what is known and what was answered, which events may have overtaken. */
export function newer(known, answered) {
  if (closed(known) && !closed(answered)) return known;
  return answered.submission_count >= known.submission_count ? answered : known;
}
