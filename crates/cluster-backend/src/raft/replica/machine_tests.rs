//! The state machine by itself: replay, equality of replicas, snapshots that are not what they should be, and stops in between.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use bytes::Bytes;
use pentad_client::wire::{condition, expiry, operation};
use pentad_engine::Store;

use super::super::directory::{GroupDirectory, open_store};
use super::super::requests::Limits;
use super::super::snapshot::{SnapshotData, SnapshotFiles};
use super::*;
use crate::raft::types::{LeaderId, Member, Membership, NodeId};

const RETENTION: pentad_engine::Retention = pentad_engine::Retention::Automatic;

fn entry(index: u64, payload: crate::raft::types::Payload) -> Entry {
    Entry { log_id: LogId { leader_id: LeaderId { term: 1, node_id: NodeId(1) }, index }, payload }
}

fn command(index: u64, request: Option<(u8, u64)>, kind: Kind) -> Entry {
    let request = request.map(|(client, number)| wire::RequestId {
        client: vec![client; 16].into(),
        number,
        settled_below: number.saturating_sub(3),
    });
    let command = wire::Command { time_ns: 1_000 + index * 10, request, kind: Some(kind) };
    entry(index, EntryPayload::Normal(command.into()))
}

fn write(operations: Vec<operation::Kind>) -> Kind {
    let operations = operations.into_iter().map(|kind| wire::Operation { kind: Some(kind) }).collect();
    Kind::Write(wire::Write { operations, ..Default::default() })
}

fn put(key: &str, value: &str, ends_ns: Option<u64>) -> operation::Kind {
    let expiry = ends_ns.map(|at| wire::Expiry { when: Some(expiry::When::AtNs(at)) });
    operation::Kind::Put(wire::Put {
        key: Bytes::from(key.to_owned()),
        value: Bytes::from(value.to_owned()),
        expiry,
    })
}

/// A log with everything in it: writes that apply, that are refused, that are repeated; ends, prunes, members.
fn log() -> Vec<Entry> {
    let increment = |key: &str| {
        operation::Kind::Increment(wire::Increment { key: Bytes::from(key.to_owned()), delta: 1 })
    };
    let member = Member { address: "a:1".into(), store_id: vec![1; 16].into(), ..Member::default() };
    let voters = vec![[NodeId(1)].into()];
    let membership =
        Membership::new(voters, std::collections::BTreeMap::from([(NodeId(1), member)])).unwrap();
    let mut log = vec![entry(0, EntryPayload::Membership(membership)), entry(1, EntryPayload::Blank)];
    for index in 2..40 {
        let client = u8::try_from(index % 3).unwrap();
        let kind = match index % 9 {
            0 => Kind::Clock(wire::Nothing {}),
            1 => write(vec![increment("word")]),
            2 => write(vec![put("word", "no number", None), put(&format!("k{index}"), "v", None)]),
            3 => write(vec![put("short", "lived", Some(1_000 + index * 10 + 25))]),
            4 => Kind::PruneBatches(wire::PruneBatches { before: index / 2 }),
            5 => write(vec![operation::Kind::Delete(wire::Delete { key: "nothing".into() })]),
            _ => write(vec![increment("n"), put(&format!("k{}", index % 4), &format!("{index}"), None)]),
        };
        // Every fifth is a repetition of an earlier request.
        let number = if index % 5 == 0 { index - 3 } else { index };
        log.push(command(index, (index % 4 != 0).then_some((client, number)), kind));
    }
    for (index, kind) in (40..).zip(about_namespaces()) {
        log.push(command(index, (index % 2 != 0).then_some((4, index)), kind));
    }
    log
}

