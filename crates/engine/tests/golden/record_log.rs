//! The image of a record log, which this version and every later one must open.

use std::collections::BTreeMap;
use std::path::PathBuf;

use pentad_engine::seams::sim::{SimClock, SimDisk};
use pentad_engine::{RecordLog, RecordLogOptions};

use super::histories::{START_NS, STORE, environment};
use super::{Image, TODAY_RECORD_LOG, committed, is_written_anew, write_anew};

const NAME: &str = "record-log";

fn open(disk: &SimDisk) -> RecordLog {
    let environment = environment(disk, &SimClock::new(START_NS));
    RecordLogOptions::new().segment_bytes(4096).environment(environment).open(STORE).unwrap()
}

/// What was done to it. Never changed, or the image would have to be.
fn write() -> Image {
    let disk = SimDisk::new(0);
    let log = open(&disk);
    log.put_small("vote", "first", |_| {}).unwrap();
    {
        let _together = log.group();
        log.append(3, vec!["three".into(), "four".into(), vec![5; 100].into()], |_| {}).unwrap();
        log.truncate_after(Some(4)).unwrap();
        log.append(5, vec!["another five".into()], |_| {}).unwrap();
        log.put_small_later("committed", "4").unwrap();
    }
    log.append(6, vec![vec![6; 3800].into()], |_| {}).unwrap();
    log.purge(3).unwrap();
    log.append(7, vec!["".into()], |_| {}).unwrap();
    log.close().unwrap();
    let mut image = disk.image();
    image.remove(&PathBuf::from(STORE).join("reserve"));
    image
}

#[test]
fn the_image_of_a_record_log_is_what_this_version_writes() {
    let image = write();
    assert_eq!(image, write(), "not deterministic");
    if is_written_anew() {
        write_anew(TODAY_RECORD_LOG, NAME, &image);
    }
    let golden = committed(TODAY_RECORD_LOG, NAME);
    assert_eq!(image.keys().collect::<Vec<_>>(), golden.keys().collect::<Vec<_>>());
    for (path, bytes) in &image {
        let differs = bytes.iter().zip(&golden[path]).position(|(new, old)| new != old);
        assert_eq!(differs, None, "{} differs from the image at that offset", path.display());
        assert_eq!(bytes.len(), golden[path].len(), "length of {}", path.display());
    }
}

#[test]
fn the_image_of_a_record_log_opens_and_holds_what_was_put_in() {
    let image = if is_written_anew() { write() } else { committed(TODAY_RECORD_LOG, NAME) };
    let disk = SimDisk::from_image(0, &image);
    let log = open(&disk);
    let held: BTreeMap<u64, Vec<u8>> = log
        .read(0..99, u64::MAX)
        .unwrap()
        .into_iter()
        .map(|(number, record)| (number, record.to_vec()))
        .collect();
    let expected: [(u64, Vec<u8>); 4] =
        [(4, b"four".to_vec()), (5, b"another five".to_vec()), (6, vec![6; 3800]), (7, Vec::new())];
    assert_eq!(held, BTreeMap::from(expected));
    assert_eq!(log.purged(), Some(3));
    assert_eq!(log.small(b"vote").as_deref(), Some(&b"first"[..]));
    assert_eq!(log.small(b"committed").as_deref(), Some(&b"4"[..]));
    log.append(8, vec!["after".into()], |result| result.unwrap()).unwrap();
}

/// The frames, found by the offsets of `docs/format.md` alone: kind, and what the first entry is stored under, or the number.
#[test]
fn the_frames_of_a_record_log_lie_where_the_format_page_says() {
    let image = if is_written_anew() { write() } else { committed(TODAY_RECORD_LOG, NAME) };
    let mut found = Vec::new();
    for (path, bytes) in image.iter().filter(|(path, _)| path.extension().is_some_and(|e| e == "log")) {
        let mut at = 128;
        while at + 64 <= bytes.len() {
            let body =
                usize::try_from(u64::from_le_bytes(bytes[at + 48..at + 56].try_into().unwrap())).unwrap();
            let what = match bytes[at + 8] {
                3 | 7 => u64::from_le_bytes(bytes[at + 64..at + 72].try_into().unwrap()).to_string(),
                5 => u64::from_le_bytes(bytes[at + 76..at + 84].try_into().unwrap()).to_string(),
                8 => {
                    let length = usize::from(u16::from_le_bytes(bytes[at + 66..at + 68].try_into().unwrap()));
                    String::from_utf8(bytes[at + 76..at + 76 + length].to_vec()).unwrap()
                }
                _ => String::new(),
            };
            found.push((bytes[at + 8], what));
            at += 64 + body;
        }
        assert_eq!(at, bytes.len(), "{} ends with a frame", path.display());
    }
    let expected = [
        (8, "vote"),
        (3, "3"),
        (5, "3"),
        (7, "5"),
        (5, "5"),
        (8, "committed"),
        (5, "6"),
        (3, "4"),
        (5, "7"),
        (2, ""),
    ];
    assert_eq!(found, expected.map(|(kind, what)| (kind, what.to_owned())));
}
