//! A record log as its user sees it, on the real disk and with its own thread.

use std::sync::mpsc;
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use pentad_engine::{ErrorKind, RecordLog, RecordLogOptions, Store};

fn records(range: std::ops::Range<u64>) -> Vec<Bytes> {
    range.map(|number| format!("record {number}").into()).collect()
}

fn numbers(log: &RecordLog) -> Vec<u64> {
    log.read(0..u64::MAX, u64::MAX).unwrap().into_iter().map(|(number, _)| number).collect()
}

/// Appends and waits until it is on the disk.
fn append(log: &RecordLog, range: std::ops::Range<u64>) {
    let (tell, told) = mpsc::channel();
    log.append(range.start, records(range), move |result| tell.send(result).unwrap()).unwrap();
    told.recv().unwrap().unwrap();
}

#[test]
fn records_can_be_read_at_once_and_again_after_reopening() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("log");
    let log = RecordLog::open(&path).unwrap();
    assert_eq!((log.first_index(), log.last_index(), log.purged()), (None, None, None));
    log.append(0, records(0..5), |_| {}).unwrap();
    assert_eq!(numbers(&log), [0, 1, 2, 3, 4]);
    append(&log, 5..8);
    log.truncate_after(Some(5)).unwrap();
    log.append(6, vec!["another".into()], |_| {}).unwrap();
    log.put_small("vote", "for me", |_| {}).unwrap();
    log.put_small_later("committed", "6").unwrap();
    log.purge(2).unwrap();
    let expected = |log: &RecordLog| {
        assert_eq!(numbers(log), [3, 4, 5, 6]);
        assert_eq!(log.read(6..7, 0).unwrap()[0].1, "another");
        assert_eq!(log.read(3..9, 10).unwrap().len(), 1, "one at least");
        assert_eq!(log.small(b"vote").as_deref(), Some(&b"for me"[..]));
        assert_eq!(log.small(b"committed").as_deref(), Some(&b"6"[..]));
        assert_eq!((log.first_index(), log.last_index(), log.purged()), (Some(3), Some(6), Some(2)));
    };
    expected(&log);
    log.close().unwrap();
    log.close().unwrap();
    assert_eq!(log.append(7, records(7..8), |_| {}).unwrap_err().kind(), ErrorKind::Closed);
    drop(log);
    for _ in 0..2 {
        let log = RecordLogOptions::new().create(false).open(&path).unwrap();
        expected(&log);
    }
}

#[test]
fn callbacks_come_in_the_order_of_the_calls() {
    let dir = tempfile::tempdir().unwrap();
    let log = RecordLog::open(dir.path()).unwrap();
    let heard = Arc::new(Mutex::new(Vec::new()));
    let note = |number: u64| {
        let heard = Arc::clone(&heard);
        move |result: pentad_engine::Result<()>| {
            result.unwrap();
            heard.lock().unwrap().push(number);
        }
    };
    for number in 0..200 {
        if number % 3 == 0 {
            log.put_small("vote", number.to_string(), note(number)).unwrap();
        } else {
            let next = log.last_index().map_or(0, |last| last + 1);
            log.append(next, records(next..next + 1), note(number)).unwrap();
        }
    }
    log.close().unwrap();
    assert_eq!(*heard.lock().unwrap(), (0..200).collect::<Vec<_>>());
}

#[test]
fn what_would_leave_a_hole_is_refused_and_changes_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let log = RecordLog::open(dir.path()).unwrap();
    append(&log, 7..10);
    assert_eq!(log.purged(), Some(6), "what is before the first record of all counts as purged");
    for first in [0, 9, 11] {
        let error = log.append(first, records(0..1), |result| assert!(result.is_err())).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidInput, "{first}");
    }
    assert_eq!(log.truncate_after(Some(3)).unwrap_err().kind(), ErrorKind::InvalidInput);
    log.purge(20).unwrap();
    assert_eq!((log.first_index(), log.purged()), (None, Some(20)));
    assert_eq!(log.append(10, records(10..11), |_| {}).unwrap_err().kind(), ErrorKind::InvalidInput);
    append(&log, 21..23);
    log.truncate_after(None).unwrap();
    assert_eq!(log.last_index(), None);
    append(&log, 21..22);
    drop(log);
    assert_eq!(numbers(&RecordLog::open(dir.path()).unwrap()), [21]);
}

