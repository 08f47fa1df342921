//! Rules about renaming, which is one commit.

use std::cell::Cell;
use std::io::ErrorKind;

use super::writes::tail_of;
use crate::conformance::DataStoreFactory;
use crate::conformance::check::{Check, Unmet, ensure, equal, refused, works};
use crate::conformance::data_store_reader::{
    MEDIUM, SHORT, counts, payloads, reads, reads_hash, wait_past_medium, wait_past_short,
};
use crate::conformance::driving::{both, yield_once};
use crate::{AsyncDataStoreReader, AsyncDataStoreWriter};

pub(super) async fn the_entry_moves<F: DataStoreFactory>(factory: &F) -> Check {
    let store = factory.create().await;
    let payload = [b'x'; 5_000];
    works("write", store.write(b"old", &payload).await)?;
    works("write", store.write(b"bystander", b"v").await)?;
    works("rename", store.rename(b"old", b"new").await)?;
    for round in ["before", "after"] {
        reads(&store, b"old", None).await?;
        reads(&store, b"new", Some(&payload)).await?;
        reads_hash(&store, factory.key_hash(b"old"), None).await?;
        reads_hash(&store, factory.key_hash(b"new"), Some(&payload)).await?;
        counts(&store, 2).await?;
        if round == "before" {
            works("rename back", store.rename(b"new", b"old").await)?;
            works("rename again", store.rename(b"old", b"new").await)?;
        }
    }
    let store = factory.reopen(store).await;
    reads(&store, b"old", None).await?;
    reads(&store, b"new", Some(&payload)).await
}

pub(super) async fn a_missing_old_key_is_not_found<F: DataStoreFactory>(factory: &F) -> Check {
    let store = factory.create().await;
    works("write", store.write(b"new", b"v").await)?;
    works("write", store.write(b"deleted", b"v").await)?;
    works("delete", store.delete(b"deleted").await)?;
    factory.put_expiring(&store, b"expired", b"v", SHORT).await;
    wait_past_short(factory).await;
    let tail = tail_of(&store).await?;
    for missing in [&b"missing"[..], b"deleted", b"expired"] {
        let error = refused("rename of a missing key", store.rename(missing, b"new").await)?;
        equal("the kind of error", error.kind(), ErrorKind::NotFound)?;
    }
    reads(&store, b"new", Some(b"v")).await?;
    equal("the tail after refused renames", tail_of(&store).await?, tail)
}

pub(super) async fn to_itself_is_invalid<F: DataStoreFactory>(factory: &F) -> Check {
    let store = factory.create().await;
    works("write", store.write(b"k", b"v").await)?;
    let tail = tail_of(&store).await?;
    let error = refused("rename of a key to itself", store.rename(b"k", b"k").await)?;
    equal("the kind of error", error.kind(), ErrorKind::InvalidInput)?;
    reads(&store, b"k", Some(b"v")).await?;
    equal("the tail after a refused rename", tail_of(&store).await?, tail)
}

pub(super) async fn an_existing_new_key_is_overwritten<F: DataStoreFactory>(factory: &F) -> Check {
    let store = factory.create().await;
    works("batch_write", store.batch_write(&[(b"old", b"1"), (b"new", b"2")]).await)?;
    works("rename", store.rename(b"old", b"new").await)?;
    reads(&store, b"old", None).await?;
    reads(&store, b"new", Some(b"1")).await?;
    counts(&store, 1).await
}

pub(super) async fn the_deadline_moves_along<F: DataStoreFactory>(factory: &F) -> Check {
    let store = factory.create().await;
    factory.put_expiring(&store, b"expiring", b"1", MEDIUM).await;
    works("rename", store.rename(b"expiring", b"moved").await)?;
    // What the overwritten key had must not stay either.
    works("write", store.write(b"staying", b"2").await)?;
    factory.put_expiring(&store, b"target", b"3", SHORT).await;
    works("rename", store.rename(b"staying", b"target").await)?;
    wait_past_medium(factory).await;
    reads(&store, b"moved", None).await?;
    reads(&store, b"target", Some(b"2")).await
}

pub(super) async fn no_reader_sees_both_keys_or_neither<F: DataStoreFactory>(factory: &F) -> Check {
    const ROUNDS: usize = 40;
    let store = factory.create().await;
    works("write", store.write(b"a", b"v").await)?;
    let done = Cell::new(false);
    let writer = async {
        let mut result = Ok(());
        let (mut from, mut to) = (b"a", b"b");
        for _ in 0..ROUNDS {
            result = works("rename", store.rename(from, to).await).map(|_| ());
            if result.is_err() {
                break;
            }
            (from, to) = (to, from);
            yield_once().await;
        }
        done.set(true);
        result
    };
    let reader = async {
        while !done.get() {
            let found = works("batch_read", store.batch_read(&[b"a", b"b"]).await)?;
            ensure(
                found.iter().flatten().count() == 1,
                format_args!("while a key was renamed, a reader saw {:?}", payloads(&found)),
            )?;
            yield_once().await;
        }
        Ok::<_, Unmet>(())
    };
    let (renamed, read) = both(writer, reader).await;
    renamed?;
    read
}
