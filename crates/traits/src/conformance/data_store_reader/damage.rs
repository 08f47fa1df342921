//! Rules about stored bytes that changed: they are reported, never returned.

use std::io::ErrorKind;

use super::lookups::reads;
use crate::conformance::DataStoreFactory;
use crate::conformance::check::{Check, ensure, equal, refused, skip, works};
use crate::{AsyncDataStoreReader, AsyncDataStoreWriter};

const PAYLOAD: &[u8] = b"a payload that is found nowhere else in the files of the store";
const OUT_OF_REACH: &str = "the factory cannot reach the stored bytes";

pub(super) async fn a_damaged_payload_is_an_error_that_says_where<F: DataStoreFactory>(factory: &F) -> Check {
    let store = factory.create().await;
    works("write", store.write(b"whole", b"v").await)?;
    works("write", store.write(b"k", PAYLOAD).await)?;
    let Some(store) = factory.damage_payload(store, PAYLOAD).await else { return skip(OUT_OF_REACH) };
    let says_where = |method: &str, error: std::io::Error| {
        equal(format_args!("the kind of error of {method}"), error.kind(), ErrorKind::InvalidData)?;
        let text = error.to_string();
        ensure(
            ["offset", "sequence"].iter().all(|word| text.contains(word))
                && text.contains(std::path::MAIN_SEPARATOR),
            format_args!("the message of {method}, {text:?}, does not name file, offset and sequence"),
        )
    };
    says_where("read", refused("read of a damaged payload", store.read(b"k").await.map(|_| ()))?)?;
    let hash = factory.key_hash(b"k");
    let result = store.read_with_key_hash(hash).await.map(|_| ());
    says_where("read_with_key_hash", refused("read_with_key_hash of a damaged payload", result)?)?;
    let result = store.batch_read(&[b"k"]).await.map(|_| ());
    says_where("batch_read", refused("batch_read of a damaged payload", result)?)?;
    let result = store.read_last_entry().await.map(|_| ());
    says_where("read_last_entry", refused("read_last_entry of a damaged payload", result)?)?;
    // Once is not enough: the second read must not take the first one's word.
    says_where("the second read", refused("the second read of it", store.read(b"k").await.map(|_| ()))?)
}

pub(super) async fn other_entries_stay_readable<F: DataStoreFactory>(factory: &F) -> Check {
    let store = factory.create().await;
    works("batch_write", store.batch_write(&[(b"a", b"1"), (b"k", PAYLOAD), (b"z", b"2")]).await)?;
    let Some(store) = factory.damage_payload(store, PAYLOAD).await else { return skip(OUT_OF_REACH) };
    reads(&store, b"a", Some(b"1")).await?;
    reads(&store, b"z", Some(b"2")).await?;
    works("write over the damaged entry", store.write(b"k", b"new").await)?;
    reads(&store, b"k", Some(b"new")).await
}
