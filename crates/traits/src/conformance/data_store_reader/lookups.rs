//! Rules about finding entries by their keys, alone and in batches, and about the newest of all.

use std::cell::Cell;
use std::time::Duration;

use crate::conformance::check::{Check, Unmet, ensure, equal, shown, works};
use crate::conformance::driving::{both, yield_once};
use crate::conformance::{DataStoreFactory, EXPIRY_LAG_MAX, Handle};
use crate::{AsyncDataStoreReader, AsyncDataStoreWriter};

/// Time to live of what expires while a check waits.
pub(crate) const SHORT: Duration = Duration::from_millis(50);

/// Time to live that leaves a slow machine time for one more call before it expires.
pub(crate) const MEDIUM: Duration = Duration::from_secs(2);

/// Waits until whatever was written with [`SHORT`] is gone.
pub(crate) async fn wait_past_short<F: DataStoreFactory>(factory: &F) {
    factory.wait(SHORT + EXPIRY_LAG_MAX).await;
}

/// Waits until whatever was written with [`MEDIUM`] is gone.
pub(crate) async fn wait_past_medium<F: DataStoreFactory>(factory: &F) {
    factory.wait(MEDIUM + EXPIRY_LAG_MAX).await;
}

/// `key` has `wanted`, by `read` and `exists`.
pub(crate) async fn reads<S>(store: &S, key: &[u8], wanted: Option<&[u8]>) -> Check
where
    S: AsyncDataStoreReader<EntryHandleType: Handle>,
{
    let found = works(format_args!("read({})", shown(key)), store.read(key).await)?;
    equal(
        format_args!("the payload of {}", shown(&key.escape_ascii().to_string())),
        found.as_deref(),
        wanted,
    )?;
    let exists = works("exists", store.exists(key).await)?;
    equal(format_args!("exists of {}", shown(&key.escape_ascii().to_string())), exists, wanted.is_some())
}

/// The newest entry with `hash` has `wanted`, by `read_with_key_hash` and `exists_with_key_hash`.
pub(crate) async fn reads_hash<S>(store: &S, hash: u64, wanted: Option<&[u8]>) -> Check
where
    S: AsyncDataStoreReader<EntryHandleType: Handle>,
{
    let found = works("read_with_key_hash", store.read_with_key_hash(hash).await)?;
    equal(format_args!("the payload under the hash {hash:#x}"), found.as_deref(), wanted)?;
    let exists = works("exists_with_key_hash", store.exists_with_key_hash(hash).await)?;
    equal(format_args!("exists_with_key_hash({hash:#x})"), exists, wanted.is_some())
}

/// `len` and `is_empty` agree with `wanted`.
pub(crate) async fn counts<S: AsyncDataStoreReader>(store: &S, wanted: usize) -> Check {
    equal("len", works("len", store.len().await)?, wanted)?;
    equal("is_empty", works("is_empty", store.is_empty().await)?, wanted == 0)
}

/// The payloads behind handles.
pub(crate) fn payloads<H: Handle>(handles: &[Option<H>]) -> Vec<Option<&[u8]>> {
    handles.iter().map(Option::as_deref).collect()
}

async fn last_is<S>(store: &S, wanted: Option<&[u8]>) -> Check
where
    S: AsyncDataStoreReader<EntryHandleType: Handle>,
{
    let found = works("read_last_entry", store.read_last_entry().await)?;
    equal("the last entry", found.as_deref(), wanted)
}

pub(super) async fn an_entry_is_read_as_it_was_written<F: DataStoreFactory>(factory: &F) -> Check {
    let store = factory.create().await;
    works("write", store.write(b"k", b"one").await)?;
    reads(&store, b"k", Some(b"one")).await?;
    works("write over an entry", store.write(b"k", b"two").await)?;
    reads(&store, b"k", Some(b"two")).await?;
    let large: Vec<u8> = (0..=u8::MAX).collect::<Vec<_>>().repeat(300);
    let longest = vec![b'k'; factory.limits().key_bytes_max];
    works("write of every byte under the longest key", store.write(&longest, &large).await)?;
    works("write of a binary key", store.write(b"\0\xff\0", b"\xff\0").await)?;
    reads(&store, &longest, Some(&large)).await?;
    reads(&store, b"\0\xff\0", Some(b"\xff\0")).await?;
    reads(&store, b"k", Some(b"two")).await
}

