//! Rules about streams: drained at the call, visible as a whole or not at all, and in nobody's way.

use std::cell::Cell;
use std::io::{Error, ErrorKind, Read, Result as IoResult};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use crate::conformance::DataStoreFactory;
use crate::conformance::check::{Check, Unmet, ensure, equal, refused, works};
use crate::conformance::data_store_reader::{SHORT, counts, reads, reads_hash, wait_past_short};
use crate::{AsyncDataStoreReader, AsyncDataStoreWriter};

/// Bytes that show when pieces are lost, repeated or swapped.
fn payload(length: usize) -> Vec<u8> {
    (0..length).map(|place| (place % 251).to_le_bytes()[0] ^ (place / 251 % 256).to_le_bytes()[0]).collect()
}

/// Gives `payload` in pieces of at most `piece` bytes, calls `at` with the place before each, and fails when it does.
struct Pieces<'a, A> {
    payload: &'a [u8],
    place: usize,
    piece: usize,
    asked_max: usize,
    at: A,
}

impl<'a, A: FnMut(usize) -> IoResult<()>> Pieces<'a, A> {
    fn new(payload: &'a [u8], piece: usize, at: A) -> Self {
        Self { payload, place: 0, piece, asked_max: 0, at }
    }
}

impl<A: FnMut(usize) -> IoResult<()>> Read for Pieces<'_, A> {
    fn read(&mut self, buffer: &mut [u8]) -> IoResult<usize> {
        (self.at)(self.place)?;
        self.asked_max = self.asked_max.max(buffer.len());
        let length = buffer.len().min(self.piece).min(self.payload.len() - self.place);
        buffer[..length].copy_from_slice(&self.payload[self.place..self.place + length]);
        self.place += length;
        Ok(length)
    }
}

/// Fails from the middle of `payload` on.
fn failing(payload: &[u8]) -> Pieces<'_, impl FnMut(usize) -> IoResult<()>> {
    let middle = payload.len() / 2;
    Pieces::new(payload, 10_000, move |place| {
        if place > middle { Err(Error::new(ErrorKind::BrokenPipe, "the sender hung up")) } else { Ok(()) }
    })
}

pub(super) async fn a_stream_is_read_as_it_was_given<F: DataStoreFactory>(factory: &F) -> Check {
    let store = factory.create().await;
    // Around the size of a piece and of the blocks that checksums are kept of.
    let lengths = [1, 65_535, 65_536, 65_537, (1 << 20) - 1, 1 << 20, (3 << 20) + 17];
    for length in lengths {
        let payload = payload(length);
        let mut reader = Pieces::new(&payload, 7_777, |_| Ok(()));
        let key = length.to_string();
        works(
            format_args!("write_stream of {length} bytes"),
            store.write_stream(key.as_bytes(), &mut reader).await,
        )?;
    }
    let of_hash = payload(100_000);
    let result = store.write_stream_with_key_hash(5, &mut &of_hash[..]).await;
    works("write_stream_with_key_hash", result)?;
    let store = factory.reopen(store).await;
    for length in lengths {
        reads(&store, length.to_string().as_bytes(), Some(&payload(length))).await?;
    }
    reads_hash(&store, 5, Some(&of_hash)).await?;
    counts(&store, lengths.len() + 1).await
}

pub(super) async fn at_most_64_kib_are_asked_for_at_a_time<F: DataStoreFactory>(factory: &F) -> Check {
    let store = factory.create().await;
    let payload = payload(1 << 20);
    let mut reader = Pieces::new(&payload, usize::MAX, |_| Ok(()));
    works("write_stream", store.write_stream(b"k", &mut reader).await)?;
    ensure(
        reader.asked_max <= 64 << 10,
        format_args!("the reader was asked for {} bytes at a time", reader.asked_max),
    )
}

pub(super) async fn the_reader_is_drained_when_the_method_is_called<F: DataStoreFactory>(
    factory: &F,
) -> Check {
    let store = factory.create().await;
    let payload = payload(100_000);
    let mut reader = &payload[..];
    let caller = thread::current().id();
    let mut other_thread = false;
    let future = {
        let mut watched = Pieces::new(reader, usize::MAX, |_| {
            other_thread |= thread::current().id() != caller;
            Ok(())
        });
        let future = store.write_stream(b"other", &mut watched);
        drop(future);
        store.write_stream(b"k", &mut reader)
    };
    works("write_stream", future.await)?;
    ensure(!other_thread, "the reader was read on another thread than the caller's")?;
    equal("what is left in the reader", reader.len(), 0)?;

    let mut reader = &payload[..];
    drop(store.write_stream(b"not polled", &mut reader));
    equal("what is left in a reader whose future was not polled", reader.len(), 0)?;
    reads(&store, b"k", Some(&payload)).await
}

pub(super) async fn dropping_the_future_leaves_nothing_visible<F: DataStoreFactory>(factory: &F) -> Check {
    let store = factory.create().await;
    works("write", store.write(b"k", b"old").await)?;
    let payload = payload(200_000);
    drop(store.write_stream(b"k", &mut &payload[..]));
    drop(store.write_stream(b"new", &mut &payload[..]));
    drop(store.write_stream_with_key_hash(1, &mut &payload[..]));
    reads(&store, b"k", Some(b"old")).await?;
    counts(&store, 1).await?;
    let store = factory.reopen(store).await;
    reads(&store, b"k", Some(b"old")).await?;
    counts(&store, 1).await
}

