//! Whether the values that a write replaces, where they were asked for, fit into its answer.
//!
//! Invariant: the refusal is a function of the write and of the store before it, so all nodes agree on it; and it comes before
//! anything is changed, because a write that was applied must not be left without an answer.

use std::collections::HashMap;

use bytes::Bytes;
use pentad_client::wire::{Write, operation::Kind};
use pentad_engine::Store;

use crate::error::{Error, ErrorKind};
use crate::requests::ANSWER_BYTES_MAX;

/// What a value takes in an answer beyond its bytes, at most.
const AROUND_BYTES: u64 = 12;
/// The longest number that an increment makes.
const COUNTER_BYTES: u64 = 20;

/// Why `write` cannot be answered, if it cannot. Values are taken for as long as they may be: what a condition or an expiry takes
/// away counts.
pub(super) fn refusal(store: &Store, write: &Write) -> pentad_engine::Result<Option<Error>> {
    if !write.previous {
        return Ok(None);
    }
    let limit = u64::try_from(ANSWER_BYTES_MAX).unwrap_or(u64::MAX);
    let bytes = bytes(store, write)?;
    if bytes <= limit {
        return Ok(None);
    }
    let text = format!(
        "the values that the write replaces have {bytes} bytes, and an answer holds {limit}: ask for fewer of them at once"
    );
    Ok(Some(Error::new(ErrorKind::InvalidInput, text)))
}

fn bytes(store: &Store, write: &Write) -> pentad_engine::Result<u64> {
    // What earlier operations of the write have made of keys, by the namespace that they are of.
    let mut made: HashMap<&str, HashMap<&Bytes, u64>> = HashMap::new();
    let mut total = 0;
    let (mut name, mut keyspace) = ("", Some(store.own_keyspace()));
    for operation in &write.operations {
        if let Some(Kind::Within(namespace)) = &operation.kind {
            name = &namespace.name;
            keyspace = match name {
                "" => Some(store.own_keyspace()),
                name => store.find_namespace(name)?,
            };
            continue;
        }
        let length = |key: &Bytes, within: &HashMap<&Bytes, u64>| match (within.get(key), &keyspace) {
            (Some(length), _) => Ok(*length),
            (None, Some(keyspace)) => Ok(keyspace.entry_info(key)?.map_or(0, |info| info.length)),
            (None, None) => Ok(0),
        };
        let within = made.entry(name).or_default();
        match &operation.kind {
            Some(Kind::Put(put)) => {
                total += length(&put.key, within)? + AROUND_BYTES;
                within.insert(&put.key, u64::try_from(put.value.len()).unwrap_or(u64::MAX));
            }
            Some(Kind::Delete(delete)) => {
                total += length(&delete.key, within)? + AROUND_BYTES;
                within.insert(&delete.key, 0);
            }
            Some(Kind::Increment(increment)) => {
                within.insert(&increment.key, COUNTER_BYTES);
            }
            Some(Kind::Rename(rename)) => {
                let moved = length(&rename.from, within)?;
                within.insert(&rename.to, moved);
            }
            Some(
                Kind::SetExpiry(_)
                | Kind::DeleteRange(_)
                | Kind::Within(_)
                | Kind::MakeNamespace(_)
                | Kind::DropNamespace(_),
            )
            | None => {}
        }
    }
    Ok(total)
}
