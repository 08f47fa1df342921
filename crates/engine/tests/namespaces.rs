//! Namespaces: keyspaces of one store, with one sequence and one commit across them.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use pentad_engine::seams::sim::{Rng, SimClock};
use pentad_engine::seams::{Clock as _, Environment};
use pentad_engine::{
    Batch, Durability, ErrorKind, Expect, Expiry, Options, Order, Retention, Sequence, Store, WatchEvent,
    WatchFilter, key_hash,
};

type Rows = BTreeMap<Vec<u8>, Vec<u8>>;

fn rows(store: &Store) -> Rows {
    store
        .range::<&[u8]>(..)
        .map(|row| row.map(|(key, value)| (key.to_vec(), value.to_vec())).unwrap())
        .collect()
}

fn temporary() -> (tempfile::TempDir, Store) {
    let dir = tempfile::tempdir().unwrap();
    let store = Options::new().durability(Durability::Os).open(dir.path().join("store")).unwrap();
    (dir, store)
}

#[test]
fn keys_of_one_name_in_several_namespaces_are_several_keys() {
    let (_dir, store) = temporary();
    let (orders, users) = (store.namespace("orders").unwrap(), store.namespace("users").unwrap());
    store.put("1", "own").unwrap();
    orders.put("1", "order").unwrap();
    orders.put("2", "order").unwrap();
    users.put("1", "user").unwrap();
    for (handle, value, count) in [(&store, "own", 1), (&orders, "order", 2), (&users, "user", 1)] {
        assert_eq!(handle.get("1").unwrap().as_deref(), Some(value.as_bytes()));
        assert_eq!(handle.with_value("1", <[u8]>::len).unwrap(), Some(value.len()));
        assert!(handle.contains_key("1").unwrap() && !handle.contains_key("3").unwrap());
        assert_eq!((handle.len(), rows(handle).len() as u64), (count, count));
        assert_eq!(handle.entry_info("1").unwrap().unwrap().key_hash, key_hash(b"1"));
        assert_eq!(handle.get_many(&["1", "3"]).unwrap()[0].as_deref(), Some(value.as_bytes()));
        assert_eq!(handle.get_hashed(key_hash(b"1")).unwrap().as_deref(), Some(value.as_bytes()));
        assert_eq!(handle.last_entry().unwrap().as_deref(), Some(value.as_bytes()));
        assert_eq!(handle.snapshot().unwrap().count::<&str>(..).unwrap(), count);
        assert_eq!(handle.snapshot().unwrap().newest_first().unwrap().count() as u64, count);
        let parts = handle.snapshot().unwrap().parts::<&str>(.., 3).unwrap();
        assert_eq!(parts.into_iter().map(Iterator::count).sum::<usize>() as u64, count);
    }
    assert_eq!(orders.delete("1").unwrap().deleted, 1);
    assert!(users.contains_key("1").unwrap() && store.contains_key("1").unwrap());
    assert_eq!(store.sequence(), Sequence(5), "one sequence for all");
    assert_eq!(store.namespaces(), ["orders", "users"]);
    assert_eq!(orders.namespace_name().as_deref(), Some("orders"));
    assert!(orders.same_store(&users) && !orders.same_keyspace(&users));
    assert!(store.namespace("").is_err() && store.namespace(&"n".repeat(256)).is_err());
}