pub(super) async fn what_is_missing_is_none<F: DataStoreFactory>(factory: &F) -> Check {
    let store = factory.create().await;
    for round in ["an empty store", "a store with another key"] {
        reads(&store, b"k", None).await?;
        reads_hash(&store, factory.key_hash(b"k"), None).await?;
        let found = works("batch_read", store.batch_read(&[b"k"]).await)?;
        equal(format_args!("batch_read in {round}"), payloads(&found), [None])?;
        works("write", store.write(b"another", b"v").await)?;
    }
    works("write", store.write(b"k", b"v").await)?;
    works("delete", store.delete(b"k").await)?;
    reads(&store, b"k", None).await?;
    reads_hash(&store, factory.key_hash(b"k"), None).await
}

pub(super) async fn an_empty_key_is_ordinary<F: DataStoreFactory>(factory: &F) -> Check {
    let store = factory.create().await;
    reads(&store, b"", None).await?;
    works("write of the empty key", store.write(b"", b"v").await)?;
    reads(&store, b"", Some(b"v")).await?;
    reads_hash(&store, factory.key_hash(b""), Some(b"v")).await?;
    works("delete of the empty key", store.delete(b"").await)?;
    reads(&store, b"", None).await
}

pub(super) async fn a_key_beyond_the_limit_finds_nothing<F: DataStoreFactory>(factory: &F) -> Check {
    let store = factory.create().await;
    let limit = factory.limits().key_bytes_max;
    works("write of the longest key", store.write(&vec![b'k'; limit], b"v").await)?;
    reads(&store, &vec![b'k'; limit + 1], None).await
}

pub(super) async fn an_expired_key_is_absent_from_every_method<F: DataStoreFactory>(factory: &F) -> Check {
    let store = factory.create().await;
    let hash = factory.key_hash(b"k");
    factory.put_expiring(&store, b"k", b"v", SHORT).await;
    factory.put_expiring(&store, b"long", b"w", Duration::from_secs(60)).await;
    wait_past_short(factory).await;
    reads(&store, b"k", None).await?;
    reads_hash(&store, hash, None).await?;
    let found = works("batch_read", store.batch_read(&[b"k", b"long"]).await)?;
    equal("batch_read", payloads(&found), [None, Some(&b"w"[..])])?;
    let found = works("batch_read_hashed_keys", store.batch_read_hashed_keys(&[hash], None).await)?;
    equal("batch_read_hashed_keys", payloads(&found), [None])?;
    equal("read_metadata", works("read_metadata", store.read_metadata(b"k").await)?, None)?;
    reads(&store, b"long", Some(b"w")).await
}

pub(super) async fn entries_survive_reopening<F: DataStoreFactory>(factory: &F) -> Check {
    let store = factory.create().await;
    works("write", store.write(b"kept", b"old").await)?;
    works("write", store.write(b"kept", b"new").await)?;
    works("write", store.write(b"deleted", b"v").await)?;
    works("delete", store.delete(b"deleted").await)?;
    works("batch_write", store.batch_write(&[(b"a", b"1"), (b"b", b"2")]).await)?;
    let store = factory.reopen(store).await;
    for (key, payload) in [(&b"kept"[..], &b"new"[..]), (b"a", b"1"), (b"b", b"2")] {
        reads(&store, key, Some(payload)).await?;
    }
    reads(&store, b"deleted", None).await?;
    counts(&store, 3).await?;
    last_is(&store, Some(b"2")).await
}

