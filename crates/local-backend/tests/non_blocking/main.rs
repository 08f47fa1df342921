//! No asynchronous method waits for a sync on the thread that polls it.
//!
//! The runtimes here have one thread. While a gate holds every sync, each method is polled on that thread: reads must
//! answer, writes must be pending, and the thread must come back from all of them. A method that waits would hold the
//! only thread for ever, so a watchdog opens the gate after a while and the test fails.

mod gated_disk;

use std::path::Path;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::mpsc::{self, RecvTimeoutError};
use std::task::Poll;
use std::thread;
use std::time::Duration;

use bytes::Bytes;
use gated_disk::{Gate, GatedDisk};
use pentad_engine::seams::Environment;
use pentad_local_backend::{
    AsyncDataStoreReader, AsyncDataStoreWriter, ClientApi, KvBackend, LocalBackend, Options, StoreEngine,
    key_hash,
};
use tempfile::TempDir;

const PATIENCE: Duration = Duration::from_secs(20);

fn open(gate: &Gate, path: &Path) -> LocalBackend {
    let environment = Environment { disk: Arc::new(GatedDisk { gate: gate.clone() }), ..Environment::real() };
    LocalBackend::options().engine(Options::new().environment(environment)).open(path).unwrap()
}

/// Runs `test` on a runtime of one thread; fails if it has to be set free.
fn on_one_thread(gate: &Gate, test: impl Future<Output = ()>) {
    let (done, wait) = mpsc::channel::<()>();
    let watched = gate.clone();
    let watchdog = thread::spawn(move || {
        let timed_out = wait.recv_timeout(PATIENCE) == Err(RecvTimeoutError::Timeout);
        watched.open();
        timed_out
    });
    tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap().block_on(test);
    drop(done);
    assert!(!watchdog.join().unwrap(), "the only thread of the runtime was held for {PATIENCE:?}");
}

