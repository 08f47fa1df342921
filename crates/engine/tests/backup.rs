//! Backups on a real disk: what they hold, what they share, and what they refuse.
#![expect(clippy::disallowed_methods, reason = "the tests look at files behind the store's back")]

use std::fs;
use std::io::Write as _;
use std::ops::ControlFlow;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use pentad_engine::{Backups, Batch, Durability, ErrorKind, Expiry, Options, Sequence, Store, repair};
use tempfile::TempDir;

type Rows = Vec<(Vec<u8>, Vec<u8>)>;

struct Place {
    dir: TempDir,
}

impl Place {
    fn new() -> Self {
        Self { dir: tempfile::tempdir().unwrap() }
    }

    fn at(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// A store of small segments, so that most of them are sealed.
    fn store(&self) -> Store {
        Options::new().segment_bytes(16 << 10).auto_compact(false).open(self.at("store")).unwrap()
    }

    fn backups(&self) -> Backups {
        Backups::open(self.at("backups")).unwrap()
    }

    fn restored(&self, number: Option<u64>, name: &str) -> Store {
        let report = self.backups().restore(number, self.at(name), &mut |_| ()).unwrap();
        assert!(report.damage.is_empty(), "{report:?}");
        Store::open(self.at(name)).unwrap()
    }
}

fn rows(store: &Store) -> Rows {
    store.range::<&[u8]>(..).map(|row| row.map(|(k, v)| (k.to_vec(), v.to_vec())).unwrap()).collect()
}

fn fill(store: &Store, from: u32, to: u32) {
    for n in from..to {
        store.put(format!("key {n:04}"), vec![b'x'; 500]).unwrap();
    }
}

fn files(dir: &Path) -> Vec<PathBuf> {
    let mut files: Vec<_> = fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    files
}

#[test]
fn everything_of_a_store_comes_back_and_it_goes_on_from_there() {
    let place = Place::new();
    let store = place.store();
    fill(&store, 0, 100);
    let mut batch = Batch::new();
    batch.put_expiring("later", "1", Expiry::After(Duration::from_secs(3600)));
    batch.put_expiring("soon", "1", Expiry::After(Duration::from_nanos(1)));
    batch.put_hashed(77, "by its hash").delete("key 0003");
    store.commit(batch).unwrap();
    let mut stream = store.stream().unwrap();
    stream.write_all(&vec![b's'; 3 << 20]).unwrap();
    let mut batch = Batch::new();
    batch.put("stream", stream.finish().unwrap());
    store.commit(batch).unwrap();
    let taken = store.backup(place.at("backups"), &mut |_| ()).unwrap();
    let (before, sequence, length) = (rows(&store), store.sequence(), store.len());
    store.put("after", "the backup").unwrap();
    store.close().unwrap();

    assert_eq!((taken.backup.number, taken.backup.sequence), (1, sequence));
    let copy = place.restored(None, "copy");
    assert_eq!(rows(&copy), before);
    assert_eq!((copy.sequence(), copy.len()), (sequence, length));
    assert_eq!(copy.get_hashed(77).unwrap().unwrap(), b"by its hash");
    assert!(copy.entry_info("later").unwrap().unwrap().deadline.is_some());
    assert!(!copy.contains_key("soon").unwrap());
    assert_eq!(copy.batch(Sequence(5)).unwrap().unwrap()[0].0, "key 0004", "its commits are listed");
    assert_eq!(copy.put("on", "it goes").unwrap().sequence, Some(Sequence(sequence.0 + 1)));
    assert_eq!(copy.verify(&mut |_| ()).unwrap().damage, []);
}

#[test]
fn a_later_backup_brings_only_what_is_new_and_shares_the_rest() {
    let place = Place::new();
    let store = place.store();
    fill(&store, 0, 200);
    let first = store.backup(place.at("backups"), &mut |_| ()).unwrap();
    assert!(first.linked >= 5 && first.copied == 1, "all but the active segment: {first:?}");
    fill(&store, 200, 240);
    let second = store.backup(place.at("backups"), &mut |_| ()).unwrap();
    assert!(second.reused >= 5 && second.linked <= 3, "{second:?}");
    assert!(second.copied_bytes < 16 << 10, "{second:?}");
    // No block of a segment that is written to is shared.
    let shared = |path: &PathBuf| fs::metadata(path).unwrap().nlink() > 1;
    let segments =
        files(&place.at("store")).into_iter().filter(|path| path.extension().is_some_and(|e| e == "log"));
    let segments: Vec<PathBuf> = segments.collect();
    assert!(segments[..5].iter().all(shared) && !shared(segments.last().unwrap()), "{segments:?}");
    // Compaction takes the store's names away, not the backup's files.
    store.prune(store.sequence()).unwrap();
    store.compact().unwrap();
    assert_eq!(place.restored(Some(1), "one").len(), 200);
    assert_eq!(place.restored(Some(2), "two").len(), 240);
}

#[test]
fn a_store_that_was_restored_can_be_backed_up_beside_the_original() {
    let place = Place::new();
    let store = place.store();
    fill(&store, 0, 100);
    store.backup(place.at("backups"), &mut |_| ()).unwrap();
    fill(&store, 100, 150);
    store.backup(place.at("backups"), &mut |_| ()).unwrap();
    // From here on both lives give the same numbers to different segments.
    let other = place.restored(Some(1), "other");
    fill(&other, 500, 600);
    other.backup(place.at("backups"), &mut |_| ()).unwrap();
    assert_eq!(place.restored(Some(2), "two").len(), 150);
    let three = place.restored(Some(3), "three");
    assert_eq!((three.len(), three.contains_key("key 0120").unwrap()), (200, false));
}

#[test]
fn f25_backups_while_threads_write_hold_whole_commits_up_to_their_sequence() {
    let place = Place::new();
    let store = place.store();
    let stop = AtomicBool::new(false);
    std::thread::scope(|scope| {
        for thread in 0..3 {
            let (store, stop) = (&store, &stop);
            scope.spawn(move || {
                for n in 0.. {
                    let mut batch = Batch::new();
                    for part in 0..5 {
                        batch.put(format!("{thread}/{part}"), format!("{n}"));
                    }
                    batch.durability(if n % 8 == 0 { Durability::Disk } else { Durability::Os });
                    store.commit(batch).unwrap();
                    if stop.load(Ordering::Relaxed) {
                        break;
                    }
                }
            });
        }
        for _ in 0..5 {
            let seen = store.sequence();
            let taken = store.backup(place.at("backups"), &mut |_| ()).unwrap();
            assert!(taken.backup.sequence >= seen);
        }
        stop.store(true, Ordering::Relaxed);
    });
    for (at, backup) in place.backups().list().unwrap().into_iter().enumerate() {
        let copy = place.restored(Some(backup.number), &format!("copy {at}"));
        assert_eq!(copy.sequence(), backup.sequence);
        let rows = rows(&copy);
        for batch in rows.chunks(5) {
            assert!(batch.iter().all(|(_, value)| *value == batch[0].1), "half a commit: {batch:?}");
        }
    }
}

#[test]
fn a_store_that_was_killed_is_backed_up_by_a_reader_as_it_stands() {
    let place = Place::new();
    let store = place.store();
    fill(&store, 0, 30);
    // What a process leaves that was killed now.
    fs::create_dir(place.at("killed")).unwrap();
    for file in files(&place.at("store")) {
        fs::copy(&file, place.at("killed").join(file.file_name().unwrap())).unwrap();
    }
    let contents =
        || -> Vec<_> { files(&place.at("killed")).iter().map(|path| fs::read(path).unwrap()).collect() };
    let before = contents();
    let reader = Store::open_read_only(place.at("killed")).unwrap();
    let taken = reader.backup(place.at("backups"), &mut |_| ()).unwrap();
    assert_eq!(taken.backup.sequence, Sequence(30));
    drop(reader);
    assert!(before == contents(), "reading changed the store");
    let copy = place.restored(None, "copy");
    assert_eq!((copy.len(), copy.sequence()), (30, Sequence(30)));
}

#[test]
fn f03_a_backup_that_has_rotted_is_refused_and_an_earlier_one_is_not() {
    let place = Place::new();
    let store = place.store();
    fill(&store, 0, 20);
    store.backup(place.at("backups"), &mut |_| ()).unwrap();
    fill(&store, 20, 100);
    store.backup(place.at("backups"), &mut |_| ()).unwrap();
    let newest = place.backups().list().unwrap()[1];
    assert!(newest.files > 2, "{newest:?}");
    // A byte of a value in the second segment, which the first backup does not have whole.
    let segments = files(&place.at("backups").join("segments"));
    let second = segments.iter().find(|path| path.to_str().unwrap().contains("/0000000000000002-")).unwrap();
    let mut bytes = fs::read(second).unwrap();
    let at = bytes.windows(8).position(|window| window == b"xxxxxxxx").unwrap();
    bytes[at + 3] ^= 1;
    fs::write(second, bytes).unwrap();

    let error = place.backups().restore(None, place.at("bad"), &mut |_| ()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Damaged, "{error}");
    assert!(error.to_string().contains("backup 2") && error.to_string().contains("earlier"), "{error}");
    let left: Vec<_> = files(place.dir.path())
        .into_iter()
        .filter(|path| path.to_str().unwrap().contains("pentad"))
        .collect();
    assert!(!place.at("bad").exists() && left.is_empty(), "{left:?}");
    assert_eq!(place.restored(Some(1), "good").len(), 20);

    let report = place.backups().restore_damaged(None, place.at("bad"), &mut |_| ()).unwrap();
    assert_eq!(report.damage.len(), 1);
    assert!(report.damage[0].file.starts_with(place.at("bad")), "{report:?}");
    let left = repair(&place.at("bad"), &place.at("mended"), &Options::new(), &mut |_| ()).unwrap();
    assert_eq!((left.entries, left.left_out.len()), (99, 1));
}

#[test]
fn f05_f25_what_is_no_place_for_a_backup_or_a_restoration_is_refused_untouched() {
    let place = Place::new();
    let store = place.store();
    fill(&store, 0, 5);
    let refused = |to: PathBuf, kind: ErrorKind, word: &str| {
        let error = store.backup(&to, &mut |_| ()).unwrap_err();
        assert_eq!(error.kind(), kind, "{error}");
        assert!(error.to_string().contains(word), "{error}");
    };
    refused(place.at("store"), ErrorKind::InvalidInput, "inside");
    refused(place.at("store").join("deep/down"), ErrorKind::InvalidInput, "inside");
    fs::write(place.at("file"), "text").unwrap();
    refused(place.at("file"), ErrorKind::NotAStore, "a file");
    fs::create_dir(place.at("photos")).unwrap();
    fs::write(place.at("photos").join("cat.jpg"), "meow").unwrap();
    refused(place.at("photos"), ErrorKind::NotAStore, "other things");
    assert_eq!(files(&place.at("photos")).len(), 1);
    let other = Store::open(place.at("other")).unwrap();
    other.backup(place.at("others"), &mut |_| ()).unwrap();
    refused(place.at("other"), ErrorKind::NotAStore, "a store");
    refused(place.at("others"), ErrorKind::InvalidInput, "another store");

    store.backup(place.at("backups"), &mut |_| ()).unwrap();
    let restore = |number, to: PathBuf| place.backups().restore(number, to, &mut |_| ()).unwrap_err();
    for taken in ["store", "other", "photos", "file", "backups"] {
        assert_eq!(restore(None, place.at(taken)).kind(), ErrorKind::InvalidInput, "{taken}");
    }
    assert_eq!(restore(None, place.at("backups").join("in")).kind(), ErrorKind::InvalidInput);
    assert_eq!(restore(None, place.at("no/such")).kind(), ErrorKind::InvalidInput);
    assert_eq!(restore(Some(9), place.at("new")).kind(), ErrorKind::StoreNotFound);
    assert_eq!(Backups::open(place.at("nothing")).unwrap_err().kind(), ErrorKind::StoreNotFound);
    assert_eq!(Backups::open(place.at("photos")).unwrap_err().kind(), ErrorKind::NotAStore);
    assert_eq!(fs::read_to_string(place.at("photos").join("cat.jpg")).unwrap(), "meow");
}

#[test]
fn a_newer_format_of_backups_is_refused_by_name() {
    let place = Place::new();
    place.store().backup(place.at("backups"), &mut |_| ()).unwrap();
    let mark = place.at("backups").join("repository");
    let mut bytes = fs::read(&mark).unwrap();
    bytes[16] = 9;
    let sum = crc32fast::hash(&bytes[..60]);
    bytes[60..].copy_from_slice(&sum.to_le_bytes());
    fs::write(&mark, bytes).unwrap();
    let error = Backups::open(place.at("backups")).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotAStore);
    assert!(error.to_string().contains("format version 9"), "{error}");
}

