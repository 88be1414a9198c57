//! The rules of the [market](crate::market), as cases that run on any
//! [`TaskStore`](crate::store::TaskStore).

pub mod attempts;
pub mod backlog;
pub mod cancelling;
pub mod cancelling_tasks;
pub mod claiming;
pub mod clock;
pub mod deciding;
pub mod durability;
pub mod events;
pub mod grace;
pub mod inserting;
pub mod leases;
pub mod losing;
pub mod models;
pub mod presence;
pub mod reading;
pub mod renewing;
pub mod repeating;
pub mod retention;
pub mod standing;
pub mod tallies;
pub mod voting;

/// Hands the list of all cases to another macro, as `module::case` paths.
#[doc(hidden)]
#[macro_export]
macro_rules! __for_each_market_case {
    ($then:ident, $($args:tt)*) => {
        $crate::$then! {
            $($args)*;
            inserting::tasks_get_one_outcome_each_in_order,
            inserting::an_idempotency_key_names_one_task,
            inserting::an_idempotency_key_tells_params_apart,
            inserting::what_a_task_says_is_kept,
            inserting::putting_the_same_id_in_again_changes_nothing,
            inserting::no_more_tasks_are_open_than_may_be,
            inserting::a_repeated_task_is_answered_when_there_is_no_room,
            inserting::clearing_forgets_everything,
            claiming::rule_1_several_workers_hold_one_task_at_the_same_time,
            claiming::rule_1_no_more_leases_than_wanted_votes,
            claiming::rule_1_nobody_gets_a_task_that_it_holds_or_answered,
            claiming::rule_1_one_owner_answers_a_task_once,
            claiming::rule_1_the_owner_of_a_vote_is_that_of_its_lease,
            claiming::rule_1_only_types_that_the_worker_can_do,
            claiming::rule_1_higher_priority_first_then_oldest,
            claiming::rule_1_a_closed_task_is_not_handed_out,
            claiming::rule_1_order_holds_over_several_types,
            models::rule_1_one_model_answers_a_task_once,
            models::rule_1_each_type_has_its_own_model,
            models::rule_1_without_a_model_no_task_that_asks_for_distinct_ones,
            models::rule_1_a_lost_lease_frees_the_place_of_its_model,
            models::rule_1_another_model_sees_what_the_first_could_not_have,
            models::rule_1_another_model_for_the_type_sees_what_the_first_could_not_have,
            models::an_answer_of_another_model_is_refused_where_models_matter,
            claiming::an_unknown_worker_claims_nothing,
            claiming::only_the_current_instance_claims,
            claiming::a_claim_for_another_owner_is_as_good_as_unknown,
            claiming::an_assignment_says_what_is_to_be_done,
            claiming::new_capabilities_hold_from_the_next_claim,
            repeating::a_repeated_claim_gives_the_same_leases,
            repeating::a_repeated_claim_renews_its_leases,
            repeating::a_repeated_claim_needs_no_room,
            repeating::another_request_id_gives_other_tasks,
            repeating::a_request_id_claims_anew_once_its_leases_have_ended,
            repeating::a_repeated_claim_gives_what_is_left_of_its_leases,
            repeating::a_repeated_claim_gives_no_grace_lease,
            repeating::a_request_id_is_of_one_run_of_one_worker,
            repeating::a_repeated_claim_is_not_logged,
            repeating::a_suspended_worker_repeats_no_claim,
            repeating::racing_claims_of_one_request_id_are_one,
            leases::rule_2_a_lease_does_not_end_by_the_clock_alone,
            leases::rule_2_a_lost_lease_takes_no_vote,
            leases::rule_2_a_vote_needs_the_lease,
            leases::rule_2_another_instance_ends_the_leases_of_the_first,
            leases::rule_2_the_same_instance_again_ends_nothing,
            leases::rule_2_registering_without_an_instance_ends_nothing,
            leases::rule_2_a_returned_lease_is_claimable_at_once_and_no_attempt,
            leases::rule_2_a_release_by_another_instance_is_passed_over,
            leases::releasing_what_is_not_held_is_passed_over,
            leases::releasing_all_gives_back_whatever_is_held,
            voting::rule_3_points_are_paid_when_the_task_closes,
            voting::rule_3_points_are_paid_once_whatever_is_repeated,
            voting::rule_4_a_repeated_vote_changes_nothing,
            voting::rule_4_a_repeated_vote_on_a_closed_task_is_a_duplicate,
            voting::rule_4_an_answer_under_a_grace_lease_is_kept_as_late,
            voting::rule_4_a_late_answer_changes_only_the_track_record,
            voting::rule_4_an_answer_whose_lease_ran_out_is_not_kept,
            voting::an_unknown_task_takes_no_vote,
            voting::one_bad_vote_does_not_fail_the_batch,
            voting::a_vote_without_a_model_gets_the_registered_one,
            voting::what_a_vote_says_is_kept,
            renewing::rule_5_a_renewal_never_shortens_a_lease,
            renewing::rule_5_a_renewal_touches_only_the_named_tasks,
            renewing::rule_5_a_bare_heartbeat_keeps_a_lease_for_ten_leases_at_most,
            renewing::rule_5_what_is_gone_is_returned,
            renewing::another_instance_is_told_that_it_is_superseded,
            renewing::an_unknown_worker_renews_nothing,
            renewing::an_instance_that_never_registered_is_unknown,
            grace::rule_5_a_grace_lease_is_gone_and_not_renewed,
            grace::rule_6_a_grace_lease_takes_no_place,
            grace::rule_6_a_grace_lease_that_runs_out_is_not_lost,
            grace::rule_6_time_in_which_nobody_served_extends_a_grace_lease,
            grace::releasing_a_grace_lease_is_passed_over,
            attempts::rule_6_a_lost_lease_is_an_attempt_and_a_claim_is_not,
            attempts::rule_6_a_failed_task_says_why,
            attempts::rule_6_a_worker_that_lost_a_task_twice_does_not_get_it_again,
            attempts::rule_6_the_workers_of_one_owner_cannot_fail_a_task,
            attempts::rule_6_a_task_fails_when_two_owners_used_up_its_attempts,
            attempts::rule_6_leases_per_worker_are_bounded,
            attempts::rule_6_time_in_which_nobody_reaped_costs_no_lease,
            attempts::rule_5_time_in_which_nobody_served_lets_bare_heartbeats_renew_longer,
            attempts::a_round_of_reaping_keeps_to_its_limit,
            attempts::a_round_that_ends_just_as_much_as_it_may_says_that_there_is_no_more,
            clock::time_stands_still_while_the_clock_is_put_back,
            presence::rule_6_the_leases_of_a_worker_that_is_gone_are_lost,
            presence::the_leases_of_workers_that_are_gone_end_within_the_limit,
            presence::rule_6_time_in_which_nobody_served_makes_nobody_gone,
            presence::a_worker_that_is_heard_of_again_is_back,
            presence::a_worker_that_votes_is_back,
            presence::every_step_of_a_worker_is_a_sign_of_life,
            presence::a_worker_without_heartbeats_keeps_its_leases,
            presence::a_round_declares_no_more_workers_gone_than_its_limit,
            presence::a_round_declares_no_more_workers_stale_than_its_limit,
            presence::signs_of_life_within_a_second_are_one,
            presence::a_worker_that_is_gone_serves_nothing,
            deciding::the_majority_decides,
            deciding::a_tie_goes_to_the_higher_mean_confidence,
            deciding::a_tie_of_confidence_goes_to_the_first_label,
            deciding::rule_7_extending_raises_the_wanted_votes,
            deciding::rule_7_at_its_limit_the_policy_concludes,
            deciding::rule_7_pending_with_all_votes_in_concludes,
            deciding::rule_7_a_deadline_ends_a_task_on_its_votes,
            deciding::rule_7_a_deadline_without_votes_fails_the_task,
            deciding::rule_7_a_round_ends_no_more_overdue_tasks_than_its_limit,
            deciding::rule_7_tasks_short_of_workers_are_counted,
            deciding::rule_7_a_held_task_is_not_short_of_workers,
            deciding::rewards_are_bounded,
            deciding::a_panicking_policy_fails_the_task_and_not_the_store,
            deciding::each_type_has_its_own_policy,
            backlog::rule_9_an_answered_prefix_hides_nothing_behind_it,
            backlog::rule_9_a_returned_lease_inside_the_prefix_is_found,
            backlog::rule_9_a_higher_priority_before_the_prefix_is_found,
            backlog::rule_9_a_lost_lease_of_its_own_is_found_again,
            backlog::rule_9_an_extended_task_inside_the_prefix_is_found,
            backlog::rule_9_another_owner_sees_what_the_first_could_not_have,
            backlog::rule_9_an_answered_prefix_is_not_looked_at_again,
            backlog::rule_9_what_others_have_taken_is_not_looked_at,
            backlog::rule_9_a_new_market_looks_at_the_prefix_once,
            backlog::rule_9_where_a_returned_lease_is_enough_a_claim_looks_no_further,
            backlog::rule_9_registering_again_does_not_begin_at_the_prefix,
            backlog::rule_9_steps_cost_the_same_whatever_the_backlog_and_history,
            cancelling::rule_10_a_dropped_future_leaves_the_step_done_or_undone,
            cancelling::rule_10_racing_claims_never_overbook,
            cancelling::rule_10_racing_votes_pay_once,
            cancelling::rule_10_racing_tasks_of_one_name_are_one,
            cancelling::rule_10_a_vote_races_the_end_of_its_lease,
            reading::tasks_are_paged_by_age_and_status,
            reading::a_page_of_tasks_keeps_to_its_bytes,
            reading::the_leaderboard_is_paged_by_points_and_name,
            reading::workers_are_paged_by_name,
            reading::stats_add_up,
            reading::what_is_not_there_is_none,
            tallies::a_vote_is_counted_when_it_is_accepted,
            tallies::agreements_and_points_are_counted_at_the_decision,
            tallies::a_late_answer_is_counted_as_late,
            tallies::a_lost_lease_is_counted_under_the_model_that_claimed_it,
            tallies::answers_that_say_the_same_agree,
            tallies::tallies_are_told_apart_as_asked,
            tallies::tallies_are_paged_by_points_and_name,
            tallies::a_worker_with_several_models_has_one_place,
            tallies::a_repeated_vote_is_counted_once,
            tallies::clearing_forgets_every_tally,
            standing::a_worker_that_always_disagrees_is_suspended,
            standing::suspension_takes_what_the_worker_holds,
            standing::a_worker_suspended_for_one_type_does_the_others,
            standing::probation_bounds_the_leases,
            standing::a_late_answer_is_judged_as_well,
            standing::a_late_answer_adds_what_the_policy_learns,
            standing::what_a_policy_learns_adds_up,
            standing::a_late_answer_stands_though_the_policy_panics,
            cancelling_tasks::a_cancelled_task_is_closed_with_its_reason,
            cancelling_tasks::cancelling_again_changes_nothing,
            cancelling_tasks::what_is_closed_or_unknown_is_not_cancelled,
            cancelling_tasks::cancelled_tasks_are_counted_and_listed,
            retention::closed_tasks_are_deleted_once_they_are_old,
            retention::what_was_earned_with_deleted_tasks_stays,
            retention::pruning_goes_on_where_it_ended,
            retention::a_deleted_task_is_unknown,
            retention::a_grace_lease_ends_with_its_deleted_task,
            retention::a_worker_that_never_did_anything_is_deleted,
            retention::unused_workers_are_deleted_a_few_at_a_time,
            losing::leases_that_are_lost_together_are_one_loss,
            losing::a_worker_that_loses_all_its_leases_is_suspended,
            losing::answers_of_the_past_do_not_excuse_a_run_of_losses,
            losing::three_keys_of_one_owner_do_no_harm,
            standing::a_ruling_by_hand_stands,
            standing::a_reinstated_worker_is_judged_anew,
            standing::reinstating_for_one_type_leaves_the_others,
            standing::nobody_rules_on_an_unknown_worker,
            standing::a_panicking_standing_policy_changes_nothing,
            events::a_life_is_logged_in_order,
            events::what_changes_nothing_is_not_logged,
            events::a_lease_that_ends_says_why,
            events::who_is_there_is_logged,
            events::how_far_workers_are_trusted_is_logged,
            events::events_are_paged_by_place,
            events::a_page_says_after_which_place_it_begins,
            events::a_place_beyond_the_log_has_nothing_after_it,
            events::clearing_goes_on_with_the_places,
        }
    };
}

