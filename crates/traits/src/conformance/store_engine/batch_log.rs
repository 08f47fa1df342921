//! Rules about sequences and the batch log: what it holds, for how long, and how it is cut.

use bytes::Bytes;

use super::StoreEngineFactory;
use super::puts::{logs, pairs, put, reads};
use crate::StoreEngine;
use crate::conformance::check::{Check, Unmet, ensure, equal, skip, works};

fn oldest_is<S: StoreEngine>(store: &S, wanted: Option<u64>) -> Check {
    let found = works("oldest_retained_batch", store.oldest_retained_batch())?;
    equal("oldest_retained_batch", found, wanted)
}

fn prunes<S: StoreEngine>(store: &S, cutoff: u64, wanted: u64) -> Check {
    let dropped = works("prune_batch_log", store.prune_batch_log(cutoff))?;
    equal(format_args!("prune_batch_log({cutoff})"), dropped, wanted)
}

/// A store with `number` commits of the one key "k", whose values are the sequences.
fn create_with_commits<F: StoreEngineFactory>(factory: &F, number: u64) -> Result<F::Store, Unmet> {
    let store = factory.create();
    for sequence in 1..=number {
        equal("the sequence", put(&store, &commit(sequence))?, sequence)?;
    }
    Ok(store)
}

fn commit(sequence: u64) -> Vec<(Bytes, Bytes)> {
    vec![(Bytes::from("k"), Bytes::from(sequence.to_string()))]
}

pub(super) fn sequences_count_from_one_without_holes<F: StoreEngineFactory>(factory: &F) -> Check {
    let store = factory.create();
    equal("current_sequence of an empty store", store.current_sequence(), 0)?;
    for sequence in 1..=20 {
        let answered = match sequence % 3 {
            0 => works("delete_batch", store.delete_batch(&[b"k"]))?,
            1 => put(&store, &pairs([("k", "v"), ("l", "w")]))?,
            _ => put(&store, &[])?,
        };
        equal("the sequence of the commit", answered, sequence)?;
        equal("current_sequence", store.current_sequence(), sequence)?;
    }
    Ok(())
}

pub(super) fn what_was_never_written_is_none<F: StoreEngineFactory>(factory: &F) -> Check {
    let store = factory.create();
    for sequence in [0, 1, u64::MAX] {
        logs(&store, sequence, None)?;
    }
    put(&store, &pairs([("k", "v")]))?;
    for sequence in [0, 2, u64::MAX] {
        logs(&store, sequence, None)?;
    }
    Ok(())
}

pub(super) fn pairs_outlive_overwrites_deletes_and_compaction<F: StoreEngineFactory>(factory: &F) -> Check {
    let store = factory.create();
    let first = pairs([("a", "1"), ("b", "2")]);
    let second = pairs([("a", "3")]);
    put(&store, &first)?;
    put(&store, &second)?;
    works("delete_batch", store.delete_batch(&[b"a", b"b"]))?;
    logs(&store, 1, Some(&first))?;
    factory.compact(&store);
    logs(&store, 1, Some(&first))?;
    logs(&store, 2, Some(&second))?;
    logs(&store, 3, Some(&[]))?;
    reads(&store, b"a", None)
}

pub(super) fn the_log_survives_reopening<F: StoreEngineFactory>(factory: &F) -> Check {
    let store = factory.create();
    let batch = pairs([("k", "first"), ("a", "1"), ("k", "last")]);
    put(&store, &batch)?;
    works("delete_batch", store.delete_batch(&[b"k"]))?;
    put(&store, &[])?;
    let store = factory.reopen(store);
    logs(&store, 1, Some(&batch))?;
    logs(&store, 2, Some(&[]))?;
    logs(&store, 3, Some(&[]))?;
    logs(&store, 4, None)?;
    oldest_is(&store, Some(1))?;
    equal("the next sequence", put(&store, &[])?, 4)
}

pub(super) fn the_oldest_is_the_first_in_the_log<F: StoreEngineFactory>(factory: &F) -> Check {
    let store = factory.create();
    oldest_is(&store, None)?;
    put(&store, &pairs([("k", "v")]))?;
    oldest_is(&store, Some(1))?;
    put(&store, &pairs([("k", "w")]))?;
    works("delete_batch", store.delete_batch(&[b"k"]))?;
    oldest_is(&store, Some(1))?;
    works("prune_batch_log", store.prune_batch_log(3))?;
    oldest_is(&store, Some(3))
}

