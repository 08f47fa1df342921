//! Everything that can be read of a store that has opened, whatever is in it.
//!
//! Errors of single reads are answers: a damaged value says so. What has to hold is that two ways to the same answer
//! agree, and that nothing panics or goes on for ever.

use std::io::Read as _;

use super::seeds::STORE;
use crate::error::{Error, ErrorKind, Result};
use crate::hash::key_hash;
use crate::numbers::Sequence;
use crate::store::Store;
use crate::value::Value;

/// Most batches that are looked at one by one: sequences in a hostile file may be as far apart as 64 bits go.
const BATCHES_MAX: u64 = 64;

/// Reads all of `store`; gives the number of its live keyed entries, as far as they can be told.
pub(super) fn read_all(store: &Store) -> Option<usize> {
    let forward: Vec<_> = store.range::<&[u8]>(..).collect();
    let mut backward: Vec<_> = store.range::<&[u8]>(..).rev().collect();
    backward.reverse();
    assert_eq!(forward.len(), backward.len(), "rows forwards and backwards");
    let mut whole = true;
    for (row, again) in forward.iter().zip(&backward) {
        match (row, again) {
            (Ok((key, value)), Ok((same_key, same_value))) => {
                assert_eq!((key, &value[..]), (same_key, &same_value[..]));
                read_key(store, key, value);
            }
            (Err(error), Err(_)) => {
                check_error(error);
                whole = false;
            }
            _ => panic!("a row is damaged in one direction alone: {row:?} {again:?}"),
        }
    }
    let keys: Vec<_> = forward.iter().flatten().map(|(key, _)| key).collect();
    assert!(keys.windows(2).all(|pair| pair[0] < pair[1]), "keys in order: {keys:?}");
    let many = look(store.get_many(&keys));
    assert!(many.is_none_or(|many| many.iter().all(Option::is_some)), "a key of a range is there");
    look(store.last_entry());
    let stats = store.stats();
    assert_eq!(stats.sequence, store.sequence());
    if let Some(snapshot) = look(store.snapshot()) {
        assert_eq!(snapshot.range::<&[u8]>(..).count(), forward.len(), "rows of a snapshot");
    }
    read_log(store);
    look(store.verify(&mut |_| {}));
    whole.then_some(forward.len())
}

/// Point reads of a key that a range has shown with `value`.
fn read_key(store: &Store, key: &[u8], value: &Value) {
    let same = |found: Result<Option<Value>>| match look(found) {
        Some(found) => assert_eq!(found.as_deref(), Some(&value[..]), "{key:?}"),
        None => panic!("the value of {key:?} was readable before"),
    };
    same(store.get(key));
    assert_eq!(look(store.contains_key(key)), Some(true), "{key:?}");
    let info = look(store.entry_info(key)).flatten().expect("a key of a range has its facts");
    assert_eq!((info.length, info.key_hash), (value.len() as u64, key_hash(key)), "{key:?}");
    assert_eq!(look(store.contains_hash(key_hash(key))), Some(true), "{key:?}");
    look(store.get_hashed(key_hash(key)));
    same(store.get_with_hashed(key));
    if let Some(Some(mut reader)) = look(store.reader(key)) {
        let mut bytes = Vec::new();
        reader.read_to_end(&mut bytes).expect("the value was readable before");
        assert_eq!(bytes, value[..], "{key:?}");
    }
}

/// The batch log in both of its forms.
fn read_log(store: &Store) {
    let Some(oldest) = store.oldest_batch() else { return };
    assert!(oldest <= store.sequence(), "the oldest batch is one of the store's");
    if let Some(commits) = look(store.commits(oldest)) {
        for commit in commits.take(usize::try_from(BATCHES_MAX).expect("a small number")) {
            look(commit);
        }
    }
    for number in (oldest.0..=store.sequence().0).take(usize::try_from(BATCHES_MAX).expect("a small number"))
    {
        look(store.batch(Sequence(number)));
    }
}

/// An answer, or `None` for an error that a reader may get.
pub(super) fn look<T>(result: Result<T>) -> Option<T> {
    result.map_err(|error| check_error(&error)).ok()
}

/// Errors say what and where, and are of a kind that hostile bytes can cause on a disk that is sound itself.
pub(super) fn check_error(error: &Error) {
    let expected = matches!(error.kind(), ErrorKind::Damaged | ErrorKind::NotAStore | ErrorKind::NotRetained);
    assert!(expected, "{:?} is no answer to bytes of a file: {error}", error.kind());
    assert!(error.kind() == ErrorKind::NotRetained || error.to_string().contains(STORE), "where? {error}");
}
