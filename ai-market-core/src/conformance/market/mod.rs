//! The cases of a [`MarketStore`](crate::store::MarketStore): what its
//! [`TallyStore`](crate::store::TallyStore), [`StandingStore`](crate::store::StandingStore) and
//! [`EventStore`](crate::store::EventStore) promise of the steps of its [`TaskStore`](crate::store::TaskStore).

pub mod durability;
pub mod events;
pub mod standing;
pub mod tallies;

/// Hands the list of all cases to another macro, as `module::case` paths.
#[doc(hidden)]
#[macro_export]
macro_rules! __for_each_market_store_case {
    ($then:ident, $($args:tt)*) => {
        $crate::$then! {
            $($args)*;
            tallies::a_vote_is_counted_when_it_is_accepted,
            tallies::agreements_and_points_are_counted_at_the_decision,
            tallies::a_late_answer_is_counted_as_late,
            tallies::a_lost_lease_is_counted_under_the_model_that_claimed_it,
            tallies::answers_that_say_the_same_agree,
            tallies::tallies_are_told_apart_as_asked,
            tallies::tallies_are_paged_by_points_and_name,
            tallies::a_repeated_vote_is_counted_once,
            tallies::serving_counts_the_workers_that_are_here,
            tallies::clearing_forgets_every_tally,
            standing::a_worker_that_always_disagrees_is_suspended,
            standing::suspension_takes_what_the_worker_holds,
            standing::a_worker_suspended_for_one_type_does_the_others,
            standing::probation_bounds_the_leases,
            standing::a_late_answer_is_judged_as_well,
            standing::a_late_answer_adds_what_the_policy_learns,
            standing::a_late_answer_stands_though_the_policy_panics,
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
            events::clearing_goes_on_with_the_places,
        }
    };
}

/// Hands the list of the cases for persistent stores to another macro.
#[doc(hidden)]
#[macro_export]
macro_rules! __for_each_persistent_market_store_case {
    ($then:ident, $($args:tt)*) => {
        $crate::$then! {
            $($args)*;
            durability::tallies_and_standings_are_there_again,
            events::events_are_there_again,
        }
    };
}

#[doc(hidden)]
#[macro_export]
macro_rules! __market_store_tests {
    ($open:expr; $($module:ident::$case:ident,)*) => {
        $(
            #[tokio::test]
            async fn $case() {
                let (guard, store) = $open().await;
                $crate::conformance::market::$module::$case(&store).await;
                drop(store);
                drop(guard);
            }
        )*
    };
}

#[doc(hidden)]
#[macro_export]
macro_rules! __persistent_market_store_tests {
    ($reopen:expr; $($module:ident::$case:ident,)*) => {
        $(
            #[tokio::test]
            async fn $case() {
                let (guard, reopen) = $reopen().await;
                $crate::conformance::market::$module::$case(&reopen).await;
                drop(reopen);
                drop(guard);
            }
        )*
    };
}

/// Makes a test of every case of a [`MarketStore`](crate::store::MarketStore); see
/// [`task_store_tests!`](crate::task_store_tests), which has those of its steps.
#[macro_export]
macro_rules! market_store_tests {
    ($open:expr) => {
        $crate::__for_each_market_store_case!(__market_store_tests, $open);
    };
}

/// Makes a test of every further case of a [`MarketStore`](crate::store::MarketStore) that outlives
/// its process; see [`persistent_task_store_tests!`](crate::persistent_task_store_tests).
#[macro_export]
macro_rules! persistent_market_store_tests {
    ($reopen:expr) => {
        $crate::__for_each_persistent_market_store_case!(__persistent_market_store_tests, $reopen);
    };
}

/// The names of all cases of [`market_store_tests!`](crate::market_store_tests).
pub const CASES: &[&str] = crate::__for_each_market_store_case!(__case_names,);

/// The names of all cases of
/// [`persistent_market_store_tests!`](crate::persistent_market_store_tests).
pub const PERSISTENT_CASES: &[&str] =
    crate::__for_each_persistent_market_store_case!(__case_names,);

#[cfg(test)]
mod tests {
    use super::*;

    /// A case that is written but not listed would silently not run.
    #[test]
    fn every_case_is_listed() {
        let files = [
            include_str!("durability.rs"),
            include_str!("events.rs"),
            include_str!("standing.rs"),
            include_str!("tallies.rs"),
        ];
        let written: usize = files
            .iter()
            .map(|file| file.matches("\npub async fn ").count())
            .sum();
        assert_eq!(CASES.len() + PERSISTENT_CASES.len(), written);
    }
}
