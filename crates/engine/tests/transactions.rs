//! Transactions and the changes that look at what is there: conflicts, previous values, ranges, deadlines.

use std::collections::BTreeMap;
use std::time::Duration;

use bytes::Bytes;
use pentad_engine::{Batch, Durability, ErrorKind, Expect, Expiry, Options, Sequence, Store};
use proptest::prelude::*;
use tempfile::TempDir;

fn open(dir: &TempDir) -> Store {
    Options::new().durability(Durability::Os).open(dir.path().join("store")).unwrap()
}

fn filled(dir: &TempDir, rows: &[(&str, &str)]) -> Store {
    let store = open(dir);
    for (key, value) in rows {
        store.put(key, *value).unwrap();
    }
    store
}

fn keys(store: &Store) -> Vec<Vec<u8>> {
    store.range::<&[u8]>(..).keys().map(|key| key.unwrap().to_vec()).collect()
}

#[test]
fn a_transaction_reads_its_own_writes_over_one_moment_and_commits_at_once() {
    let dir = tempfile::tempdir().unwrap();
    let store = filled(&dir, &[("a", "1"), ("b", "2"), ("d", "4")]);
    let mut transaction = store.transaction().unwrap();
    transaction.put("c", "3").delete("a").put("d", "four");
    assert_eq!(transaction.get("c").unwrap().unwrap(), "3");
    assert_eq!(transaction.get("a").unwrap(), None);
    let rows: Vec<_> = transaction.range::<&str>(..).map(|row| row.unwrap()).collect();
    let text = |text: &str| Bytes::from(text.to_owned());
    assert_eq!(rows, [(text("b"), text("2")), (text("c"), text("3")), (text("d"), text("four"))]);
    assert_eq!(transaction.prefix("d").count(), 1);
    let crossed = transaction.range("z".."a");
    assert_eq!(crossed.count(), 0);
    assert_eq!(store.sequence(), Sequence(3), "nothing is there before the commit");
    let outcome = transaction.commit().unwrap();
    assert_eq!((outcome.sequence, outcome.deleted), (Some(Sequence(4)), 1));
    assert_eq!(keys(&store), [b"b", b"c", b"d"]);
}

#[test]
fn f19_what_was_read_and_has_changed_is_a_conflict_and_what_was_not_is_none() {
    let dir = tempfile::tempdir().unwrap();
    let store = filled(&dir, &[("read", "1"), ("other", "1"), ("range:1", "1")]);
    let after = |change: &dyn Fn(&Store)| {
        let mut transaction = store.transaction().unwrap();
        transaction.get("read").unwrap();
        transaction.get("absent").unwrap();
        transaction.prefix("range:").next();
        transaction.put("result", "1");
        change(&store);
        let before = store.sequence();
        let result = transaction.commit();
        if result.is_err() {
            assert_eq!(store.sequence(), before, "a conflict takes no sequence");
        }
        result.map(drop).map_err(|error| error.kind())
    };
    let conflict = Err(ErrorKind::Conflict);
    assert_eq!(after(&|_| ()), Ok(()));
    assert_eq!(after(&|store| drop(store.put("other", "2").unwrap())), Ok(()));
    assert_eq!(after(&|store| drop(store.put("read", "2").unwrap())), conflict);
    assert_eq!(
        after(&|store| drop(store.put("read", "2").unwrap())),
        conflict,
        "the same value is a write all the same"
    );
    assert_eq!(after(&|store| drop(store.put("absent", "2").unwrap())), conflict);
    store.delete("absent").unwrap();
    // A key that came and went again, and one that went and came again.
    assert_eq!(
        after(&|store| {
            store.put("absent", "2").unwrap();
            store.delete("absent").unwrap();
            store.maintain().unwrap();
        }),
        conflict
    );
    assert_eq!(after(&|store| drop(store.put("range:2", "a phantom").unwrap())), conflict);
    assert_eq!(after(&|store| drop(store.delete("range:1").unwrap())), conflict);
    assert_eq!(after(&|store| drop(store.put("ranges", "beside it").unwrap())), Ok(()));
    // A transaction that only reads has read one moment.
    let mut reader = store.transaction().unwrap();
    reader.get("read").unwrap();
    store.put("read", "3").unwrap();
    assert_eq!(reader.commit().unwrap().sequence, None);
}