/// Writes that make namespaces, work in them, drop them and make them anew; and some that are refused or do not hold, which make what they
/// were to make all the same.
fn about_namespaces() -> Vec<Kind> {
    let named = |name: &str| wire::Namespace { name: name.to_owned() };
    let make = |name: &str| operation::Kind::MakeNamespace(named(name));
    let within = |name: &str| operation::Kind::Within(named(name));
    let drop_it = |name: &str| operation::Kind::DropNamespace(named(name));
    let conditional = |name: &str, key: &str, value: &str, operations| {
        let condition =
            |key: &str, expect| wire::Condition { key: Bytes::from(key.to_owned()), expect: Some(expect) };
        let Kind::Write(write) = write(operations) else { unreachable!() };
        let conditions = vec![
            condition("", condition::Expect::Within(named(name))),
            condition(key, condition::Expect::Value(Bytes::from(value.to_owned()))),
        ];
        Kind::Write(wire::Write { conditions, previous: true, ..write })
    };
    vec![
        write(vec![make("a"), within("a"), put("k", "in a", None), within(""), put("k", "own", None)]),
        write(vec![within("nowhere"), put("k", "v", None)]),
        write(vec![make("b"), within("b"), put("word", "no number", None)]),
        conditional("a", "k", "in a", vec![put("held", "1", None), within("a"), put("k", "2", Some(2_000))]),
        conditional("a", "k", "in a", vec![make("c"), put("held", "2", None)]),
        write(vec![make(""), put("k", "not written", None)]),
        write(vec![drop_it("a"), within("b"), put("from", "a", None)]),
        write(vec![within("a"), put("k", "gone", None)]),
        write(vec![drop_it("b"), within("b"), put("k", "behind its end", None)]),
        write(vec![make("a"), within("a"), put("k", "anew", None)]),
    ]
}

/// All that users and the state machine see of a store: which numbers its namespaces have they do not.
fn contents(store: &Store) -> Vec<(Bytes, Bytes)> {
    let mut all = store.system_entries("raft/").unwrap();
    let names = store.namespaces();
    let keyspaces = names.iter().map(|name| (name.as_str(), store.namespace(name).unwrap()));
    for (name, keyspace) in [("", store.clone())].into_iter().chain(keyspaces) {
        all.push((Bytes::from_static(b"namespace"), name.to_owned().into()));
        for row in keyspace.range::<&[u8]>(..) {
            let (key, value) = row.unwrap();
            let info = keyspace.entry_info(&key).unwrap().unwrap();
            all.push((
                key,
                format!(
                    "{:?} {} {:?} {:?} {:?}",
                    &*value, info.sequence, info.created, info.versions, info.deadline
                )
                .into(),
            ));
        }
    }
    all.push((Bytes::from_static(b"time"), format!("{} {}", store.now(), store.sequence()).into()));
    all
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

/// What the files at `path` say, with a table of requests so small that it is full most of the time.
fn loaded(path: &Path, create: bool) -> Machine {
    let mut machine = Machine::load(open_store(path, create, RETENTION).unwrap()).unwrap();
    machine.requests = machine.requests.limited(Limits { rows: 2, bytes: 1 << 20, floors: 2 });
    machine
}

#[test]
fn f18_f19_f20_a_replica_that_stops_after_any_entry_replays_to_the_same() {
    let dir = tempfile::tempdir().unwrap();
    let log = log();
    let mut whole = loaded(&dir.path().join("whole"), true);
    let mut forgot = 0;
    let mut apply = |entry: &Entry| {
        let result = whole.apply(entry).unwrap();
        forgot += whole.store().system_entries(keys::FLOORS).unwrap().len();
        result
    };
    let results: Vec<_> = log.iter().map(&mut apply).collect();
    let expected = contents(whole.store());
    assert!(forgot > 10, "something is forgotten most of the time");

    // Another one loses its process after every single entry, and begins again with what its files say.
    let mut path = dir.path().join("killed-0");
    let mut killed = loaded(&path, true);
    for (entry, result) in log.iter().zip(&results) {
        assert_eq!(&killed.apply(entry).unwrap(), result, "entry {}", entry.log_id);
        let next = dir.path().join(format!("killed-{}", entry.log_id.index + 1));
        copy(&path, &next);
        killed = loaded(&next, false);
        assert_eq!(killed.applied(), Some(entry.log_id));
        path = next;
    }
    assert_eq!(contents(killed.store()), expected);
    assert_eq!(killed.membership(), whole.membership());
}

#[test]
fn what_is_written_to_namespaces_is_there_and_what_names_none_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let mut machine = Machine::load(open_store(&dir.path().join("store"), true, RETENTION).unwrap()).unwrap();
    let results: Vec<_> = (0..)
        .zip(about_namespaces())
        .map(|(index, kind)| match machine.apply(&command(index, None, kind)).unwrap().0.result.unwrap() {
            command_result::Result::Write(result) => Ok((result.applied, result.sequence, result.deleted)),
            command_result::Result::Failure(failure) => Err(failure.kind()),
            other => panic!("{other:?}"),
        })
        .collect();
    use wire::FailureKind::{InvalidInput, KeyNotFound};
    let expected = [
        Ok((true, Some(1), 0)),
        Err(KeyNotFound),
        Ok((true, Some(2), 0)),
        Ok((true, Some(3), 0)),
        Ok((false, None, 0)),
        Err(InvalidInput),
        Ok((true, Some(4), 1)),
        Err(KeyNotFound),
        Err(KeyNotFound),
        Ok((true, Some(5), 0)),
    ];
    assert_eq!(results, expected);
    let store = machine.store();
    assert_eq!(store.namespaces(), ["a", "b", "c"]);
    let value = |store: &Store, key: &str| store.get(key).unwrap().map(|value| value.to_vec());
    let a = store.find_namespace("a").unwrap().unwrap();
    assert_eq!(value(&a, "k").as_deref(), Some(&b"anew"[..]));
    assert_eq!(a.len(), 1);
    assert_eq!(
        (value(store, "k").as_deref(), value(store, "held").as_deref()),
        (Some(&b"own"[..]), Some(&b"1"[..]))
    );
    let b = store.find_namespace("b").unwrap().unwrap();
    assert_eq!(value(&b, "from").as_deref(), Some(&b"a"[..]));
}

