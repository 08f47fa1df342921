//! Rules about what is refused: the error says why, nothing is written.

use std::io::{Error, ErrorKind};

use super::writes::tail_of;
use crate::AsyncDataStoreWriter;
use crate::conformance::DataStoreFactory;
use crate::conformance::check::{
    Check, Unmet, ensure, equal, names_limit_and_size, refused, shown, skip, works,
};
use crate::conformance::data_store_reader::{counts, reads};

/// A store with "old" under "k", and its tail.
async fn create_with_one_entry<F: DataStoreFactory>(factory: &F) -> Result<(F::Store, u64), Unmet> {
    let store = factory.create().await;
    let tail = works("write", store.write(b"k", b"old").await)?;
    Ok((store, tail))
}

/// Nothing but "old" under "k" is there, and nothing was written since the tail was `tail`.
async fn is_untouched<F: DataStoreFactory>(_factory: &F, store: &F::Store, tail: u64) -> Check {
    reads(store, b"k", Some(b"old")).await?;
    counts(store, 1).await?;
    equal("the tail after refused writes", tail_of(store).await?, tail)
}

pub(super) async fn an_empty_payload_is_invalid_and_writes_nothing<F: DataStoreFactory>(
    factory: &F,
) -> Check {
    let (store, tail) = create_with_one_entry(factory).await?;
    let is_invalid = |what: &str, result: std::io::Result<u64>| {
        let error = refused(format_args!("{what} of an empty payload"), result)?;
        equal(format_args!("the kind of error of {what}"), error.kind(), ErrorKind::InvalidInput)
    };
    is_invalid("write", store.write(b"k", b"").await)?;
    is_invalid("write", store.write(b"new", b"").await)?;
    is_invalid("write_with_key_hash", store.write_with_key_hash(1, b"").await)?;
    is_invalid("batch_write", store.batch_write(&[(b"k", b"")]).await)?;
    for allow in [true, false] {
        let result = store.batch_write_with_key_hashes(vec![(1, b"")], allow).await;
        is_invalid("batch_write_with_key_hashes", result)?;
    }
    is_untouched(factory, &store, tail).await
}

pub(super) async fn messages_name_the_key_escaped_and_bounded<F: DataStoreFactory>(factory: &F) -> Check {
    let store = factory.create().await;
    let error = refused("rename of a missing key", store.rename(b"a-missing-key", b"new").await)?;
    let text = error.to_string();
    ensure(text.contains("a-missing-key"), format_args!("the message {text:?} does not name the key"))?;
    for key in [vec![b'\n'; 20_000], vec![0xff; 20_000], b"\x1b[31mred\x07\0".to_vec()] {
        let error = refused("rename of a missing key", store.rename(&key, b"new").await)?;
        let text = error.to_string();
        ensure(
            text.len() <= 1_000 && !text.chars().any(|c| c.is_control() || c == char::REPLACEMENT_CHARACTER),
            format_args!("the message about a binary key, {}, is not escaped or not bounded", shown(&text)),
        )?;
    }
    Ok(())
}

fn is_beyond_limit(error: &Error, limit: usize, size: usize) -> Check {
    ensure(
        matches!(error.kind(), ErrorKind::InvalidInput | ErrorKind::QuotaExceeded),
        format_args!("the kind of error is {:?}, neither InvalidInput nor QuotaExceeded", error.kind()),
    )?;
    names_limit_and_size(&error.to_string(), limit, size)
}

pub(super) async fn a_key_beyond_the_limit_is_refused_with_limit_and_size<F: DataStoreFactory>(
    factory: &F,
) -> Check {
    let (store, tail) = create_with_one_entry(factory).await?;
    let limit = factory.limits().key_bytes_max;
    let key = vec![b'x'; limit + 1];
    let beyond = |what: &str, result| is_beyond_limit(&refused(what, result)?, limit, limit + 1);
    beyond("write", store.write(&key, b"v").await)?;
    beyond("batch_write", store.batch_write(&[(&key, b"v")]).await)?;
    beyond("write_stream", store.write_stream(&key, &mut &b"v"[..]).await)?;
    beyond("rename", store.rename(b"k", &key).await)?;
    is_untouched(factory, &store, tail).await
}

pub(super) async fn a_payload_beyond_the_limit_is_refused_with_limit_and_size<F: DataStoreFactory>(
    factory: &F,
) -> Check {
    let (store, tail) = create_with_one_entry(factory).await?;
    let limit = factory.limits().value_bytes_max;
    let payload = vec![0; limit + 1];
    let beyond = |what: &str, result| is_beyond_limit(&refused(what, result)?, limit, limit + 1);
    beyond("write", store.write(b"k", &payload).await)?;
    beyond("write_with_key_hash", store.write_with_key_hash(1, &payload).await)?;
    beyond("batch_write", store.batch_write(&[(b"k", &payload)]).await)?;
    is_untouched(factory, &store, tail).await
}

pub(super) async fn a_batch_of_too_many_entries_is_refused_with_limit_and_size<F: DataStoreFactory>(
    factory: &F,
) -> Check {
    let (store, tail) = create_with_one_entry(factory).await?;
    let limit = factory.limits().batch_operations_max;
    let beyond = |what: &str, result| is_beyond_limit(&refused(what, result)?, limit, limit + 1);
    beyond("batch_write", store.batch_write(&vec![(&b"k"[..], &b"v"[..]); limit + 1]).await)?;
    let entries = vec![(1, &b"v"[..]); limit + 1];
    beyond("batch_write_with_key_hashes", store.batch_write_with_key_hashes(entries, true).await)?;
    beyond("batch_delete", store.batch_delete(&vec![&b"k"[..]; limit + 1]).await)?;
    beyond("batch_delete_key_hashes", store.batch_delete_key_hashes(&vec![1; limit + 1]).await)?;
    is_untouched(factory, &store, tail).await
}

pub(super) async fn a_batch_of_too_many_bytes_is_refused_with_limit_and_size<F: DataStoreFactory>(
    factory: &F,
) -> Check {
    let Some((length, number)) = factory.limits().values_beyond_batch_bytes() else {
        return skip("the other limits do not let a batch get that large");
    };
    let (store, tail) = create_with_one_entry(factory).await?;
    let payload = vec![0; length];
    let entries = vec![(&b""[..], &payload[..]); number];
    let error = refused("batch_write", store.batch_write(&entries).await)?;
    is_beyond_limit(&error, factory.limits().batch_bytes_max, length * number)?;
    is_untouched(factory, &store, tail).await
}