/// Hands the list of the cases for persistent stores to another macro.
#[doc(hidden)]
#[macro_export]
macro_rules! __for_each_persistent_market_case {
    ($then:ident, $($args:tt)*) => {
        $crate::$then! {
            $($args)*;
            durability::rule_8_what_was_acknowledged_is_there_again,
            durability::rule_8_leases_votes_and_losses_are_there_again,
            durability::rule_8_a_claim_is_repeated_after_a_restart,
            durability::rule_8_track_records_are_there_again,
            durability::rule_8_a_clock_put_back_between_two_processes_keeps_no_lease,
            durability::rule_8_time_between_two_processes_costs_no_lease,
            durability::rule_9_a_reopened_store_still_hands_out_what_is_left,
            durability::rule_8_tallies_and_standings_are_there_again,
            events::rule_8_events_are_there_again,
        }
    };
}

#[doc(hidden)]
#[macro_export]
macro_rules! __market_tests {
    ($open:expr; $($module:ident::$case:ident,)*) => {
        $(
            #[tokio::test]
            #[allow(dropping_copy_types, reason = "a guard may be nothing")]
            async fn $case() {
                let clock = $crate::conformance::harness::clock();
                let (_guard, store) = $open(clock.clone()).await;
                let harness = $crate::conformance::Harness::new(store, clock);
                $crate::conformance::rules::$module::$case(&harness).await;
                // The harness is dropped before the guard.
            }
        )*
    };
}