/// What one transaction of the group writes, another one of the same group must see, though no index knows of it yet.
#[test]
fn f19_transactions_of_many_threads_lose_no_update() {
    let dir = tempfile::tempdir().unwrap();
    let store = Options::new().open(dir.path().join("store")).unwrap();
    const THREADS: u32 = 4;
    const ROUNDS: u32 = 50;
    std::thread::scope(|scope| {
        for thread in 0..THREADS {
            let store = &store;
            scope.spawn(move || {
                for round in 0..ROUNDS {
                    // Retried past the limit of `transact`: on a busy machine a thread may lose for long.
                    loop {
                        let done = store.transact(|transaction| {
                            let sum: u32 = transaction
                                .get("sum")?
                                .map_or(0, |value| std::str::from_utf8(&value).unwrap().parse().unwrap());
                            let count = transaction.prefix("entry:").count();
                            assert_eq!(sum as usize, count, "sum and entries are of one moment");
                            transaction.put("sum", (sum + 1).to_string());
                            transaction.put(format!("entry:{thread}:{round}"), "");
                            Ok(())
                        });
                        match done {
                            Ok(()) => break,
                            Err(error) => assert_eq!(error.kind(), ErrorKind::Conflict),
                        }
                    }
                }
            });
        }
    });
    assert_eq!(store.get("sum").unwrap().unwrap(), (THREADS * ROUNDS).to_string());
    assert_eq!(store.len(), u64::from(THREADS * ROUNDS) + 1);
}

#[test]
fn an_error_ends_a_transaction_and_writes_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let store = filled(&dir, &[("n", "text")]);
    let failed: Result<(), _> = store.transact(|transaction| {
        transaction.put("other", "1");
        // What the caller makes of its own troubles.
        store.increment("n", 1).map(drop)
    });
    assert_eq!(failed.unwrap_err().kind(), ErrorKind::WrongType);
    assert_eq!(keys(&store), [b"n"]);
    let mut attempts = 0;
    let lost = store.transact(|transaction| {
        attempts += 1;
        transaction.get("n")?;
        store.put("n", "again")?;
        transaction.put("m", "1");
        Ok(())
    });
    assert_eq!((lost.unwrap_err().kind(), attempts), (ErrorKind::Conflict, 100));
}

#[test]
fn previous_values_are_those_before_each_operation_of_the_batch() {
    let dir = tempfile::tempdir().unwrap();
    let store = filled(&dir, &[("a", "1"), ("b", "2")]);
    let mut batch = Batch::new();
    batch.put("a", "one").put("a", "uno").delete("b").delete("b").put("c", "3").with_previous();
    let previous = store.commit(batch).unwrap().previous;
    let text = |text: &'static str| Some(Bytes::from_static(text.as_bytes()));
    assert_eq!(previous, [text("1"), text("one"), text("2"), None, None]);
    assert_eq!(store.replace("c", "drei").unwrap(), text("3"));
    assert_eq!((store.take("c").unwrap(), store.take("c").unwrap()), (text("drei"), None));
    assert_eq!(store.replace("c", "new").unwrap(), None);
    let mut refused = Batch::new();
    refused.require("c", Expect::Absent).put("c", "x").with_previous();
    let outcome = store.commit(refused).unwrap();
    assert!(!outcome.applied && outcome.previous.is_empty());
    let plain = store.put("c", "y").unwrap();
    assert!(plain.previous.is_empty(), "nobody asked");
}

#[test]
fn a_deadline_is_set_extended_and_taken_away_and_the_value_stays() {
    let dir = tempfile::tempdir().unwrap();
    let store = filled(&dir, &[("k", "value")]);
    let deadline = || store.entry_info("k").unwrap().unwrap().deadline;
    assert_eq!(deadline(), None);
    let before = store.now();
    assert!(store.set_expiry("k", Expiry::After(Duration::from_secs(60))).unwrap());
    let first = deadline().unwrap();
    assert!(first.0 >= before.0 + 60_000_000_000 && store.get("k").unwrap().unwrap() == b"value");
    assert!(store.set_expiry("k", Expiry::At(pentad_engine::Timestamp(first.0 + 5))).unwrap());
    assert_eq!(deadline().unwrap().0, first.0 + 5);
    assert!(store.set_expiry("k", Expiry::Never).unwrap());
    assert_eq!((deadline(), store.len()), (None, 1));
    assert!(store.set_expiry("k", Expiry::After(Duration::ZERO)).unwrap());
    assert_eq!((store.get("k").unwrap(), store.len()), (None, 0));
    let sequence = store.sequence();
    assert!(!store.set_expiry("k", Expiry::Never).unwrap(), "what has expired does not come back");
    assert_eq!(store.sequence(), sequence, "and that takes no sequence");
    // The value of a stream is shared, not copied.
    let mut stream = store.stream().unwrap();
    std::io::Write::write_all(&mut stream, &vec![7; 2 << 20]).unwrap();
    let mut batch = Batch::new();
    batch.put("s", stream.finish().unwrap());
    store.commit(batch).unwrap();
    let disk = store.disk_bytes();
    assert!(store.set_expiry("s", Expiry::After(Duration::from_secs(60))).unwrap());
    assert!(store.disk_bytes() < disk + 4096);
    assert_eq!(store.get("s").unwrap().unwrap().len(), 2 << 20);
}