#[test]
fn one_batch_spans_namespaces_and_its_conditions_are_about_theirs() {
    let (_dir, store) = temporary();
    let (a, b) = (store.namespace("a").unwrap(), store.namespace("b").unwrap());
    let mut batch = Batch::new();
    batch.put("k", "own").within(&a).put("k", "in a").within(&b).put("k", "in b").put("l", "in b");
    assert_eq!(batch.len(), 4);
    assert_eq!(store.commit(batch).unwrap().sequence, Some(Sequence(1)));
    assert_eq!((rows(&store).len(), rows(&a).len(), rows(&b).len()), (1, 1, 2));
    let mut batch = Batch::new();
    batch.require("l", Expect::Absent).within(&b).require("l", Expect::Present);
    batch.delete_prefix("").within(&a).rename("k", "moved").increment("n", 3).with_previous();
    let outcome = a.commit(batch).unwrap();
    assert!(outcome.applied && outcome.deleted == 2 && outcome.counter == Some(3), "{outcome:?}");
    assert_eq!((rows(&store).len(), rows(&a).len(), rows(&b).len()), (1, 2, 0));
    let mut refused = Batch::new();
    refused.within(&b).require("moved", Expect::Present).within(&a).put("x", "y");
    assert!(!store.commit(refused).unwrap().applied);
    // The batch log and watches of a handle show its own keys; a commit that has none is empty there.
    let pairs = |handle: &Store| handle.batch(Sequence(1)).unwrap().unwrap().len();
    assert_eq!((pairs(&store), pairs(&a), pairs(&b)), (1, 1, 2));
    let mut watch = b.watch(WatchFilter::All, Sequence(1)).unwrap().with_previous();
    let mut told = Vec::new();
    while let Some(WatchEvent::Commit(commit)) = watch.try_next().unwrap() {
        let previous = commit.changes.iter().filter(|change| change.previous.is_some()).count();
        told.push((commit.sequence.0, commit.changes.len(), previous));
    }
    assert_eq!(told, [(1, 2, 0), (2, 2, 2)]);
    let other = temporary();
    let mut foreign = Batch::new();
    foreign.within(&a).put("k", "v");
    assert_eq!(other.1.commit(foreign).unwrap_err().kind(), ErrorKind::InvalidInput);
}

#[test]
fn transactions_pages_and_deletes_by_hash_stay_in_their_namespace() {
    let (_dir, store) = temporary();
    let (a, b) = (store.namespace("a").unwrap(), store.namespace("b").unwrap());
    for handle in [&store, &a, &b] {
        (0..10).for_each(|n| drop(handle.put(format!("{n}"), "v").unwrap()));
    }
    let mut transaction = a.transaction().unwrap();
    assert_eq!(transaction.range::<&str>(..).count(), 10);
    transaction.put("new", "v");
    b.put("5", "elsewhere").unwrap();
    store.put("5", "elsewhere").unwrap();
    transaction.commit().unwrap();
    let mut transaction = a.transaction().unwrap();
    assert_eq!(transaction.prefix("n").count(), 1);
    transaction.put("x", "v");
    a.put("nn", "a phantom").unwrap();
    assert_eq!(transaction.commit().unwrap_err().kind(), ErrorKind::Conflict);
    let first = a.page::<&str>(.., Order::Backward, 5, None).unwrap();
    assert_eq!(&first.rows[0].0[..], b"nn");
    let rest = a.page::<&str>(.., Order::Backward, 50, first.next.as_ref()).unwrap();
    assert_eq!((rest.rows.len(), rest.next), (7, None));
    assert!(
        b.page::<&str>(.., Order::Backward, 5, first.next.as_ref()).is_err(),
        "another namespace's token"
    );
    let mut batch = Batch::new();
    batch.put_hashed(7, "hashed").delete_hashed(key_hash(b"3"));
    a.commit(batch).unwrap();
    assert_eq!(a.get_hashed(7).unwrap().as_deref(), Some(&b"hashed"[..]));
    assert!(b.get_hashed(7).unwrap().is_none() && store.get_hashed(7).unwrap().is_none());
    assert!(!a.contains_key("3").unwrap() && b.contains_key("3").unwrap());
    assert_eq!((a.len(), b.len(), store.len()), (12, 10, 10));
    assert!(a.snapshot().unwrap().estimate::<&str>(..).unwrap().keys >= 10);
}

