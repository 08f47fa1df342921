//! The suite of [`KvBackend`]: the rows of its table, and the rules common to all interfaces as far as they show here.
//!
//! Left to the implementation's own tests: keys that are not UTF-8, which only other interfaces can write, and that
//! no method blocks the thread that polls it.

mod compare_and_swap;
mod deadlines;
mod increment;
mod keys;
mod option_limits;
mod values;

use super::check::record_async;
use super::{Factory, Report};
use crate::KvBackend;

pub use option_limits::OptionLimits;

/// Makes stores for the suite of [`KvBackend`].
pub trait KvBackendFactory: Factory<Store: KvBackend> {
    /// A new, empty store with the limits that are off by default. `None` when the implementation has no such
    /// options.
    fn create_with_option_limits(&self, limits: OptionLimits) -> impl Future<Output = Option<Self::Store>>;
}

/// Checks every rule.
///
/// # Panics
///
/// With each rule that does not hold, its row and what was found.
pub async fn run_all<F: KvBackendFactory>(factory: &F) {
    run(factory).await.assert_conforms();
}

/// Checks every rule and reports.
pub async fn run<F: KvBackendFactory>(factory: &F) -> Report {
    let mut report = Report::new("KvBackend");
    record_async!(report, factory,
        "values": [
            values::a_value_is_read_as_it_was_set,
            values::any_bytes_are_a_value,
            values::exists_agrees_with_get,
            values::acknowledged_writes_survive_reopening,
            values::a_dropped_write_is_whole_or_absent,
            values::a_write_that_was_never_polled_does_nothing,
            values::a_value_beyond_the_limit_is_refused,
        ],
        "keys": [
            keys::an_empty_key_is_invalid,
            keys::a_key_at_the_limit_is_accepted,
            keys::a_key_beyond_the_limit_is_invalid,
            keys::any_other_text_is_a_key,
        ],
        "TTL": [
            deadlines::zero_expires_at_once,
            deadlines::an_expired_key_is_absent_from_every_method,
            deadlines::a_key_lives_until_its_deadline,
            deadlines::the_greatest_ttl_saturates,
            deadlines::a_new_ttl_replaces_the_old_one,
            deadlines::a_deadline_survives_reopening,
            deadlines::reopening_does_not_start_a_ttl_again,
            deadlines::a_plain_set_clears_it,
            deadlines::an_increment_clears_it,
            deadlines::a_swap_that_hits_clears_it,
            deadlines::a_swap_that_misses_leaves_value_and_deadline,
        ],
        "increment": [
            increment::a_missing_key_counts_as_zero,
            increment::an_expired_key_counts_as_zero,
            increment::the_sum_is_answered_and_stored,
            increment::it_saturates_at_both_ends,
            increment::the_result_is_written_canonically,
            increment::what_is_no_number_is_refused_and_kept,
            increment::a_refused_increment_keeps_the_deadline,
            increment::concurrent_increments_are_all_counted,
        ],
        "compare_and_swap": [
            compare_and_swap::it_compares_the_value,
            compare_and_swap::expecting_none_asks_for_absence,
            compare_and_swap::an_expired_key_counts_as_absent,
            compare_and_swap::an_empty_value_is_not_absence,
            compare_and_swap::one_of_several_racers_wins,
        ],
        "delete": [
            values::delete_says_whether_a_live_key_was_deleted,
        ],
        "list_keys": [
            keys::listing_is_sorted_by_bytes,
            keys::listing_has_the_prefix_and_nothing_else,
            keys::an_empty_prefix_lists_all,
        ],
        "limits": [
            option_limits::they_are_off_by_default,
            option_limits::a_value_beyond_the_option_is_too_large,
            option_limits::a_key_beyond_the_quota_is_refused,
            option_limits::the_quota_counts_live_keys,
        ],
    );
    report
}
