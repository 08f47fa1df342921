//! Rules about putting and getting: all pairs, whole, in order, and for good.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use bytes::Bytes;

use super::StoreEngineFactory;
use crate::StoreEngine;
use crate::conformance::check::{Check, Unmet, ensure, equal, shown, works};

/// Pairs as `put_batch` takes them.
pub(super) fn pairs<const N: usize>(pairs: [(&'static str, &'static str); N]) -> Vec<(Bytes, Bytes)> {
    pairs.map(|(key, value)| (Bytes::from(key), Bytes::from(value))).to_vec()
}

/// `put_batch`, which must go well; its sequence.
pub(super) fn put<S: StoreEngine>(store: &S, pairs: &[(Bytes, Bytes)]) -> Result<u64, Unmet> {
    works("put_batch", store.put_batch(pairs))
}

/// `key` has `wanted`, by `get`.
pub(super) fn reads<S: StoreEngine>(store: &S, key: &[u8], wanted: Option<&[u8]>) -> Check {
    let shown_key = shown(&Bytes::copy_from_slice(key));
    equal(format_args!("the value of {shown_key}"), works("get", store.get(key))?.as_deref(), wanted)
}

/// The batch log has `wanted` under `sequence`.
pub(super) fn logs<S: StoreEngine>(store: &S, sequence: u64, wanted: Option<&[(Bytes, Bytes)]>) -> Check {
    let found = works(format_args!("get_batch({sequence})"), store.get_batch(sequence))?;
    equal(format_args!("batch {sequence}"), found.as_deref(), wanted)
}

pub(super) fn a_batch_is_read_as_it_was_put<F: StoreEngineFactory>(factory: &F) -> Check {
    let store = factory.create();
    reads(&store, b"a", None)?;
    put(&store, &pairs([("a", "1"), ("b", "2")]))?;
    put(&store, &pairs([("b", "3"), ("c", "4")]))?;
    for (key, value) in [("a", "1"), ("b", "3"), ("c", "4")] {
        reads(&store, key.as_bytes(), Some(value.as_bytes()))?;
    }
    reads(&store, b"A", None)
}

pub(super) fn the_last_duplicate_wins_in_the_state<F: StoreEngineFactory>(factory: &F) -> Check {
    let store = factory.create();
    put(&store, &pairs([("k", "first"), ("other", "o"), ("k", "second"), ("k", "last")]))?;
    reads(&store, b"k", Some(b"last"))?;
    let rows = works("range_scan", store.range_scan(b"", b"", 10, true))?;
    equal("range_scan", rows, pairs([("k", "last"), ("other", "o")]))
}

pub(super) fn the_log_keeps_every_pair_in_order<F: StoreEngineFactory>(factory: &F) -> Check {
    let store = factory.create();
    let batch = pairs([("z", "1"), ("k", "first"), ("a", "2"), ("k", "last"), ("z", "1"), ("k", "last")]);
    let sequence = put(&store, &batch)?;
    logs(&store, sequence, Some(&batch))
}

pub(super) fn an_empty_batch_takes_a_sequence_and_logs_nothing<F: StoreEngineFactory>(factory: &F) -> Check {
    let store = factory.create();
    put(&store, &pairs([("a", "1")]))?;
    equal("the sequence of an empty batch", put(&store, &[])?, 2)?;
    equal("current_sequence", store.current_sequence(), 2)?;
    logs(&store, 2, Some(&[]))?;
    reads(&store, b"a", Some(b"1"))
}

pub(super) fn empty_keys_and_values_are_ordinary<F: StoreEngineFactory>(factory: &F) -> Check {
    let store = factory.create();
    let batch = pairs([("", "of the empty key"), ("of the empty value", "")]);
    let sequence = put(&store, &batch)?;
    reads(&store, b"", Some(b"of the empty key"))?;
    reads(&store, b"of the empty value", Some(b""))?;
    equal("range_scan", works("range_scan", store.range_scan(b"", b"", 10, true))?, batch.clone())?;
    logs(&store, sequence, Some(&batch))?;
    works("delete_batch of the empty key", store.delete_batch(&[b""]))?;
    reads(&store, b"", None)
}

