//! The cases of a [`KeyStore`](crate::access::KeyStore), and of
//! [`Keys`](crate::access::Keys) on top of it.

mod clerk;
pub mod durability;
pub mod holding;
pub mod issuing;
pub mod records;
pub mod rotating;

/// Hands the list of all cases to another macro, as `module::case` paths.
#[doc(hidden)]
#[macro_export]
macro_rules! __for_each_key_store_case {
    ($then:ident, $($args:tt)*) => {
        $crate::$then! {
            $($args)*;
            records::what_is_inserted_comes_back_whole,
            records::inserting_the_same_id_again_changes_nothing,
            records::an_unknown_key_is_none,
            records::keys_are_paged_by_id,
            records::replacing_puts_the_new_key_beside_the_old_one,
            records::replacing_an_unknown_key_adds_nothing,
            records::replacing_an_expired_key_changes_nothing,
            records::replacing_a_revoked_key_changes_nothing,
            records::a_key_is_replaced_once,
            records::racing_replacements_leave_one_successor,
            records::revoking_changes_nothing_else,
            records::revoking_again_keeps_the_first_time,
            issuing::an_issued_key_is_accepted,
            issuing::a_worker_key_acts_as_its_worker,
            issuing::a_key_without_an_owner_belongs_to_its_worker_or_the_operator,
            issuing::a_worker_key_and_no_other_names_a_worker,
            issuing::a_key_that_has_expired_is_not_made,
            issuing::a_live_key_of_a_role_is_found,
            holding::what_is_no_key_is_refused,
            holding::an_unknown_key_and_a_wrong_secret_are_refused_alike,
            holding::a_wrong_secret_learns_nothing_of_the_key,
            holding::a_key_that_names_another_role_is_refused,
            holding::a_key_is_accepted_until_it_expires,
            holding::a_revoked_key_is_refused_for_good_and_at_once,
            holding::revoking_twice_keeps_the_first_time,
            holding::a_key_that_another_process_revoked_is_refused_a_second_later,
            holding::a_key_that_another_process_made_is_accepted_at_once,
            rotating::both_keys_are_accepted_during_the_overlap,
            rotating::a_rotation_without_overlap_ends_the_old_key_at_once,
            rotating::a_rotation_hands_on_what_the_key_is_for,
            rotating::a_rotation_never_prolongs_the_old_key,
            rotating::either_of_two_rotated_keys_can_be_revoked,
            rotating::only_a_live_key_is_rotated,
            rotating::a_key_is_rotated_once,
            rotating::a_key_that_another_process_rotated_is_refused_after_the_overlap,
        }
    };
}

/// Hands the list of the cases for persistent stores to another macro.
#[doc(hidden)]
#[macro_export]
macro_rules! __for_each_persistent_key_store_case {
    ($then:ident, $($args:tt)*) => {
        $crate::$then! {
            $($args)*;
            durability::what_was_acknowledged_is_there_again,
            durability::what_one_handle_does_the_others_see,
            durability::racing_handles_replace_a_key_once,
        }
    };
}

#[doc(hidden)]
#[macro_export]
macro_rules! __key_store_tests {
    ($open:expr; $($module:ident::$case:ident,)*) => {
        $(
            #[tokio::test]
            async fn $case() {
                let (guard, store) = $open().await;
                $crate::conformance::access::$module::$case(std::sync::Arc::new(store)).await;
                drop(guard);
            }
        )*
    };
}

#[doc(hidden)]
#[macro_export]
macro_rules! __persistent_key_store_tests {
    ($reopen:expr; $($module:ident::$case:ident,)*) => {
        $(
            #[tokio::test]
            async fn $case() {
                let (guard, reopen) = $reopen().await;
                $crate::conformance::access::$module::$case(&reopen).await;
                drop(reopen);
                drop(guard);
            }
        )*
    };
}

/// Makes a test of every case of a [`KeyStore`](crate::access::KeyStore).
///
/// `$open` is an async function without arguments that returns `(guard, store)`: a fresh, empty
/// store, and what must live as long as it (a temporary folder, say). The crate needs tokio with
/// its `macros` and `rt` features.
#[macro_export]
macro_rules! key_store_tests {
    ($open:expr) => {
        $crate::__for_each_key_store_case!(__key_store_tests, $open);
    };
}

/// Makes a test of every further case of a [`KeyStore`](crate::access::KeyStore) that outlives its
/// process.
///
/// `$reopen` is an async function without arguments that returns `(guard, reopen)`, where `reopen`
/// is a [`ReopenKeys`](durability::ReopenKeys) on a place that is empty at first.
#[macro_export]
macro_rules! persistent_key_store_tests {
    ($reopen:expr) => {
        $crate::__for_each_persistent_key_store_case!(__persistent_key_store_tests, $reopen);
    };
}

/// The names of all cases of [`key_store_tests!`](crate::key_store_tests).
pub const CASES: &[&str] = crate::__for_each_key_store_case!(__case_names,);

/// The names of all cases of
/// [`persistent_key_store_tests!`](crate::persistent_key_store_tests).
pub const PERSISTENT_CASES: &[&str] = crate::__for_each_persistent_key_store_case!(__case_names,);

#[cfg(test)]
mod tests {
    use super::*;

    /// A case that is written but not listed would silently not run.
    #[test]
    fn every_case_is_listed() {
        let files = [
            include_str!("durability.rs"),
            include_str!("holding.rs"),
            include_str!("issuing.rs"),
            include_str!("records.rs"),
            include_str!("rotating.rs"),
        ];
        let written: usize = files
            .iter()
            .map(|file| file.matches("\npub async fn ").count())
            .sum();
        assert_eq!(CASES.len() + PERSISTENT_CASES.len(), written);
    }
}
