//! Cases for a type that is both a [`WorkerApi`] and a [`ClientApi`], in process or over a wire.
//!
//! The coordinator behind it has default settings and an empty store.

pub mod clients;
pub mod events;
pub mod insight;
pub mod refusals;
pub mod serving;
pub mod waiting;
pub mod workers;

use crate::api::{ClientApi, WorkerApi};

/// Both APIs of one coordinator.
pub trait Market: WorkerApi + ClientApi {}

impl<M: WorkerApi + ClientApi> Market for M {}

/// Hands the list of all cases to another macro, as `module::case` paths.
#[doc(hidden)]
#[macro_export]
macro_rules! __for_each_market_api_case {
    ($then:ident, $($args:tt)*) => {
        $crate::$then! {
            $($args)*;
            workers::a_task_lives_from_creation_to_points,
            workers::three_workers_hold_one_task_at_the_same_time,
            workers::registering_tells_the_terms,
            workers::a_worker_that_claims_unregistered_gets_sentiment_tasks,
            workers::a_repeated_claim_gives_the_same_leases,
            workers::a_repeated_vote_is_a_duplicate,
            workers::a_vote_without_a_lease_is_refused,
            workers::a_vote_on_a_closed_task_is_refused,
            workers::a_batch_of_votes_has_a_result_each,
            workers::a_heartbeat_tells_what_is_gone,
            workers::a_heartbeat_of_an_unknown_worker_is_refused,
            workers::a_heartbeat_of_an_earlier_instance_is_refused,
            workers::a_released_task_goes_to_another_worker,
            workers::releasing_all_gives_back_whatever_is_held,
            workers::a_task_that_fails_often_enough_fails,
            workers::what_a_vote_says_comes_back,
            clients::votes_are_blind_while_a_task_is_open,
            clients::an_idempotency_key_names_one_task,
            clients::a_batch_of_tasks_has_a_result_each,
            clients::what_a_client_asked_for_comes_back,
            clients::tasks_are_paged,
            clients::a_page_of_large_tasks_is_cut_short,
            clients::the_leaderboard_is_paged,
            clients::a_cancelled_task_is_shown_as_such,
            clients::a_decided_task_is_not_cancelled,
            clients::stats_add_up,
            clients::an_unknown_task_is_refused,
            waiting::a_waiting_claim_wakes_for_a_new_task,
            waiting::a_waiting_claim_wakes_for_a_returned_task,
            waiting::every_waiting_worker_gets_its_replica,
            waiting::a_waiting_client_hears_of_the_decision,
            waiting::a_wait_for_a_decided_task_ends_at_once,
            refusals::an_empty_text_is_refused,
            refusals::a_huge_text_is_refused,
            refusals::huge_params_are_refused,
            refusals::too_many_tags_are_refused,
            refusals::numbers_out_of_range_are_refused,
            refusals::a_deadline_in_the_past_is_refused,
            refusals::a_worker_that_can_do_nothing_is_refused,
            refusals::a_huge_label_is_refused,
            refusals::scores_that_are_huge_together_are_refused,
            refusals::a_model_for_a_type_that_is_no_capability_is_refused,
            refusals::a_model_with_too_many_or_huge_labels_is_refused,
            serving::a_task_of_a_type_that_nobody_serves_says_so,
            serving::a_task_that_wants_more_workers_than_there_are_says_so,
            serving::an_open_task_tells_how_many_workers_are_able,
            insight::tallies_are_told_apart_as_asked,
            insight::tallies_are_paged,
            insight::workers_show_what_they_registered,
            insight::workers_are_paged,
            insight::a_worker_shows_how_it_did,
            insight::a_worker_is_found_whatever_it_is_called,
            insight::an_unknown_worker_is_refused,
            insight::models_show_who_runs_them_and_how_they_did,
            insight::models_are_paged,
            insight::task_types_show_their_tasks_and_who_serves_them,
            insight::task_types_are_paged,
            insight::the_last_minutes_tell_what_was_done,
            serving::a_worker_that_always_disagrees_gets_no_more_tasks,
            serving::where_models_are_distinct_each_answers_once,
            events::who_follows_hears_of_a_life_in_order,
            events::a_feed_begins_where_it_is_asked_to,
            events::only_what_is_asked_for_is_told,
            events::who_follows_learns_when_it_has_caught_up,
            events::who_follows_another_log_learns_that_it_missed_events,
            events::a_batch_says_after_which_place_it_begins,
            events::votes_are_blind_in_events_as_well,
        }
    };
}