#[test]
fn counters_add_up() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(&dir);
    assert_eq!((store.increment("n", 5).unwrap(), store.increment("n", -7).unwrap()), (5, -2));
    assert_eq!(store.increment("n", i64::MIN).unwrap(), i64::MIN, "saturates");
}

#[test]
fn f14_a_range_of_more_keys_than_a_commit_holds_is_refused_whole() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(&dir);
    let keys = u32::try_from(pentad_engine::BATCH_OPERATIONS_MAX).unwrap() + 1;
    for chunk in (0..keys).step_by(1 << 17) {
        let mut batch = Batch::new();
        for n in chunk..(chunk + (1 << 17)).min(keys) {
            batch.put(n.to_be_bytes(), "");
        }
        store.commit(batch).unwrap();
    }
    let error = store.delete_range::<&[u8]>(..).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidInput);
    assert!(error.to_string().contains("1048576"), "{error}");
    assert_eq!(store.len(), u64::from(keys));
    assert_eq!(store.delete_range(1_u32.to_be_bytes()..).unwrap(), u64::from(keys) - 1);
    assert_eq!(store.len(), 1);
}

fn key() -> impl Strategy<Value = Vec<u8>> {
    prop::collection::vec(prop::sample::select(&[0, b'a', 0xff][..]), 0..3)
}

#[derive(Clone, Debug)]
enum Step {
    Put(Vec<u8>),
    Delete(Vec<u8>),
    DeletePrefix(Vec<u8>),
    DeleteRange(Vec<u8>, Vec<u8>),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        6 => key().prop_map(Step::Put),
        1 => key().prop_map(Step::Delete),
        1 => key().prop_map(Step::DeletePrefix),
        1 => (key(), key()).prop_map(|(from, to)| Step::DeleteRange(from, to)),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn f16_ranges_are_deleted_as_from_an_ordered_map_also_amid_a_batch(
        batches in prop::collection::vec(prop::collection::vec(step(), 1..12), 1..6),
    ) {
        let dir = tempfile::tempdir().unwrap();
        let store = open(&dir);
        let mut model = BTreeMap::new();
        for steps in batches {
            let (mut batch, mut deleted) = (Batch::new(), 0);
            for step in steps {
                let before = model.len();
                match step {
                    Step::Put(key) => {
                        batch.put(&key, "v");
                        model.insert(key, ());
                        continue;
                    }
                    Step::Delete(key) => {
                        batch.delete(&key);
                        model.remove(&key);
                    }
                    Step::DeletePrefix(prefix) => {
                        batch.delete_prefix(&prefix);
                        model.retain(|key, ()| !key.starts_with(&prefix));
                    }
                    Step::DeleteRange(from, to) => {
                        batch.delete_range(from.clone()..to.clone());
                        model.retain(|key, ()| *key < from || *key >= to);
                    }
                }
                deleted += before - model.len();
            }
            let outcome = store.commit(batch).unwrap();
            prop_assert_eq!(outcome.deleted, deleted as u64);
            prop_assert_eq!(keys(&store), model.keys().cloned().collect::<Vec<_>>());
            prop_assert_eq!(store.len(), model.len() as u64);
        }
    }
}

#[test]
fn batches_that_are_committed_together_have_their_own_results_and_a_refusal_stops_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let store = filled(&dir, &[("word", "no number")]);
    let batch = |change: &dyn Fn(&mut Batch)| {
        let mut batch = Batch::new();
        change(&mut batch);
        batch
    };
    let batches = vec![
        batch(&|batch| {
            batch.put("a", "1").put("b", "1");
        }),
        batch(&|batch| {
            batch.require("a", Expect::Absent).put("a", "2");
        }),
        batch(&|batch| {
            batch.increment("word", 1);
        }),
        batch(&|batch| {
            batch.put(vec![0; 70_000], "too long");
        }),
        batch(&|batch| {
            batch.require("a", Expect::Value("1".into())).put("a", "3");
        }),
    ];
    let results = store.commit_all(batches).unwrap();
    let shown: Vec<_> = results.iter().map(|result| result.as_ref().map_err(|error| error.kind())).collect();
    let shown: Vec<_> =
        shown.into_iter().map(|result| result.map(|done| (done.applied, done.sequence))).collect();
    assert_eq!(
        shown,
        [
            Ok((true, Some(Sequence(2)))),
            Ok((false, None)),
            Err(ErrorKind::WrongType),
            Err(ErrorKind::InvalidInput),
            Ok((true, Some(Sequence(3)))),
        ]
    );
    assert_eq!(store.get("a").unwrap().unwrap(), "3");
    assert_eq!(store.commits(Sequence(1)).unwrap().count(), 3, "each is a commit of its own");
    assert!(store.commit_all(Vec::new()).unwrap().is_empty());
    store.close().unwrap();
    let late = store.commit_all(vec![batch(&|batch| {
        batch.put("a", "4");
    })]);
    assert_eq!(late.unwrap_err().kind(), ErrorKind::Closed);
}
