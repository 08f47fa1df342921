//! Every way to read one key, through each interface.

use bytes::Bytes;
use pentad_local_backend::{
    AsyncDataStoreReader, ClientApi, KvBackend, LocalBackend, ReadConsistencyPolicy, StoreEngine, key_hash,
};

/// A way to look at one key, by the name of its method.
type Answer = (&'static str, Option<Vec<u8>>);

/// What every reading method of the reader trait answers for `key`.
async fn data_store_reader(backend: &LocalBackend, key: &[u8]) -> Vec<Answer> {
    let owned = |value: Option<pentad_local_backend::Value>| value.map(|value| value.to_vec());
    let read = owned(backend.read(key).await.unwrap());
    assert_eq!(
        AsyncDataStoreReader::exists(backend, key).await.unwrap(),
        read.is_some(),
        "exists and read differ"
    );
    let metadata = backend.read_metadata(key).await.unwrap();
    assert_eq!(metadata.map(|metadata| metadata.key_hash), read.is_some().then(|| key_hash(key)));
    let mut batch = backend.batch_read(&[b"no such key of the tests", key]).await.unwrap();
    assert!(batch[0].is_none());
    let mut hashed = backend.batch_read_hashed_keys(&[key_hash(key)], Some(&[key])).await.unwrap();
    vec![
        ("AsyncDataStoreReader::read", read),
        ("AsyncDataStoreReader::batch_read", owned(batch.remove(1))),
        ("AsyncDataStoreReader::batch_read_hashed_keys", owned(hashed.remove(0))),
    ]
}

fn store_engine(backend: &LocalBackend, key: &[u8]) -> Vec<Answer> {
    let mut many = backend.get_many(&[key]).unwrap();
    let mut answers = vec![
        ("StoreEngine::get", StoreEngine::get(backend, key).unwrap()),
        ("StoreEngine::get_many", many.remove(0).1),
    ];
    // An empty end would be no bound.
    if !key.is_empty() {
        for (name, forward) in
            [("StoreEngine::range_scan", true), ("StoreEngine::range_scan, backward", false)]
        {
            let mut rows = backend.range_scan(key, key, 2, forward).unwrap();
            assert!(rows.len() <= 1, "one key has {} rows", rows.len());
            answers.push((name, rows.pop().map(|(_, value)| value.to_vec())));
        }
    }
    answers
}

async fn kv_backend(backend: &LocalBackend, key: &[u8]) -> Vec<Answer> {
    let Ok(key) = str::from_utf8(key) else { return Vec::new() };
    if key.is_empty() {
        return Vec::new();
    }
    let get = KvBackend::get(backend, key).await.unwrap();
    assert_eq!(KvBackend::exists(backend, key).await.unwrap(), get.is_some(), "exists and get differ");
    let listed = backend.list_keys(key).await.unwrap().contains(&key.to_owned());
    assert_eq!(listed, get.is_some(), "list_keys and get differ");
    vec![("KvBackend::get", get)]
}

async fn client_api(backend: &LocalBackend, key: &[u8]) -> Vec<Answer> {
    let owned = |value: Option<Bytes>| value.map(|value| value.to_vec());
    let keys = [Bytes::copy_from_slice(key)];
    let eventually = Some(ReadConsistencyPolicy::EventualConsistency);
    vec![
        ("ClientApi::get", owned(ClientApi::get(backend, key).await.unwrap())),
        ("ClientApi::get_multi", owned(backend.get_multi(&keys).await.unwrap().remove(0))),
        (
            "ClientApi::get_multi_with_policy",
            owned(backend.get_multi_with_policy(&keys, eventually).await.unwrap().remove(0)),
        ),
        ("ClientApi::get_linearizable", owned(backend.get_linearizable(key).await.unwrap())),
        ("ClientApi::get_lease", owned(backend.get_lease(key).await.unwrap())),
        ("ClientApi::get_eventual", owned(backend.get_eventual(key).await.unwrap())),
    ]
}

/// Every method of every interface that can name `key` answers `wanted` for it.
pub(crate) async fn all_read(backend: &LocalBackend, key: &[u8], wanted: Option<&[u8]>, when: &str) {
    let mut answers = data_store_reader(backend, key).await;
    answers.extend(store_engine(backend, key));
    answers.extend(kv_backend(backend, key).await);
    answers.extend(client_api(backend, key).await);
    for (method, found) in answers {
        assert_eq!(found.as_deref(), wanted, "{method} of {} {when}", key.escape_ascii());
    }
}
