//! Rules about what the store knows of its entries and of itself.

use super::lookups::{SHORT, counts, wait_past_short};
use crate::conformance::DataStoreFactory;
use crate::conformance::check::{Check, Unmet, ensure, equal, works};
use crate::{AsyncDataStoreReader, AsyncDataStoreWriter, EntryMetadata};

async fn metadata_of<S: AsyncDataStoreReader>(store: &S, key: &[u8]) -> Result<EntryMetadata, Unmet> {
    works("read_metadata", store.read_metadata(key).await)?
        .ok_or_else(|| Unmet::broken("a key that was written has no metadata"))
}

pub(super) async fn they_count_live_entries<F: DataStoreFactory>(factory: &F) -> Check {
    let store = factory.create().await;
    counts(&store, 0).await?;
    works("write", store.write(b"a", b"1").await)?;
    counts(&store, 1).await?;
    works("write over an entry", store.write(b"a", b"2").await)?;
    counts(&store, 1).await?;
    works("batch_write", store.batch_write(&[(b"b", b"3"), (b"c", b"4"), (b"b", b"5")]).await)?;
    counts(&store, 3).await?;
    works("write_with_key_hash", store.write_with_key_hash(1, b"6").await)?;
    counts(&store, 4).await?;
    works("rename", store.rename(b"a", b"b").await)?;
    counts(&store, 3).await?;
    works("delete", store.delete(b"missing").await)?;
    counts(&store, 3).await?;
    works("batch_delete", store.batch_delete(&[b"b", b"c"]).await)?;
    counts(&store, 1).await?;
    works("batch_delete_key_hashes", store.batch_delete_key_hashes(&[1]).await)?;
    counts(&store, 0).await
}

pub(super) async fn expired_entries_do_not_count<F: DataStoreFactory>(factory: &F) -> Check {
    let store = factory.create().await;
    factory.put_expiring(&store, b"a", b"1", SHORT).await;
    wait_past_short(factory).await;
    counts(&store, 0).await?;
    works("write", store.write(b"b", b"2").await)?;
    counts(&store, 1).await
}

pub(super) async fn it_counts_dead_bytes_too<F: DataStoreFactory>(factory: &F) -> Check {
    const PAYLOAD_BYTES: u32 = 100_000;
    let store = factory.create().await;
    for number in 1..=5_u32 {
        // Bytes that no compression makes small.
        let mut state = number;
        let payload: Vec<u8> = (0..PAYLOAD_BYTES)
            .map(|_| {
                state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                state.to_be_bytes()[0]
            })
            .collect();
        works("write", store.write(b"k", &payload).await)?;
        let (size, written) =
            (works("file_size", store.file_size().await)?, u64::from(number * PAYLOAD_BYTES));
        ensure(
            size >= written,
            format_args!("file_size is {size} after payloads of {written} bytes were written"),
        )?;
    }
    Ok(())
}

pub(super) async fn it_has_the_hash_of_the_key<F: DataStoreFactory>(factory: &F) -> Check {
    let store = factory.create().await;
    for key in [&b""[..], b"a", b"a key of more than sixteen bytes"] {
        works("write", store.write(key, b"v").await)?;
        equal("the hash", metadata_of(&store, key).await?.key_hash, factory.key_hash(key))?;
    }
    Ok(())
}

pub(super) async fn its_offset_is_where_the_log_stood_before_the_entry<F: DataStoreFactory>(
    factory: &F,
) -> Check {
    let store = factory.create().await;
    let mut before = works("batch_write of nothing", store.batch_write(&[]).await)?;
    for (key, payload) in [(b"a", "first"), (b"b", "second"), (b"a", "third")] {
        let after = works("write", store.write(key, payload.as_bytes()).await)?;
        let offset = metadata_of(&store, key).await?.prev_offset;
        ensure(
            (before..after).contains(&offset),
            format_args!("prev_offset is {offset} for a write that took the log from {before} to {after}"),
        )?;
        before = after;
    }
    Ok(())
}

pub(super) async fn its_checksum_follows_the_payload<F: DataStoreFactory>(factory: &F) -> Check {
    let store = factory.create().await;
    works("write", store.write(b"a", b"payload").await)?;
    works("write", store.write(b"b", b"payload").await)?;
    works("write", store.write(b"c", b"payloae").await)?;
    let of_a = metadata_of(&store, b"a").await?.checksum;
    equal("the checksum of the same payload", metadata_of(&store, b"b").await?.checksum, of_a)?;
    let of_c = metadata_of(&store, b"c").await?.checksum;
    ensure(of_c != of_a, format_args!("two payloads that differ in one bit have the checksum {of_a:?}"))?;
    works("write", store.write(b"a", b"payloae").await)?;
    equal("the checksum after an overwrite", metadata_of(&store, b"a").await?.checksum, of_c)
}

pub(super) async fn what_is_missing_has_none<F: DataStoreFactory>(factory: &F) -> Check {
    let store = factory.create().await;
    equal("read_metadata", works("read_metadata", store.read_metadata(b"k").await)?, None)?;
    works("write", store.write(b"k", b"v").await)?;
    works("delete", store.delete(b"k").await)?;
    equal("read_metadata after a delete", works("read_metadata", store.read_metadata(b"k").await)?, None)
}
