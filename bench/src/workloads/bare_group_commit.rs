//! The mark for durable puts from many threads: group commit and nothing else.
//!
//! A thread adds its record to the waiting ones. If nobody leads, it takes all that wait, writes them in one go into
//! allocated blocks, syncs once, and tells the others. Invariant: `append` returns after a sync that began when the record was
//! already written.

use std::path::Path;
use std::sync::{Condvar, Mutex, PoisonError};

use super::raw_puts::{Kind, RawFile};
use crate::error::{Error, Result};

/// A log that threads append to.
#[derive(Debug)]
pub(super) struct GroupCommit {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug)]
struct State {
    waiting: Vec<u8>,
    /// Records that were ever handed in, and those of them that are durable.
    taken: u64,
    durable: u64,
    syncs: u64,
    /// Absent while a thread leads.
    file: Option<RawFile>,
    failed: bool,
}

impl GroupCommit {
    /// With room for `bytes` of records.
    pub(super) fn create(directory: &Path, bytes: u64) -> Result<Self> {
        let file = Some(RawFile::create(directory, Kind::Allocated, bytes)?);
        let state = State { waiting: Vec::new(), taken: 0, durable: 0, syncs: 0, file, failed: false };
        Ok(Self { state: Mutex::new(state), changed: Condvar::new() })
    }

    /// Appends a record; it is on the disk when this returns.
    pub(super) fn append(&self, record: &[u8]) -> Result<()> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.waiting.extend_from_slice(record);
        state.taken += 1;
        let mine = state.taken;
        while state.durable < mine {
            if state.failed {
                return Err(Error::System {
                    what: "bare group commit",
                    reason: "another thread's write or sync failed".to_owned(),
                });
            }
            let Some(mut file) = state.file.take() else {
                state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
                continue;
            };
            let (group, last) = (std::mem::take(&mut state.waiting), state.taken);
            drop(state);
            let written = file.append(&group);
            state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
            state.failed = written.is_err();
            if written.is_ok() {
                state.durable = last;
                state.syncs += 1;
            }
            state.file = Some(file);
            self.changed.notify_all();
            written?;
        }
        Ok(())
    }

    /// Records for each sync so far.
    pub(super) fn records_per_sync(&self) -> f64 {
        let state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.durable as f64 / state.syncs.max(1) as f64
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::GroupCommit;

    #[test]
    fn every_record_of_every_thread_is_in_the_file_once() {
        let place = tempfile::tempdir().unwrap();
        let log = GroupCommit::create(place.path(), 1 << 20).unwrap();
        std::thread::scope(|scope| {
            for thread in 0..8_u8 {
                let log = &log;
                scope.spawn(move || (0..50_u8).for_each(|number| log.append(&[thread + 1, number]).unwrap()));
            }
        });
        let written = fs::read(place.path().join("raw-Allocated")).unwrap();
        let mut records: Vec<&[u8]> = written.chunks(2).take_while(|record| record[0] != 0).collect();
        records.sort_unstable();
        records.dedup();
        assert_eq!(records.len(), 400);
        assert!(log.records_per_sync() >= 1.0);
    }
}
