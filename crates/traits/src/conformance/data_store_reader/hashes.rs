//! Rules about key hashes: entries with a key, entries without one, and several with one hash.

use std::io::ErrorKind;

use super::lookups::{counts, payloads, reads, reads_hash};
use crate::conformance::DataStoreFactory;
use crate::conformance::check::{Check, Unmet, ensure, equal, refused, works};
use crate::{AsyncDataStoreReader, AsyncDataStoreWriter};

/// Two keys with one hash, and the hash.
pub(crate) fn colliding<F: DataStoreFactory>(factory: &F) -> Result<([Vec<u8>; 2], u64), Unmet> {
    let (one, other) = factory.colliding_keys();
    let hash = factory.key_hash(&one);
    if one == other || hash != factory.key_hash(&other) {
        return Err(Unmet::broken("the factory's colliding_keys do not collide under its key_hash"));
    }
    Ok(([one, other], hash))
}

pub(super) async fn entries_are_found_by_the_hash_of_their_key<F: DataStoreFactory>(factory: &F) -> Check {
    let store = factory.create().await;
    let keys: [&[u8]; 5] = [b"", b"a", b"b", b"a key of more than sixteen bytes", &[b'k'; 300]];
    for key in keys {
        works("write", store.write(key, &[b"of ", key].concat()).await)?;
    }
    for key in keys {
        reads_hash(&store, factory.key_hash(key), Some(&[b"of ", key].concat())).await?;
    }
    reads_hash(&store, factory.key_hash(b"another"), None).await
}

pub(super) async fn keys_with_one_hash_never_alias<F: DataStoreFactory>(factory: &F) -> Check {
    let ([one, other], _) = colliding(factory)?;
    let store = factory.create().await;
    works("write", store.write(&one, b"of one").await)?;
    reads(&store, &other, None).await?;
    equal("read_metadata of the other", works("read_metadata", store.read_metadata(&other).await)?, None)?;
    let found = works("batch_read", store.batch_read(&[&other, &one]).await)?;
    equal("batch_read", payloads(&found), [None, Some(&b"of one"[..])])?;

    works("write of the other", store.write(&other, b"of other").await)?;
    reads(&store, &one, Some(b"of one")).await?;
    reads(&store, &other, Some(b"of other")).await?;
    counts(&store, 2).await?;
    let store = factory.reopen(store).await;
    reads(&store, &one, Some(b"of one")).await?;
    reads(&store, &other, Some(b"of other")).await?;
    works("write of one again", store.write(&one, b"new").await)?;
    reads(&store, &one, Some(b"new")).await?;
    reads(&store, &other, Some(b"of other")).await
}

pub(super) async fn a_lookup_by_hash_answers_the_newest<F: DataStoreFactory>(factory: &F) -> Check {
    let ([one, other], hash) = colliding(factory)?;
    let store = factory.create().await;
    works("write", store.write(&one, b"1").await)?;
    reads_hash(&store, hash, Some(b"1")).await?;
    works("write", store.write(&other, b"2").await)?;
    reads_hash(&store, hash, Some(b"2")).await?;
    works("write", store.write(&one, b"3").await)?;
    reads_hash(&store, hash, Some(b"3")).await?;
    works("delete", store.delete(&one).await)?;
    reads_hash(&store, hash, Some(b"2")).await
}

pub(super) async fn deleting_one_of_two_keys_with_one_hash_leaves_the_other<F: DataStoreFactory>(
    factory: &F,
) -> Check {
    let ([one, other], _) = colliding(factory)?;
    let store = factory.create().await;
    works("write", store.write(&one, b"of one").await)?;
    works("write", store.write(&other, b"of other").await)?;
    works("delete", store.delete(&one).await)?;
    reads(&store, &one, None).await?;
    reads(&store, &other, Some(b"of other")).await?;
    counts(&store, 1).await
}

pub(super) async fn a_hash_only_entry_is_found_by_hash_and_by_key<F: DataStoreFactory>(factory: &F) -> Check {
    let ([one, other], hash) = colliding(factory)?;
    let store = factory.create().await;
    works("write_with_key_hash", store.write_with_key_hash(hash, b"hash-only").await)?;
    reads_hash(&store, hash, Some(b"hash-only")).await?;
    reads(&store, &one, Some(b"hash-only")).await?;
    reads(&store, &other, Some(b"hash-only")).await?;
    reads(&store, b"a key with another hash", None).await?;
    let found = works("batch_read", store.batch_read(&[&one, b"x"]).await)?;
    equal("batch_read", payloads(&found), [Some(&b"hash-only"[..]), None])?;
    let metadata = works("read_metadata", store.read_metadata(&one).await)?;
    equal("the hash in the metadata", metadata.map(|metadata| metadata.key_hash), Some(hash))?;
    works("write_with_key_hash again", store.write_with_key_hash(hash, b"newer").await)?;
    reads(&store, &one, Some(b"newer")).await?;
    counts(&store, 1).await
}

