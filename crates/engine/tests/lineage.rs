//! Which version of its key an entry is: the commit that made the key, and how many versions there have been since.

use std::time::Duration;

use pentad_engine::{Backups, Batch, Expiry, Options, Retention, Sequence, Store};

/// The commit that made a key, and the number of its versions.
fn lineage(store: &Store, key: &str) -> Option<(u64, u32)> {
    let info = store.entry_info(key).unwrap()?;
    Some((info.created.unwrap().0, info.versions.unwrap()))
}

fn put(store: &Store, key: &str, value: &str) -> u64 {
    store.put(key, value).unwrap().sequence.unwrap().0
}

#[test]
fn a_key_counts_its_versions_from_the_commit_that_made_it() {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(dir.path().join("store")).unwrap();
    let made = put(&store, "a", "1");
    assert_eq!(lineage(&store, "a"), Some((made, 1)));
    put(&store, "b", "1");
    for versions in 2..10 {
        put(&store, "a", "more");
        assert_eq!(lineage(&store, "a"), Some((made, versions)));
    }
    store.delete("a").unwrap();
    assert_eq!(lineage(&store, "a"), None);
    let anew = put(&store, "a", "2");
    assert_eq!(lineage(&store, "a"), Some((anew, 1)));
    // Whatever writes the key is a version of it.
    let mut batch = Batch::new();
    batch.increment("n", 1).increment("n", 1).put("a", "3").delete("b").put("b", "2").put("b", "3");
    let sequence = store.commit(batch).unwrap().sequence.unwrap().0;
    assert_eq!(lineage(&store, "n"), Some((sequence, 2)));
    assert_eq!(lineage(&store, "a"), Some((anew, 2)));
    assert_eq!(lineage(&store, "b"), Some((sequence, 2)), "made anew in the middle of a batch");
    let mut batch = Batch::new();
    batch.rename("b", "a").set_expiry("n", Expiry::After(Duration::from_secs(3600)));
    let renamed = store.commit(batch).unwrap().sequence.unwrap().0;
    assert_eq!(lineage(&store, "a"), Some((anew, 3)), "a rename writes its target");
    assert_eq!(lineage(&store, "n"), Some((sequence, 3)));
    let back = put(&store, "b", "4");
    assert_eq!(lineage(&store, "b"), Some((back, 1)));
    let long = vec![7; 3 << 20];
    store.put("n", &long[..]).unwrap();
    store.put("n", &long[..]).unwrap();
    assert_eq!(lineage(&store, "n"), Some((sequence, 5)), "values in chunks");
    let seen = store.at(Sequence(renamed)).unwrap().entry_info("a").unwrap().unwrap();
    assert_eq!((seen.created.map(|made| made.0), seen.versions), (Some(anew), Some(3)));
}

#[test]
fn f17_a_key_that_expired_is_made_anew() {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(dir.path().join("store")).unwrap();
    let mut batch = Batch::new();
    batch.put_expiring("gone", "1", Expiry::After(Duration::ZERO)).put("gone", "2");
    let made = store.commit(batch).unwrap().sequence.unwrap().0;
    assert_eq!(lineage(&store, "gone"), Some((made, 1)), "the first of the batch was never there");
    let mut batch = Batch::new();
    batch.put_expiring("gone", "3", Expiry::After(Duration::from_millis(20)));
    store.commit(batch).unwrap();
    assert_eq!(store.entry_info("gone").unwrap().and_then(|info| info.versions).unwrap_or(2), 2);
    std::thread::sleep(Duration::from_millis(30));
    let anew = put(&store, "gone", "4");
    assert_eq!(lineage(&store, "gone"), Some((anew, 1)));
}

#[test]
fn namespaces_count_apart() {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(dir.path().join("store")).unwrap();
    let other = store.namespace("other").unwrap();
    let mine = put(&store, "k", "1");
    let theirs = put(&other, "k", "1");
    put(&other, "k", "2");
    assert_eq!((lineage(&store, "k"), lineage(&other, "k")), (Some((mine, 1)), Some((theirs, 2))));
}

#[test]
fn counts_outlive_closing_compaction_and_backup() {
    let dir = tempfile::tempdir().unwrap();
    let (path, copies) = (dir.path().join("store"), dir.path().join("copies"));
    let options = Options::new().segment_bytes(64 << 10).retention(Retention::Commits(0)).auto_compact(false);
    let store = options.open(&path).unwrap();
    let mut expected = Vec::new();
    let mut written = 0;
    for round in 0..5u32 {
        for number in 0..300u32 {
            let key = format!("{number:03}");
            // A third of them is deleted in between.
            if round == 2 && number % 3 == 0 {
                store.delete(&key).unwrap();
            }
            let sequence = put(&store, &key, &"x".repeat(100));
            written += 1;
            match expected.get_mut(usize::try_from(number).unwrap()) {
                None => expected.push((sequence, 1)),
                Some(lineage) if round == 2 && number % 3 == 0 => *lineage = (sequence, 1),
                Some((_, versions)) => *versions += 1,
            }
        }
    }
    assert_eq!(written, 1500);
    let check = |store: &Store, after: &str| {
        for (number, expected) in expected.iter().enumerate() {
            let key = format!("{number:03}");
            assert_eq!(lineage(store, &key), Some(*expected), "{key} after {after}");
        }
    };
    check(&store, "writing");
    store.close().unwrap();
    let store = options.open(&path).unwrap();
    check(&store, "closing");
    assert!(store.compact().unwrap().entries >= 300);
    check(&store, "compaction");
    store.backup(&copies, &mut |_| ()).unwrap();
    let copy = dir.path().join("copy");
    Backups::open(&copies).unwrap().restore(None, &copy, &mut |_| ()).unwrap();
    check(&Store::open(&copy).unwrap(), "restoring");
    let over = put(&store, "000", "over what was moved");
    let (made, versions) = expected[0];
    assert_eq!(lineage(&store, "000"), Some((made, versions + 1)), "commit {over}");
}