pub(super) fn any_bytes_are_a_key_and_a_value<F: StoreEngineFactory>(factory: &F) -> Check {
    let store = factory.create();
    let every_byte: Vec<u8> = (0..=u8::MAX).collect();
    let batch: Vec<(Bytes, Bytes)> = [
        (b"\0".to_vec(), b"\0".to_vec()),
        (b"\0\0".to_vec(), b"\0\0".to_vec()),
        (b"\xff".to_vec(), b"\xff\xfe".to_vec()),
        (every_byte.clone(), every_byte.repeat(300)),
        (vec![b'k'; factory.limits().key_bytes_max], b"v".to_vec()),
    ]
    .map(|(key, value)| (Bytes::from(key), Bytes::from(value)))
    .to_vec();
    let sequence = put(&store, &batch)?;
    for (key, value) in &batch {
        reads(&store, key, Some(value))?;
    }
    logs(&store, sequence, Some(&batch))
}

pub(super) fn acknowledged_batches_survive_reopening<F: StoreEngineFactory>(factory: &F) -> Check {
    let store = factory.create();
    put(&store, &pairs([("a", "1"), ("b", "2"), ("c", "3")]))?;
    put(&store, &pairs([("a", "4")]))?;
    works("delete_batch", store.delete_batch(&[b"b"]))?;
    let store = factory.reopen(store);
    let rows = works("range_scan", store.range_scan(b"", b"", 10, true))?;
    equal("range_scan after reopening", rows, pairs([("a", "4"), ("c", "3")]))?;
    reads(&store, b"b", None)?;
    equal("current_sequence after reopening", store.current_sequence(), 3)
}

pub(super) fn get_many_keeps_order_and_duplicates<F: StoreEngineFactory>(factory: &F) -> Check {
    let store = factory.create();
    put(&store, &pairs([("a", "1"), ("b", "2"), ("gone", "3"), ("empty", "")]))?;
    works("delete_batch", store.delete_batch(&[b"gone"]))?;
    let keys: [&[u8]; 6] = [b"b", b"missing", b"a", b"b", b"gone", b"empty"];
    let values = [Some("2"), None, Some("1"), Some("2"), None, Some("")];
    let wanted: Vec<(Vec<u8>, Option<Vec<u8>>)> =
        keys.iter().zip(values).map(|(key, value)| (key.to_vec(), value.map(|value| value.into()))).collect();
    equal("get_many", works("get_many", store.get_many(&keys))?, wanted)?;
    equal("get_many of no keys", works("get_many", store.get_many(&[]))?, Vec::new())
}

/// A buffer that tells when its last reference went.
struct Watched {
    bytes: Vec<u8>,
    dropped: Arc<AtomicBool>,
}

impl AsRef<[u8]> for Watched {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}

impl Drop for Watched {
    fn drop(&mut self) {
        self.dropped.store(true, Ordering::SeqCst);
    }
}

pub(super) fn buffers_are_not_kept_alive<F: StoreEngineFactory>(factory: &F) -> Check {
    let store = factory.create();
    for part in ["key", "value"] {
        let dropped = Arc::new(AtomicBool::new(false));
        let large = Bytes::from_owner(Watched { bytes: vec![b'x'; 1 << 20], dropped: Arc::clone(&dropped) });
        let slice = large.slice(1_000..1_010);
        let pair = match part {
            "key" => (slice, Bytes::from("v")),
            _ => (Bytes::from("k"), slice),
        };
        put(&store, &[pair])?;
        drop(large);
        ensure(
            dropped.load(Ordering::SeqCst),
            format_args!(
                "a buffer of the caller is still alive after put_batch took a slice of it as {part}"
            ),
        )?;
    }
    reads(&store, b"xxxxxxxxxx", Some(b"v"))?;
    reads(&store, b"k", Some(b"xxxxxxxxxx"))
}