pub(super) async fn a_keyed_entry_hides_it_from_its_key_alone<F: DataStoreFactory>(factory: &F) -> Check {
    let ([one, other], hash) = colliding(factory)?;
    let store = factory.create().await;
    works("write_with_key_hash", store.write_with_key_hash(hash, b"hash-only").await)?;
    works("write", store.write(&one, b"keyed").await)?;
    reads(&store, &one, Some(b"keyed")).await?;
    reads(&store, &other, Some(b"hash-only")).await?;
    counts(&store, 2).await?;
    // However new the entry without a key is, a key's own entry comes first.
    works("write_with_key_hash", store.write_with_key_hash(hash, b"newest").await)?;
    reads(&store, &one, Some(b"keyed")).await?;
    reads(&store, &other, Some(b"newest")).await?;
    counts(&store, 2).await
}

pub(super) async fn the_newest_of_keyed_and_hash_only_answers_the_hash<F: DataStoreFactory>(
    factory: &F,
) -> Check {
    let hash = factory.key_hash(b"k");
    let store = factory.create().await;
    works("write_with_key_hash", store.write_with_key_hash(hash, b"1").await)?;
    works("write", store.write(b"k", b"2").await)?;
    reads_hash(&store, hash, Some(b"2")).await?;
    works("write_with_key_hash", store.write_with_key_hash(hash, b"3").await)?;
    reads_hash(&store, hash, Some(b"3")).await?;
    works("write", store.write(b"k", b"4").await)?;
    reads_hash(&store, hash, Some(b"4")).await
}

pub(super) async fn a_hash_only_entry_counts_and_survives_reopening<F: DataStoreFactory>(
    factory: &F,
) -> Check {
    let store = factory.create().await;
    for hash in [0, 1, u64::MAX] {
        works("write_with_key_hash", store.write_with_key_hash(hash, &hash.to_be_bytes()).await)?;
    }
    counts(&store, 3).await?;
    let store = factory.reopen(store).await;
    for hash in [0, 1, u64::MAX] {
        reads_hash(&store, hash, Some(&hash.to_be_bytes())).await?;
    }
    counts(&store, 3).await
}

pub(super) async fn without_keys_it_reads_by_hash<F: DataStoreFactory>(factory: &F) -> Check {
    let ([one, other], hash) = colliding(factory)?;
    let store = factory.create().await;
    works("write", store.write(&one, b"1").await)?;
    works("write", store.write(&other, b"2").await)?;
    works("write_with_key_hash", store.write_with_key_hash(7, b"3").await)?;
    let found =
        works("batch_read_hashed_keys", store.batch_read_hashed_keys(&[7, hash, 8, hash], None).await)?;
    equal("the payloads", payloads(&found), [Some(&b"3"[..]), Some(b"2"), None, Some(b"2")])?;
    let found = works("batch_read_hashed_keys of none", store.batch_read_hashed_keys(&[], None).await)?;
    equal("the number of answers to no hashes", found.len(), 0)
}

pub(super) async fn with_keys_it_verifies_them<F: DataStoreFactory>(factory: &F) -> Check {
    let ([one, other], hash) = colliding(factory)?;
    let store = factory.create().await;
    works("write", store.write(&one, b"of one").await)?;
    let (keys, hashes): ([&[u8]; 2], _) = ([&other, &one], [hash, hash]);
    let result = store.batch_read_hashed_keys(&hashes, Some(&keys)).await;
    let found = works("batch_read_hashed_keys", result)?;
    equal("the payloads with one of the keys written", payloads(&found), [None, Some(&b"of one"[..])])?;

    works("write", store.write(&other, b"of other").await)?;
    let result = store.batch_read_hashed_keys(&hashes, Some(&keys)).await;
    let found = works("batch_read_hashed_keys", result)?;
    equal("the payloads with both written", payloads(&found), [Some(&b"of other"[..]), Some(b"of one")])?;

    let wrong = [!hash];
    let result = store.batch_read_hashed_keys(&wrong, Some(&[&one])).await;
    let found = works("batch_read_hashed_keys", result)?;
    equal("the payload of a key under a hash that is not its own", payloads(&found), [None])
}

pub(super) async fn different_lengths_are_invalid<F: DataStoreFactory>(factory: &F) -> Check {
    let store = factory.create().await;
    works("write", store.write(b"k", b"v").await)?;
    let hash = factory.key_hash(b"k");
    let cases: [(&[u64], &[&[u8]]); 3] = [(&[hash], &[]), (&[hash], &[b"k", b"k"]), (&[], &[b"k"])];
    for (hashes, keys) in cases {
        let result = store.batch_read_hashed_keys(hashes, Some(keys)).await;
        let lengths = (hashes.len(), keys.len());
        let error = refused(format_args!("lengths {lengths:?}"), result.map(|handles| handles.len()))?;
        equal(
            format_args!("the kind of error for lengths {lengths:?}"),
            error.kind(),
            ErrorKind::InvalidInput,
        )?;
        let text = error.to_string();
        ensure(
            [lengths.0, lengths.1].iter().all(|length| text.contains(&length.to_string())),
            format_args!("the message {text:?} does not give the lengths {lengths:?}"),
        )?;
    }
    Ok(())
}
