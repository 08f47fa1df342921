//! openraft's own suite over the Raft log, and what the suite does not ask: what is there after a power cut, a failed sync, a
//! reopening.

use std::io;
use std::path::Path;
use std::sync::Arc;

use openraft::storage::{IOFlushed, RaftLogStorage as _};
use openraft::type_config::TypeConfigExt as _;
use openraft::{EntryPayload, RaftLogReader as _};
use pentad_engine::seams::Environment;
use pentad_engine::seams::sim::{Fault, Op, Rng, SimClock, SimDisk, SimRandom};
use pentad_engine::{ErrorKind, RecordLogOptions};

use super::LogStore;
use crate::raft::types::{Entry, LeaderId, LogId, NodeId, Types, Vote};

mod suite;

const LOG: &str = "/log";

fn id(term: u64, index: u64) -> LogId {
    LogId { leader_id: LeaderId { term, node_id: NodeId(1) }, index }
}

fn vote(term: u64) -> Vote {
    Vote { leader_id: LeaderId { term, node_id: NodeId(1) }, committed: true }
}

fn entries(term: u64, indexes: std::ops::Range<u64>) -> Vec<Entry> {
    indexes.map(|index| Entry { log_id: id(term, index), payload: EntryPayload::Blank }).collect()
}

fn options(disk: &SimDisk, background: bool) -> RecordLogOptions {
    let environment = Environment {
        disk: Arc::new(disk.clone()),
        clock: Arc::new(SimClock::new(1 << 60)),
        random: Arc::new(SimRandom::new(disk.operations())),
        background,
    };
    RecordLogOptions::new().segment_bytes(4096).environment(environment)
}

fn open(disk: &SimDisk) -> LogStore {
    LogStore::open_with(Path::new(LOG), &options(disk, false)).unwrap()
}

/// Appends, and says what the callback has heard.
async fn append(store: &mut LogStore, entries: Vec<Entry>) -> io::Result<()> {
    let (tell, told) = Types::oneshot();
    store.append(entries, IOFlushed::signal(tell)).await?;
    told.await.unwrap()
}

async fn ids(store: &mut LogStore) -> Vec<LogId> {
    store.try_get_log_entries(..).await.unwrap().into_iter().map(|entry| entry.log_id).collect()
}

#[tokio::test]
async fn f20_everything_is_there_after_reopening() {
    let disk = SimDisk::new(1);
    let mut store = open(&disk);
    assert!(!store.is_used());
    append(&mut store, entries(1, 0..5)).await.unwrap();
    store.save_vote(&vote(2)).await.unwrap();
    store.truncate_after(Some(id(1, 3))).await.unwrap();
    append(&mut store, entries(2, 4..7)).await.unwrap();
    store.save_committed(Some(id(2, 5))).await.unwrap();
    store.purge(id(1, 2)).await.unwrap();
    for closed in [false, true] {
        let mut store = if closed {
            store.close().unwrap();
            open(&disk)
        } else {
            open(&disk.kill())
        };
        assert!(store.is_used());
        assert_eq!(ids(&mut store).await, [id(1, 3), id(2, 4), id(2, 5), id(2, 6)]);
        assert_eq!(store.read_vote().await.unwrap(), Some(vote(2)));
        assert_eq!(store.read_committed().await.unwrap(), Some(id(2, 5)));
        let state = store.get_log_state().await.unwrap();
        assert_eq!((state.last_purged_log_id, state.last_log_id), (Some(id(1, 2)), Some(id(2, 6))));
    }
}

/// An id that was purged was written before the records went; a cut between the two left a log that began before its purge point.
#[tokio::test]
async fn f20_a_purge_that_was_cut_off_is_finished_by_the_next_open() {
    let disk = SimDisk::new(1);
    let mut store = open(&disk);
    append(&mut store, entries(1, 0..9)).await.unwrap();
    // The write of the id, and then the one of the floor.
    disk.inject(Fault::error(Op::Write, 2, io::ErrorKind::Other));
    store.purge(id(1, 5)).await.unwrap();
    assert!(append(&mut store, entries(1, 9..10)).await.is_err());
    let mut store = open(&disk.kill());
    let state = store.get_log_state().await.unwrap();
    assert_eq!((state.last_purged_log_id, state.last_log_id), (Some(id(1, 5)), Some(id(1, 8))));
    assert_eq!(ids(&mut store).await, [id(1, 6), id(1, 7), id(1, 8)]);
}

