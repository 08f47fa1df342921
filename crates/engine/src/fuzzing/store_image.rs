//! A whole store out of bytes: the files of a sound one, changed as the input says, and then everything that a user can do
//! with a store: verify, open in all three ways, read, repair, write, prune, compact, close, open again.
//!
//! What has to hold: nothing panics; what only reads changes no file; an open that is refused changes no file; a reader and a
//! writer see the same store; what repair makes is sound; what a writer has closed opens again with what was put.

use std::path::Path;
use std::sync::Arc;

use super::reading::{check_error, look, read_all};
use super::seeds::{self, Image, STORE};
use super::source::Source;
use super::{edits, sums::Sums};
use crate::error::ErrorKind;
use crate::numbers::Sequence;
use crate::options::{Options, Retention, VerifyReads};
use crate::seams::Environment;
use crate::seams::sim::{SimClock, SimDisk, SimRandom};
use crate::store::{Store, repair, verify};

const NEW: &str = "/new";
/// A month after the seeds were written, in nanoseconds since 1970; some of their deadlines lie behind it.
const NOW_NS: u64 = 1_700_000_000_000_000_000 + 5_000_000_000;
/// More than any store of an input needs; an allocation in the order of a hostile length does not get it.
const DISK_BYTES: u64 = 64 << 20;
/// So many changes of files one input asks for at most.
const EDITS_MAX: usize = 24;

/// Makes a store of `input` and does everything with it.
///
/// # Panics
///
/// When the engine panics or one of the promises above is broken.
pub fn store_image(input: &[u8]) {
    let mut source = Source::new(input);
    let choice = source.byte();
    let number = usize::from(choice) % seeds::COUNT;
    let sums = Sums::chosen(&mut source, if number == 3 { 64 } else { 8 });
    let mut image = seeds::image(number);
    for _ in 0..EDITS_MAX {
        if source.is_spent() {
            break;
        }
        edits::edit(&mut image, &mut source);
    }
    sums.mend(&mut image);
    let verify = if choice & 0x40 == 0 { VerifyReads::FirstTouch } else { VerifyReads::Always };
    let retention = if choice & 0x80 == 0 { Retention::All } else { Retention::Commits(2) };
    let options = Options::new()
        .segment_bytes(4096)
        .auto_compact(false)
        .create(false)
        .verify_reads(verify)
        .retention(retention);
    only_read(&image, &options);
    let seen = open_to_read(&image, &options);
    repaired(&image, &options);
    written(&image, &options, seen);
}

fn on(disk: &SimDisk, options: &Options) -> Options {
    options.clone().environment(Environment {
        disk: Arc::new(disk.clone()),
        clock: Arc::new(SimClock::new(NOW_NS)),
        random: Arc::new(SimRandom::new(7)),
        background: false,
    })
}

fn disk_of(image: &Image) -> SimDisk {
    let disk = SimDisk::from_image(1, image);
    disk.set_capacity(Some(DISK_BYTES));
    disk
}

/// `verify` and the open of a damaged store.
fn only_read(image: &Image, options: &Options) {
    let disk = disk_of(image);
    let options = on(&disk, options);
    let at = Path::new(STORE);
    match verify(at, &options, &mut |_| {}) {
        Ok(report) => {
            for damage in &report.damage {
                assert!(damage.file.starts_with(STORE), "{damage:?}");
            }
        }
        Err(error) => check_refusal(&error),
    }
    match options.open_damaged(at) {
        Ok(store) => {
            assert!(store.is_read_only());
            read_all(&store);
            store.close().expect("closing a reader");
        }
        Err(error) => check_refusal(&error),
    }
    assert_eq!(disk.image(), *image, "only reading changed a file");
}

/// Sequence and number of live rows, if the store opens.
fn open_to_read(image: &Image, options: &Options) -> Option<(Sequence, Option<usize>)> {
    let disk = disk_of(image);
    let opened = on(&disk, options).open_read_only(STORE);
    let seen = match &opened {
        Ok(store) => Some((store.sequence(), read_all(store))),
        Err(error) => {
            check_refusal(error);
            None
        }
    };
    drop(opened);
    assert_eq!(disk.image(), *image, "a read-only open changed a file");
    seen
}

fn repaired(image: &Image, options: &Options) {
    let disk = disk_of(image);
    let options = on(&disk, options);
    if let Err(error) = repair(Path::new(STORE), Path::new(NEW), &options, &mut |_| {}) {
        check_refusal(&error);
        assert_eq!(disk.image(), *image, "a repair that failed left something behind: {error}");
        return;
    }
    let old: Image = disk.image().into_iter().filter(|(path, _)| path.starts_with(STORE)).collect();
    assert_eq!(old, *image, "repair changed the store that it read");
    let report = verify(Path::new(NEW), &options, &mut |_| {}).expect("a new store can be verified");
    assert_eq!(report.damage, [], "a repaired store is sound");
    let store = options.open(NEW).expect("a repaired store opens");
    assert!(read_all(&store).is_some(), "every row of a repaired store is readable");
    store.close().expect("a repaired store closes");
}

/// Opens for writing, and demands that a refusal changed nothing and that what was written is there afterwards.
fn written(image: &Image, options: &Options, seen: Option<(Sequence, Option<usize>)>) {
    let disk = disk_of(image);
    let store = match on(&disk, options).open(STORE) {
        Ok(store) => store,
        Err(error) => {
            check_refusal(&error);
            assert_eq!(disk.image(), *image, "a refused open changed a file: {error}");
            return;
        }
    };
    let rows = read_all(&store);
    // The other way round there are reasons: a writer needs numbers to go on with, and features that it can write.
    assert_eq!(seen, Some((store.sequence(), rows)), "a writer is let in and a reader sees another store");
    write_to(&store);
    store.close().expect("a store on a sound disk closes");
    let (sequence, image) = (store.sequence(), disk.image());
    drop(store);
    let store = on(&disk, options).open(STORE).expect("what was closed in order opens again");
    assert_eq!(store.sequence(), sequence, "commits of a closed store");
    assert_eq!(store.get("fuzzed").expect("a fresh value").as_deref(), Some(&b"second"[..]));
    assert!(disk.image().len() >= image.len() - 1, "segments of a closed store");
    read_all(&store);
}

fn write_to(store: &Store) {
    let before = store.sequence();
    store.put("fuzzed", "first").expect("a put on a sound disk");
    look(store.prune(before));
    look(store.compact());
    store.put("fuzzed", vec![b'x'; 5_000]).expect("a put into a new segment");
    store.delete("fuzzed").expect("a delete on a sound disk");
    store.put("fuzzed", "second").expect("a put after a delete");
    store.maintain().expect("a mark on a sound disk");
    look(store.compact());
    read_all(store);
    assert_eq!(store.sequence().0, before.0 + 4, "each of the commits took one sequence");
}

/// A refusal is for the bytes that are there; the disk itself works.
fn check_refusal(error: &crate::error::Error) {
    // Where the identity's file is gone there is no store at all.
    if error.kind() != ErrorKind::StoreNotFound {
        check_error(error);
    }
}