#[doc(hidden)]
#[macro_export]
macro_rules! __persistent_market_tests {
    ($reopen:expr; $($module:ident::$case:ident,)*) => {
        $(
            #[tokio::test]
            #[allow(dropping_copy_types, reason = "a guard may be nothing")]
            async fn $case() {
                let clock = $crate::conformance::harness::clock();
                let (_guard, reopen) = $reopen(clock.clone()).await;
                let restart = $crate::conformance::Restart::new(reopen, clock);
                $crate::conformance::rules::$module::$case(&restart).await;
                // The place is dropped before the guard.
            }
        )*
    };
}

#[doc(hidden)]
#[macro_export]
macro_rules! __case_names {
    ($(;)? $($module:ident::$case:ident,)*) => {
        &[$(concat!(stringify!($module), "::", stringify!($case))),*]
    };
}

/// Makes a test of every rule of the [market](crate::market) on a
/// [`TaskStore`](crate::store::TaskStore).
///
/// `$open` is an async function that takes a [`ManualClock`](crate::time::ManualClock) and returns
/// `(guard, store)`: an `Arc<dyn TaskStore>` that is empty and takes its time from the clock, and
/// what must live as long as it (a temporary folder, say). The crate needs tokio with its `macros`
/// and `rt` features.
#[macro_export]
macro_rules! market_tests {
    ($open:expr) => {
        $crate::__for_each_market_case!(__market_tests, $open);
    };
}

