//! The runs of one space: a list that readers take whole, and the three that change it.
//!
//! Invariants:
//! - the list is newest first, and every record of a run is newer than those of the runs behind it with the same key;
//! - readers take the list as it is, and never wait; a run in the current list has every relocation in its cells;
//! - no relocation is lost to a merge. One that hits a run that is being merged is noted as well, and made again in
//!   the new run before that is published. When too many are noted, relocating waits for the merge.
//!
//! **Locks**, in the order in which they are taken: `merger` for the whole of a background merge, then `writer` for a
//! push with its small merges, for a relocation, and for the start and the end of a background merge.

use std::collections::VecDeque;
use std::sync::Arc;

use arc_swap::{ArcSwap, Guard};

use super::build::build;
use super::cell::Mark;
use super::keys::{Keep, Keys};
use super::run::Run;
use super::shape;
use super::weave::merge;
use crate::address::Address;
use crate::seams::lock::{Mutex, MutexGuard};

const WHOLE: &str = "the list is whole: no thread panicked while changing it";

/// Records that a push merges by itself, at most, unless the list grows too long.
const INLINE_MAX: usize = 2048;

/// Runs in the list, but for some that come while a merge of all of these is under way.
const RUNS_MAX: usize = 48;

/// Relocations noted during a merge before further ones wait for it. Few in tests, so that they do wait there.
const NOTED_MAX: usize = if cfg!(test) { 256 } else { 65_536 };

/// Noted relocations that are made with the writer shut out.
const NOTED_AT_END_MAX: usize = 64;

/// The runs of a list, newest first.
pub(crate) type List = Vec<Arc<Run>>;

/// How far [`Runs::maintain`] goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Effort {
    /// Merges what is due by size.
    Due,
    /// Also merges until one run is left.
    Settle,
    /// Also rewrites a single run, for the sake of what may be left out of it. One call, one rewrite.
    Rewrite,
}

/// See the module.
#[derive(Debug, Default)]
pub(crate) struct Runs {
    list: ArcSwap<List>,
    writer: Mutex<Writer>,
    merger: Mutex<()>,
}

#[derive(Debug, Default)]
struct Writer {
    merging: Option<Merging>,
}

/// A merge in the background.
#[derive(Debug)]
struct Merging {
    runs: List,
    moved: VecDeque<Moved>,
    /// How many were ever noted; they are not without end, or the merge would never catch up.
    noted: usize,
}

/// A relocation that the new run has yet to learn of.
#[derive(Debug)]
struct Moved {
    key: Box<[u8]>,
    from: Address,
    to: Address,
}

impl Runs {
    /// The runs that a rebuild or a checkpoint gives, newest first.
    pub(crate) fn of(runs: impl IntoIterator<Item = Run>) -> Self {
        let list: List = runs.into_iter().filter(|run| run.len() > 0).map(Arc::new).collect();
        Self { list: ArcSwap::from_pointee(list), ..Self::default() }
    }

    /// All runs as they are now, newest first.
    pub(crate) fn all(&self) -> Arc<List> {
        self.list.load_full()
    }

    /// Adds the records of a commit, or of several: sorted by key, versions of one key newest first, all newer than
    /// what was pushed before. Merges small runs, which asks `keys` and `keep`.
    pub(crate) fn push<K: AsRef<[u8]>>(
        &self,
        records: &[(K, Address, Mark)],
        keys: &impl Keys,
        keep: &impl Keep,
    ) {
        if records.is_empty() {
            return;
        }
        let run = Arc::new(build(records).expect("keys in memory do not go"));
        let writer = self.writer();
        let old = self.list.load();
        let mut list = Vec::with_capacity(old.len() + 1);
        list.push(run);
        list.extend(old.iter().cloned());
        loop {
            let free = list.iter().take_while(|run| !writer.is_merging(run)).count();
            let lengths = list[..free].iter().map(|run| run.len()).collect::<Vec<_>>();
            let small = shape::due(&lengths)
                .filter(|range| lengths[range.clone()].iter().sum::<usize>() <= INLINE_MAX);
            let range = small.or_else(|| {
                let is_too_long = list.len() > RUNS_MAX && (free == list.len() || free >= RUNS_MAX / 4);
                if is_too_long { shape::forced(&lengths) } else { None }
            });
            let Some(range) = range else { break };
            let has_oldest = range.end == list.len();
            let merged = merge(&list[range.clone()], keys, keep, has_oldest);
            list.splice(range, (merged.len() > 0).then(|| Arc::new(merged)));
        }
        self.list.store(Arc::new(list));
    }

