//! A run from records whose keys can be read in order: a commit's, in memory, or a whole store's, in the log.
//!
//! Invariant: keys are read a bounded number of times each, block by block, and the block behind is touched first.
//! Records come sorted by key, versions of one key newest first; that is left to the caller.

use std::ops::Range;

use super::assembly::{Assembly, Separator};
use super::cell::{Cell, Mark};
use super::keys::Keys;
use super::run::{BLOCK, Run};
use super::stem::shared;
use super::window::Window;
use crate::address::Address;

/// A record whose key is in the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Entry {
    pub(crate) address: Address,
    pub(crate) mark: Mark,
}

/// Records in order, with their keys.
pub(super) trait Sorted {
    fn len(&self) -> usize;
    fn cell(&self, record: usize) -> Cell;
    /// `None` when the key has gone or is damaged.
    fn key<R>(&self, record: usize, read: impl FnOnce(&[u8]) -> R) -> Option<R>;
    /// Says that these keys are read soon.
    fn touch(&self, records: Range<usize>);
}

/// Records whose keys are in memory.
impl<K: AsRef<[u8]>> Sorted for [(K, Address, Mark)] {
    fn len(&self) -> usize {
        <[_]>::len(self)
    }

    fn cell(&self, record: usize) -> Cell {
        let (_, address, mark) = &self[record];
        Cell::new(*address, *mark)
    }

    fn key<R>(&self, record: usize, read: impl FnOnce(&[u8]) -> R) -> Option<R> {
        Some(read(self[record].0.as_ref()))
    }

    fn touch(&self, _records: Range<usize>) {}
}

/// Records whose keys are in the log.
#[derive(Debug)]
struct InLog<'a, K> {
    entries: &'a [Entry],
    keys: &'a K,
}

impl<K: Keys> Sorted for InLog<'_, K> {
    fn len(&self) -> usize {
        self.entries.len()
    }

    fn cell(&self, record: usize) -> Cell {
        let Entry { address, mark } = self.entries[record];
        Cell::new(address, mark)
    }

    fn key<R>(&self, record: usize, read: impl FnOnce(&[u8]) -> R) -> Option<R> {
        self.keys.key(self.entries[record].address, read).ok()
    }

    fn touch(&self, records: Range<usize>) {
        self.entries[records].iter().map(|entry| entry.address).for_each(self.keys.toucher());
    }
}

impl Run {
    /// A run of records in order whose keys are in the log. `None` when one of them cannot be read.
    pub(crate) fn from_sorted(entries: &[Entry], keys: &impl Keys) -> Option<Self> {
        build(&InLog { entries, keys })
    }
}

/// Builds a run. `None` when a key cannot be read.
pub(super) fn build(sorted: &(impl Sorted + ?Sized)) -> Option<Run> {
    let count = sorted.len();
    let Some(last) = count.checked_sub(1) else { return Some(Run::default()) };
    let prefix = sorted.key(0, |first| sorted.key(last, |last| first[..shared(first, last)].into()))??;
    let mut assembly = Assembly::new(prefix, count);
    // The last key before the block, and the first and last within it.
    let (mut before, mut first, mut end) = (Vec::new(), Vec::new(), Vec::new());
    sorted.touch(0..count.min(BLOCK));
    for start in (0..count).step_by(BLOCK) {
        let records = start..(start + BLOCK).min(count);
        sorted.touch(records.end..(records.end + BLOCK).min(count));
        sorted.key(start, |key| copy(key, &mut first))?;
        sorted.key(records.end - 1, |key| copy(key, &mut end))?;
        let skipped = assembly.prefix_len();
        let stem_len = shared(&first[skipped..], &end[skipped..]).min(assembly.stem_max());
        let mut same = start > 0 && before == first;
        let separator = match (start, same) {
            (0, _) => Separator::Length(0),
            (_, true) => Separator::Length(first.len() - skipped),
            (_, false) => Separator::Length(shared(&before, &first) + 1 - skipped),
        };
        assembly.open_block(&first[skipped..], stem_len, separator);
        let mut last: Option<Window> = None;
        for record in records {
            let window = sorted.key(record, |key| Window::of(&key[skipped + stem_len..]))?;
            if let Some(last) = last {
                same = last == window
                    && (window.is_whole()
                        || sorted.key(record, |key| sorted.key(record - 1, |before| before == key))??);
            }
            assembly.push(window, sorted.cell(record).placed(window, same));
            last = Some(window);
        }
        std::mem::swap(&mut before, &mut end);
    }
    Some(assembly.finish())
}

fn copy(key: &[u8], into: &mut Vec<u8>) {
    into.clear();
    into.extend_from_slice(key);
}