#[test]
fn keys_of_namespaces_expire_and_watches_tell() {
    let dir = tempfile::tempdir().unwrap();
    let clock = SimClock::new(1_000);
    let environment = Environment { clock: Arc::new(clock.clone()), ..Environment::real() };
    let options = Options::new().environment(environment).durability(Durability::Os).checkpoint_bytes(0);
    let store = options.clone().open(dir.path().join("store")).unwrap();
    let a = store.namespace("a").unwrap();
    let mut watch = a.watch(WatchFilter::All, None).unwrap();
    let mut others = store.watch(WatchFilter::All, None).unwrap();
    let mut batch = Batch::new();
    batch.put_expiring("short", "v", Expiry::After(Duration::from_nanos(500))).put("long", "v");
    batch.put_expiring("middle", "v", Expiry::After(Duration::from_secs(500)));
    a.commit(batch).unwrap();
    assert_eq!((a.len(), store.len()), (3, 0));
    clock.advance(600);
    assert_eq!((a.len(), store.len(), rows(&a).len()), (2, 0, 2));
    assert!(store.next_deadline().is_some(), "that of a namespace, too");
    store.put("own", "v").unwrap();
    assert!(
        matches!(watch.try_next().unwrap(), Some(WatchEvent::Commit(commit)) if commit.changes.len() == 3)
    );
    assert!(
        matches!(watch.try_next().unwrap(), Some(WatchEvent::Expired { key, .. }) if &key[..] == b"short")
    );
    assert!(watch.try_next().unwrap().is_none());
    assert!(matches!(others.try_next().unwrap(), Some(WatchEvent::Commit(commit)) if commit.sequence.0 == 2));
    drop((watch, others));
    store.close().unwrap();
    for _ in 0..2 {
        let store = options.clone().open(dir.path().join("store")).unwrap();
        let a = store.find_namespace("a").unwrap().unwrap();
        assert_eq!((a.len(), store.len()), (2, 1));
        store.close().unwrap();
    }
    clock.advance(500_000_000_000);
    let store = options.open(dir.path().join("store")).unwrap();
    assert_eq!((store.namespace("a").unwrap().len(), store.len()), (1, 1));
    assert!(clock.wall_ns() > 0);
}

#[test]
fn a_dropped_namespace_is_gone_at_once_and_its_space_comes_back() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("store");
    let options =
        Options::new().segment_bytes(65_536).durability(Durability::Os).retention(Retention::Commits(0));
    let store = options.clone().open(&path).unwrap();
    let (big, small) = (store.namespace("big").unwrap(), store.namespace("small").unwrap());
    for n in 0..200 {
        let mut batch = Batch::new();
        for m in 0..50 {
            batch.put(format!("{n} {m}"), vec![b'v'; 100]);
        }
        big.commit(batch).unwrap();
    }
    small.put("k", "v").unwrap();
    let before = big.snapshot().unwrap();
    let tail = store.tail();
    assert!(store.drop_namespace("big").unwrap() && !store.drop_namespace("big").unwrap());
    assert!(store.tail().0 - tail.0 < 1_000, "a drop costs nothing");
    assert_eq!((big.len(), big.get("1 1").unwrap(), rows(&big).len()), (0, None, 0));
    assert_eq!(big.put("k", "v").unwrap_err().kind(), ErrorKind::KeyNotFound);
    assert_eq!(before.count::<&str>(..).unwrap(), 10_000, "who looked before goes on");
    assert_eq!(before.get("1 1").unwrap().unwrap().len(), 100);
    drop(before);
    let held = store.stats().disk_bytes;
    store.compact().unwrap();
    let left = store.stats().disk_bytes;
    assert!(left < held / 4, "{left} of {held} bytes are left");
    assert_eq!(store.namespaces(), ["small"]);
    let again = store.namespace("big").unwrap();
    assert_eq!(again.len(), 0);
    again.put("k", "again").unwrap();
    store.close().unwrap();
    let store = options.open(&path).unwrap();
    assert_eq!(rows(&store.namespace("big").unwrap()).len(), 1);
    assert_eq!(rows(&store.namespace("small").unwrap()).len(), 1);
    assert!(store.verify(&mut |_| ()).unwrap().damage.is_empty());
}

#[test]
fn what_a_dropped_namespace_held_is_compacted_without_being_asked() {
    let (_dir, store) = temporary();
    store.set_retention(Retention::Commits(0)).unwrap();
    let big = store.namespace("big").unwrap();
    for n in 0..100 {
        big.put(format!("{n}"), vec![b'v'; 20_000]).unwrap();
    }
    store.put("own", "v").unwrap();
    let held = store.stats().live_bytes;
    store.drop_namespace("big").unwrap();
    store.maintain().unwrap();
    let left = store.stats();
    assert!(held > 2_000_000 && left.live_bytes < 10_000, "{} of {held} bytes live", left.live_bytes);
    assert!(left.dead_bytes < 10_000, "{} bytes are dead still", left.dead_bytes);
    assert_eq!(rows(&store).len(), 1);
}