/// The reader of the stream waits, in its middle, for another thread to write to the store.
pub(super) async fn other_writers_are_not_held_up_by_a_slow_reader<F: DataStoreFactory>(
    factory: &F,
) -> Check {
    const PATIENCE: Duration = Duration::from_secs(5);
    let store = factory.create().await;
    let payload = payload(300_000);
    let (begin, begun) = mpsc::channel();
    let (finish, finished) = mpsc::channel();
    let held_up = Cell::new(false);
    let mut reader = Pieces::new(&payload, 50_000, |place| {
        if place == 150_000 {
            begin.send(()).map_err(Error::other)?;
            held_up.set(finished.recv_timeout(PATIENCE).is_err());
        }
        Ok(())
    });
    let (written, streamed) = thread::scope(|scope| {
        let store = &store;
        let writer = scope.spawn(move || {
            // A reader that is not drained at the call never gets that far.
            begun
                .recv_timeout(PATIENCE)
                .map_err(|_| Unmet::broken("write_stream did not drain the reader"))?;
            let result = factory.block_on(store.write(b"other", b"v"));
            // Nobody waits for this any more when the write took too long, which the reader reports.
            let _waiting = finish.send(());
            works("write during a stream", result)
        });
        let streamed = store.write_stream(b"k", &mut reader);
        (writer.join(), streamed)
    });
    written.map_err(|_| Unmet::broken("the writing thread panicked"))??;
    works("write_stream", streamed.await)?;
    ensure(!held_up.get(), format_args!("a write was held up for {PATIENCE:?} by the reader of a stream"))?;
    reads(&store, b"other", Some(b"v")).await?;
    reads(&store, b"k", Some(&payload)).await
}

pub(super) async fn an_error_of_the_reader_is_answered_and_leaves_nothing<F: DataStoreFactory>(
    factory: &F,
) -> Check {
    let store = factory.create().await;
    works("write", store.write(b"k", b"old").await)?;
    for length in [1_000, 200_000, 2 << 20] {
        let payload = payload(length);
        let mut attempts = Vec::new();
        for key in [&b"k"[..], b"new"] {
            attempts
                .push(refused("a failing reader", store.write_stream(key, &mut failing(&payload)).await)?);
        }
        let result = store.write_stream_with_key_hash(1, &mut failing(&payload)).await;
        attempts.push(refused("a failing reader", result)?);
        for error in attempts {
            equal("the kind of error", error.kind(), ErrorKind::BrokenPipe)?;
            let text = error.to_string();
            ensure(text.contains("the sender hung up"), format_args!("the reader's error reads {text:?}"))?;
        }
        reads(&store, b"k", Some(b"old")).await?;
        counts(&store, 1).await?;
    }
    Ok(())
}

pub(super) async fn later_writes_do_not_trip_over_a_failed_stream<F: DataStoreFactory>(factory: &F) -> Check {
    let store = factory.create().await;
    let payload = payload(200_000);
    for round in 0..3_u8 {
        refused("a failing reader", store.write_stream(b"k", &mut failing(&payload)).await)?;
        works("write after it", store.write(&[round], b"v").await)?;
        works("write_stream after it", store.write_stream(&[b's', round], &mut &payload[..]).await)?;
    }
    let store = factory.reopen(store).await;
    for round in 0..3_u8 {
        reads(&store, &[round], Some(b"v")).await?;
        reads(&store, &[b's', round], Some(&payload)).await?;
    }
    reads(&store, b"k", None).await?;
    counts(&store, 6).await
}

pub(super) async fn an_interrupted_reader_is_asked_again<F: DataStoreFactory>(factory: &F) -> Check {
    let store = factory.create().await;
    let payload = payload(100_000);
    let mut calls = 0;
    let mut reader = Pieces::new(&payload, 9_000, |_| {
        calls += 1;
        if calls % 2 == 1 { Err(ErrorKind::Interrupted.into()) } else { Ok(()) }
    });
    works("write_stream with an interrupted reader", store.write_stream(b"k", &mut reader).await)?;
    reads(&store, b"k", Some(&payload)).await
}

pub(super) async fn an_empty_stream_is_invalid<F: DataStoreFactory>(factory: &F) -> Check {
    let store = factory.create().await;
    works("write", store.write(b"k", b"old").await)?;
    let error = refused("a stream of no bytes", store.write_stream(b"k", &mut std::io::empty()).await)?;
    equal("the kind of error", error.kind(), ErrorKind::InvalidInput)?;
    let result = store.write_stream_with_key_hash(1, &mut std::io::empty()).await;
    equal("the kind of error", refused("a stream of no bytes", result)?.kind(), ErrorKind::InvalidInput)?;
    reads(&store, b"k", Some(b"old")).await?;
    counts(&store, 1).await
}

pub(super) async fn a_stream_replaces_what_is_there_and_clears_the_deadline<F: DataStoreFactory>(
    factory: &F,
) -> Check {
    let store = factory.create().await;
    factory.put_expiring(&store, b"k", b"old", SHORT).await;
    let payload = payload(70_000);
    works("write_stream", store.write_stream(b"k", &mut &payload[..]).await)?;
    wait_past_short(factory).await;
    reads(&store, b"k", Some(&payload)).await?;
    works("write", store.write(b"k", b"new").await)?;
    reads(&store, b"k", Some(b"new")).await?;
    counts(&store, 1).await?;
    equal("is_empty", works("is_empty", store.is_empty().await)?, false)
}
