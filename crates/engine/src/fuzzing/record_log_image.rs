//! A whole record log out of bytes: the files of a sound one, changed as the input says, and then everything that a user can do
//! with a record log.
//!
//! What has to hold: nothing panics; an open that is refused changes no file; records follow each other without a hole; what was
//! appended and closed is there again, and nothing else has changed.

use std::sync::Arc;

use bytes::Bytes;

use super::seeds::{self, Image, STORE};
use super::source::Source;
use super::{edits, sums::Sums};
use crate::error::{Error, ErrorKind, Result};
use crate::record_log::{RecordLog, RecordLogOptions};
use crate::seams::Environment;
use crate::seams::sim::{SimClock, SimDisk, SimRandom};

/// More than any log of an input needs.
const DISK_BYTES: u64 = 64 << 20;
/// So many changes of files one input asks for at most.
const EDITS_MAX: usize = 24;

/// Makes a record log of `input` and does everything with it.
///
/// # Panics
///
/// When the engine panics or one of the promises above is broken.
pub fn record_log_image(input: &[u8]) {
    let mut source = Source::new(input);
    let sums = Sums::chosen(&mut source, 8);
    let mut image = seeds::record_log();
    for _ in 0..EDITS_MAX {
        if source.is_spent() {
            break;
        }
        edits::edit(&mut image, &mut source);
    }
    sums.mend(&mut image);
    let disk = SimDisk::from_image(1, &image);
    disk.set_capacity(Some(DISK_BYTES));
    let log = match open(&disk) {
        Ok(log) => log,
        Err(error) => return check_refusal(&error, &disk, &image),
    };
    let held = records(&log);
    let next = log.last_index().map_or(log.purged().map_or(0, |purged| purged + 1), |last| last + 1);
    let written = |result: Result<()>| result.expect("a log on a sound disk writes");
    log.append(next, vec!["appended".into()], written).expect("what follows the last record is taken");
    log.put_small("vote", "written", written).expect("a log has few small records, and this is one of them");
    log.close().expect("a log on a sound disk closes");
    drop(log);
    let log = open(&disk).expect("what was closed opens again");
    let mut expected = held;
    expected.push((next, "appended".into()));
    assert_eq!(records(&log), expected);
    assert_eq!(log.small(b"vote").as_deref(), Some(&b"written"[..]));
    log.truncate_after(next.checked_sub(1).filter(|_| expected.len() > 1)).expect("nothing below the floor");
    log.purge(next + 3).expect("a number that a log reaches");
    assert_eq!(records(&log), []);
}

fn open(disk: &SimDisk) -> Result<RecordLog> {
    let environment = Environment {
        disk: Arc::new(disk.clone()),
        clock: Arc::new(SimClock::new(1_700_000_000_000_000_000)),
        random: Arc::new(SimRandom::new(disk.operations())),
        background: false,
    };
    RecordLogOptions::new().segment_bytes(4096).create(false).environment(environment).open(STORE)
}

/// All records, which follow each other.
fn records(log: &RecordLog) -> Vec<(u64, Bytes)> {
    let records = log.read(0..u64::MAX, u64::MAX).expect("every record was verified when the log was opened");
    assert!(records.windows(2).all(|pair| pair[0].0 + 1 == pair[1].0), "{records:?}");
    assert_eq!(records.first().map(|(number, _)| *number), log.first_index());
    assert_eq!(records.last().map(|(number, _)| *number), log.last_index());
    records
}

fn check_refusal(error: &Error, disk: &SimDisk, image: &Image) {
    let kinds =
        [ErrorKind::Damaged, ErrorKind::NotAStore, ErrorKind::StoreNotFound, ErrorKind::LimitExceeded];
    assert!(kinds.contains(&error.kind()), "bytes cannot cause {error:?}");
    assert!(error.to_string().contains(STORE), "{error}");
    assert_eq!(disk.image(), *image, "a refused open changed a file: {error}");
}