#[doc(hidden)]
#[macro_export]
macro_rules! __market_api_tests {
    ($open:expr; $($module:ident::$case:ident,)*) => {
        $(
            #[tokio::test]
            async fn $case() {
                let (guard, market) = $open().await;
                $crate::conformance::api::$module::$case(&market).await;
                drop(market);
                drop(guard);
            }
        )*
    };
}

/// Makes a test of every case for a type that is both a [`WorkerApi`] and a [`ClientApi`].
///
/// `$open` is an async function without arguments that returns `(guard, market)`: the API of a
/// coordinator with default settings on an empty store, and what must live as long as it. The crate
/// needs tokio with its `macros` and `rt` features.
#[macro_export]
macro_rules! market_api_tests {
    ($open:expr) => {
        $crate::__for_each_market_api_case!(__market_api_tests, $open);
    };
}

/// The names of all cases of [`market_api_tests!`](crate::market_api_tests).
pub const CASES: &[&str] = crate::__for_each_market_api_case!(__case_names,);

/// Short words for what the cases do.
mod words {
    use std::future::Future;
    use std::time::Duration;

    use super::Market;
    use crate::api::{ApiError, ClaimRequest, Receipt, TaskSpec};
    use crate::conformance::harness::{number, profile, vote, worker};
    use crate::id::TaskId;
    use crate::submission::Vote;

    pub(super) async fn register(market: &dyn Market, names: &[&str]) {
        for name in names {
            market.register(profile(name)).await.unwrap();
        }
    }

    pub(super) async fn enqueue(market: &dyn Market, spec: TaskSpec) -> Result<TaskId, ApiError> {
        let mut results = market.enqueue(vec![spec]).await;
        assert_eq!(results.len(), 1, "one result per task");
        results.remove(0)
    }

    /// Creates a task that asks for `votes`.
    pub(super) async fn task(market: &dyn Market, text: &str, votes: u32) -> TaskId {
        enqueue(
            market,
            TaskSpec::new(text).with_required_submissions(number(votes)),
        )
        .await
        .unwrap()
    }

    pub(super) async fn claim(market: &dyn Market, name: &str, limit: usize) -> Vec<TaskId> {
        let request = ClaimRequest::new(worker(name)).with_limit(limit);
        market
            .claim(request)
            .await
            .unwrap()
            .iter()
            .map(|a| a.task)
            .collect()
    }

    pub(super) async fn submit(market: &dyn Market, vote: Vote) -> Result<Receipt, ApiError> {
        let mut results = market.submit(vec![vote]).await;
        assert_eq!(results.len(), 1, "one result per vote");
        results.remove(0)
    }

    /// Claims whatever comes first and answers it.
    pub(super) async fn answer(market: &dyn Market, name: &str, text: &str) -> (TaskId, Receipt) {
        let id = claim(market, name, 1).await[0];
        (id, submit(market, vote(id, name, text, 0.9)).await.unwrap())
    }

    /// Fails a case that would hang; no case takes nearly as long.
    pub(super) async fn soon<T>(future: impl Future<Output = T>) -> T {
        tokio::time::timeout(Duration::from_secs(20), future)
            .await
            .expect("it hangs")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_case_is_listed() {
        let files = [
            include_str!("clients.rs"),
            include_str!("events.rs"),
            include_str!("insight.rs"),
            include_str!("refusals.rs"),
            include_str!("serving.rs"),
            include_str!("waiting.rs"),
            include_str!("workers.rs"),
        ];
        let written: usize = files
            .iter()
            .map(|file| file.matches("\npub async fn ").count())
            .sum();
        assert_eq!(CASES.len(), written);
    }
}