    /// Moves the version of `key` at `from` to `to`, where it can be read already. False when no record says `from`.
    /// Reads nothing in the log.
    pub(crate) fn relocate(&self, key: &[u8], from: Address, to: Address) -> bool {
        let mut writer = self.writer();
        // Held to the end: no merge can begin, and the notes cannot fill up again.
        let mut _pause = None;
        if writer.merging.as_ref().is_some_and(|merging| merging.noted >= NOTED_MAX) {
            drop(writer);
            _pause = Some(self.merger());
            writer = self.writer();
        }
        let list = self.list.load();
        // What is moved is old more often than not.
        let Some(run) = list.iter().rev().find(|run| run.relocate(key, from, to)) else {
            return false;
        };
        if writer.is_merging(run)
            && let Some(merging) = &mut writer.merging
        {
            merging.noted += 1;
            merging.moved.push_back(Moved { key: key.into(), from, to });
        }
        true
    }

    /// Merges in the calling thread, while pushes, relocations and reads go on. True if it did, so that another call
    /// may find more to do.
    pub(crate) fn maintain(&self, keys: &impl Keys, keep: &impl Keep, effort: Effort) -> bool {
        let _merger = self.merger();
        let (runs, has_oldest) = {
            let mut writer = self.writer();
            let list = self.list.load();
            let lengths = list.iter().map(|run| run.len()).collect::<Vec<_>>();
            let all = || Some(0..list.len());
            let range = match effort {
                Effort::Rewrite if list.is_empty() => None,
                Effort::Rewrite => all(),
                Effort::Settle if list.len() > 1 => shape::due(&lengths).or_else(all),
                Effort::Settle | Effort::Due => shape::due(&lengths),
            };
            let Some(range) = range else { return false };
            let runs = list[range.clone()].to_vec();
            writer.merging = Some(Merging { runs: runs.clone(), moved: VecDeque::new(), noted: 0 });
            (runs, range.end == list.len())
        };
        let merged = merge(&runs, keys, keep, has_oldest);
        loop {
            let mut writer = self.writer();
            let merging = writer.merging.as_mut().expect("it ends below, under the same lock");
            let moved = std::mem::take(&mut merging.moved);
            if moved.len() > NOTED_AT_END_MAX {
                drop(writer);
                make_again(&merged, moved);
                continue;
            }
            make_again(&merged, moved);
            let mut list = List::clone(&self.list.load());
            let start = list.iter().position(|run| Arc::ptr_eq(run, &runs[0]));
            let start = start.expect("runs that are being merged stay in the list");
            list.splice(start..start + runs.len(), (merged.len() > 0).then(|| Arc::new(merged)));
            self.list.store(Arc::new(list));
            writer.merging = None;
            return true;
        }
    }

    /// The list as it is.
    pub(super) fn list(&self) -> Guard<Arc<List>> {
        self.list.load()
    }

    /// Whether these runs are all in the list still.
    pub(super) fn are_current(&self, runs: &List) -> bool {
        let list = self.list.load();
        runs.iter().all(|run| contains(&list, run))
    }

    /// Whether this run is in the list still, so that its cells are up to date.
    pub(super) fn is_current(&self, run: &Arc<Run>) -> bool {
        contains(&self.list.load(), run)
    }

    /// Records, runs, and bytes of memory.
    pub(crate) fn size(&self) -> Size {
        let list = self.list.load();
        Size {
            records: list.iter().map(|run| run.len()).sum(),
            runs: list.len(),
            bytes: list.iter().map(|run| run.bytes()).sum(),
            largest: list.iter().map(|run| run.len()).max().unwrap_or(0),
        }
    }

    fn writer(&self) -> MutexGuard<'_, Writer> {
        self.writer.lock().expect(WHOLE)
    }

    fn merger(&self) -> MutexGuard<'_, ()> {
        self.merger.lock().expect(WHOLE)
    }
}

/// What a list takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Size {
    /// Versions, those of one key counted one by one.
    pub(crate) records: usize,
    pub(crate) runs: usize,
    /// Bytes of memory.
    pub(crate) bytes: usize,
    /// Versions in the largest run.
    pub(crate) largest: usize,
}

impl Writer {
    fn is_merging(&self, run: &Arc<Run>) -> bool {
        self.merging.as_ref().is_some_and(|merging| contains(&merging.runs, run))
    }
}

fn contains(list: &List, run: &Arc<Run>) -> bool {
    list.iter().any(|other| Arc::ptr_eq(other, run))
}

/// Makes relocations in a run that is not in the list yet. One may find its record left out, or moved already.
fn make_again(run: &Run, moved: VecDeque<Moved>) {
    for Moved { key, from, to } in moved {
        run.relocate(&key, from, to);
    }
}