#[tokio::test]
async fn f07_f20_after_a_failed_sync_nothing_is_acknowledged_any_more() {
    let disk = SimDisk::new(1);
    let mut store = open(&disk);
    append(&mut store, entries(1, 0..1)).await.unwrap();
    disk.inject(Fault::error(Op::Sync, 1, io::ErrorKind::Other));
    let error = append(&mut store, entries(1, 1..2)).await.unwrap_err();
    assert!(error.to_string().contains("injected"), "{error}");
    for error in [
        append(&mut store, entries(1, 2..3)).await.unwrap_err(),
        store.save_vote(&vote(9)).await.unwrap_err(),
        store.save_committed(Some(id(1, 0))).await.unwrap_err(),
        store.truncate_after(Some(id(1, 0))).await.unwrap_err(),
        store.purge(id(1, 0)).await.unwrap_err(),
    ] {
        assert!(error.to_string().contains("takes no more records"), "{error}");
    }
    assert_eq!(store.read_vote().await.unwrap(), None, "a vote that was refused is none");
    let mut store = open(&disk.crash(7));
    assert_eq!(ids(&mut store).await[0], id(1, 0));
}

#[tokio::test]
async fn f20_a_log_that_has_gone_is_missed() {
    let disk = SimDisk::new(1);
    let error = LogStore::open_with(Path::new(LOG), &options(&disk, false).create(false)).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::StoreNotFound);
}

#[tokio::test]
async fn f20_rot_in_what_was_acknowledged_is_refused_with_its_place() {
    let disk = SimDisk::new(1);
    let mut store = open(&disk);
    append(&mut store, entries(1, 0..9)).await.unwrap();
    store.close().unwrap();
    let image = disk.image();
    let (segment, bytes) =
        image.iter().find(|(path, _)| path.extension().is_some_and(|e| e == "log")).unwrap();
    let mut refused = 0;
    for at in 128..bytes.len() {
        let rotten = SimDisk::from_image(2, &image);
        rotten.edit(segment, |bytes| bytes[at] ^= 4);
        let error = LogStore::open_with(Path::new(LOG), &options(&rotten, false)).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Damaged, "{error}");
        let text = error.to_string();
        assert!(text.contains(".log") && text.contains("offset") && text.contains("join anew"), "{text}");
        refused += 1;
    }
    assert!(refused > 400, "{refused}");
}

/// Two terms of a leader's life with power cuts anywhere: what the callbacks promised is there, and in one order.
#[tokio::test]
async fn f01_f20_a_power_cut_loses_nothing_that_was_acknowledged_and_reorders_nothing() {
    for seed in 0..300 {
        let mut rng = Rng::new(seed);
        let mut disk = SimDisk::new(seed);
        // What is certain: the term of the vote, the ids of the entries.
        let (mut voted, mut acknowledged): (u64, Vec<LogId>) = (0, Vec::new());
        for _ in 0..5 {
            let mut store = open(&disk);
            let found = store.read_vote().await.unwrap().map_or(0, |vote| vote.leader_id.term);
            assert!(found == voted || found == voted + 1, "seed {seed}: voted {found} after {voted}");
            let there = ids(&mut store).await;
            assert!(there.starts_with(&acknowledged), "seed {seed}: {there:?} for {acknowledged:?}");
            assert!(
                there.iter().all(|id| id.leader_id.term <= found),
                "seed {seed}: an entry before its vote"
            );
            disk.fail_after(disk.operations() + rng.below(60));
            let cut = disk.clone();
            let off = move || cut.crash(seed ^ 77);
            // A leader of this term begins with another end of the log than was there.
            let kept = acknowledged.len().min(there.len());
            if store.save_vote(&vote(voted.max(found) + 1)).await.is_ok() {
                voted = voted.max(found) + 1;
                if kept > 0 && store.truncate_after(Some(acknowledged[kept - 1])).await.is_ok() {
                    for _ in 0..rng.below(6) {
                        let first = store.log.last_index().unwrap() + 1;
                        let count = 1 + rng.below(30);
                        if append(&mut store, entries(voted, first..first + count)).await.is_err() {
                            break;
                        }
                        acknowledged.extend((first..first + count).map(|index| id(voted, index)));
                    }
                } else if kept == 0 && append(&mut store, entries(voted, 0..1)).await.is_ok() {
                    acknowledged = vec![id(voted, 0)];
                }
            } else {
                voted = voted.max(found);
            }
            disk = off();
            drop(store);
        }
    }
}

