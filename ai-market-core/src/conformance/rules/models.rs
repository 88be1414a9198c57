//! Rule 1 for tasks that ask for distinct models.

use crate::conformance::harness::{Harness, new_task, profile, task_type, vote};
use crate::id::{TaskId, TaskType};
use crate::market::SubmitOutcome;
use crate::submission::ModelIdentity;

pub(super) fn model(id: &str) -> ModelIdentity {
    ModelIdentity::new(id).unwrap()
}

impl Harness {
    /// Registers a worker that runs a model.
    async fn register_model(&self, name: &str, id: &str, seconds: i64) {
        let profile = profile(name).with_model(model(id));
        self.at(seconds).register(profile).await.unwrap();
    }

    async fn diverse_task(&self, votes: u32) -> TaskId {
        let task = new_task("a", votes, 0).with_distinct_models(true);
        self.put(task, 0).await
    }
}

/// A second worker with the same model gets it neither while the first holds it nor afterwards.
pub async fn rule_1_one_model_answers_a_task_once(h: &Harness) {
    for (name, id) in [("alice", "m"), ("bob", "m"), ("carole", "other")] {
        h.register_model(name, id, 0).await;
    }
    let id = h.diverse_task(2).await;
    assert_eq!(h.claim("alice", 1, 1).await, [id]);
    assert!(h.claim("bob", 1, 1).await.is_empty());
    h.submit(vote(id, "alice", "x", 0.9), 2).await;
    assert!(h.claim("bob", 1, 3).await.is_empty());
    assert_eq!(h.claim("carole", 1, 3).await, [id]);
    assert!(h.get(id).await.distinct_models);
    let usual = h.task(2, 4).await;
    assert_eq!(h.claim("alice", 1, 5).await, [usual]);
    assert_eq!(h.claim("bob", 1, 5).await, [usual], "nobody asked for it");
}

/// What matters is the model for the type of the task.
pub async fn rule_1_each_type_has_its_own_model(h: &Harness) {
    let kinds = [task_type("ner"), task_type("sentiment")];
    for (name, ner) in [("alice", "n1"), ("bob", "n2")] {
        let mut profile = profile(name).with_model(model("shared"));
        profile.capabilities.extend(kinds.clone());
        let profile = profile.with_model_for(kinds[0].clone(), model(ner));
        h.at(0).register(profile).await.unwrap();
    }
    let task = new_task("a", 2, 0).with_distinct_models(true);
    let ner = h.put(task.with_task_type(kinds[0].clone()), 0).await;
    let sentiment = h.diverse_task(2).await;
    assert_eq!(h.claim("alice", 2, 1).await, [ner, sentiment]);
    assert_eq!(h.claim("bob", 2, 1).await, [ner], "both run `shared`");
    h.submit(vote(ner, "alice", "x", 0.9), 2).await;
    let answered = h.details(ner).await;
    assert_eq!(answered.submissions[0].model, Some(model("n1")));
}

/// Nobody knows whether it would be distinct.
pub async fn rule_1_without_a_model_no_task_that_asks_for_distinct_ones(h: &Harness) {
    h.register(&["alice"], 0).await;
    h.diverse_task(1).await;
    assert!(h.claim("alice", 1, 1).await.is_empty());
}

/// The place of a model is free again once its lease is lost or returned.
pub async fn rule_1_a_lost_lease_frees_the_place_of_its_model(h: &Harness) {
    for name in ["alice", "bob"] {
        h.register_model(name, "m", 0).await;
    }
    let id = h.diverse_task(2).await;
    h.claim("alice", 1, 1).await;
    assert!(h.claim("bob", 1, 1).await.is_empty());
    h.reap(62).await;
    assert_eq!(h.claim("bob", 1, 63).await, [id]);
}

/// What was passed because of the model before is looked at again.
pub async fn rule_1_another_model_sees_what_the_first_could_not_have(h: &Harness) {
    for name in ["alice", "bob"] {
        h.register_model(name, "m", 0).await;
    }
    let id = h.diverse_task(2).await;
    h.claim("alice", 1, 1).await;
    assert!(h.claim("bob", 1, 1).await.is_empty());
    h.register_model("bob", "another", 2).await;
    assert_eq!(h.claim("bob", 1, 3).await, [id]);
}

/// So it is where only the model for the type of the task is another.
pub async fn rule_1_another_model_for_the_type_sees_what_the_first_could_not_have(h: &Harness) {
    let register = async |name, id, seconds| {
        let profile = profile(name).with_model_for(TaskType::sentiment(), model(id));
        h.at(seconds).register(profile).await.unwrap();
    };
    register("alice", "m", 0).await;
    register("bob", "m", 0).await;
    let id = h.diverse_task(2).await;
    h.claim("alice", 1, 1).await;
    assert!(h.claim("bob", 1, 1).await.is_empty());
    register("bob", "another", 2).await;
    assert_eq!(h.claim("bob", 1, 3).await, [id]);
}

/// A worker that changed its model since it claimed must give the task back.
pub async fn an_answer_of_another_model_is_refused_where_models_matter(h: &Harness) {
    h.register_model("alice", "m", 0).await;
    let id = h.diverse_task(1).await;
    let usual = h.task(1, 0).await;
    h.claim("alice", 2, 1).await;
    let other = |id| vote(id, "alice", "x", 0.9).with_model(model("other"));
    assert_eq!(h.submit(other(id), 2).await, SubmitOutcome::OtherModel);
    assert!(h.details(id).await.submissions.is_empty());
    let accepted = h.submit(other(usual), 2).await;
    assert!(matches!(accepted, SubmitOutcome::Accepted(_)));
    let same = vote(id, "alice", "x", 0.9).with_model(model("m"));
    assert!(matches!(
        h.submit(same, 3).await,
        SubmitOutcome::Accepted(_)
    ));
}