/// Writes that go together, with what may lie between them: ends that pass, repetitions, requests that have to go.
fn runs() -> Vec<Entry> {
    let delete = |key: String| operation::Kind::Delete(wire::Delete { key: key.into() });
    let mut log = log();
    for index in u64::try_from(log.len()).unwrap()..170 {
        let end = (index % 6 == 0).then_some(1_000 + index * 10 + 15);
        let key = format!("k{}", index % 7);
        let kind = match index % 23 {
            0 => Kind::Clock(wire::Nothing {}),
            1 => write(vec![operation::Kind::Increment(wire::Increment { key: "n".into(), delta: 2 })]),
            3 | 9 => write(vec![delete(key)]),
            4 => write(Vec::new()),
            _ => write(vec![put(&key, &format!("{index}"), end), put("both", "v", None)]),
        };
        let client = u8::try_from(index % 4).unwrap();
        // Some come again right behind the first time.
        let number = if index % 19 == 0 { index - 4 } else { index };
        log.push(command(index, (index % 5 != 0).then_some((client, number)), kind));
    }
    log
}

/// A node that is behind gets many entries at once, one that is not gets them one by one; both must have the same afterwards.
#[test]
fn f18_f20_entries_that_are_applied_together_come_to_what_they_come_to_alone() {
    let dir = tempfile::tempdir().unwrap();
    let log = runs();
    for (name, limits) in [
        ("roomy", Limits::default()),
        ("narrow", Limits { rows: 2, bytes: 1 << 20, floors: 2 }),
        ("short", Limits { rows: 100, bytes: 400, floors: 2 }),
    ] {
        let begin = |what: &str| {
            let path = dir.path().join(format!("{name}-{what}"));
            let mut machine = Machine::load(open_store(&path, true, RETENTION).unwrap()).unwrap();
            machine.requests = machine.requests.limited(limits);
            machine
        };
        let mut alone = begin("alone");
        let expected: Vec<_> = log.iter().map(|entry| alone.apply(entry).unwrap()).collect();
        for at_once in [2, 5, 1_000] {
            let mut together = begin(&format!("{at_once}"));
            let (mut results, mut longest) = (Vec::new(), 0);
            while results.len() < log.len() {
                let next = log[results.len()..].iter().take(at_once);
                let some = together.apply_some(next).unwrap();
                longest = longest.max(some.len());
                results.extend(some);
            }
            assert_eq!(results, expected, "{name}, {at_once}");
            assert_eq!(contents(together.store()), contents(alone.store()), "{name}, {at_once}");
            assert_eq!(together.requests, alone.requests, "{name}, {at_once}");
            assert!(longest > 1 || name == "short", "{name}: {longest} went together");
            assert_eq!(commits(together.store()), commits(alone.store()), "{name}, {at_once}");
        }
    }
}

