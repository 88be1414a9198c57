use std::collections::BTreeSet;
use std::num::NonZeroU32;

use crate::api::{ApiError, TaskSpec};
use crate::consensus::Policies;
use crate::id::{Label, TaskId};
use crate::store::WorkerProfile;
use crate::submission::Vote;
use crate::task::NewTask;
use crate::time::Timestamp;

use super::Settings;

/// Checks what a client wants answered, and fills in what it left open.
pub(super) fn new_task(
    spec: TaskSpec,
    settings: &Settings,
    policies: &Policies,
    now: Timestamp,
) -> Result<NewTask, ApiError> {
    let limits = &settings.limits;
    if spec.text.trim().is_empty() {
        return Err(ApiError::invalid("text", "the text is empty"));
    }
    if spec.text.len() > limits.max_text_bytes {
        let message = format!(
            "the text has {} bytes; at most {} are taken",
            spec.text.len(),
            limits.max_text_bytes
        );
        return Err(ApiError::invalid("text", message));
    }
    if let Some(params) = &spec.params {
        let (n, max) = (params.as_str().len(), limits.max_params_bytes);
        if n > max {
            let message = format!("the params have {n} bytes; at most {max} are taken");
            return Err(ApiError::invalid("params", message));
        }
    }
    let (n, max) = (spec.tags.len(), NewTask::MAX_TAGS);
    if n > max {
        let message = format!("{n} tags are given; at most {max} are taken");
        return Err(ApiError::invalid("tags", message));
    }
    let required = spec
        .required_submissions
        .unwrap_or(settings.required_submissions);
    at_most("required_submissions", required, limits.max_submissions)?;
    let max = spec.max_submissions.unwrap_or(required);
    at_most("max_submissions", max, limits.max_submissions)?;
    if max < required {
        let message =
            format!("max_submissions ({max}) must not be below required_submissions ({required})");
        return Err(ApiError::invalid("max_submissions", message));
    }
    let attempts = spec.max_attempts.unwrap_or(settings.max_attempts);
    at_most("max_attempts", attempts, limits.max_attempts)?;
    // With a key it may be asking again, after the deadline, for a task that is there already. If
    // it is not, it fails at once.
    let may_exist = spec.idempotency_key.is_some();
    if !may_exist && spec.deadline.is_some_and(|deadline| deadline <= now) {
        return Err(ApiError::invalid("deadline", "the deadline has passed"));
    }
    let mut task = NewTask::new(TaskId::generate(now), spec.text)
        .with_required_submissions(required)
        .with_max_submissions(max)
        .with_max_attempts(attempts)
        .with_priority(spec.priority)
        .with_wanted(policies.get(&spec.task_type).wanted(required))
        .with_task_type(spec.task_type);
    task.deadline = spec.deadline;
    task.idempotency_key = spec.idempotency_key;
    task.distinct_models = spec.distinct_models;
    task.params = spec.params;
    task.reference = spec.reference;
    task.tags = spec.tags;
    task.client = spec.client;
    Ok(task)
}

fn at_most(field: &str, value: NonZeroU32, max: u32) -> Result<(), ApiError> {
    if value.get() > max {
        return Err(ApiError::invalid(
            field,
            format!("{field} is {value}; at most {max} is taken"),
        ));
    }
    Ok(())
}

/// Checks what a worker says of itself.
pub(super) fn profile(profile: &WorkerProfile, settings: &Settings) -> Result<(), ApiError> {
    let (n, max) = (profile.capabilities.len(), settings.limits.max_capabilities);
    if n == 0 {
        let message = "a worker must name at least one task type";
        return Err(ApiError::invalid("capabilities", message));
    }
    if n > max {
        let message = format!("{n} task types are named; at most {max} are taken");
        return Err(ApiError::invalid("capabilities", message));
    }
    if let Some(model) = &profile.model {
        labels("model", &model.labels, settings)?;
    }
    for (task_type, model) in &profile.models {
        let field = format!("models.{task_type}");
        if !profile.capabilities.contains(task_type) {
            let message = format!("there is a model for {task_type}, which is no capability");
            return Err(ApiError::invalid(field, message));
        }
        labels(&field, &model.labels, settings)?;
    }
    Ok(())
}

/// Checks the labels that a worker says its model can give.
fn labels(field: &str, labels: &[Label], settings: &Settings) -> Result<(), ApiError> {
    let (n, max) = (labels.len(), settings.limits.max_labels);
    if n > max {
        let message = format!("{n} labels are named; at most {max} are taken");
        return Err(ApiError::invalid(format!("{field}.labels"), message));
    }
    let max = settings.limits.max_label_bytes;
    for (place, label) in labels.iter().enumerate() {
        let n = label.as_str().len();
        if n > max {
            let message = format!("a label has {n} bytes; at most {max} are taken");
            return Err(ApiError::invalid(
                format!("{field}.labels[{place}]"),
                message,
            ));
        }
    }
    Ok(())
}

/// Checks a vote.
pub(super) fn vote(vote: &Vote, settings: &Settings) -> Result<(), ApiError> {
    let max = settings.limits.max_label_bytes;
    let mut together = 0;
    let scored = vote
        .scores
        .iter()
        .flat_map(|scores| scores.iter().map(|(label, _)| label));
    let labels = scored.map(|label| ("scores", label));
    for (field, label) in std::iter::once(("label", &vote.label)).chain(labels) {
        let n = label.as_str().len();
        if n > max {
            let message = format!("a label has {n} bytes; at most {max} are taken");
            return Err(ApiError::invalid(field, message));
        }
        together += if field == "scores" { n } else { 0 };
    }
    let max = settings.limits.max_scores_bytes;
    if together > max {
        let message = format!("the scored labels have {together} bytes; at most {max} are taken");
        return Err(ApiError::invalid("scores", message));
    }
    Ok(())
}

/// Checks the size of a batch.
pub(super) fn batch(field: &str, n: usize, settings: &Settings) -> Result<(), ApiError> {
    settings.limits.check_batch(field, n)
}

/// Checks a list of tasks, and takes repeated ones out.
pub(super) fn tasks(tasks: Vec<TaskId>, settings: &Settings) -> Result<Vec<TaskId>, ApiError> {
    batch("task_ids", tasks.len(), settings)?;
    let mut seen = BTreeSet::new();
    Ok(tasks
        .into_iter()
        .filter(|task| seen.insert(*task))
        .collect())
}