#[test]
fn a_record_is_read_from_its_segment_when_it_is_not_in_memory() {
    let dir = tempfile::tempdir().unwrap();
    let options = RecordLogOptions::new().segment_bytes(4096).recent_bytes(0);
    let log = options.open(dir.path()).unwrap();
    let long = |number: u64| {
        Bytes::from(vec![u8::try_from(number % 251).unwrap(); 100 * usize::try_from(number).unwrap()])
    };
    for number in 0..100 {
        log.append(number, vec![long(number)], |_| {}).unwrap();
    }
    append(&log, 100..101);
    let held = log.read(50..51, 0).unwrap().remove(0).1;
    for (number, record) in log.read(0..100, u64::MAX).unwrap() {
        assert_eq!(record, long(number));
    }
    log.purge(98).unwrap();
    append(&log, 101..102);
    // Segments are given back behind the callbacks; what is called now is done behind that.
    append(&log, 102..103);
    assert_eq!(held, long(50), "what was read stays");
    assert_eq!(numbers(&log), [99, 100, 101, 102]);
    let stats = log.stats();
    assert_eq!((stats.records, stats.unwritten_bytes, stats.poisoned), (4, 0, false));
    assert!(stats.memory_bytes < 16 << 10 && stats.segments < 6 && stats.syncs > 0, "{stats:?}");
}

#[test]
fn f05_a_store_is_no_record_log_and_a_record_log_no_store() {
    let dir = tempfile::tempdir().unwrap();
    drop(Store::open(dir.path().join("store")).unwrap());
    drop(RecordLog::open(dir.path().join("log")).unwrap());
    let error = RecordLog::open(dir.path().join("store")).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotAStore, "{error}");
    let error = Store::open(dir.path().join("log")).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotAStore, "{error}");
    let missing = RecordLogOptions::new().create(false).open(dir.path().join("none")).unwrap_err();
    assert_eq!(missing.kind(), ErrorKind::StoreNotFound, "{missing}");
}

#[test]
fn f06_a_second_handle_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let log = RecordLog::open(dir.path()).unwrap();
    assert_eq!(RecordLog::open(dir.path()).unwrap_err().kind(), ErrorKind::Locked);
    drop(log);
    drop(RecordLog::open(dir.path()).unwrap());
}

#[test]
fn f25_a_callback_that_panics_ends_the_log_and_nobody_waits() {
    let dir = tempfile::tempdir().unwrap();
    let log = RecordLog::open(dir.path()).unwrap();
    let (tell, told) = mpsc::channel();
    {
        let _together = log.group();
        log.append(0, records(0..1), |_| panic!("on purpose")).unwrap();
        log.append(1, records(1..2), move |result| tell.send(result).unwrap()).unwrap();
    }
    told.recv().unwrap().expect("it is on the disk all the same");
    while log.append(2, vec![], |_| {}).is_ok() {}
    assert_eq!(log.append(2, vec![], |_| {}).unwrap_err().kind(), ErrorKind::Poisoned);
    assert!(log.close().is_err());
    drop(log);
    assert_eq!(numbers(&RecordLog::open(dir.path()).unwrap()), [0, 1]);
}

#[test]
fn f14_what_is_too_long_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let log = RecordLog::open(dir.path()).unwrap();
    let refused =
        |key: usize, value: usize| log.put_small(vec![b'k'; key], vec![0; value], |_| {}).unwrap_err().kind();
    assert_eq!(refused(0, 1), ErrorKind::InvalidInput);
    assert_eq!(refused(256, 1), ErrorKind::LimitExceeded);
    assert_eq!(refused(1, (64 << 10) + 1), ErrorKind::LimitExceeded);
    for key in 0..pentad_engine::SMALL_COUNT_MAX {
        log.put_small_later(key.to_string(), "").unwrap();
    }
    assert_eq!(refused(1, 1), ErrorKind::LimitExceeded);
    log.put_small_later("7", "again").unwrap();
    assert_eq!(log.purge(u64::MAX).unwrap_err().kind(), ErrorKind::LimitExceeded);
    log.append(0, vec![Bytes::new()], |_| {}).unwrap();
    assert_eq!(log.read(0..1, 0).unwrap(), [(0, Bytes::new())], "an empty record is one");
    log.append(1, vec!["longer".into(), Bytes::new()], |_| {}).unwrap();
    assert_eq!(log.read(1..3, 5).unwrap().len(), 1, "behind one that takes all the room there is none");
    assert_eq!(log.read(1..3, 6).unwrap().len(), 2, "an empty record needs none");
}

/// What a record of the stress test holds: its number and the term in which it was written, some of them at length.
fn written_in(term: u64, number: u64) -> Bytes {
    let mut bytes = vec![0; if number.is_multiple_of(7) { 6000 } else { 30 }];
    bytes[..8].copy_from_slice(&number.to_le_bytes());
    bytes[8..16].copy_from_slice(&term.to_le_bytes());
    bytes.into()
}