/// All that the batch log shows.
fn commits(store: &Store) -> Vec<String> {
    let oldest = store.oldest_batch().expect("some are retained");
    let shown = |commit: pentad_engine::Result<pentad_engine::CommitRecord>| {
        let pentad_engine::CommitRecord { sequence, time, changes, .. } = commit.unwrap();
        let changes: Vec<_> = changes.iter().map(|(key, value)| (key, value.as_deref())).collect();
        format!("{sequence} {time} {changes:?}")
    };
    store.commits(oldest).unwrap().map(shown).collect()
}

/// The values that a write replaces came back in an answer that no message held: the stream ended, with every call on it, and nobody
/// could say what had become of the write.
#[test]
fn f14_f24_a_write_whose_answer_no_message_holds_is_refused_and_changes_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let mut machine = loaded(&dir.path().join("store"), true);
    let long = "v".repeat(40 << 20);
    machine.apply(&command(0, None, write(vec![put("a", &long, None)]))).unwrap();
    machine.apply(&command(1, None, write(vec![put("b", &long, None)]))).unwrap();
    let delete = |key: &'static str| operation::Kind::Delete(wire::Delete { key: key.into() });
    let mut index = 1;
    let mut asked = |number, operations, previous| {
        index += 1;
        let Kind::Write(write) = write(operations) else { unreachable!() };
        let kind = Kind::Write(wire::Write { previous, ..write });
        machine.apply(&command(index, Some((1, number)), kind)).unwrap().0.result.unwrap()
    };
    let refused = [vec![delete("a"), delete("b")], vec![put("c", &long, None), delete("c"), delete("a")]];
    for (number, operations) in (3..).zip(refused) {
        let command_result::Result::Failure(failure) = asked(number, operations.clone(), true) else {
            panic!("it was applied")
        };
        assert_eq!(failure.kind(), wire::FailureKind::InvalidInput);
        assert!(failure.message.contains("66846720"), "{failure}");
        let repeated = asked(number, operations, true);
        assert!(matches!(repeated, command_result::Result::Failure(_)), "a repetition gets the same");
    }
    let command_result::Result::Write(one) = asked(5, vec![delete("a")], true) else { panic!("refused") };
    assert_eq!(one.previous[0].value.as_ref().map(Bytes::len), Some(40 << 20));
    let command_result::Result::Write(rest) = asked(6, vec![delete("b")], false) else { panic!("refused") };
    assert_eq!((rest.applied, rest.deleted), (true, 1));
}

fn group(path: PathBuf) -> (Arc<GroupDirectory>, Machine) {
    let group = GroupDirectory::open(path, RETENTION).unwrap();
    let mut machine = Machine::load(group.open_current().unwrap()).unwrap();
    for entry in log() {
        machine.apply(&entry).unwrap();
    }
    (group, machine)
}