pub(super) async fn batch_read_keeps_order_and_duplicates<F: DataStoreFactory>(factory: &F) -> Check {
    let store = factory.create().await;
    works("batch_write", store.batch_write(&[(b"a", b"1"), (b"b", b"2"), (b"gone", b"3")]).await)?;
    works("delete", store.delete(b"gone").await)?;
    let keys: [&[u8]; 5] = [b"b", b"missing", b"a", b"b", b"gone"];
    let found = works("batch_read", store.batch_read(&keys).await)?;
    equal("batch_read", payloads(&found), [Some(&b"2"[..]), None, Some(b"1"), Some(b"2"), None])?;
    let found = works("batch_read of no keys", store.batch_read(&[]).await)?;
    equal("the number of answers to no keys", found.len(), 0)
}

/// A writer gives two keys one payload again and again, both in one batch. No batch read sees two payloads.
pub(super) async fn a_batch_read_is_one_consistent_view<F: DataStoreFactory>(factory: &F) -> Check {
    const ROUNDS: usize = 40;
    let store = factory.create().await;
    let done = Cell::new(false);
    let writer = async {
        let mut result = Ok(());
        for round in 0..ROUNDS {
            let payload = round.to_string();
            let entries = [(&b"a"[..], payload.as_bytes()), (b"b", payload.as_bytes())];
            result = works("batch_write", store.batch_write(&entries).await).map(|_| ());
            if result.is_err() {
                break;
            }
            yield_once().await;
        }
        done.set(true);
        result
    };
    let reader = async {
        while !done.get() {
            let found = works("batch_read", store.batch_read(&[b"a", b"b"]).await)?;
            let seen = payloads(&found);
            ensure(
                seen.len() == 2 && seen[0] == seen[1],
                format_args!("a batch read of two keys that are always written together saw {seen:?}"),
            )?;
            yield_once().await;
        }
        Ok::<_, Unmet>(())
    };
    let (written, read) = both(writer, reader).await;
    written?;
    read
}

pub(super) async fn the_last_entry_is_the_one_of_the_highest_sequence<F: DataStoreFactory>(
    factory: &F,
) -> Check {
    let store = factory.create().await;
    last_is(&store, None).await?;
    works("write", store.write(b"b", b"1").await)?;
    last_is(&store, Some(b"1")).await?;
    works("write", store.write(b"a", b"2").await)?;
    last_is(&store, Some(b"2")).await?;
    works("write", store.write(b"b", b"3").await)?;
    last_is(&store, Some(b"3")).await?;
    works("write_with_key_hash", store.write_with_key_hash(1, b"4").await)?;
    last_is(&store, Some(b"4")).await
}

pub(super) async fn of_a_batch_it_is_the_last<F: DataStoreFactory>(factory: &F) -> Check {
    let store = factory.create().await;
    works("batch_write", store.batch_write(&[(b"c", b"1"), (b"b", b"2"), (b"a", b"3")]).await)?;
    last_is(&store, Some(b"3")).await?;
    works("batch_write", store.batch_write(&[(b"d", b"4"), (b"z", b"5"), (b"e", b"6")]).await)?;
    last_is(&store, Some(b"6")).await
}

pub(super) async fn it_is_a_live_one<F: DataStoreFactory>(factory: &F) -> Check {
    let store = factory.create().await;
    works("write", store.write(b"a", b"1").await)?;
    works("batch_write", store.batch_write(&[(b"b", b"2"), (b"c", b"3")]).await)?;
    works("delete", store.delete(b"c").await)?;
    last_is(&store, Some(b"2")).await?;
    factory.put_expiring(&store, b"d", b"4", SHORT).await;
    wait_past_short(factory).await;
    last_is(&store, Some(b"2")).await?;
    works("delete", store.delete(b"b").await)?;
    last_is(&store, Some(b"1")).await?;
    works("delete", store.delete(b"a").await)?;
    last_is(&store, None).await
}
