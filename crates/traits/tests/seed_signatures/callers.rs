//! Code that uses the traits as users of the four systems write it: generic over them, and as trait objects.

use std::fmt::Debug;
use std::io::Read;
use std::ops::Deref;
use std::sync::Arc;

use bytes::Bytes;
use pentad_traits::{
    AsyncDataStoreReader, AsyncDataStoreWriter, ClientApi, ClientApiError, ClientApiResult, KvBackend,
    KvError, ReadConsistencyPolicy, StoreEngine,
};

use crate::Spelled;

/// A user of simd-r-drive who names no concrete store.
async fn archive<S>(store: &S, file: &mut impl Read, attic: &S) -> std::io::Result<usize>
where
    S: AsyncDataStoreReader<EntryHandleType: Deref<Target = [u8]>> + AsyncDataStoreWriter<DataStoreType = S>,
{
    let mut tail = store.write_stream(b"file", file).await?;
    tail = tail.max(store.write_stream_with_key_hash(7, file).await?);
    tail = tail.max(store.write(b"key", b"payload").await?);
    tail = tail.max(store.write_with_key_hash(8, b"payload").await?);
    tail = tail.max(store.batch_write(&[(b"a", b"1"), (b"bb", b"22")]).await?);
    tail = tail.max(store.batch_write_with_key_hashes(vec![(9, b"payload"), (10, b"\0")], true).await?);
    tail = tail.max(store.rename(b"a", b"c").await?);
    tail = tail.max(store.copy(b"c", attic).await?);
    tail = tail.max(store.transfer(b"c", attic).await?);
    tail = tail.max(store.delete(b"key").await?);
    tail = tail.max(store.batch_delete(&[b"bb", b"c"]).await?);
    store.batch_delete_key_hashes(&[8, 9]).await?;

    let mut bytes = 0;
    if store.exists(b"file").await? && store.exists_with_key_hash(7).await? && !store.is_empty().await? {
        bytes += store.read(b"file").await?.map_or(0, |entry| entry.len());
        bytes += store.read_with_key_hash(7).await?.map_or(0, |entry| entry.len());
        bytes += store.read_last_entry().await?.map_or(0, |entry| entry.len());
    }
    let keys: Vec<&[u8]> = vec![b"file", b"key"];
    let handles = store.batch_read(&keys).await?;
    let verified = store.batch_read_hashed_keys(&[7, 8], Some(&keys)).await?;
    bytes += handles.iter().chain(&verified).flatten().map(|entry| entry.len()).sum::<usize>();
    let metadata = store.read_metadata(b"file").await?;
    assert!(metadata.is_none_or(|metadata| metadata.prev_offset < tail && metadata.checksum.len() == 4));
    assert!(store.file_size().await? >= u64::try_from(store.len().await?).expect("a length fits u64"));
    Ok(bytes)
}

/// A user of zlayer-agent, who holds a backend behind a pointer.
async fn count_visit(backend: Arc<dyn KvBackend>, page: String) -> Result<Vec<String>, KvError> {
    backend.increment(&page, 1).await?;
    backend.set_with_ttl("last visit", page.as_bytes(), 1_000_000_000).await?;
    let before = backend.get("state").await?;
    if backend.compare_and_swap("state", before.as_deref(), b"visited").await?
        && backend.exists("old").await?
    {
        backend.set("old", b"").await?;
        backend.delete("old").await?;
    }
    backend.list_keys("").await
}

/// A user of exoware, whose services share an engine.
fn replay(engine: &Arc<dyn StoreEngine>, since: u64) -> Result<Vec<(Bytes, Bytes)>, String> {
    let sequence = engine.put_batch(&[(Bytes::from_static(b"k"), Bytes::from_static(b"v"))])?;
    let deleted = engine.delete_batch(&[b"k".as_slice()])?;
    let first = engine.oldest_retained_batch()?.unwrap_or(since).max(since);
    let mut pairs = Vec::new();
    for number in first..=engine.current_sequence().max(sequence).max(deleted) {
        pairs.extend(engine.get_batch(number)?.into_iter().flatten());
    }
    engine.prune_batch_log(since)?;
    pairs.extend(engine.range_scan(b"a", b"", 10, true)?);
    let many = engine.get_many(&[b"a".as_slice(), b"b".as_slice()])?;
    pairs.extend(many.into_iter().filter_map(|(key, value)| Some((key.into(), value?.into()))));
    Ok(engine.get(b"k")?.map(|_| pairs).unwrap_or_default())
}

