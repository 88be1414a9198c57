//! What a [`TaskStore`](crate::store::TaskStore) is, without any rule of the market.

pub mod additions;
pub mod deleting;
pub mod events;
pub mod lookups;
pub mod rows;
pub mod steps;
pub mod undoing;
mod words;
pub mod workers;

/// Hands the list of all cases to another macro, as `module::case` paths.
#[doc(hidden)]
#[macro_export]
macro_rules! __for_each_task_store_case {
    ($then:ident, $($args:tt)*) => {
        $crate::$then! {
            $($args)*;
            rows::a_task_comes_back_as_it_was_inserted,
            rows::an_updated_task_comes_back_as_it_was_written,
            rows::votes_come_back_in_order,
            rows::leases_come_back_in_order,
            rows::leases_are_updated_and_deleted,
            rows::losses_come_back_as_they_were_written,
            workers::a_worker_comes_back_as_it_was_written,
            workers::absence_comes_back_as_it_was_written,
            workers::standings_come_back_as_they_were_written,
            workers::track_records_come_back_as_they_were_written,
            rows::the_service_row_comes_back_as_it_was_written,
            rows::leases_are_shifted_together,
            rows::bytes_are_put_and_deleted,
            rows::bytes_are_scanned_in_order,
            rows::a_step_sees_its_own_writes,
            lookups::claimable_tasks_are_found_in_order,
            lookups::a_task_is_claimable_where_it_was_written_so,
            lookups::claimable_tasks_are_found_by_their_places,
            lookups::candidates_tell_who_is_involved,
            lookups::overdue_tasks_are_found_in_order,
            lookups::overdue_leases_are_found_in_order,
            lookups::leases_of_a_worker_are_found_in_order,
            lookups::silent_workers_are_found_in_order,
            lookups::open_tasks_are_counted,
            deleting::closed_tasks_are_found_in_order,
            deleting::a_deleted_task_takes_along_what_belongs_to_it,
            deleting::a_type_without_tasks_is_no_longer_found,
            deleting::unused_workers_are_found_in_order,
            deleting::a_deleted_worker_is_not_there,
            additions::counters_add_up,
            additions::tallies_add_up,
            additions::points_saturate,
            additions::records_add_up,
            additions::streaks_follow_the_order_of_commits,
            additions::records_saturate,
            additions::signs_of_life_are_noted_once_a_second,
            events::events_come_back_as_they_were_logged,
            events::places_rise_with_each_step,
            events::an_undone_step_logs_nothing,
            events::clearing_goes_on_with_the_places_of_events,
            undoing::a_step_that_fails_leaves_nothing,
            undoing::each_write_can_be_seen,
            undoing::a_step_that_panics_leaves_nothing,
            undoing::a_step_that_misses_rows_leaves_nothing_or_is_run_again,
            undoing::a_step_that_fails_takes_no_other_along,
            steps::steps_are_finished_once_in_the_order_of_commits,
            steps::an_abandoned_step_is_done_or_not,
            steps::a_step_whose_caller_left_is_done_or_not,
            steps::a_step_sees_what_earlier_ones_wrote,
            steps::a_read_sees_nothing_of_an_undone_step,
            steps::a_read_sees_whole_steps,
            steps::a_step_that_goes_on_is_run_again,
            steps::time_never_goes_back,
        }
    };
}

#[doc(hidden)]
#[macro_export]
macro_rules! __task_store_tests {
    ($open:expr; $($module:ident::$case:ident,)*) => {
        $(
            #[tokio::test]
            #[allow(dropping_copy_types, reason = "a guard may be nothing")]
            async fn $case() {
                let clock = $crate::conformance::harness::clock();
                let (_guard, store) = $open(clock.clone()).await;
                let harness = $crate::conformance::Harness::new(store, clock);
                $crate::conformance::store::$module::$case(&harness).await;
                // The harness is dropped before the guard.
            }
        )*
    };
}

/// Makes a test of everything that a [`TaskStore`](crate::store::TaskStore) must be; see
/// [`market_tests!`](crate::market_tests) for `$open`, and for what a market does on it.
#[macro_export]
macro_rules! task_store_tests {
    ($open:expr) => {
        $crate::__for_each_task_store_case!(__task_store_tests, $open);
    };
}

/// The names of all cases of [`task_store_tests!`](crate::task_store_tests).
pub const CASES: &[&str] = crate::__for_each_task_store_case!(__case_names,);

#[cfg(test)]
mod tests {
    use super::*;

    /// A case that is written but not listed would silently not run.
    #[test]
    fn every_case_is_listed() {
        let files = [
            include_str!("additions.rs"),
            include_str!("deleting.rs"),
            include_str!("events.rs"),
            include_str!("lookups.rs"),
            include_str!("rows.rs"),
            include_str!("steps.rs"),
            include_str!("undoing.rs"),
            include_str!("workers.rs"),
        ];
        let written: usize = files
            .iter()
            .map(|file| file.matches("\npub async fn ").count())
            .sum();
        assert_eq!(CASES.len(), written);
    }
}
