//! Rules about deleting by key and by hash.

use super::writes::tail_of;
use crate::AsyncDataStoreWriter;
use crate::conformance::DataStoreFactory;
use crate::conformance::check::{Check, ensure, equal, works};
use crate::conformance::data_store_reader::{SHORT, colliding, counts, reads, reads_hash, wait_past_short};

pub(super) async fn missing_keys_are_no_error_and_write_nothing<F: DataStoreFactory>(factory: &F) -> Check {
    let store = factory.create().await;
    works("write", store.write(b"k", b"v").await)?;
    works("write", store.write(b"deleted", b"v").await)?;
    let tail = works("delete", store.delete(b"deleted").await)?;
    for _ in 0..2 {
        equal("delete of a missing key", works("delete", store.delete(b"missing").await)?, tail)?;
        equal("delete of a deleted key", works("delete", store.delete(b"deleted").await)?, tail)?;
        let answered =
            works("batch_delete", store.batch_delete(&[b"missing", b"deleted", b"missing"]).await)?;
        equal("batch_delete of missing keys", answered, tail)?;
        let answered = works("batch_delete_key_hashes", store.batch_delete_key_hashes(&[1, 2, 1]).await)?;
        equal("batch_delete_key_hashes of missing hashes", answered, tail)?;
    }
    equal("the tail", tail_of(&store).await?, tail)?;
    reads(&store, b"k", Some(b"v")).await
}

pub(super) async fn deleted_keys_stay_deleted<F: DataStoreFactory>(factory: &F) -> Check {
    let store = factory.create().await;
    for payload in [b"1", b"2", b"3"] {
        works("write", store.write(b"k", payload).await)?;
    }
    works("delete", store.delete(b"k").await)?;
    reads(&store, b"k", None).await?;
    counts(&store, 0).await?;
    let store = factory.reopen(store).await;
    reads(&store, b"k", None).await?;
    factory.compact(&store).await;
    reads(&store, b"k", None).await?;
    works("write after a delete", store.write(b"k", b"4").await)?;
    reads(&store, b"k", Some(b"4")).await
}

pub(super) async fn a_delete_takes_the_hash_only_entry_too<F: DataStoreFactory>(factory: &F) -> Check {
    let hash = factory.key_hash(b"k");
    let store = factory.create().await;
    works("write_with_key_hash", store.write_with_key_hash(hash, b"hash-only").await)?;
    works("write", store.write(b"k", b"keyed").await)?;
    works("delete", store.delete(b"k").await)?;
    reads(&store, b"k", None).await?;
    reads_hash(&store, hash, None).await?;
    counts(&store, 0).await?;

    works("write_with_key_hash", store.write_with_key_hash(hash, b"hash-only").await)?;
    works("batch_delete of a key with a hash-only entry alone", store.batch_delete(&[b"k"]).await)?;
    reads_hash(&store, hash, None).await?;
    counts(&store, 0).await
}

pub(super) async fn a_batch_delete_takes_all_of_its_keys<F: DataStoreFactory>(factory: &F) -> Check {
    let store = factory.create().await;
    works("batch_write", store.batch_write(&[(b"a", b"1"), (b"b", b"2"), (b"c", b"3"), (b"d", b"4")]).await)?;
    let before = tail_of(&store).await?;
    let after = works("batch_delete", store.batch_delete(&[b"c", b"missing", b"a", b"c"]).await)?;
    ensure(after > before, "batch_delete of live keys did not move the tail")?;
    reads(&store, b"a", None).await?;
    reads(&store, b"b", Some(b"2")).await?;
    reads(&store, b"c", None).await?;
    reads(&store, b"d", Some(b"4")).await?;
    counts(&store, 2).await
}

pub(super) async fn a_delete_by_hash_takes_every_entry_with_it<F: DataStoreFactory>(factory: &F) -> Check {
    let ([one, other], hash) = colliding(factory)?;
    let store = factory.create().await;
    works("write", store.write(&one, b"1").await)?;
    works("write", store.write(&other, b"2").await)?;
    works("write_with_key_hash", store.write_with_key_hash(hash, b"3").await)?;
    works("write_with_key_hash", store.write_with_key_hash(!hash, b"4").await)?;
    works("write", store.write(b"bystander", b"5").await)?;
    counts(&store, 5).await?;
    works("batch_delete_key_hashes", store.batch_delete_key_hashes(&[hash, hash]).await)?;
    reads_hash(&store, hash, None).await?;
    reads(&store, &one, None).await?;
    reads(&store, &other, None).await?;
    reads_hash(&store, !hash, Some(b"4")).await?;
    reads(&store, b"bystander", Some(b"5")).await?;
    counts(&store, 2).await?;
    works("batch_delete_key_hashes", store.batch_delete_key_hashes(&[factory.key_hash(b"bystander")]).await)?;
    reads(&store, b"bystander", None).await
}

pub(super) async fn an_expired_key_is_a_missing_one<F: DataStoreFactory>(factory: &F) -> Check {
    let store = factory.create().await;
    factory.put_expiring(&store, b"k", b"v", SHORT).await;
    wait_past_short(factory).await;
    let tail = tail_of(&store).await?;
    equal("delete of an expired key", works("delete", store.delete(b"k").await)?, tail)?;
    equal("batch_delete of an expired key", works("batch_delete", store.batch_delete(&[b"k"]).await)?, tail)
}
