//! The defects that the reference store can be made with, and the rules that each of them breaks.
//!
//! The invariant: every rule of every suite stands behind at least one defect, so that no check is there for show.

/// The five suites.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Suite {
    Reader,
    Writer,
    Engine,
    Kv,
    Client,
}

macro_rules! defects {
    ($($defect:ident: $($suite:ident $rule:ident),+;)+) => {
        /// One thing that the reference store does wrong.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub(crate) enum Defect { $($defect,)+ }

        /// Every defect with one suite and the rules of it that the defect breaks, among others perhaps.
        pub(crate) const DEFECTS: &[(Defect, Suite, &str)] =
            &[$($((Defect::$defect, Suite::$suite, stringify!($rule)),)+)+];
    };
}

defects! {
    // Any interface.
    FirstWriteWins:
        Kv a_value_is_read_as_it_was_set, Client a_value_is_read_as_it_was_put, Engine a_batch_is_read_as_it_was_put,
        Reader an_entry_is_read_as_it_was_written;
    NulIsTombstone:
        Kv any_bytes_are_a_value, Client any_bytes_are_a_key_and_a_value, Engine any_bytes_are_a_key_and_a_value,
        Writer nul_bytes_are_ordinary_data;
    ReopenLosesLastCommit:
        Kv acknowledged_writes_survive_reopening, Client acknowledged_writes_survive_reopening,
        Engine acknowledged_batches_survive_reopening, Reader entries_survive_reopening;
    ReopenRevivesDeleted:
        Kv acknowledged_writes_survive_reopening, Writer deleted_keys_stay_deleted;
    TornWhenDropped:
        Kv a_dropped_write_is_whole_or_absent, Client a_dropped_write_is_whole_or_absent,
        Writer a_dropped_write_is_whole_or_absent;
    WritesWhenCalled:
        Kv a_write_that_was_never_polled_does_nothing, Client a_write_that_was_never_polled_does_nothing,
        Writer a_write_that_was_never_polled_does_nothing;
    NoKeyLimit:
        Kv a_key_beyond_the_limit_is_invalid, Client a_key_beyond_the_limit_is_refused_with_limit_and_size,
        Engine a_key_beyond_the_limit_is_refused_with_limit_and_size,
        Writer a_key_beyond_the_limit_is_refused_with_limit_and_size;
    KeyLimitIsOneLess:
        Kv a_key_at_the_limit_is_accepted, Client any_bytes_are_a_key_and_a_value,
        Engine any_bytes_are_a_key_and_a_value, Reader an_entry_is_read_as_it_was_written;
    NoValueLimit:
        Kv a_value_beyond_the_limit_is_refused, Client a_value_beyond_the_limit_is_refused_with_limit_and_size,
        Engine a_value_beyond_the_limit_is_refused_with_limit_and_size,
        Writer a_payload_beyond_the_limit_is_refused_with_limit_and_size;
    NoBatchCountLimit:
        Engine a_batch_of_too_many_pairs_is_refused_with_limit_and_size,
        Engine a_delete_of_too_many_keys_is_refused_with_limit_and_size,
        Writer a_batch_of_too_many_entries_is_refused_with_limit_and_size;
    NoBatchBytesLimit:
        Engine a_batch_of_too_many_bytes_is_refused_with_limit_and_size,
        Writer a_batch_of_too_many_bytes_is_refused_with_limit_and_size;
    MessagesGiveNoSizes:
        Client a_key_beyond_the_limit_is_refused_with_limit_and_size,
        Engine a_value_beyond_the_limit_is_refused_with_limit_and_size,
        Writer a_payload_beyond_the_limit_is_refused_with_limit_and_size;
    BadBatchWritesItsBeginning:
        Engine a_batch_with_one_bad_key_writes_nothing, Writer nothing_of_a_batch_with_one_bad_entry_is_written;
    FirstDuplicateWins:
        Engine the_last_duplicate_wins_in_the_state, Writer the_last_of_one_key_wins;
    PlainWriteKeepsDeadline:
        Kv a_plain_set_clears_it, Client a_plain_put_clears_the_deadline, Engine a_batch_clears_deadlines,
        Writer a_plain_write_clears_the_deadline,
        Writer a_stream_replaces_what_is_there_and_clears_the_deadline;
    TtlOverflowWraps:
        Kv the_greatest_ttl_saturates, Client the_greatest_ttl_saturates;
    ReopenForgetsDeadlines:
        Kv a_deadline_survives_reopening, Client a_deadline_survives_reopening;
    ReopenStartsTtlsAgain:
        Kv reopening_does_not_start_a_ttl_again;
    EmptyKeyIsRefused:
        Client any_bytes_are_a_key_and_a_value, Engine empty_keys_and_values_are_ordinary,
        Reader an_empty_key_is_ordinary;

    // KvBackend.
    EmptyValueDoesNotExist: Kv exists_agrees_with_get;
    KvTakesEmptyKeys: Kv an_empty_key_is_invalid;
    KvRefusesControlCharacters: Kv any_other_text_is_a_key;
    ZeroTtlIsForever: Kv zero_expires_at_once;
    TtlIsAThousandth: Kv a_key_lives_until_its_deadline;
    ExpiredIsListed: Kv an_expired_key_is_absent_from_every_method;
    FirstDeadlineStays: Kv a_new_ttl_replaces_the_old_one;
    IncrementKeepsDeadline: Kv an_increment_clears_it;
    MissedSwapClearsDeadline: Kv a_swap_that_misses_leaves_value_and_deadline;
    IncrementNeedsKey: Kv a_missing_key_counts_as_zero;
    IncrementReadsExpired: Kv an_expired_key_counts_as_zero;
    IncrementAnswersOldValue: Kv the_sum_is_answered_and_stored;
    IncrementWraps: Kv it_saturates_at_both_ends;
    IncrementByZeroWritesNothing: Kv the_result_is_written_canonically;
    IncrementTakesTextForZero: Kv what_is_no_number_is_refused_and_kept;
    IncrementCallsTextNotFound: Kv what_is_no_number_is_refused_and_kept;
    RefusedIncrementClearsDeadline: Kv a_refused_increment_keeps_the_deadline;
    IncrementIsInTwoSteps: Kv concurrent_increments_are_all_counted;
    DeleteIsAlwaysTrue: Kv delete_says_whether_a_live_key_was_deleted;
    ListIsSortedByUtf16: Kv listing_is_sorted_by_bytes;
    ListMatchesAnywhere: Kv listing_has_the_prefix_and_nothing_else;
    ListStopsAtOneHundred: Kv an_empty_prefix_lists_all;
    QuotaIsOnByDefault: Kv they_are_off_by_default;
    ValueOptionIsIgnored: Kv a_value_beyond_the_option_is_too_large;
    QuotaIsIgnored: Kv a_key_beyond_the_quota_is_refused;
    QuotaRefusesOverwrites: Kv a_key_beyond_the_quota_is_refused;
    QuotaCountsExpired: Kv the_quota_counts_live_keys;

    // Compare-and-swap, in KvBackend and ClientApi.
    SwapIgnoresExpected: Kv it_compares_the_value, Client a_mismatch_is_false_and_changes_nothing;
    SwapFromNoneAlwaysHits: Kv expecting_none_asks_for_absence, Client expecting_none_asks_for_absence;
    SwapSeesExpired: Kv an_expired_key_counts_as_absent, Client an_expired_key_counts_as_absent;
    SwapTakesEmptyForAbsent: Kv an_empty_value_is_not_absence, Client expecting_none_asks_for_absence;
    SwapIsInTwoSteps: Kv one_of_several_racers_wins, Client one_of_several_racers_wins;
    SwapKeepsDeadline: Kv a_swap_that_hits_clears_it, Client a_swap_clears_it_when_it_hits_only;

    // ClientApi.
    ClientCutsKeys: Client keys_and_values_are_passed_in_any_form;
    LeaseReadIsStale: Client every_read_sees_the_acknowledged_put;
    PolicyIsIgnoredForStaleRead: Client every_read_sees_the_acknowledged_put;
    TtlSecondsAreMilliseconds: Client ttls_are_counted_in_seconds;
    ZeroSecondsExpire: Client zero_is_no_expiry;
    EventualReadSeesExpired: Client an_expired_key_is_absent_from_every_method;
    ClientDeleteNeedsKey: Client deleting_a_missing_key_is_no_error;
    MultiGetSortsKeys: Client answers_are_in_input_order_with_none_for_missing;
    MultiGetSeesExpired: Client an_expired_key_is_none;
    EventualPolicyIsRefused: Client every_policy_answers;
    MultiGetIsTorn: Client many_keys_are_one_consistent_view;
    LeaderIsNoMember: Client members_and_leader_agree;
    LocalMemberHasAddress: Client a_local_store_is_leader_and_only_member;
    TimeoutReadsAsRefusal: Client an_unknown_outcome_is_a_connection_timeout;

    // StoreEngine.
    LogKeepsLastDuplicateOnly: Engine the_log_keeps_every_pair_in_order;
    EmptyBatchTakesNoSequence: Engine an_empty_batch_takes_a_sequence_and_logs_nothing;
    BatchIsAppliedInSteps: Engine a_batch_becomes_visible_at_once;
    EndIsExclusive: Engine start_and_end_are_inclusive;
    EmptyEndIsTheEmptyKey: Engine an_empty_end_is_unbounded;
    EmptyEndIsSixteenHighBytes: Engine an_empty_end_is_unbounded;
    EmptyStartIsExclusive: Engine an_empty_start_is_the_beginning;
    StartAboveEndIsSwapped: Engine start_above_end_is_empty;
    LimitZeroIsNoLimit: Engine limit_zero_is_empty;
    ForwardTakesHighest: Engine forward_takes_the_lowest_rows_ascending;
    BackwardTakesLowest: Engine backward_takes_the_highest_rows_descending;
    KeysAreSignedBytes: Engine keys_are_ordered_as_unsigned_bytes;
    DeletedKeysUseUpTheLimit: Engine rows_are_the_live_keys_with_their_newest_values;
    ScanIsTorn: Engine a_scan_is_one_consistent_view;
    ScanReadsTheWholeRange: Engine cost_follows_the_rows_answered;
    BackwardScanReadsTheWholeRange: Engine cost_follows_the_rows_answered;
    DeleteBatchTakesTheFirst: Engine deleted_keys_are_gone;
    DeleteOfMissingTakesNoSequence: Engine it_always_takes_a_sequence;
    DeletesAreLogged: Engine it_logs_no_pairs;
    FutureBatchIsEmpty: Engine what_was_never_written_is_none;
    LogReadsCurrentValues: Engine pairs_outlive_overwrites_deletes_and_compaction;
    CompactionEmptiesTheLog: Engine pairs_outlive_overwrites_deletes_and_compaction;
    ReopenEmptiesTheLog: Engine the_log_survives_reopening;
    SequencesSkipOne: Engine sequences_count_from_one_without_holes;
    RefusalTakesSequence: Engine a_failed_write_leaves_no_hole;
    SequenceIsToldEarly: Engine a_sequence_is_readable_once_it_is_told;
    OldestIsAlwaysOne: Engine the_oldest_is_the_first_in_the_log;
    PruneTakesTheCutoffToo: Engine pruning_drops_what_is_below_the_cutoff;
    PruneCountsUpToTheCutoff: Engine pruning_again_drops_nothing;
    PruneDropsTheState: Engine pruning_keeps_the_state;
    PruneKeepsTheLast: Engine a_cutoff_beyond_the_end_empties_the_log;
    EmptyLogRestartsNumbering: Engine numbering_goes_on_after_pruning_and_reopening;
    CompactionReclaimsNothing: Engine space_comes_back_by_compaction;
    GetManySortsKeys: Engine get_many_keeps_order_and_duplicates;
    GetManyIsTorn: Engine many_keys_are_one_consistent_view;
    BuffersOfTheCallerAreKept: Engine buffers_are_not_kept_alive;
    ScanSeesExpired: Engine an_expired_key_is_absent_from_every_method;
    ExpiryTakesSequence: Engine expiry_takes_no_sequence;

    // AsyncDataStoreReader.
    KeysAreHashedByTheirBeginning: Reader entries_are_found_by_the_hash_of_their_key;
    KeysAreNotCompared: Reader keys_with_one_hash_never_alias;
    HashAnswersOldest: Reader a_lookup_by_hash_answers_the_newest, Reader without_keys_it_reads_by_hash;
    DeleteTakesTheWholeHash: Reader deleting_one_of_two_keys_with_one_hash_leaves_the_other;
    HashOnlyIsNotFoundByKey: Reader a_hash_only_entry_is_found_by_hash_and_by_key;
    HashOnlyHidesKeyed: Reader a_keyed_entry_hides_it_from_its_key_alone;
    HashPrefersKeyed: Reader the_newest_of_keyed_and_hash_only_answers_the_hash;
    HashOnlyDoesNotCount: Reader a_hash_only_entry_counts_and_survives_reopening;
    MissingReadsEmpty: Reader what_is_missing_is_none;
    TooLongKeyIsCut: Reader a_key_beyond_the_limit_finds_nothing;
    HashSeesExpired: Reader an_expired_key_is_absent_from_every_method;
    BatchReadLeavesOutMissing: Reader batch_read_keeps_order_and_duplicates;
    BatchReadIsTorn: Reader a_batch_read_is_one_consistent_view;
    HashedBatchIgnoresKeys: Reader with_keys_it_verifies_them;
    HashedBatchTakesTheShorter: Reader different_lengths_are_invalid;
    HandlesDieWithTheEntry: Reader they_outlive_overwrite_and_delete;
    HandlesDieInCompaction: Reader they_outlive_compaction;
    HandlesDieWithTheStore: Reader they_outlive_the_store;
    HandlesCopyIntoBytes: Reader they_convert_to_bytes_without_copying;
    HandlesAreBoundToTheirThread: Reader they_are_shared_between_threads;
    ReadsCopy: Reader they_point_into_the_store;
    PayloadsStartAnywhere: Reader payloads_start_on_the_alignment;
    LastIsTheGreatestKey: Reader the_last_entry_is_the_one_of_the_highest_sequence;
    LastOfABatchIsItsFirst: Reader of_a_batch_it_is_the_last;
    LastIsForgottenWhenDeleted: Reader it_is_a_live_one;
    OverwritesCountTwice: Reader they_count_live_entries;
    ExpiredCount: Reader expired_entries_do_not_count;
    FileSizeIsOfLiveEntries: Reader it_counts_dead_bytes_too;
    MetadataHasNoHash: Reader it_has_the_hash_of_the_key;
    MetadataPointsBehindTheEntry: Reader its_offset_is_where_the_log_stood_before_the_entry;
    ChecksumIsOfTheLength: Reader its_checksum_follows_the_payload;
    MissingHasMetadata: Reader what_is_missing_has_none;
    DamageIsReturned: Reader a_damaged_payload_is_an_error_that_says_where;
    DamageIsReportedOnce: Reader a_damaged_payload_is_an_error_that_says_where;
    DamageIsReportedWithoutItsPlace: Reader a_damaged_payload_is_an_error_that_says_where;
    DamageFailsEveryRead: Reader other_entries_stay_readable;

    // AsyncDataStoreWriter.
    EmptyPayloadIsAccepted: Writer an_empty_payload_is_invalid_and_writes_nothing, Writer an_empty_stream_is_invalid;
    OneNulIsAlwaysAllowed: Writer one_nul_is_refused_where_the_caller_asks;
    OneNulIsNeverAllowed: Writer one_nul_is_refused_where_the_caller_asks;
    EmptyBatchMovesTheTail: Writer an_empty_batch_answers_the_current_tail;
    RenameLeavesTheTail: Writer the_tail_grows_with_every_write;
    StreamLosesItsEnd: Writer a_stream_is_read_as_it_was_given;
    StreamIsReadInOneGo: Writer at_most_64_kib_are_asked_for_at_a_time;
    StreamLeavesTheRest: Writer the_reader_is_drained_when_the_method_is_called;
    StreamIsVisibleWhenCalled: Writer dropping_the_future_leaves_nothing_visible;
    StreamHoldsUpWriters: Writer other_writers_are_not_held_up_by_a_slow_reader;
    FailedStreamIsAcknowledged: Writer an_error_of_the_reader_is_answered_and_leaves_nothing;
    FailedStreamIsVisible: Writer an_error_of_the_reader_is_answered_and_leaves_nothing;
    FailedStreamLeavesBytesBehind: Writer later_writes_do_not_trip_over_a_failed_stream;
    InterruptionFailsTheStream: Writer an_interrupted_reader_is_asked_again;
    RenameKeepsTheOldKey: Writer the_entry_moves;
    RenameOfMissingIsOk: Writer a_missing_old_key_is_not_found;
    RenameToItselfIsOk: Writer to_itself_is_invalid;
    RenameRefusesExisting: Writer an_existing_new_key_is_overwritten;
    RenameClearsTheDeadline: Writer the_deadline_moves_along;
    RenameIsInTwoSteps: Writer no_reader_sees_both_keys_or_neither;
    CopyAnswersTheOwnTail: Writer the_target_gets_the_entry_and_its_tail_is_answered;
    CopyIntoItselfIsOk:
        Writer copying_into_the_same_store_is_invalid, Writer transferring_into_the_same_store_is_invalid;
    CopyOfMissingIsOk: Writer copying_a_missing_key_is_not_found, Writer transferring_a_missing_key_is_not_found;
    CopyDropsTheDeadline: Writer a_copy_carries_the_deadline, Writer a_transfer_carries_the_deadline;
    TransferKeepsTheSource: Writer the_entry_moves_to_the_target;
    TransferDeletesBlindly: Writer an_overwrite_during_a_transfer_is_not_lost;
    DeleteOfMissingMovesTheTail: Writer missing_keys_are_no_error_and_write_nothing;
    DeleteLeavesHashOnly: Writer a_delete_takes_the_hash_only_entry_too;
    BatchDeleteStopsAtMissing: Writer a_batch_delete_takes_all_of_its_keys;
    DeleteByHashTakesTheNewest: Writer a_delete_by_hash_takes_every_entry_with_it;
    DeleteSeesExpired: Writer an_expired_key_is_a_missing_one;
    MessagesAreRaw: Writer messages_name_the_key_escaped_and_bounded;
}
