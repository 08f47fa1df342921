//! Rules about handles: what they point at, and for how long.

use bytes::Bytes;

use crate::conformance::check::{Check, Unmet, equal, skip, works};
use crate::conformance::{DataStoreFactory, Factory, Handle};
use crate::{AsyncDataStoreReader, AsyncDataStoreWriter};

type HandleOf<F> = <<F as Factory>::Store as AsyncDataStoreReader>::EntryHandleType;

/// A payload that tells when some other bytes took its place.
fn payload() -> Vec<u8> {
    (0..=u8::MAX).collect::<Vec<_>>().repeat(40)
}

/// A store with [`payload`] under "k", and the handle to it.
async fn create_with_handle<F: DataStoreFactory>(factory: &F) -> Result<(F::Store, HandleOf<F>), Unmet> {
    let store = factory.create().await;
    works("write", store.write(b"k", &payload()).await)?;
    let handle = handle_of(&store, b"k").await?;
    Ok((store, handle))
}

async fn handle_of<S: AsyncDataStoreReader>(store: &S, key: &[u8]) -> Result<S::EntryHandleType, Unmet> {
    works("read", store.read(key).await)?.ok_or_else(|| Unmet::broken("a key that was written is missing"))
}

fn is_unchanged(handle: &impl Handle, when: &str) -> Check {
    equal(format_args!("what a handle shows {when}"), &handle[..], &payload()[..])
}

/// Fills the store with other bytes, so that space given back too early is used again.
async fn write_much<S: AsyncDataStoreWriter>(store: &S) -> Check {
    for number in 0..40_u8 {
        works("write", store.write(&[number], &vec![number; 20_000]).await)?;
    }
    Ok(())
}

pub(super) async fn they_outlive_overwrite_and_delete<F: DataStoreFactory>(factory: &F) -> Check {
    let (store, handle) = create_with_handle(factory).await?;
    works("write", store.write(b"k", &[b'x'; 10_240]).await)?;
    is_unchanged(&handle, "after an overwrite")?;
    works("delete", store.delete(b"k").await)?;
    write_much(&store).await?;
    is_unchanged(&handle, "after a delete")
}

pub(super) async fn they_outlive_compaction<F: DataStoreFactory>(factory: &F) -> Check {
    let (store, handle) = create_with_handle(factory).await?;
    works("delete", store.delete(b"k").await)?;
    factory.compact(&store).await;
    write_much(&store).await?;
    is_unchanged(&handle, "after compaction")
}

pub(super) async fn they_outlive_the_store<F: DataStoreFactory>(factory: &F) -> Check {
    let (store, handle) = create_with_handle(factory).await?;
    let store = factory.reopen(store).await;
    is_unchanged(&handle, "after its store was closed")?;
    works("delete", store.delete(b"k").await)?;
    write_much(&store).await?;
    drop(store);
    is_unchanged(&handle, "after the next store was closed too")
}

pub(super) async fn they_convert_to_bytes_without_copying<F: DataStoreFactory>(factory: &F) -> Check {
    let (store, handle) = create_with_handle(factory).await?;
    let place = handle.as_ptr();
    let bytes: Bytes = handle.clone().into();
    equal("the address of the Bytes", bytes.as_ptr(), place)?;
    equal("the address of a clone", handle.clone().as_ptr(), place)?;
    drop(handle);
    works("delete", store.delete(b"k").await)?;
    drop(factory.reopen(store).await);
    equal("what the Bytes show after the store was closed", &bytes[..], &payload()[..])
}

pub(super) async fn they_are_shared_between_threads<F: DataStoreFactory>(factory: &F) -> Check {
    let (_store, handle) = create_with_handle(factory).await?;
    std::thread::scope(|scope| {
        let readers = [(); 3].map(|()| scope.spawn(|| is_unchanged(&handle.clone(), "on another thread")));
        for reader in readers {
            reader.join().map_err(|_| Unmet::broken("reading a handle on another thread panicked"))??;
        }
        Ok(())
    })
}

pub(super) async fn they_point_into_the_store<F: DataStoreFactory>(factory: &F) -> Check {
    if !factory.reads_in_place() {
        return skip("the store is a remote one");
    }
    let (store, handle) = create_with_handle(factory).await?;
    let again = handle_of(&store, b"k").await?;
    equal("the address of the same entry read again", again.as_ptr(), handle.as_ptr())
}

pub(super) async fn payloads_start_on_the_alignment<F: DataStoreFactory>(factory: &F) -> Check {
    let alignment = factory.payload_alignment();
    if alignment <= 1 {
        return skip("the store has no alignment");
    }
    let store = factory.create().await;
    // Lengths and keys that leave the log at every possible offset.
    let entries: Vec<(String, Vec<u8>)> =
        (1..=100_usize).map(|length| ("k".repeat(length % 17 + length), vec![b'x'; length])).collect();
    for (key, payload) in &entries {
        works("write", store.write(key.as_bytes(), payload).await)?;
    }
    let batch: Vec<(&[u8], &[u8])> =
        entries.iter().map(|(key, payload)| (&key.as_bytes()[1..], &payload[..])).collect();
    works("batch_write", store.batch_write(&batch).await)?;
    works("write_with_key_hash", store.write_with_key_hash(7, b"odd").await)?;
    let mut stream = &[b's'; 1_001][..];
    works("write_stream", store.write_stream(b"stream", &mut stream).await)?;
    let keys = entries.iter().map(|(key, _)| key.as_bytes()).chain(batch.iter().map(|(key, _)| *key));
    for key in keys.chain([&b"stream"[..]]) {
        let handle = handle_of(&store, key).await?;
        let excess = handle.as_ptr().addr() % alignment;
        equal(
            format_args!("the address of a payload of {} bytes, modulo {alignment}", handle.len()),
            excess,
            0,
        )?;
    }
    let handle = works("read_with_key_hash", store.read_with_key_hash(7).await)?;
    let excess = handle.map(|handle| handle.as_ptr().addr() % alignment);
    equal(format_args!("the address of a payload without a key, modulo {alignment}"), excess, Some(0))
}