#[test]
fn f22_a_snapshot_is_the_state_and_one_that_is_altered_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let (sender, machine) = group(dir.path().join("sender"));
    let taken = SnapshotFiles::take(machine.store(), &sender, || (), || true).unwrap();
    let receiver = GroupDirectory::open(dir.path().join("receiver"), RETENTION).unwrap();
    let stores = || {
        fs::read_dir(dir.path().join("receiver"))
            .unwrap()
            .flatten()
            .filter(|entry| entry.file_name().to_string_lossy().contains("store-"))
    };
    let arrive = |name: &str| {
        let arrived = receiver.incoming().join(name);
        copy(&taken.path(), &arrived.join("files"));
        arrived
    };

    let data = SnapshotData::prepare(&receiver, &arrive("good"), "good", taken.meta.clone()).unwrap();
    let (_, prepared) = data.into_prepared(&receiver).unwrap();
    let (installed, _) = prepared.take().unwrap();
    assert_eq!(contents(installed.store()), contents(machine.store()));
    assert_eq!(installed.membership(), machine.membership());
    let kept = stores().count();

    // Of another entry than its sender says.
    let mut older = taken.meta.clone();
    older.last_log_id.as_mut().unwrap().index -= 1;
    assert!(SnapshotData::prepare(&receiver, &arrive("older"), "older", older).is_err());

    // A bit of each file, and a cut.
    for (number, file) in taken.files().unwrap().iter().filter(|file| file.bytes > 0).enumerate() {
        for harm in ["flip", "cut"] {
            let arrived = arrive(&format!("{harm}-{number}"));
            let path = arrived.join("files").join(&file.name);
            let mut bytes = fs::read(&path).unwrap();
            if harm == "flip" {
                let middle = bytes.len() / 2;
                bytes[middle] ^= 1;
            } else {
                bytes.truncate(bytes.len() - 1);
            }
            fs::write(&path, bytes).unwrap();
            let prepared = SnapshotData::prepare(&receiver, &arrived, "harmed", taken.meta.clone());
            assert!(prepared.is_err(), "{harm} of {}", file.name);
        }
    }
    assert_eq!(stores().count(), kept, "what was refused leaves no store behind");
}

#[test]
fn f22_a_stop_amid_an_installation_leaves_the_old_state_or_the_new_one() {
    let dir = tempfile::tempdir().unwrap();
    let (sender, machine) = group(dir.path().join("sender"));
    let taken = SnapshotFiles::take(machine.store(), &sender, || (), || true).unwrap();
    let path = dir.path().join("receiver");
    let receiver = GroupDirectory::open(path.clone(), RETENTION).unwrap();
    drop(receiver.open_current().unwrap());

    let arrived = receiver.incoming().join("s");
    copy(&taken.path(), &arrived.join("files"));
    let data = SnapshotData::prepare(&receiver, &arrived, "s", taken.meta.clone()).unwrap();
    let (_, prepared) = data.into_prepared(&receiver).unwrap();
    let (installed, store) = prepared.take().unwrap();

    // Ready, but not named yet: the old state counts, and the other store goes.
    copy(&path, &dir.path().join("before"));
    let before = GroupDirectory::open(dir.path().join("before"), RETENTION).unwrap();
    assert_eq!(Machine::load(before.open_current().unwrap()).unwrap().applied(), None);
    assert!(!dir.path().join("before").join(store.file_name().unwrap()).exists());

    // Named: the new state counts, before anything else is tidied up.
    receiver.set_current(&store).unwrap();
    copy(&path, &dir.path().join("after"));
    let after = GroupDirectory::open(dir.path().join("after"), RETENTION).unwrap();
    let opened = Machine::load(after.open_current().unwrap()).unwrap();
    assert_eq!(opened.applied(), installed.applied());
    assert_eq!(contents(opened.store()), contents(machine.store()));
}

/// An entry that is missing in the log would be missing in the store for ever, and nobody would know.
#[test]
fn f20_an_entry_that_does_not_follow_the_last_one_is_not_applied() {
    let dir = tempfile::tempdir().unwrap();
    let log = log();
    let mut machine = loaded(&dir.path().join("store"), true);
    let refused = |machine: &mut Machine, entry: &Entry| {
        let before = contents(machine.store());
        let error = machine.apply(entry).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::InvalidData, "{error}");
        assert_eq!(contents(machine.store()), before);
    };
    refused(&mut machine, &log[1]);
    for entry in &log[..5] {
        machine.apply(entry).unwrap();
    }
    refused(&mut machine, &log[4]);
    refused(&mut machine, &log[6]);
    machine.apply(&log[5]).unwrap();
}
