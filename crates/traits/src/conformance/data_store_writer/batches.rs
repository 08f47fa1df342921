//! Rules about batches: all of it or nothing.

use std::io::ErrorKind;

use super::writes::tail_of;
use crate::AsyncDataStoreWriter;
use crate::conformance::DataStoreFactory;
use crate::conformance::check::{Check, equal, refused, works};
use crate::conformance::data_store_reader::{counts, reads, reads_hash};

pub(super) async fn one_nul_is_refused_where_the_caller_asks<F: DataStoreFactory>(factory: &F) -> Check {
    let store = factory.create().await;
    let tail = tail_of(&store).await?;
    let result = store.batch_write_with_key_hashes(vec![(1, b"v"), (2, b"\0")], false).await;
    let error = refused("a payload of one NUL with allow_null_bytes = false", result)?;
    equal("the kind of error", error.kind(), ErrorKind::InvalidInput)?;
    counts(&store, 0).await?;
    equal("the tail after a refused batch", tail_of(&store).await?, tail)?;

    // Nothing but exactly one NUL is refused, and that only when asked for.
    let result = store.batch_write_with_key_hashes(vec![(1, b"\0\0"), (2, b"a\0"), (3, b"\0a")], false).await;
    works("other payloads with allow_null_bytes = false", result)?;
    reads_hash(&store, 1, Some(b"\0\0")).await?;
    let result = store.batch_write_with_key_hashes(vec![(1, b"\0")], true).await;
    works("a payload of one NUL with allow_null_bytes = true", result)?;
    reads_hash(&store, 1, Some(b"\0")).await
}

pub(super) async fn nothing_of_a_batch_with_one_bad_entry_is_written<F: DataStoreFactory>(
    factory: &F,
) -> Check {
    let store = factory.create().await;
    works("write", store.write(b"k", b"old").await)?;
    let tail = tail_of(&store).await?;
    let too_long = vec![b'x'; factory.limits().key_bytes_max + 1];
    let bad_entries: [(&[u8], &[u8]); 2] = [(b"empty payload", b""), (&too_long, b"v")];
    for bad in bad_entries {
        for place in 0..3 {
            let mut batch: Vec<(&[u8], &[u8])> = vec![(b"k", b"new"), (b"a", b"1")];
            batch.insert(place, bad);
            refused("a batch with one bad entry", store.batch_write(&batch).await)?;
        }
    }
    let result = store.batch_write_with_key_hashes(vec![(1, b"v"), (2, b""), (3, b"v")], true).await;
    refused("a batch of hashes with one empty payload", result)?;
    reads(&store, b"k", Some(b"old")).await?;
    reads(&store, b"a", None).await?;
    counts(&store, 1).await?;
    equal("the tail after refused batches", tail_of(&store).await?, tail)
}

pub(super) async fn an_empty_batch_answers_the_current_tail<F: DataStoreFactory>(factory: &F) -> Check {
    let store = factory.create().await;
    for round in 0..3 {
        let tail = works("write", store.write(&[round], b"v").await)?;
        equal("batch_write of nothing", works("batch_write", store.batch_write(&[]).await)?, tail)?;
        for allow in [true, false] {
            let answered = store.batch_write_with_key_hashes(Vec::new(), allow).await;
            equal("batch_write_with_key_hashes of nothing", works("the call", answered)?, tail)?;
        }
        equal("batch_delete of nothing", works("batch_delete", store.batch_delete(&[]).await)?, tail)?;
        let answered = works("batch_delete_key_hashes", store.batch_delete_key_hashes(&[]).await)?;
        equal("batch_delete_key_hashes of nothing", answered, tail)?;
    }
    counts(&store, 3).await
}

pub(super) async fn the_last_of_one_key_wins<F: DataStoreFactory>(factory: &F) -> Check {
    let store = factory.create().await;
    let entries: [(&[u8], &[u8]); 4] = [(b"k", b"first"), (b"a", b"1"), (b"k", b"second"), (b"k", b"last")];
    works("batch_write", store.batch_write(&entries).await)?;
    reads(&store, b"k", Some(b"last")).await?;
    reads(&store, b"a", Some(b"1")).await?;
    counts(&store, 2).await?;
    let result = store.batch_write_with_key_hashes(vec![(9, b"first"), (9, b"last")], true).await;
    works("batch_write_with_key_hashes", result)?;
    reads_hash(&store, 9, Some(b"last")).await?;
    counts(&store, 3).await
}
