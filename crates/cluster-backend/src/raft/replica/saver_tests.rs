//! Snapshots that are taken while entries are applied.

use std::fs;
use std::path::Path;
use std::sync::mpsc;
use std::time::Duration;

use futures_util::stream;
use openraft::EntryPayload;
use openraft::storage::RaftStateMachine as _;
use pentad_client::wire::{self, command, operation};
use pentad_engine::Retention;

use super::super::applier::Applier;
use super::super::snapshot::SnapshotData;
use super::*;
use crate::raft::types::{Entry, LeaderId, LogId, NodeId};

const SOON: Duration = Duration::from_secs(20);

fn group(path: &Path) -> Arc<GroupDirectory> {
    GroupDirectory::open(path.to_owned(), Retention::Commits(0)).unwrap()
}

/// A write of `key`, or nothing.
fn entry(index: u64, key: Option<String>) -> Entry {
    let log_id = LogId { leader_id: LeaderId { term: 1, node_id: NodeId(1) }, index };
    let Some(key) = key else { return Entry { log_id, payload: EntryPayload::Blank } };
    let put = wire::Put { key: key.into(), value: vec![7; 2_000].into(), expiry: None };
    let operations = vec![wire::Operation { kind: Some(operation::Kind::Put(put)) }];
    let write = wire::Write { operations, ..wire::Write::default() };
    let kind = Some(command::Kind::Write(write));
    let command = wire::Command { time_ns: 1_000 + index, request: None, kind };
    Entry { log_id, payload: EntryPayload::Normal(command.into()) }
}

async fn apply(applier: &mut Applier, indexes: std::ops::Range<u64>) {
    let entries =
        indexes.map(|index| Ok((entry(index, (index % 3 > 0).then(|| format!("k{}", index % 50))), None)));
    applier.apply(stream::iter(entries)).await.unwrap();
}

/// Snapshots used to be taken by the thread that applies, and that waited for a compaction with them, for as long as that took.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn f21_f22_entries_are_applied_while_a_snapshot_waits_for_a_compaction() {
    let dir = tempfile::tempdir().unwrap();
    let mut applier = Applier::start(group(&dir.path().join("group"))).unwrap();
    apply(&mut applier, 0..300).await;
    let (store, saver) = (applier.view().store(), Arc::clone(applier.saver()));

    let (begun, begins) = mpsc::channel();
    let (release, released) = mpsc::channel::<()>();
    let compaction = std::thread::spawn(move || {
        let mut is_first = true;
        let mut hold = |_| {
            if std::mem::take(&mut is_first) {
                begun.send(()).unwrap();
                released.recv().unwrap();
            }
        };
        store.compact_with(&mut hold).unwrap();
    });
    begins.recv_timeout(SOON).expect("the compaction begins");
    let saving = tokio::spawn(async move { saver.take().await });
    tokio::time::sleep(Duration::from_millis(100)).await;
    tokio::time::timeout(SOON, apply(&mut applier, 300..400)).await.expect("entries are applied meanwhile");
    assert!(!saving.is_finished(), "a snapshot waits for the compaction");

    release.send(()).unwrap();
    let taken = tokio::time::timeout(SOON, saving).await.expect("it is taken then").unwrap().unwrap();
    assert_eq!(taken.meta.last_log_id.map(|id| id.index), Some(399));
    compaction.join().unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn f22_a_snapshot_that_is_taken_amid_writes_is_of_the_entry_that_it_says() {
    let dir = tempfile::tempdir().unwrap();
    let mut applier = Applier::start(group(&dir.path().join("group"))).unwrap();
    apply(&mut applier, 0..10).await;
    let (view, saver) = (Arc::clone(applier.view()), Arc::clone(applier.saver()));
    let (stop, stopped) = mpsc::channel::<()>();
    let applying = tokio::spawn(async move {
        let mut next = 10;
        while stopped.try_recv().is_err() {
            apply(&mut applier, next..next + 20).await;
            next += 20;
        }
        applier
    });
    let receiver = group(&dir.path().join("receiver"));
    let mut last = None;
    for round in 0..10 {
        let taken = saver.take().await.unwrap();
        assert!(taken.meta.last_log_id > last, "each is newer");
        last = taken.meta.last_log_id;
        let arrived = receiver.incoming().join(format!("{round}"));
        fs::create_dir_all(&arrived).unwrap();
        copy(&taken.path(), &arrived.join("files"));
        // It is opened, and held against what it says.
        SnapshotData::prepare(&receiver, &arrived, "arrived", taken.meta.clone()).unwrap();
    }
    stop.send(()).unwrap();
    drop(applying.await.unwrap());

    // All but the newest are gone, and what it holds does not count as unsaved.
    assert_eq!(saver.newest().and_then(|newest| newest.meta.last_log_id), last);
    let kept = fs::read_dir(dir.path().join("group").join("snapshots")).unwrap().count();
    assert_eq!(kept, 1);
    let behind = view.progress().applied.unwrap().index - last.unwrap().index;
    assert!(view.unsaved_bytes() <= (behind + 2) * 3_000, "{} for {behind} entries", view.unsaved_bytes());
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        match entry.file_type().unwrap().is_dir() {
            true => copy(&entry.path(), &to.join(entry.file_name())),
            false => drop(fs::copy(entry.path(), to.join(entry.file_name())).unwrap()),
        }
    }
}
