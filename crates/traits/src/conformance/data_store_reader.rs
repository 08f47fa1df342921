//! The suite of [`AsyncDataStoreReader`](crate::AsyncDataStoreReader): the rows of its table, and the rules common to
//! all interfaces as far as they show here.
//!
//! That a store of the same engine refuses a second open, and that keys with one hash live side by side in the other
//! interfaces too, is for the implementation's own tests.

mod damage;
mod handles;
mod hashes;
mod lookups;
mod metadata;

use super::check::record_async;
use super::{DataStoreFactory, Report};

// The suite of the writer looks at what it wrote in the same ways.
pub(super) use hashes::colliding;
pub(super) use lookups::{
    MEDIUM, SHORT, counts, payloads, reads, reads_hash, wait_past_medium, wait_past_short,
};

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
    let mut report = Report::new("AsyncDataStoreReader");
    record_async!(report, factory,
        "key hash": [
            hashes::entries_are_found_by_the_hash_of_their_key,
        ],
        "collisions": [
            hashes::keys_with_one_hash_never_alias,
            hashes::a_lookup_by_hash_answers_the_newest,
            hashes::deleting_one_of_two_keys_with_one_hash_leaves_the_other,
        ],
        "entry without key": [
            hashes::a_hash_only_entry_is_found_by_hash_and_by_key,
            hashes::a_keyed_entry_hides_it_from_its_key_alone,
            hashes::the_newest_of_keyed_and_hash_only_answers_the_hash,
            hashes::a_hash_only_entry_counts_and_survives_reopening,
        ],
        "read": [
            lookups::an_entry_is_read_as_it_was_written,
            lookups::what_is_missing_is_none,
            lookups::an_empty_key_is_ordinary,
            lookups::a_key_beyond_the_limit_finds_nothing,
            lookups::an_expired_key_is_absent_from_every_method,
            lookups::entries_survive_reopening,
            lookups::batch_read_keeps_order_and_duplicates,
            lookups::a_batch_read_is_one_consistent_view,
        ],
        "batch_read_hashed_keys": [
            hashes::without_keys_it_reads_by_hash,
            hashes::with_keys_it_verifies_them,
            hashes::different_lengths_are_invalid,
        ],
        "handles": [
            handles::they_outlive_overwrite_and_delete,
            handles::they_outlive_compaction,
            handles::they_outlive_the_store,
            handles::they_convert_to_bytes_without_copying,
            handles::they_are_shared_between_threads,
            handles::they_point_into_the_store,
            handles::payloads_start_on_the_alignment,
        ],
        "read_last_entry": [
            lookups::the_last_entry_is_the_one_of_the_highest_sequence,
            lookups::of_a_batch_it_is_the_last,
            lookups::it_is_a_live_one,
        ],
        "len, is_empty": [
            metadata::they_count_live_entries,
            metadata::expired_entries_do_not_count,
        ],
        "file_size": [
            metadata::it_counts_dead_bytes_too,
        ],
        "metadata": [
            metadata::it_has_the_hash_of_the_key,
            metadata::its_offset_is_where_the_log_stood_before_the_entry,
            metadata::its_checksum_follows_the_payload,
            metadata::what_is_missing_has_none,
        ],
        "checksum": [
            damage::a_damaged_payload_is_an_error_that_says_where,
            damage::other_entries_stay_readable,
        ],
    );
    report
}