/// One thread appends, truncates and votes as a follower does, one purges, two read: they see records without a hole, and one
/// after the other of terms that do not fall; callbacks come in order and are all heard; after reopening all of it is there.
#[test]
fn threads_that_append_truncate_purge_and_read_agree() {
    let dir = tempfile::tempdir().unwrap();
    let options = RecordLogOptions::new().segment_bytes(64 << 10).recent_bytes(20_000);
    let log = options.open(dir.path()).unwrap();
    let heard = Arc::new(Mutex::new(Vec::new()));
    let stop = std::sync::atomic::AtomicBool::new(false);
    let mut asked = 0_u64;
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                while !stop.load(std::sync::atomic::Ordering::Relaxed) {
                    let from = log.first_index().unwrap_or(0);
                    let records = log.read(from..from + 3000, 200_000).unwrap();
                    let mut before: Option<(u64, u64)> = None;
                    for (number, record) in records {
                        let term = u64::from_le_bytes(record[8..16].try_into().unwrap());
                        assert_eq!(record, written_in(term, number));
                        assert!(
                            before.is_none_or(|(n, t)| n + 1 == number && t <= term),
                            "{before:?} {number} {term}"
                        );
                        before = Some((number, term));
                    }
                }
            });
        }
        scope.spawn(|| {
            while !stop.load(std::sync::atomic::Ordering::Relaxed) {
                if let Some(last) = log.last_index()
                    && last > 500
                {
                    log.purge(last - 500).unwrap();
                }
                std::thread::sleep(std::time::Duration::from_millis(3));
            }
        });
        for term in 1..150 {
            let note = |asked: u64| {
                let heard = Arc::clone(&heard);
                move |result: pentad_engine::Result<()>| {
                    result.unwrap();
                    heard.lock().unwrap().push(asked);
                }
            };
            log.put_small("vote", term.to_string(), note(asked)).unwrap();
            asked += 1;
            if let Some(last) = log.last_index() {
                log.truncate_after(Some(last - term % 40)).unwrap();
            }
            for _ in 0..10 {
                let first = log.last_index().map_or(0, |last| last + 1);
                let records = (first..first + 20).map(|number| written_in(term, number)).collect();
                log.append(first, records, note(asked)).unwrap();
                asked += 1;
            }
            log.put_small_later("committed", term.to_string()).unwrap();
        }
        stop.store(true, std::sync::atomic::Ordering::Relaxed);
    });
    let before = log.read(0..u64::MAX, u64::MAX).unwrap();
    log.close().unwrap();
    assert_eq!(*heard.lock().unwrap(), (0..asked).collect::<Vec<_>>());
    drop(log);
    let log = options.open(dir.path()).unwrap();
    assert_eq!(log.read(0..u64::MAX, u64::MAX).unwrap(), before);
    assert_eq!(log.small(b"vote").as_deref(), Some(&b"149"[..]));
    assert_eq!(log.small(b"committed").as_deref(), Some(&b"149"[..]));
}

/// A leader says after each entry how far it has committed; a frame for each would take more than the entries.
#[test]
fn what_nobody_waits_for_is_written_once_for_many_calls() {
    let dir = tempfile::tempdir().unwrap();
    let log = RecordLog::open(dir.path()).unwrap();
    {
        let _together = log.group();
        for number in 0..1000 {
            log.append(number, vec!["an entry".into()], |_| {}).unwrap();
            log.put_small_later("committed", number.to_string()).unwrap();
        }
    }
    let (tell, told) = mpsc::channel();
    log.flush(move |result| tell.send(result).unwrap()).unwrap();
    told.recv().unwrap().unwrap();
    let bytes = log.stats().log_bytes;
    assert!(bytes < 1000 * 40, "{bytes} bytes for a thousand entries of 8");
    drop(log);
    let log = RecordLog::open(dir.path()).unwrap();
    assert_eq!(log.small(b"committed").as_deref(), Some(&b"999"[..]));
    assert_eq!(log.last_index(), Some(999));
}

#[test]
fn a_callback_may_call_the_log_and_close_it() {
    let dir = tempfile::tempdir().unwrap();
    let log = RecordLog::open(dir.path()).unwrap();
    let (tell, told) = mpsc::channel();
    let within = log.clone();
    let closed = move |result: pentad_engine::Result<()>| {
        result.unwrap();
        within.append(1, records(1..2), |_| {}).unwrap();
        tell.send(within.close()).unwrap();
    };
    log.append(0, records(0..1), closed).unwrap();
    told.recv().unwrap().unwrap();
    log.close().unwrap();
    drop(log);
    assert_eq!(numbers(&RecordLog::open(dir.path()).unwrap()), [0], "what came behind the close was refused");
}