#[test]
fn a_drop_takes_its_place_among_the_commits_of_a_batch_and_of_the_past() {
    let (_dir, store) = temporary();
    let a = store.namespace("a").unwrap();
    let put = a.put("k", "v").unwrap().sequence.unwrap();
    let mut batch = Batch::new();
    batch.put("own", "v").drop_namespace("a").drop_namespace("never");
    let outcome = store.commit(batch).unwrap();
    assert_eq!((outcome.deleted, outcome.sequence), (1, Some(put.next())));
    assert_eq!(a.at(put).unwrap().get("k").unwrap().as_deref(), Some(&b"v"[..]));
    assert!(a.at(put.next()).unwrap().get("k").unwrap().is_none());
    let b = store.namespace("b").unwrap();
    let mut batch = Batch::new();
    batch.drop_namespace("b").within(&b).put("k", "v");
    assert_eq!(store.commit(batch).unwrap_err().kind(), ErrorKind::KeyNotFound);
    assert_eq!(store.namespaces(), ["b"], "what fails drops nothing");
}

/// A put behind the drop of the namespace that the batch was in already was acknowledged, and nobody ever saw it.
#[test]
fn a_batch_that_goes_on_in_a_namespace_which_it_drops_is_refused() {
    let (_dir, store) = temporary();
    let (a, b) = (store.namespace("a").unwrap(), store.namespace("b").unwrap());
    b.put("k", "before").unwrap();
    let refused = |handle: &Store, batch: Batch| {
        let error = handle.commit(batch).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::KeyNotFound, "{error}");
        assert!(error.to_string().contains("the batch drops the namespace \"b\""), "{error}");
        assert_eq!(b.get("k").unwrap().as_deref(), Some(&b"before"[..]), "what fails does nothing");
    };
    let mut entered = Batch::new();
    entered.within(&b).drop_namespace("b").put("k", "v");
    refused(&store, entered);
    let mut again = Batch::new();
    again.within(&b).put("k", "v").drop_namespace("b").within(&a).put("k", "v").within(&b).delete("k");
    refused(&store, again);
    let mut of_the_handle = Batch::new();
    of_the_handle.drop_namespace("b").delete_prefix("");
    refused(&b, of_the_handle);
    // What is meant is in the order of the batch: before the drop anything goes, and goes with it; behind it, elsewhere.
    let mut before = Batch::new();
    before
        .require("k", Expect::Present)
        .put("l", "v")
        .drop_namespace("a")
        .drop_namespace("b")
        .drop_namespace("b");
    before.within(&store).put("own", "v");
    let outcome = b.commit(before).unwrap();
    assert_eq!((outcome.applied, outcome.deleted), (true, 2));
    assert_eq!((store.namespaces().len(), rows(&b).len(), rows(&store).len()), (0, 0, 1));
}

#[test]
fn hundreds_of_namespaces_survive_reopening_backups_and_repair() {
    let dir = tempfile::tempdir().unwrap();
    let at = |name: &str| dir.path().join(name);
    let options = Options::new().durability(Durability::Os);
    let store = options.clone().open(at("store")).unwrap();
    for n in 0..300 {
        let handle = store.namespace(&format!("n{n}")).unwrap();
        handle.put("k", n.to_string()).unwrap();
        handle.commit(Batch::new().put_hashed(n, "hashed").clone()).unwrap();
    }
    store.drop_namespace("n7").unwrap();
    store.backup(at("backups"), &mut |_| ()).unwrap();
    store.close().unwrap();
    pentad_engine::Backups::open(at("backups")).unwrap().restore(None, at("restored"), &mut |_| ()).unwrap();
    pentad_engine::repair(&at("store"), &at("repaired"), &options, &mut |_| ()).unwrap();
    for name in ["store", "restored", "repaired"] {
        let store = options.clone().open(at(name)).unwrap();
        assert_eq!(store.namespaces().len(), 299, "{name}");
        for n in [0, 8, 299] {
            let handle = store.find_namespace(&format!("n{n}")).unwrap().unwrap();
            assert_eq!(handle.get("k").unwrap().as_deref(), Some(n.to_string().as_bytes()), "{name}");
            assert_eq!((handle.len(), handle.get_hashed(n).unwrap().is_some()), (2, true), "{name}");
        }
        assert!(store.is_empty() && store.find_namespace("n7").unwrap().is_none());
        assert_eq!(store.namespace("n7").unwrap().len(), 0);
    }
}

