//! The suite of [`StoreEngine`]: the rows of its table, and the rules common to all interfaces as far as they show here.
//!
//! The trait is synchronous, and so are the suite and its factory. What is read while it is being written is checked
//! with threads; such a check can miss a defect that needs rare timing, and reports none that is not there.

mod batch_log;
mod concurrency;
mod deadlines;
mod deletes;
mod puts;
mod ranges;
mod refusals;

use std::time::Duration;

use super::check::record;
use super::{Limits, Report};
use crate::StoreEngine;

/// Makes stores for the suite of [`StoreEngine`]. The methods panic when they cannot do their part.
pub trait StoreEngineFactory {
    /// The implementation under test.
    type Store: StoreEngine;

    /// A new, empty store that retains everything that the suite writes, which is less than 32 MiB.
    fn create(&self) -> Self::Store;

    /// Closes `store` in the ordinary way and opens it again.
    fn reopen(&self, store: Self::Store) -> Self::Store;

    /// Lets at least `duration` pass in the time of all stores of this factory.
    fn wait(&self, duration: Duration);

    /// Writes a key that expires after `ttl`, through whichever interface offers it, in one commit.
    fn put_expiring(&self, store: &Self::Store, key: &[u8], value: &[u8], ttl: Duration);

    /// Reclaims the space of dead entries now, as far as the implementation does that; nothing otherwise.
    fn compact(&self, store: &Self::Store);

    /// Bytes on disk of the whole store. `None` where they cannot be known, or do not follow what is written within
    /// some MiB (small segments help).
    fn disk_bytes(&self, store: &Self::Store) -> Option<u64>;

    /// The limits of the stores, if options set them lower than the contract does.
    fn limits(&self) -> Limits {
        Limits::CONTRACT
    }
}

/// Checks every rule.
///
/// # Panics
///
/// With each rule that does not hold, its row and what was found.
pub fn run_all<F: StoreEngineFactory>(factory: &F) {
    run(factory).assert_conforms();
}

/// Checks every rule and reports.
pub fn run<F: StoreEngineFactory>(factory: &F) -> Report {
    let mut report = Report::new("StoreEngine");
    record!(report, factory,
        "put_batch": [
            puts::a_batch_is_read_as_it_was_put,
            puts::the_last_duplicate_wins_in_the_state,
            puts::the_log_keeps_every_pair_in_order,
            puts::an_empty_batch_takes_a_sequence_and_logs_nothing,
            puts::empty_keys_and_values_are_ordinary,
            puts::any_bytes_are_a_key_and_a_value,
            puts::acknowledged_batches_survive_reopening,
            concurrency::a_batch_becomes_visible_at_once,
            refusals::a_batch_with_one_bad_key_writes_nothing,
        ],
        "range_scan": [
            ranges::start_and_end_are_inclusive,
            ranges::an_empty_end_is_unbounded,
            ranges::an_empty_start_is_the_beginning,
            ranges::start_above_end_is_empty,
            ranges::limit_zero_is_empty,
            ranges::forward_takes_the_lowest_rows_ascending,
            ranges::backward_takes_the_highest_rows_descending,
            ranges::keys_are_ordered_as_unsigned_bytes,
            ranges::rows_are_the_live_keys_with_their_newest_values,
            concurrency::a_scan_is_one_consistent_view,
            ranges::cost_follows_the_rows_answered,
        ],
        "delete_batch": [
            deletes::deleted_keys_are_gone,
            deletes::it_always_takes_a_sequence,
            deletes::it_logs_no_pairs,
        ],
        "get_batch": [
            batch_log::what_was_never_written_is_none,
            batch_log::pairs_outlive_overwrites_deletes_and_compaction,
            batch_log::the_log_survives_reopening,
        ],
        "current_sequence": [
            batch_log::sequences_count_from_one_without_holes,
            refusals::a_failed_write_leaves_no_hole,
            concurrency::a_sequence_is_readable_once_it_is_told,
        ],
        "oldest_retained_batch": [
            batch_log::the_oldest_is_the_first_in_the_log,
        ],
        "prune_batch_log": [
            batch_log::pruning_drops_what_is_below_the_cutoff,
            batch_log::pruning_again_drops_nothing,
            batch_log::pruning_keeps_the_state,
            batch_log::a_cutoff_beyond_the_end_empties_the_log,
            batch_log::numbering_goes_on_after_pruning_and_reopening,
            batch_log::space_comes_back_by_compaction,
        ],
        "get_many": [
            puts::get_many_keeps_order_and_duplicates,
            concurrency::many_keys_are_one_consistent_view,
        ],
        "values handed in": [
            puts::buffers_are_not_kept_alive,
        ],
        "expiry": [
            deadlines::an_expired_key_is_absent_from_every_method,
            deadlines::a_batch_clears_deadlines,
            deadlines::expiry_takes_no_sequence,
        ],
        "limits": [
            refusals::a_key_beyond_the_limit_is_refused_with_limit_and_size,
            refusals::a_value_beyond_the_limit_is_refused_with_limit_and_size,
            refusals::a_batch_of_too_many_pairs_is_refused_with_limit_and_size,
            refusals::a_batch_of_too_many_bytes_is_refused_with_limit_and_size,
            refusals::a_delete_of_too_many_keys_is_refused_with_limit_and_size,
        ],
    );
    report
}