pub(super) fn pruning_drops_what_is_below_the_cutoff<F: StoreEngineFactory>(factory: &F) -> Check {
    let store = create_with_commits(factory, 5)?;
    prunes(&store, 3, 2)?;
    oldest_is(&store, Some(3))?;
    for sequence in 1..=2 {
        logs(&store, sequence, None)?;
    }
    for sequence in 3..=5 {
        logs(&store, sequence, Some(&commit(sequence)))?;
    }
    prunes(&store, 5, 2)?;
    oldest_is(&store, Some(5))?;
    logs(&store, 5, Some(&commit(5)))
}

pub(super) fn pruning_again_drops_nothing<F: StoreEngineFactory>(factory: &F) -> Check {
    let store = create_with_commits(factory, 5)?;
    prunes(&store, 0, 0)?;
    prunes(&store, 1, 0)?;
    prunes(&store, 4, 3)?;
    prunes(&store, 4, 0)?;
    prunes(&store, 2, 0)?;
    oldest_is(&store, Some(4))
}

pub(super) fn pruning_keeps_the_state<F: StoreEngineFactory>(factory: &F) -> Check {
    let store = factory.create();
    put(&store, &pairs([("a", "1")]))?;
    put(&store, &pairs([("b", "2")]))?;
    prunes(&store, 3, 2)?;
    factory.compact(&store);
    let wanted = pairs([("a", "1"), ("b", "2")]);
    equal("range_scan", works("range_scan", store.range_scan(b"", b"", 9, true))?, wanted)?;
    equal("current_sequence", store.current_sequence(), 2)
}

pub(super) fn a_cutoff_beyond_the_end_empties_the_log<F: StoreEngineFactory>(factory: &F) -> Check {
    let store = create_with_commits(factory, 3)?;
    prunes(&store, u64::MAX, 3)?;
    oldest_is(&store, None)?;
    logs(&store, 3, None)?;
    equal("current_sequence", store.current_sequence(), 3)?;
    prunes(&store, u64::MAX, 0)?;
    equal("the sequence of the next commit", put(&store, &commit(4))?, 4)?;
    oldest_is(&store, Some(4))?;
    logs(&store, 4, Some(&commit(4)))
}

pub(super) fn numbering_goes_on_after_pruning_and_reopening<F: StoreEngineFactory>(factory: &F) -> Check {
    let store = create_with_commits(factory, 3)?;
    prunes(&store, u64::MAX, 3)?;
    let store = factory.reopen(store);
    equal("current_sequence after reopening", store.current_sequence(), 3)?;
    oldest_is(&store, None)?;
    logs(&store, 3, None)?;
    reads(&store, b"k", Some(b"3"))?;
    equal("the sequence of the next commit", put(&store, &commit(4))?, 4)?;
    let store = factory.reopen(store);
    logs(&store, 3, None)?;
    logs(&store, 4, Some(&commit(4)))
}

pub(super) fn space_comes_back_by_compaction<F: StoreEngineFactory>(factory: &F) -> Check {
    const VALUE_BYTES: usize = 64 << 10;
    const COMMITS: u8 = 128;
    let store = factory.create();
    // Bytes that do not repeat within a value, so that no compression makes them small.
    let mut state = 1_u32;
    for _ in 0..COMMITS {
        let value: Vec<u8> = (0..VALUE_BYTES.min(factory.limits().value_bytes_max))
            .map(|_| {
                state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                state.to_be_bytes()[0]
            })
            .collect();
        put(&store, &[(Bytes::from("k"), Bytes::from(value))])?;
    }
    let Some(before) = factory.disk_bytes(&store) else { return skip("the bytes on disk are not known") };
    prunes(&store, u64::from(COMMITS) + 1, u64::from(COMMITS))?;
    factory.compact(&store);
    let Some(after) = factory.disk_bytes(&store) else { return skip("the bytes on disk are not known") };
    ensure(
        after < before / 2,
        format_args!(
            "one key overwritten {COMMITS} times takes {after} bytes after pruning and compaction, {before} before"
        ),
    )
}
