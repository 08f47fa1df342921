//! Rules about copying and transferring between two stores.

use std::io::ErrorKind;

use super::writes::tail_of;
use crate::conformance::DataStoreFactory;
use crate::conformance::check::{Check, ensure, equal, refused, works};
use crate::conformance::data_store_reader::{
    MEDIUM, SHORT, counts, reads, reads_hash, wait_past_medium, wait_past_short,
};
use crate::conformance::driving::{both, yield_once};
use crate::{AsyncDataStoreReader, AsyncDataStoreWriter};

/// The call grew the log of `target` up to the tail that it answered.
async fn answered_the_targets_tail<S: AsyncDataStoreWriter>(target: &S, before: u64, answered: u64) -> Check {
    equal("the answer", answered, tail_of(target).await?)?;
    ensure(answered > before, format_args!("the tail of the target is {answered} after {before}"))
}

pub(super) async fn the_target_gets_the_entry_and_its_tail_is_answered<F: DataStoreFactory>(
    factory: &F,
) -> Check {
    let (store, target) = (factory.create().await, factory.create().await);
    let payload = [b'x'; 5_000];
    works("write", store.write(b"k", &payload).await)?;
    works("write", target.write(b"k", b"overwritten").await)?;
    works("write", target.write(b"bystander", b"v").await)?;
    let before = tail_of(&target).await?;
    let answered = works("copy", store.copy(b"k", &target).await)?;
    answered_the_targets_tail(&target, before, answered).await?;
    reads(&store, b"k", Some(&payload)).await?;
    reads(&target, b"k", Some(&payload)).await?;
    reads_hash(&target, factory.key_hash(b"k"), Some(&payload)).await?;
    counts(&target, 2).await?;
    // The copy is the target's own.
    works("delete", store.delete(b"k").await)?;
    drop(store);
    let target = factory.reopen(target).await;
    reads(&target, b"k", Some(&payload)).await
}

pub(super) async fn copying_into_the_same_store_is_invalid<F: DataStoreFactory>(factory: &F) -> Check {
    let store = factory.create().await;
    works("write", store.write(b"k", b"v").await)?;
    let tail = tail_of(&store).await?;
    let error = refused("copy into the same store", store.copy(b"k", &store).await)?;
    equal("the kind of error", error.kind(), ErrorKind::InvalidInput)?;
    equal("the tail after a refused copy", tail_of(&store).await?, tail)
}

pub(super) async fn copying_a_missing_key_is_not_found<F: DataStoreFactory>(factory: &F) -> Check {
    let (store, target) = (factory.create().await, factory.create().await);
    works("write", target.write(b"k", b"v").await)?;
    factory.put_expiring(&store, b"expired", b"v", SHORT).await;
    wait_past_short(factory).await;
    for missing in [&b"k"[..], b"expired"] {
        let error = refused("copy of a missing key", store.copy(missing, &target).await)?;
        equal("the kind of error", error.kind(), ErrorKind::NotFound)?;
    }
    reads(&target, b"k", Some(b"v")).await?;
    counts(&target, 1).await
}

pub(super) async fn a_copy_carries_the_deadline<F: DataStoreFactory>(factory: &F) -> Check {
    let (store, target) = (factory.create().await, factory.create().await);
    factory.put_expiring(&store, b"k", b"v", MEDIUM).await;
    works("write", store.write(b"staying", b"v").await)?;
    works("copy", store.copy(b"k", &target).await)?;
    works("copy", store.copy(b"staying", &target).await)?;
    wait_past_medium(factory).await;
    reads(&target, b"k", None).await?;
    reads(&target, b"staying", Some(b"v")).await
}

pub(super) async fn the_entry_moves_to_the_target<F: DataStoreFactory>(factory: &F) -> Check {
    let (store, target) = (factory.create().await, factory.create().await);
    let payload = [b'x'; 5_000];
    works("write", store.write(b"k", &payload).await)?;
    works("write", store.write(b"bystander", b"v").await)?;
    let before = tail_of(&target).await?;
    let answered = works("transfer", store.transfer(b"k", &target).await)?;
    answered_the_targets_tail(&target, before, answered).await?;
    reads(&store, b"k", None).await?;
    reads(&store, b"bystander", Some(b"v")).await?;
    reads(&target, b"k", Some(&payload)).await?;
    reads(&target, b"bystander", None).await?;
    let (store, target) = (factory.reopen(store).await, factory.reopen(target).await);
    reads(&store, b"k", None).await?;
    reads(&target, b"k", Some(&payload)).await
}

pub(super) async fn transferring_into_the_same_store_is_invalid<F: DataStoreFactory>(factory: &F) -> Check {
    let store = factory.create().await;
    works("write", store.write(b"k", b"v").await)?;
    let error = refused("transfer into the same store", store.transfer(b"k", &store).await)?;
    equal("the kind of error", error.kind(), ErrorKind::InvalidInput)?;
    reads(&store, b"k", Some(b"v")).await
}

pub(super) async fn transferring_a_missing_key_is_not_found<F: DataStoreFactory>(factory: &F) -> Check {
    let (store, target) = (factory.create().await, factory.create().await);
    let error = refused("transfer of a missing key", store.transfer(b"k", &target).await)?;
    equal("the kind of error", error.kind(), ErrorKind::NotFound)?;
    counts(&target, 0).await
}

pub(super) async fn a_transfer_carries_the_deadline<F: DataStoreFactory>(factory: &F) -> Check {
    let (store, target) = (factory.create().await, factory.create().await);
    factory.put_expiring(&store, b"k", b"v", MEDIUM).await;
    works("transfer", store.transfer(b"k", &target).await)?;
    wait_past_medium(factory).await;
    reads(&target, b"k", None).await
}

/// The source is overwritten at different moments of the transfer. Wherever it falls, the newest payload is either
/// still in the source or in the target.
pub(super) async fn an_overwrite_during_a_transfer_is_not_lost<F: DataStoreFactory>(factory: &F) -> Check {
    for moment in 0..16 {
        let (store, target) = (factory.create().await, factory.create().await);
        works("write", store.write(b"k", b"old").await)?;
        let overwrite = async {
            for _ in 0..moment {
                yield_once().await;
            }
            store.write(b"k", b"new").await
        };
        let (transferred, overwritten) = both(store.transfer(b"k", &target), overwrite).await;
        works("transfer", transferred)?;
        works("write during a transfer", overwritten)?;
        let in_store = works("read", store.read(b"k").await)?;
        match in_store.as_deref() {
            Some(payload) => equal("what is left in the source", payload, &b"new"[..])?,
            None => reads(&target, b"k", Some(b"new")).await?,
        }
    }
    Ok(())
}
