//! The suite of [`AsyncDataStoreWriter`](crate::AsyncDataStoreWriter): the rows of its table, and the rules common to
//! all interfaces as far as they show here.
//!
//! Which calls take a sequence and what they log shows in [`StoreEngine`](crate::StoreEngine) only, so it is for the
//! implementation's tests across interfaces; here a call that writes nothing leaves the tail where it was.

mod batches;
mod copies;
mod deletes;
mod refusals;
mod renames;
mod streams;
mod writes;

use super::check::record_async;
use super::{DataStoreFactory, Report};

/// Checks every rule.
///
/// # Panics
///
/// With each rule that does not hold, its row and what was found.
pub async fn run_all<F: DataStoreFactory>(factory: &F) {
    run(factory).await.assert_conforms();
}

/// Checks every rule and reports.
pub async fn run<F: DataStoreFactory>(factory: &F) -> Report {
    let mut report = Report::new("AsyncDataStoreWriter");
    record_async!(report, factory,
        "payload": [
            refusals::an_empty_payload_is_invalid_and_writes_nothing,
            writes::nul_bytes_are_ordinary_data,
            batches::one_nul_is_refused_where_the_caller_asks,
        ],
        "a batch with one bad entry": [
            batches::nothing_of_a_batch_with_one_bad_entry_is_written,
        ],
        "empty batch": [
            batches::an_empty_batch_answers_the_current_tail,
        ],
        "one key twice in a batch": [
            batches::the_last_of_one_key_wins,
        ],
        "write": [
            writes::the_tail_grows_with_every_write,
            writes::a_plain_write_clears_the_deadline,
            writes::a_dropped_write_is_whole_or_absent,
            writes::a_write_that_was_never_polled_does_nothing,
        ],
        "write_stream": [
            streams::a_stream_is_read_as_it_was_given,
            streams::at_most_64_kib_are_asked_for_at_a_time,
            streams::the_reader_is_drained_when_the_method_is_called,
            streams::dropping_the_future_leaves_nothing_visible,
            streams::other_writers_are_not_held_up_by_a_slow_reader,
            streams::an_error_of_the_reader_is_answered_and_leaves_nothing,
            streams::later_writes_do_not_trip_over_a_failed_stream,
            streams::an_interrupted_reader_is_asked_again,
            streams::an_empty_stream_is_invalid,
            streams::a_stream_replaces_what_is_there_and_clears_the_deadline,
        ],
        "rename": [
            renames::the_entry_moves,
            renames::a_missing_old_key_is_not_found,
            renames::to_itself_is_invalid,
            renames::an_existing_new_key_is_overwritten,
            renames::the_deadline_moves_along,
            renames::no_reader_sees_both_keys_or_neither,
        ],
        "copy": [
            copies::the_target_gets_the_entry_and_its_tail_is_answered,
            copies::copying_into_the_same_store_is_invalid,
            copies::copying_a_missing_key_is_not_found,
            copies::a_copy_carries_the_deadline,
        ],
        "transfer": [
            copies::the_entry_moves_to_the_target,
            copies::transferring_into_the_same_store_is_invalid,
            copies::transferring_a_missing_key_is_not_found,
            copies::a_transfer_carries_the_deadline,
            copies::an_overwrite_during_a_transfer_is_not_lost,
        ],
        "delete": [
            deletes::missing_keys_are_no_error_and_write_nothing,
            deletes::deleted_keys_stay_deleted,
            deletes::a_delete_takes_the_hash_only_entry_too,
            deletes::a_batch_delete_takes_all_of_its_keys,
            deletes::a_delete_by_hash_takes_every_entry_with_it,
            deletes::an_expired_key_is_a_missing_one,
        ],
        "errors": [
            refusals::messages_name_the_key_escaped_and_bounded,
        ],
        "limits": [
            refusals::a_key_beyond_the_limit_is_refused_with_limit_and_size,
            refusals::a_payload_beyond_the_limit_is_refused_with_limit_and_size,
            refusals::a_batch_of_too_many_entries_is_refused_with_limit_and_size,
            refusals::a_batch_of_too_many_bytes_is_refused_with_limit_and_size,
        ],
    );
    report
}