/// A user of d-engine, whose function takes the embedded client as well as the remote one.
async fn elect<C: ClientApi>(client: &C, me: &str) -> ClientApiResult<Option<u32>> {
    client.put(b"user:1001", b"Alice").await?;
    client.put_with_ttl(format!("session:{me}"), me, 3600).await?;
    let elected = client.compare_and_swap(b"leader", None::<&[u8]>, me).await?;
    let again = client.compare_and_swap("leader", Some(me), Bytes::from_static(b"nobody")).await?;
    client.delete(b"temp".to_vec()).await?;
    let keys = [Bytes::from("a"), Bytes::from("b")];
    let found = client.get_multi(&keys).await?.into_iter().flatten().count()
        + client
            .get_multi_with_policy(&keys, Some(ReadConsistencyPolicy::EventualConsistency))
            .await?
            .into_iter()
            .flatten()
            .count();
    let single = [
        client.get("a").await?,
        client.get_linearizable("a").await?,
        client.get_lease("a").await?,
        client.get_eventual("a").await?,
    ];
    let members = client.list_members().await?;
    if elected && !again && found + single.iter().flatten().count() > 0 && !members.is_empty() {
        return client.get_leader_id().await;
    }
    match client.get(b"leader").await {
        Err(ClientApiError::Network { leader_hint: Some(hint), .. }) => Ok(Some(hint.leader_id)),
        other => other.map(|_| None),
    }
}

#[test]
fn the_dyn_compatible_traits_are_held_as_trait_objects() {
    let backend: Arc<dyn KvBackend> = Arc::new(Spelled);
    let engine: Arc<dyn StoreEngine> = Arc::new(Spelled);
    assert_eq!(format!("{backend:?}"), "Spelled");
    assert_eq!(engine.get_many(&[]), Ok(Vec::new()), "the provided method is reachable through the object");
}

#[test]
fn code_written_against_the_seeds_compiles_and_its_futures_cross_threads() {
    fn is_send<T: Send>(value: T) {
        drop(value);
    }
    fn is_shared<T: Send + Sync + Debug + 'static>() {}
    is_shared::<Arc<dyn KvBackend>>();

    // None of these is polled: the stores behind them have no bodies.
    is_send(count_visit(Arc::new(Spelled), "page".to_owned()));
    is_send(elect(&Spelled, "me"));
    is_send(async { AsyncDataStoreWriter::copy(&Spelled, b"key", &Spelled).await });
    is_send(async { AsyncDataStoreReader::batch_read(&Spelled, &[b"a", b"b"]).await });
    drop(archive(&Spelled, &mut std::io::empty(), &Spelled));
    let called = std::panic::catch_unwind(|| replay(&(Arc::new(Spelled) as Arc<dyn StoreEngine>), 1));
    assert!(called.is_err(), "this one is synchronous, so it runs into the first method without a body");
}

/// The future of a stream is `Send` even when its reader is not, because the reader is no part of it.
#[test]
fn the_future_of_a_stream_crosses_threads_without_its_reader() {
    struct OfThisThread(std::rc::Rc<()>);
    impl Read for OfThisThread {
        fn read(&mut self, _: &mut [u8]) -> std::io::Result<usize> {
            Ok(std::rc::Rc::strong_count(&self.0) - 1)
        }
    }
    fn future_is_send<T: Send>(_: fn(&'static Spelled, &'static mut OfThisThread) -> T) {}
    future_is_send(|store, reader| store.write_stream(b"key", reader));
    future_is_send(|store, reader| store.write_stream_with_key_hash(7, reader));
    let mut reader = OfThisThread(std::rc::Rc::new(()));
    assert_eq!(reader.read(&mut []).expect("this reader does not fail"), 0);
}
