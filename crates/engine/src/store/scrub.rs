//! The scrub: an open store reads itself again, slowly, to find rot while there are other copies to mend it from.
//!
//! Invariants: it writes nothing, takes no lock that a commit waits for longer than it takes to copy the catalog, and reads no
//! faster than the option says; what it found stands until the segment is read again or gone. A pass goes from segment to
//! segment by id. One that compaction removes is skipped, and what is newer than the pass is for the next one: whoever wrote
//! it has just held it in memory.

use std::collections::{BTreeMap, HashMap};
use std::io;
use std::ops::ControlFlow;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, PoisonError};
use std::time::Duration;

use super::core::Core;
use super::pace::Wait;
use super::verification::{Subject, Verification};
use super::verify_report::Damage;
use crate::format::catalog::SegmentRecord;
use crate::log::segment::Segment;
use crate::log::source::Gate;
use crate::numbers::{SegmentId, Timestamp};
use crate::seams::lock::{Mutex, MutexGuard};

/// Findings that are kept with file, offset and key; further ones are counted.
const FINDINGS_MAX: usize = 100;
/// A pass begins no sooner than this after the one before began.
const PASS_INTERVAL: Duration = Duration::from_hours(1);
/// Bytes read at a time, at most.
const PIECE_BYTES: u64 = 256 << 10;

/// What the scrub of an open store has come to; see [`Options::scrub`](crate::Options::scrub).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct ScrubStats {
    /// Bytes per second that it reads at most.
    pub bytes_per_second: u64,
    /// Bytes that the pass under way has read, or the last one if none is.
    pub done_bytes: u64,
    /// Bytes that there were to read when that pass began.
    pub total_bytes: u64,
    /// Passes since the store was opened that came to their end.
    pub passes: u64,
    /// Store time when the last of them did.
    pub last_pass: Option<Timestamp>,
    /// Places that do not verify and whose files are still there.
    pub found: u64,
    /// The first 100 of them.
    pub findings: Vec<Damage>,
}

/// The scrub of an open store.
#[derive(Debug, Default)]
pub(super) struct Scrub {
    state: Mutex<State>,
    done_bytes: AtomicU64,
    /// Monotonic time from which on the next read is due.
    due_ns: AtomicU64,
}

#[derive(Debug, Default)]
struct State {
    /// The pass under way.
    pass: Option<Pass>,
    /// Monotonic time from which on the next pass is due.
    next_pass_ns: u64,
    total_bytes: u64,
    passes: u64,
    last_pass: Option<Timestamp>,
    /// By segment; `None` is the identity and the catalog.
    found: BTreeMap<Option<SegmentId>, Found>,
}

#[derive(Clone, Copy, Debug)]
struct Pass {
    /// The segments from this one on are to be read.
    next: SegmentId,
    /// Those from this one on are for the next pass.
    end: SegmentId,
}

#[derive(Debug)]
struct Found {
    count: u64,
    kept: Vec<Damage>,
}

impl Scrub {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// Puts what was found in one place in place of what was found there before.
    fn replace(&mut self, place: Option<SegmentId>, mut damage: Vec<Damage>) {
        self.found.remove(&place);
        if damage.is_empty() {
            return;
        }
        let count = damage.len() as u64;
        let kept: usize = self.found.values().map(|found| found.kept.len()).sum();
        damage.truncate(FINDINGS_MAX - kept);
        self.found.insert(place, Found { count, kept: damage });
    }
}

/// Lets reads through at the pace that was asked for.
struct Pace<'a> {
    core: &'a Core,
    wait: Option<&'a Wait<'a>>,
}

impl std::fmt::Debug for Pace<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Pace").field("waits", &self.wait.is_some()).finish_non_exhaustive()
    }
}

impl Pace<'_> {
    /// How long it is until the next read is due.
    fn left(&self) -> Duration {
        let due = self.core.scrub.due_ns.load(Ordering::Relaxed);
        Duration::from_nanos(due.saturating_sub(self.core.environment.clock.monotonic_ns()))
    }
}

impl Gate for Pace<'_> {
    fn admit(&self, bytes: u64) -> io::Result<()> {
        let left = self.left();
        let goes_on = left.is_zero() || self.wait.is_none_or(|wait| wait(left));
        if !goes_on || self.core.closing.load(Ordering::Acquire) {
            return Err(io::Error::other("the store is being closed"));
        }
        let scrub = &self.core.scrub;
        let rate = self.core.options.scrub_bytes_per_second.max(1);
        let taken = u128::from(bytes) * 1_000_000_000 / u128::from(rate);
        let from = scrub.due_ns.load(Ordering::Relaxed).max(self.core.environment.clock.monotonic_ns());
        let due = from.saturating_add(u64::try_from(taken).unwrap_or(u64::MAX));
        scrub.due_ns.store(due, Ordering::Relaxed);
        scrub.done_bytes.fetch_add(bytes, Ordering::Relaxed);
        Ok(())
    }

    fn piece_bytes(&self) -> u64 {
        // At a slow pace in small pieces, so that no second is without a read and none with many.
        PIECE_BYTES.min(self.core.options.scrub_bytes_per_second / 4).max(4096)
    }
}

