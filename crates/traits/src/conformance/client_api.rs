//! The suite of [`ClientApi`]: the rows of its table, and the rules common to all interfaces as far as they show here.
//!
//! The numbers of codes, roles and statuses are those of this crate and tested with it, not per implementation.
//! Linearizability under faults is for a history checker; here a read sees the writes that were acknowledged before.

mod compare_and_swap;
mod deadlines;
mod members;
mod reads;
mod values;

use super::check::record_async;
use super::{Factory, Report};
use crate::ClientApi;

/// Makes stores for the suite of [`ClientApi`].
pub trait ClientApiFactory: Factory<Store: ClientApi> {
    /// Whether the stores are local ones: a single node without a cluster around it.
    fn is_local(&self) -> bool;

    /// A client of a store that takes requests and never answers them, with a short timeout. `None` for
    /// implementations that nothing can come between, as local ones.
    fn create_unanswered(&self) -> impl Future<Output = Option<Self::Store>>;
}

/// Checks every rule.
///
/// # Panics
///
/// With each rule that does not hold, its row and what was found.
pub async fn run_all<F: ClientApiFactory>(factory: &F) {
    run(factory).await.assert_conforms();
}

/// Checks every rule and reports.
pub async fn run<F: ClientApiFactory>(factory: &F) -> Report {
    let mut report = Report::new("ClientApi");
    record_async!(report, factory,
        "values": [
            values::a_value_is_read_as_it_was_put,
            values::any_bytes_are_a_key_and_a_value,
            values::keys_and_values_are_passed_in_any_form,
            values::acknowledged_writes_survive_reopening,
            values::a_dropped_write_is_whole_or_absent,
            values::a_write_that_was_never_polled_does_nothing,
        ],
        "errors": [
            values::a_key_beyond_the_limit_is_refused_with_limit_and_size,
            values::a_value_beyond_the_limit_is_refused_with_limit_and_size,
        ],
        "get": [
            reads::every_read_sees_the_acknowledged_put,
        ],
        "put_with_ttl": [
            deadlines::ttls_are_counted_in_seconds,
            deadlines::zero_is_no_expiry,
            deadlines::the_greatest_ttl_saturates,
            deadlines::an_expired_key_is_absent_from_every_method,
            deadlines::a_plain_put_clears_the_deadline,
            deadlines::a_swap_clears_it_when_it_hits_only,
            deadlines::a_deadline_survives_reopening,
        ],
        "delete": [
            values::deleting_a_missing_key_is_no_error,
        ],
        "compare_and_swap": [
            compare_and_swap::a_mismatch_is_false_and_changes_nothing,
            compare_and_swap::expecting_none_asks_for_absence,
            compare_and_swap::an_expired_key_counts_as_absent,
            compare_and_swap::one_of_several_racers_wins,
        ],
        "get_multi": [
            reads::answers_are_in_input_order_with_none_for_missing,
            reads::an_expired_key_is_none,
            reads::every_policy_answers,
            reads::many_keys_are_one_consistent_view,
        ],
        "single node": [
            members::members_and_leader_agree,
            members::a_local_store_is_leader_and_only_member,
        ],
        "timeouts": [
            members::an_unknown_outcome_is_a_connection_timeout,
        ],
    );
    report
}
