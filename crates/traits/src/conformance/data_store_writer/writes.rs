//! Rules about single writes, and about the tail that all of them answer.

use crate::conformance::DataStoreFactory;
use crate::conformance::check::{Check, Unmet, ensure, equal, works};
use crate::conformance::data_store_reader::{SHORT, counts, reads, reads_hash, wait_past_short};
use crate::conformance::driving::{poll_once_and_drop, yield_once};
use crate::{AsyncDataStoreReader, AsyncDataStoreWriter};

/// The tail as it is.
pub(super) async fn tail_of<S: AsyncDataStoreWriter>(store: &S) -> Result<u64, Unmet> {
    works("batch_write of nothing", store.batch_write(&[]).await)
}

pub(super) async fn nul_bytes_are_ordinary_data<F: DataStoreFactory>(factory: &F) -> Check {
    let store = factory.create().await;
    for (key, payload) in [(b"one", &b"\0"[..]), (b"two", b"\0\0"), (b"mix", b"\0x\0")] {
        works("write", store.write(key, payload).await)?;
        reads(&store, key, Some(payload)).await?;
    }
    works("write_with_key_hash", store.write_with_key_hash(1, b"\0").await)?;
    works("batch_write", store.batch_write(&[(b"batch", b"\0"), (b"other", b"v")]).await)?;
    works("write_stream", store.write_stream(b"stream", &mut &b"\0"[..]).await)?;
    let store = factory.reopen(store).await;
    for key in [&b"one"[..], b"batch", b"stream"] {
        reads(&store, key, Some(b"\0")).await?;
    }
    reads(&store, b"two", Some(b"\0\0")).await?;
    reads_hash(&store, 1, Some(b"\0")).await?;
    counts(&store, 7).await
}

pub(super) async fn the_tail_grows_with_every_write<F: DataStoreFactory>(factory: &F) -> Check {
    let (store, target) = (factory.create().await, factory.create().await);
    let mut tail = tail_of(&store).await?;
    let mut grows = |what: &str, result: std::io::Result<u64>| {
        let answered = works(what, result)?;
        ensure(answered > tail, format_args!("{what} answered the tail {answered} when it stood at {tail}"))?;
        tail = answered;
        Ok::<_, Unmet>(answered)
    };
    grows("write", store.write(b"a", b"1").await)?;
    grows("write of the same again", store.write(b"a", b"1").await)?;
    grows("write_with_key_hash", store.write_with_key_hash(1, b"2").await)?;
    grows("batch_write", store.batch_write(&[(b"b", b"3"), (b"c", b"4")]).await)?;
    grows("batch_write_with_key_hashes", store.batch_write_with_key_hashes(vec![(2, b"5")], true).await)?;
    grows("write_stream", store.write_stream(b"d", &mut &b"6"[..]).await)?;
    grows("write_stream_with_key_hash", store.write_stream_with_key_hash(3, &mut &b"7"[..]).await)?;
    grows("rename", store.rename(b"a", b"e").await)?;
    grows("delete", store.delete(b"b").await)?;
    grows("batch_delete", store.batch_delete(&[b"c"]).await)?;
    grows("batch_delete_key_hashes", store.batch_delete_key_hashes(&[1]).await)?;
    works("transfer", store.transfer(b"e", &target).await)?;
    let last = grows("write after a transfer", store.write(b"a", b"8").await)?;
    equal("the tail after the last write", tail_of(&store).await?, last)?;
    let store = factory.reopen(store).await;
    let answered = works("write after reopening", store.write(b"a", b"9").await)?;
    ensure(
        answered > last,
        format_args!("after reopening, a write answered {answered}; the tail stood at {last}"),
    )
}

pub(super) async fn a_plain_write_clears_the_deadline<F: DataStoreFactory>(factory: &F) -> Check {
    let store = factory.create().await;
    factory.put_expiring(&store, b"a", b"1", SHORT).await;
    works("write", store.write(b"a", b"2").await)?;
    factory.put_expiring(&store, b"b", b"1", SHORT).await;
    works("batch_write", store.batch_write(&[(b"b", b"2")]).await)?;
    wait_past_short(factory).await;
    reads(&store, b"a", Some(b"2")).await?;
    reads(&store, b"b", Some(b"2")).await
}

pub(super) async fn a_dropped_write_is_whole_or_absent<F: DataStoreFactory>(factory: &F) -> Check {
    let store = factory.create().await;
    for round in 0..8_u8 {
        let (one, two) = ([b'1', round], [b'2', round]);
        let (old, new) = (vec![b'o'; 70_000], vec![b'n'; 70_000]);
        works("batch_write", store.batch_write(&[(&one, &old), (&two, &old)]).await)?;
        poll_once_and_drop(store.batch_write(&[(&one, &new), (&two, &new)])).await;
        for _ in 0..20 {
            let found = works("batch_read", store.batch_read(&[&one, &two]).await)?;
            ensure(
                found.iter().all(|payload| payload.as_deref() == Some(&old))
                    || found.iter().all(|payload| payload.as_deref() == Some(&new)),
                "after the future of a batch was dropped, its keys have neither all the old nor all the new payload",
            )?;
            yield_once().await;
        }
    }
    Ok(())
}

pub(super) async fn a_write_that_was_never_polled_does_nothing<F: DataStoreFactory>(factory: &F) -> Check {
    let store = factory.create().await;
    works("write", store.write(b"k", b"old").await)?;
    let tail = tail_of(&store).await?;
    drop(store.write(b"k", b"new"));
    drop(store.delete(b"k"));
    drop(store.rename(b"k", b"l"));
    reads(&store, b"k", Some(b"old")).await?;
    reads(&store, b"l", None).await?;
    equal("the tail", tail_of(&store).await?, tail)
}