/// What a program of random commits has made.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Model(BTreeMap<String, Rows>);

#[test]
fn random_commits_over_namespaces_agree_with_a_model() {
    const NAMES: [&str; 4] = ["", "a", "b", "c"];
    for seed in 0..12 {
        let mut rng = Rng::new(seed);
        let dir = tempfile::tempdir().unwrap();
        let checkpoint_bytes = if seed % 2 == 0 { 0 } else { u64::MAX };
        let options = Options::new()
            .segment_bytes(16_384)
            .durability(Durability::Os)
            .checkpoint_bytes(checkpoint_bytes)
            .retention(if seed % 3 == 0 { Retention::Commits(5) } else { Retention::Commits(0) });
        let mut store = options.clone().open(dir.path().join("store")).unwrap();
        let mut model = Model(BTreeMap::from([(String::new(), Rows::new())]));
        let handle = |store: &Store, name: &str| match name {
            "" => store.own_keyspace(),
            name => store.namespace(name).unwrap(),
        };
        let check = |store: &Store, model: &Model, what: &str| {
            for name in NAMES {
                let expected = model.0.get(name).cloned().unwrap_or_default();
                let handle = match name {
                    "" => Some(store.own_keyspace()),
                    name => store.find_namespace(name).unwrap(),
                };
                let Some(handle) = handle else {
                    assert!(expected.is_empty(), "seed {seed}, {what}: {name:?} is not there");
                    continue;
                };
                assert_eq!(rows(&handle), expected, "seed {seed}, {what}: {name:?}");
                assert_eq!(handle.len(), expected.len() as u64, "seed {seed}, {what}: {name:?}");
                let backward = handle.range::<&[u8]>(..).rev().map(|row| row.unwrap().0.to_vec());
                assert!(backward.eq(expected.keys().rev().cloned()), "seed {seed}, {what}: {name:?}");
            }
        };
        for step in 0..200 {
            match rng.below(20) {
                0 => {
                    let name = NAMES[1 + rng.index(3)];
                    store.drop_namespace(name).unwrap();
                    model.0.remove(name);
                }
                1 => drop(store.compact().unwrap()),
                2 => store.maintain().unwrap(),
                3 => {
                    store.close().unwrap();
                    store = options.clone().open(dir.path().join("store")).unwrap();
                    check(&store, &model, "reopened");
                }
                4 => store.checkpoint().unwrap(),
                _ => {
                    let mut batch = Batch::new();
                    for _ in 0..1 + rng.below(5) {
                        let name = NAMES[rng.index(4)];
                        let rows = model.0.entry(name.to_owned()).or_default();
                        batch.within(&handle(&store, name));
                        let key = format!("key {}", rng.below(30)).into_bytes();
                        match rng.below(4) {
                            0 => {
                                batch.delete(&key);
                                rows.remove(&key);
                            }
                            1 => {
                                batch.delete_range(&key[..]..&b"key 9"[..]);
                                rows.retain(|held, _| !(held >= &key && held[..] < b"key 9"[..]));
                            }
                            _ => {
                                let value = vec![b'v'; rng.index(400)];
                                batch.put(&key, &value[..]);
                                rows.insert(key, value);
                            }
                        }
                    }
                    store.commit(batch).unwrap();
                }
            }
            if step % 20 == 0 {
                check(&store, &model, "open");
            }
        }
        check(&store, &model, "at the end");
        assert!(store.verify(&mut |_| ()).unwrap().damage.is_empty(), "seed {seed}");
    }
}