impl Core {
    /// Reads on with the scrub, if the option is set: until the store is closed or the pass is at its end, or, without
    /// `wait`, one segment if a read is due.
    pub(super) fn scrub(&self, wait: Option<&Wait<'_>>) {
        if self.options.scrub_bytes_per_second == 0 {
            return;
        }
        let pace = Pace { core: self, wait };
        while !self.closing.load(Ordering::Acquire) {
            if !pace.left().is_zero() && wait.is_none() {
                return;
            }
            let pass = self.scrub.state().pass;
            let Some(pass) = pass else {
                if !self.begin_pass() {
                    return;
                }
                continue;
            };
            match self.next_segment(pass) {
                Some(segment) => {
                    let damage = self.read_segment(&segment, &pace);
                    let mut state = self.scrub.state();
                    // What stopped in the middle, or is of a file that is gone, says nothing.
                    if self.closing.load(Ordering::Acquire) {
                        return;
                    }
                    state.replace(Some(segment.id), damage.unwrap_or_default());
                    state.pass = Some(Pass { next: segment.id.next(), ..pass });
                }
                None => {
                    let mut state = self.scrub.state();
                    state.pass = None;
                    state.passes += 1;
                    state.last_pass = Some(self.time.now());
                }
            }
        }
    }

    /// Begins a pass, with the small files, if it is time for one.
    fn begin_pass(&self) -> bool {
        let now = self.environment.clock.monotonic_ns();
        if now < self.scrub.state().next_pass_ns {
            return false;
        }
        let segments = self.segments.all();
        let damage = self.metadata_damage().unwrap_or_else(|error| vec![unreadable(&self.dir, &error)]);
        let end = segments.last().map_or(SegmentId(0), |last| last.id.next());
        self.scrub.done_bytes.store(0, Ordering::Relaxed);
        let mut state = self.scrub.state();
        state.replace(None, damage);
        state.pass = Some(Pass { next: SegmentId(0), end });
        state.total_bytes = segments.iter().map(|segment| segment.end()).sum();
        let interval = u64::try_from(PASS_INTERVAL.as_nanos()).unwrap_or(u64::MAX);
        state.next_pass_ns = now.saturating_add(interval);
        true
    }

    fn next_segment(&self, pass: Pass) -> Option<Arc<Segment>> {
        let mut segments = self.segments.all().into_iter();
        segments.find(|segment| (pass.next..pass.end).contains(&segment.id))
    }

    /// What does not verify of a segment; `None` when it is gone.
    fn read_segment(&self, segment: &Segment, pace: &Pace<'_>) -> Option<Vec<Damage>> {
        let published = HashMap::from([(segment.id, segment.end())]);
        // After the end, so that it names every stream that is referred to before it.
        let catalog = self.catalog.current().clone();
        let record: SegmentRecord = catalog.segments.iter().find(|record| record.id == segment.id)?.clone();
        let subject = Subject {
            disk: &*self.environment.disk,
            dir: &self.dir,
            store_id: self.identity.store_id,
            alignment: self.identity.alignment.bytes(),
            catalog,
            published: Some(published),
            gate: Some(pace),
        };
        let read = Verification::new(subject, &mut |_| ControlFlow::Continue(())).one(&record);
        self.segments.get(segment.id)?;
        Some(read.map_or_else(|error| vec![unreadable(&segment.path, &error)], |report| report.damage))
    }

    /// What the scrub has come to; `None` when there is none.
    pub(super) fn scrub_stats(&self) -> Option<ScrubStats> {
        let bytes_per_second = self.options.scrub_bytes_per_second;
        if bytes_per_second == 0 || self.read_only {
            return None;
        }
        let mut state = self.scrub.state();
        // What is gone is nobody's worry any more.
        state.found.retain(|place, _| place.is_none_or(|id| self.segments.get(id).is_some()));
        Some(ScrubStats {
            bytes_per_second,
            done_bytes: self.scrub.done_bytes.load(Ordering::Relaxed).min(state.total_bytes),
            total_bytes: state.total_bytes,
            passes: state.passes,
            last_pass: state.last_pass,
            found: state.found.values().map(|found| found.count).sum(),
            findings: state.found.values().flat_map(|found| found.kept.iter().cloned()).collect(),
        })
    }
}

/// A file that could not be read, as a finding: the next pass tries again.
fn unreadable(file: &std::path::Path, error: &crate::error::Error) -> Damage {
    let what = format!("it could not be read: {error}");
    Damage { file: file.to_path_buf(), offset: 0, sequence: None, key: None, what }
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::{FINDINGS_MAX, State};
    use crate::numbers::SegmentId;
    use crate::store::verify_report::Damage;

    fn damage(count: u64) -> Vec<Damage> {
        let at = |offset| Damage {
            file: PathBuf::from("file"),
            offset,
            sequence: None,
            key: None,
            what: "bad".to_owned(),
        };
        (0..count).map(at).collect()
    }

    #[test]
    fn findings_are_counted_beyond_those_that_are_kept() {
        let mut state = State::default();
        let kept = |state: &State| state.found.values().map(|found| found.kept.len()).sum::<usize>();
        let counted = |state: &State| state.found.values().map(|found| found.count).sum::<u64>();
        state.replace(Some(SegmentId(1)), damage(70));
        state.replace(Some(SegmentId(2)), damage(1000));
        assert_eq!((kept(&state), counted(&state)), (FINDINGS_MAX, 1070));
        state.replace(Some(SegmentId(3)), damage(5));
        assert_eq!((kept(&state), counted(&state)), (FINDINGS_MAX, 1075));
        state.replace(Some(SegmentId(2)), damage(1));
        assert_eq!((kept(&state), counted(&state)), (71, 76), "what is read again is told anew");
        state.replace(Some(SegmentId(1)), Vec::new());
        assert_eq!((kept(&state), counted(&state)), (1, 6));
    }
}