/// Lets the other tasks and threads go on until a sync waits at the gate.
async fn a_sync_waits(gate: &Gate) {
    while gate.waiting() == 0 {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
}

#[test]
fn other_tasks_run_while_a_commit_waits_for_its_sync() {
    let dir = TempDir::new().unwrap();
    let gate = Gate::default();
    let backend = open(&gate, &dir.path().join("store"));
    on_one_thread(&gate, async {
        gate.shut();
        let writer = tokio::spawn({
            let backend = backend.clone();
            async move { backend.set("k", b"v").await }
        });
        a_sync_waits(&gate).await;
        // The task below and the timer take turns on the thread that the commit was submitted from.
        let ticks = tokio::spawn(async {
            for _ in 0..20 {
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
        });
        ticks.await.unwrap();
        assert!(!writer.is_finished(), "a commit was acknowledged before its sync");
        assert_eq!(
            KvBackend::get(&backend, "k").await.unwrap(),
            None,
            "a commit was visible before its sync"
        );
        gate.open();
        writer.await.unwrap().unwrap();
        assert_eq!(KvBackend::get(&backend, "k").await.unwrap().as_deref(), Some(&b"v"[..]));
    });
}

#[test]
fn every_read_answers_while_a_commit_waits_for_its_sync() {
    let dir = TempDir::new().unwrap();
    let gate = Gate::default();
    let backend = open(&gate, &dir.path().join("store"));
    backend.put_batch(&[(Bytes::from("k"), Bytes::from("v"))]).unwrap();
    on_one_thread(&gate, async {
        gate.shut();
        let writer = tokio::spawn({
            let backend = backend.clone();
            async move { backend.put("new", "v").await }
        });
        a_sync_waits(&gate).await;

        let hash = key_hash(b"k");
        assert!(AsyncDataStoreReader::exists(&backend, b"k").await.unwrap());
        assert!(backend.exists_with_key_hash(hash).await.unwrap());
        assert!(backend.read(b"k").await.unwrap().is_some());
        assert!(backend.read(b"new").await.unwrap().is_none());
        assert!(backend.read_with_key_hash(hash).await.unwrap().is_some());
        assert!(backend.read_last_entry().await.unwrap().is_some());
        assert_eq!(backend.batch_read(&[b"k", b"new"]).await.unwrap().iter().flatten().count(), 1);
        assert_eq!(backend.batch_read_hashed_keys(&[hash], None).await.unwrap().iter().flatten().count(), 1);
        assert!(backend.read_metadata(b"k").await.unwrap().is_some());
        assert_eq!(AsyncDataStoreReader::len(&backend).await.unwrap(), 1);
        assert!(!backend.is_empty().await.unwrap());
        assert!(backend.file_size().await.unwrap() > 0);

        assert!(KvBackend::get(&backend, "k").await.unwrap().is_some());
        assert!(KvBackend::exists(&backend, "k").await.unwrap());
        assert_eq!(backend.list_keys("").await.unwrap(), ["k"]);

        let keys = [Bytes::from("k")];
        assert!(ClientApi::get(&backend, "k").await.unwrap().is_some());
        assert_eq!(backend.get_multi(&keys).await.unwrap().len(), 1);
        assert_eq!(backend.get_multi_with_policy(&keys, None).await.unwrap().len(), 1);
        assert!(backend.get_linearizable("k").await.unwrap().is_some());
        assert!(backend.get_lease("k").await.unwrap().is_some());
        assert!(backend.get_eventual("k").await.unwrap().is_some());
        assert_eq!(backend.list_members().await.unwrap().len(), 1);
        assert_eq!(backend.get_leader_id().await.unwrap(), Some(1));

        assert_eq!(gate.waiting(), 1, "the reads were made while the commit waited");
        assert!(!writer.is_finished());
        gate.open();
        writer.await.unwrap().unwrap();
    });
}

type Write = (&'static str, Pin<Box<dyn Future<Output = ()> + Send>>);

/// A future that owns its store, under the name of the method that it calls.
macro_rules! write {
    ($backend:ident, $name:literal, $call:expr) => {{
        let $backend = $backend.clone();
        let write: Write = (
            $name,
            Box::pin(async move {
                $call.await.unwrap();
            }),
        );
        write
    }};
}

/// One call of every asynchronous method that writes; each changes something.
fn every_write(backend: &LocalBackend, target: &LocalBackend) -> Vec<Write> {
    let (copied, transferred) = ((backend.clone(), target.clone()), (backend.clone(), target.clone()));
    let long = (backend.clone(), target.clone());
    vec![
        write!(backend, "AsyncDataStoreWriter::write", backend.write(b"1", b"v")),
        write!(backend, "write_with_key_hash", backend.write_with_key_hash(1, b"v")),
        write!(backend, "batch_write", backend.batch_write(&[(b"2", b"v")])),
        write!(
            backend,
            "batch_write_with_key_hashes",
            backend.batch_write_with_key_hashes(vec![(2, b"v")], true)
        ),
        write!(backend, "write_stream", backend.write_stream(b"3", &mut &[b's'; 200_000][..])),
        write!(backend, "write_stream_with_key_hash", backend.write_stream_with_key_hash(3, &mut &b"v"[..])),
        write!(backend, "rename", backend.rename(b"to rename", b"renamed")),
        write!(
            backend,
            "AsyncDataStoreWriter::delete",
            AsyncDataStoreWriter::delete(&backend, b"to delete 1")
        ),
        write!(backend, "batch_delete", backend.batch_delete(&[b"to delete 2"])),
        write!(
            backend,
            "batch_delete_key_hashes",
            backend.batch_delete_key_hashes(&[key_hash(b"to delete 3")])
        ),
        (
            "copy",
            Box::pin(async move {
                copied.0.copy(b"to copy", &copied.1).await.unwrap();
            }),
        ),
        (
            "copy of a long value",
            Box::pin(async move {
                long.0.copy(b"long", &long.1).await.unwrap();
            }),
        ),
        (
            "transfer",
            Box::pin(async move {
                transferred.0.transfer(b"to transfer", &transferred.1).await.unwrap();
            }),
        ),
        write!(backend, "set", backend.set("4", b"v")),
        write!(backend, "set_with_ttl", backend.set_with_ttl("5", b"v", u64::MAX)),
        write!(backend, "KvBackend::delete", KvBackend::delete(&backend, "to delete 4")),
        write!(backend, "increment", backend.increment("6", 1)),
        write!(
            backend,
            "KvBackend::compare_and_swap",
            KvBackend::compare_and_swap(&backend, "7", None, b"v")
        ),
        write!(backend, "put", backend.put("8", "v")),
        write!(backend, "put_with_ttl", backend.put_with_ttl("9", "v", 60)),
        write!(backend, "ClientApi::delete", ClientApi::delete(&backend, "to delete 5")),
        write!(
            backend,
            "ClientApi::compare_and_swap",
            ClientApi::compare_and_swap(&backend, "10", None::<&str>, "v")
        ),
    ]
}

#[test]
fn every_write_is_pending_and_none_holds_the_thread_while_syncs_wait() {
    let dir = TempDir::new().unwrap();
    let gate = Gate::default();
    let (backend, target) = (open(&gate, &dir.path().join("store")), open(&gate, &dir.path().join("target")));
    let present = [
        "to rename",
        "to delete 1",
        "to delete 2",
        "to delete 3",
        "to delete 4",
        "to delete 5",
        "to copy",
        "to transfer",
    ];
    let pairs: Vec<_> = present.iter().map(|key| (Bytes::from(*key), Bytes::from("v"))).collect();
    backend.put_batch(&pairs).unwrap();
    backend.put_batch(&[(Bytes::from("long"), vec![b'l'; 3 << 20].into())]).unwrap();

    let count = every_write(&backend, &target).len();
    for chosen in 0..count {
        // One at a time, so that each meets a store in which nothing else waits.
        let (name, mut write) = every_write(&backend, &target).swap_remove(chosen);
        on_one_thread(&gate, async {
            gate.shut();
            loop {
                let ended =
                    std::future::poll_fn(|context| Poll::Ready(write.as_mut().poll(context).is_ready()))
                        .await;
                assert!(!ended, "{name} was acknowledged before its sync");
                if gate.waiting() > 0 {
                    break;
                }
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
            gate.open();
            write.await;
        });
    }

    // And all at once, behind one commit that waits.
    let (backend, target) =
        (open(&gate, &dir.path().join("store 2")), open(&gate, &dir.path().join("target 2")));
    backend.put_batch(&pairs).unwrap();
    backend.put_batch(&[(Bytes::from("long"), vec![b'l'; 3 << 20].into())]).unwrap();
    on_one_thread(&gate, async {
        gate.shut();
        let tasks: Vec<_> = every_write(&backend, &target)
            .into_iter()
            .map(|(name, write)| (name, tokio::spawn(write)))
            .collect();
        a_sync_waits(&gate).await;
        tokio::time::sleep(Duration::from_millis(20)).await;
        for (name, task) in &tasks {
            assert!(!task.is_finished(), "{name} was acknowledged before its sync");
        }
        gate.open();
        for (_, task) in tasks {
            task.await.unwrap();
        }
        assert_eq!(
            target.batch_read(&[b"to copy", b"to transfer", b"long"]).await.unwrap().iter().flatten().count(),
            3
        );
    });
}