#[test]
fn what_is_stopped_leaves_no_backup_and_no_store() {
    let place = Place::new();
    let store = place.store();
    fill(&store, 0, 100);
    let stopped = store.backup(place.at("backups"), &mut |_| ControlFlow::Break(()));
    assert_eq!(stopped.unwrap_err().kind(), ErrorKind::Cancelled);
    assert_eq!(place.backups().list().unwrap(), []);
    store.backup(place.at("backups"), &mut |_| ()).unwrap();
    let mut last = None;
    let mut late = |done: pentad_engine::Progress| {
        last = Some(done);
        if done.done_bytes * 4 > done.total_bytes * 3 {
            ControlFlow::Break(())
        } else {
            ControlFlow::Continue(())
        }
    };
    let stopped = place.backups().restore(None, place.at("copy"), &mut late);
    assert_eq!(stopped.unwrap_err().kind(), ErrorKind::Cancelled);
    assert!(last.is_some_and(|done| done.done_bytes <= done.total_bytes), "{last:?}");
    assert!(!place.at("copy").exists());
    assert_eq!(files(place.dir.path()), [place.at("backups"), place.at("store")]);
}

#[test]
fn old_backups_are_given_up_with_what_only_they_needed() {
    let place = Place::new();
    let store = place.store();
    for round in 0..4 {
        fill(&store, round * 40, (round + 1) * 40);
        store.backup(place.at("backups"), &mut |_| ()).unwrap();
        // All is written anew, so the backups have little in common.
        store.prune(store.sequence().next()).unwrap();
        store.compact().unwrap();
    }
    let size = || files(&place.at("backups").join("segments")).len();
    let before = size();
    assert_eq!(place.backups().keep_newest(2).unwrap(), 2);
    assert!(size() < before, "{before} files before, {} after", size());
    let numbers: Vec<u64> = place.backups().list().unwrap().iter().map(|backup| backup.number).collect();
    assert_eq!(numbers, [3, 4]);
    assert_eq!(place.restored(Some(3), "three").len(), 120);
    assert_eq!(place.restored(Some(4), "four").len(), 160);
    assert_eq!(
        store.backup(place.at("backups"), &mut |_| ()).unwrap().backup.number,
        5,
        "no number comes again"
    );
    assert_eq!(place.backups().keep_newest(0).unwrap(), 3);
    assert_eq!(size(), 0);
}
