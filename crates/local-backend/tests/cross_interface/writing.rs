//! Every way to write or delete one key, through each interface that can.

use bytes::Bytes;
use pentad_local_backend::{AsyncDataStoreWriter, ClientApi, KvBackend, LocalBackend, StoreEngine, key_hash};

/// A way to store a value that is not empty under a key of text; each is one plain write.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Writer {
    DataStoreWrite,
    DataStoreBatch,
    DataStoreStream,
    StoreEngineBatch,
    KvBackendSet,
    KvBackendSwap,
    ClientApiPut,
    ClientApiSwap,
}

impl Writer {
    pub(crate) const ALL: [Self; 8] = [
        Self::DataStoreWrite,
        Self::DataStoreBatch,
        Self::DataStoreStream,
        Self::StoreEngineBatch,
        Self::KvBackendSet,
        Self::KvBackendSwap,
        Self::ClientApiPut,
        Self::ClientApiSwap,
    ];

    /// Stores `value` under `key`.
    pub(crate) async fn run(self, backend: &LocalBackend, key: &str, value: &str) {
        let (key_bytes, bytes) = (key.as_bytes(), value.as_bytes());
        match self {
            Self::DataStoreWrite => drop(backend.write(key_bytes, bytes).await.unwrap()),
            Self::DataStoreBatch => drop(backend.batch_write(&[(key_bytes, bytes)]).await.unwrap()),
            Self::DataStoreStream => drop(backend.write_stream(key_bytes, &mut &bytes[..]).await.unwrap()),
            Self::StoreEngineBatch => {
                let pair = (Bytes::copy_from_slice(key_bytes), Bytes::copy_from_slice(bytes));
                backend.put_batch(&[pair]).unwrap();
            }
            Self::KvBackendSet => backend.set(key, bytes).await.unwrap(),
            Self::KvBackendSwap => {
                let old = KvBackend::get(backend, key).await.unwrap();
                assert!(KvBackend::compare_and_swap(backend, key, old.as_deref(), bytes).await.unwrap());
            }
            Self::ClientApiPut => backend.put(key, value).await.unwrap(),
            Self::ClientApiSwap => {
                let old = ClientApi::get(backend, key).await.unwrap();
                assert!(ClientApi::compare_and_swap(backend, key, old, value).await.unwrap());
            }
        }
    }
}

/// A way to delete a key of text; each is one commit.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Deleter {
    DataStoreDelete,
    DataStoreBatch,
    DataStoreHash,
    StoreEngineBatch,
    KvBackendDelete,
    ClientApiDelete,
}

impl Deleter {
    pub(crate) const ALL: [Self; 6] = [
        Self::DataStoreDelete,
        Self::DataStoreBatch,
        Self::DataStoreHash,
        Self::StoreEngineBatch,
        Self::KvBackendDelete,
        Self::ClientApiDelete,
    ];

    /// Deletes `key`, which is there.
    pub(crate) async fn run(self, backend: &LocalBackend, key: &str) {
        let bytes = key.as_bytes();
        match self {
            Self::DataStoreDelete => drop(AsyncDataStoreWriter::delete(backend, bytes).await.unwrap()),
            Self::DataStoreBatch => drop(backend.batch_delete(&[bytes]).await.unwrap()),
            Self::DataStoreHash => drop(backend.batch_delete_key_hashes(&[key_hash(bytes)]).await.unwrap()),
            Self::StoreEngineBatch => drop(backend.delete_batch(&[bytes]).unwrap()),
            Self::KvBackendDelete => assert!(KvBackend::delete(backend, key).await.unwrap()),
            Self::ClientApiDelete => ClientApi::delete(backend, key).await.unwrap(),
        }
    }
}