#[tokio::test]
async fn reads_are_bounded_by_bytes_and_streams_are_whole() {
    use futures_util::TryStreamExt as _;
    use pentad_client::wire;

    let dir = tempfile::tempdir().unwrap();
    let mut store = LogStore::open(dir.path()).unwrap();
    let large = |index: u64| {
        let put = wire::Put { key: "key".into(), value: vec![7; 300 << 10].into(), expiry: None };
        let operations = vec![wire::Operation { kind: Some(wire::operation::Kind::Put(put)) }];
        let write = wire::Write { operations, ..Default::default() };
        let kind = Some(wire::command::Kind::Write(write));
        let command = wire::Command { kind, ..Default::default() };
        Entry { log_id: id(1, index), payload: EntryPayload::Normal(command.into()) }
    };
    append(&mut store, (0..10).map(large).collect()).await.unwrap();
    let some = store.limited_get_log_entries(2, 10).await.unwrap();
    assert_eq!(some.len(), 3, "as many as have a mebibyte together");
    assert_eq!(store.try_get_log_entries(2..).await.unwrap().len(), 8);
    let stream = store.entries_stream(1..9).await;
    let all: Vec<Entry> = stream.try_collect().await.unwrap();
    assert_eq!(all, (1..9).map(large).collect::<Vec<_>>());
    store.close().unwrap();
    drop(store);
    let mut store = LogStore::open_existing(dir.path()).unwrap();
    assert_eq!(store.try_get_log_entries(9..100).await.unwrap(), [large(9)]);
}

#[tokio::test]
async fn entries_that_do_not_follow_each_other_are_refused() {
    let dir = tempfile::tempdir().unwrap();
    let mut store = LogStore::open(dir.path()).unwrap();
    let mut hole = entries(1, 0..3);
    hole.remove(1);
    assert!(append(&mut store, hole).await.is_err());
    assert_eq!(store.get_log_state().await.unwrap().last_log_id, None);
}

/// Replication was given entries that began behind a purge point, and would have sent them as if nothing was missing before them.
#[tokio::test]
async fn what_begins_behind_a_purge_point_is_given_neither_to_replication_nor_to_the_state_machine() {
    use futures_util::StreamExt as _;

    let mut store = open(&SimDisk::new(1));
    append(&mut store, entries(1, 0..9)).await.unwrap();
    store.purge(id(1, 4)).await.unwrap();
    assert_eq!(store.limited_get_log_entries(3, 9).await.unwrap(), []);
    assert_eq!(store.limited_get_log_entries(5, 9).await.unwrap().len(), 4);
    let streamed: Vec<_> = store.entries_stream(3..9).await.collect().await;
    assert!(streamed.len() == 1 && streamed[0].is_err(), "{streamed:?}");
    assert_eq!(store.entries_stream(5..9).await.count().await, 4);
    assert_eq!(store.try_get_log_entries(3..9).await.unwrap().len(), 4, "this one may begin later");
}

/// A range that was given up as a whole read as one that ends at once, and the state machine would have gone on behind the hole.
#[tokio::test]
async fn f20_what_is_purged_is_missed_and_what_was_never_there_is_the_end() {
    use futures_util::StreamExt as _;

    let mut store = open(&SimDisk::new(1));
    append(&mut store, entries(1, 0..10)).await.unwrap();
    store.purge(id(1, 5)).await.unwrap();
    let read = async |store: &mut LogStore, range: std::ops::Range<u64>| -> Vec<io::Result<LogId>> {
        store.entries_stream(range).await.map(|entry| Ok(entry?.log_id)).collect().await
    };
    for range in [0..3, 2..6, 5..6, 4..9] {
        let told = read(&mut store, range.clone()).await;
        assert_eq!(told.len(), 1, "{range:?}");
        assert_eq!(told[0].as_ref().unwrap_err().kind(), io::ErrorKind::NotFound, "{range:?}");
    }
    let all = read(&mut store, 6..100).await.into_iter().map(Result::unwrap).collect::<Vec<_>>();
    assert_eq!(all, (6..10).map(|index| id(1, index)).collect::<Vec<_>>());
    assert!(read(&mut store, 10..100).await.is_empty());
    append(&mut store, Vec::new()).await.unwrap();
    store.purge(id(1, 9)).await.unwrap();
    assert!(read(&mut store, 9..10).await[0].is_err());
    assert!(read(&mut store, 10..11).await.is_empty());
}