/// Makes a test of every rule of the [market](crate::market) that needs a
/// [`TaskStore`](crate::store::TaskStore) which outlives its process.
///
/// `$reopen` is an async function that takes a [`ManualClock`](crate::time::ManualClock) and returns
/// `(guard, reopen)`, where `reopen` is a [`Reopen`](crate::conformance::Reopen) on a place that is
/// empty at first. Its stores take their time from the clock.
#[macro_export]
macro_rules! persistent_market_tests {
    ($reopen:expr) => {
        $crate::__for_each_persistent_market_case!(__persistent_market_tests, $reopen);
    };
}

/// The names of all cases of [`market_tests!`](crate::market_tests).
pub const CASES: &[&str] = crate::__for_each_market_case!(__case_names,);

/// The names of all cases of [`persistent_market_tests!`](crate::persistent_market_tests).
pub const PERSISTENT_CASES: &[&str] = crate::__for_each_persistent_market_case!(__case_names,);

#[cfg(test)]
mod tests {
    use super::*;

    /// A case that is written but not listed would silently not run.
    #[test]
    fn every_case_is_listed() {
        let files = [
            include_str!("attempts.rs"),
            include_str!("backlog.rs"),
            include_str!("cancelling.rs"),
            include_str!("cancelling_tasks.rs"),
            include_str!("claiming.rs"),
            include_str!("clock.rs"),
            include_str!("deciding.rs"),
            include_str!("durability.rs"),
            include_str!("events.rs"),
            include_str!("grace.rs"),
            include_str!("inserting.rs"),
            include_str!("leases.rs"),
            include_str!("losing.rs"),
            include_str!("models.rs"),
            include_str!("presence.rs"),
            include_str!("reading.rs"),
            include_str!("renewing.rs"),
            include_str!("repeating.rs"),
            include_str!("retention.rs"),
            include_str!("standing.rs"),
            include_str!("tallies.rs"),
            include_str!("voting.rs"),
        ];
        let written: usize = files
            .iter()
            .map(|file| file.matches("\npub async fn ").count())
            .sum();
        assert_eq!(CASES.len() + PERSISTENT_CASES.len(), written);
    }
}
