//! Every async write of the interfaces, given up at every await point: it has happened as a whole or not at all, nothing of it
//! happens later, and the stores go on.

mod stores;

use std::future::poll_fn;
use std::pin::Pin;
use std::task::{Context, Poll, Waker};

use pentad_local_backend::{AsyncDataStoreReader, AsyncDataStoreWriter, ClientApi, KvBackend, LocalBackend};
use pentad_traits::conformance::block_on;
use stores::Stores;

type Writing<'a> = Pin<Box<dyn Future<Output = ()> + Send + 'a>>;

/// A write to the first store; copies and transfers also write to the second.
type Write = for<'a> fn(&'a LocalBackend, &'a LocalBackend) -> Writing<'a>;

const HASH: u64 = 77;
const KEYS: [&[u8]; 5] = [b"a", b"b", b"c", b"n", b"big"];
/// Long enough that it is read from its reader, copied and verified on a thread.
const BIG_BYTES: usize = 2 << 20;
/// More polls than any of the writes needs.
const POLLS_MAX: u32 = 6;

macro_rules! writes {
    ($($name:literal: |$from:ident, $to:ident| $write:expr,)+) => {
        [$(($name, (|$from, $to| {
            let _ = $to;
            Box::pin(async move {
                $write.await.expect($name);
            })
        }) as Write),)+]
    };
}

const WRITES: [(&str, Write); 21] = writes! {
    "write": |from, to| AsyncDataStoreWriter::write(from, b"a", b"new"),
    "write_with_key_hash": |from, to| from.write_with_key_hash(HASH, b"new"),
    "batch_write": |from, to| from.batch_write(&[(b"a", b"new"), (b"b", b"new"), (b"c", b"new")]),
    "batch_write_with_key_hashes": |from, to| from.batch_write_with_key_hashes(vec![(HASH, b"new"), (78, b"new")], false),
    "rename": |from, to| from.rename(b"a", b"c"),
    "copy": |from, to| from.copy(b"a", to),
    "copy of a big value": |from, to| from.copy(b"big", to),
    "transfer": |from, to| from.transfer(b"a", to),
    "transfer of a big value": |from, to| from.transfer(b"big", to),
    "delete": |from, to| AsyncDataStoreWriter::delete(from, b"a"),
    "batch_delete": |from, to| from.batch_delete(&[b"a", b"b"]),
    "batch_delete_key_hashes": |from, to| from.batch_delete_key_hashes(&[HASH]),
    "KvBackend::set": |from, to| KvBackend::set(from, "a", b"new"),
    "KvBackend::set_with_ttl": |from, to| from.set_with_ttl("a", b"new", u64::MAX),
    "KvBackend::delete": |from, to| KvBackend::delete(from, "a"),
    "KvBackend::increment": |from, to| from.increment("n", 2),
    "KvBackend::compare_and_swap": |from, to| KvBackend::compare_and_swap(from, "a", Some(b"old"), b"new"),
    "ClientApi::put": |from, to| ClientApi::put(from, "a", "new"),
    "ClientApi::put_with_ttl": |from, to| from.put_with_ttl("a", "new", 1_000_000),
    "ClientApi::delete": |from, to| ClientApi::delete(from, "a"),
    "ClientApi::compare_and_swap": |from, to| ClientApi::compare_and_swap(from, "a", Some("old"), "new"),
};

/// Everything that the writes touch.
type Contents = Vec<Option<Vec<u8>>>;

fn contents(store: &LocalBackend) -> Contents {
    block_on(async {
        let mut found = Vec::new();
        for key in KEYS {
            found.push(AsyncDataStoreReader::read(store, key).await.unwrap().map(|value| value.to_vec()));
        }
        for hash in [HASH, HASH + 1] {
            found.push(store.read_with_key_hash(hash).await.unwrap().map(|value| value.to_vec()));
        }
        found
    })
}

/// Both stores as they are before every write.
fn reset(from: &LocalBackend, to: &LocalBackend) {
    block_on(async {
        let big = vec![b'B'; BIG_BYTES];
        from.batch_write(&[(b"a", b"old"), (b"b", b"old"), (b"n", b"40"), (b"big", &big)]).await.unwrap();
        from.write_with_key_hash(HASH, b"old").await.unwrap();
        from.batch_delete(&[b"c"]).await.unwrap();
        from.batch_delete_key_hashes(&[HASH + 1]).await.unwrap();
        to.batch_delete(&KEYS).await.unwrap();
    });
}

/// Polls so many times, each time only after the future has asked for it, and gives the future up; whether it was done.
fn give_up_after(mut writing: Writing<'_>, polls: u32) -> bool {
    for poll in 0..polls {
        if poll + 1 == polls {
            // Not waited for any more.
            return writing.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_ready();
        }
        let mut asked = false;
        let done = block_on(poll_fn(|context| {
            if asked {
                return Poll::Ready(false);
            }
            asked = true;
            match writing.as_mut().poll(context) {
                Poll::Ready(()) => Poll::Ready(true),
                Poll::Pending => Poll::Pending,
            }
        }));
        if done {
            return true;
        }
    }
    false
}

#[test]
fn every_async_write_given_up_at_every_await_point_is_whole_or_absent() {
    let stores = Stores::new();
    let (from, to) = (stores.new_store(), stores.new_store());
    let mut given_up = 0;
    for (name, write) in WRITES {
        reset(&from, &to);
        let before = (contents(&from), contents(&to));
        block_on(write(&from, &to));
        let after = (contents(&from), contents(&to));
        assert_ne!(before, after, "{name} changes nothing, so this proves nothing");
        for polls in 0..POLLS_MAX {
            reset(&from, &to);
            let done = give_up_after(write(&from, &to), polls);
            // Whatever was under way in a queue or on a thread is behind these.
            block_on(KvBackend::set(&to, "later", b"v")).unwrap();
            block_on(KvBackend::set(&from, "later", b"v")).unwrap();
            let context = format!("{name}, given up after {polls} polls");
            let target = contents(&to);
            let source = contents(&from);
            assert!(source == before.0 || source == after.0, "{context}: the store holds a part of it");
            assert!(target == before.1 || target == after.1, "{context}: the target holds a part of it");
            let moved = source != before.0;
            assert!(!moved || target == after.1, "{context}: gone from the source, and not in the target");
            if done {
                assert_eq!((source, target), after, "{context}: done, and yet not there");
                break;
            }
            assert!(polls > 0 || source == before.0, "{context}: it happened without a poll");
            given_up += 1;
        }
    }
    assert!(given_up >= WRITES.len(), "only {given_up} writes were given up");
    let (rows, path) = (contents(&from), Stores::close(from));
    assert_eq!(contents(&stores.open(&path)), rows, "what was seen is what is kept");
}
