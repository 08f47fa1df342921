//! Several adjacent runs made into one by sorting: the quick way, for runs whose records the first bytes behind what all
//! keys share tell apart.
//!
//! Records are taken as numbers (window, run, record) and sorted, slice by slice of the key space, so that what is worked
//! on stays in the cache; sorted stretches of the slice are recognized by the sort and merged. Only records with equal
//! windows need another look: all of a slice are fetched from the log together, and then compared.
//!
//! Invariant: that of `weave`, which takes over where too many windows are equal, or say too little about their blocks.

use std::ops::Range;
use std::sync::Arc;

use super::assembly::{Assembly, Separator};
use super::cell::{Cell, Mark};
use super::keys::{Keep, Keys};
use super::run::{BLOCK, Run};
use super::stem::shared;
use super::window::{Lens, Window};

/// Records sorted at a time: what they take fits into the second-level cache. Few in tests, so that there are several.
const SLICE: usize = if cfg!(test) { 200 } else { 16_384 };
/// Leading bytes shared by all windows of a block from which on a longer stem would be worth it.
const WASTED_MIN: usize = 5;
/// Neighbours of a block that its windows do not tell apart, from which on other windows would be worth it.
const BLURRED_MIN: usize = 4;
/// So many blocks may be wasted or blurred, and
const POOR_MAX: usize = 4;
/// beyond that one in so many.
const POOR_SHARE: usize = 16;
/// Records with equal windows whose keys are fetched ahead.
const AHEAD: usize = 16;

/// A record on its way through the sort: from the highest bits the piece of its window, the tail, the run, the record.
type Item = u128;

const RUN_SHIFT: u32 = 32;
const TAIL_SHIFT: u32 = 48;
const PIECE_SHIFT: u32 = 64;

/// Merges runs, newest first. `None` when that is better done by looking more closely.
pub(super) fn merge(runs: &[Arc<Run>], keys: &impl Keys, keep: &impl Keep, has_oldest: bool) -> Option<Run> {
    let sources = Sources::new(runs)?;
    let records = runs.iter().map(|run| run.len()).sum();
    let mut flat = Flat {
        sources: &sources,
        has_oldest,
        assembly: Assembly::new(runs[0].prefix[..sources.place].into(), records),
        block: Vec::with_capacity(BLOCK),
        before: None,
        blocks: 0,
        poor: 0,
        versions: Vec::new(),
        ties: Vec::new(),
    };
    let mut from = vec![0; runs.len()];
    let mut items = Vec::with_capacity(records.min(SLICE + SLICE / 4));
    for bound in sources.bounds(records) {
        items.clear();
        for (number, from) in from.iter_mut().enumerate() {
            let end = bound.map_or(runs[number].len(), |bound| sources.below(number, *from, bound));
            sources.gather(number, *from..end, &mut items);
            *from = end;
        }
        items.sort();
        flat.take(&items, keys, keep)?;
    }
    flat.finish(keys)
}

/// The runs, seen from the place behind what all keys share.
struct Sources<'a> {
    runs: &'a [Arc<Run>],
    place: usize,
}

impl<'a> Sources<'a> {
    /// `None` where numbers do not fit.
    fn new(runs: &'a [Arc<Run>]) -> Option<Self> {
        let prefix =
            runs.iter().map(|run| &*run.prefix).reduce(|left, right| &left[..shared(left, right)])?;
        let fit =
            u16::try_from(runs.len()).is_ok() && runs.iter().all(|run| u32::try_from(run.len()).is_ok());
        fit.then_some(Self { runs, place: prefix.len() })
    }

    fn lens(&self, run: usize, block: usize) -> Lens {
        Lens::new(self.runs[run].stem(block), self.place)
    }

    fn window(&self, run: usize, record: usize) -> Window {
        self.lens(run, record / BLOCK).apply(self.runs[run].window(record))
    }

    /// The pieces at which slices end; `None` for the last.
    fn bounds(&self, records: usize) -> Vec<Option<u64>> {
        let longest = (0..self.runs.len()).max_by_key(|run| self.runs[*run].len()).unwrap_or_default();
        let length = self.runs[longest].len();
        let slices = records.div_ceil(SLICE).max(1);
        let mut bounds: Vec<_> =
            (1..slices).map(|slice| Some(self.window(longest, slice * length / slices).piece)).collect();
        bounds.dedup();
        bounds.push(None);
        bounds
    }

    /// Where the records from `from` on end whose pieces are below `bound`.
    fn below(&self, run: usize, from: usize, bound: u64) -> usize {
        let (mut start, mut end) = (from, self.runs[run].len());
        while start < end {
            let middle = start + (end - start) / 2;
            if self.window(run, middle).piece < bound {
                start = middle + 1;
            } else {
                end = middle;
            }
        }
        start
    }

    fn gather(&self, run: usize, records: Range<usize>, items: &mut Vec<Item>) {
        let mut start = records.start;
        while start < records.end {
            let block = start / BLOCK;
            let end = records.end.min((block + 1) * BLOCK);
            let lens = self.lens(run, block);
            items.extend((start..end).map(|record| {
                let window = lens.apply(self.runs[run].window(record));
                Item::from(window.piece) << PIECE_SHIFT
                    | Item::from(window.tail()) << TAIL_SHIFT
                    | (run as Item) << RUN_SHIFT
                    | record as Item
            }));
            start = end;
        }
    }

    fn cell(&self, item: Item) -> Cell {
        let (run, record) = source(item);
        self.runs[run].cell(record)
    }
}

#[expect(clippy::cast_possible_truncation, reason = "the parts are cut out")]
fn window(item: Item) -> Window {
    Window::of_parts((item >> PIECE_SHIFT) as u64, (item >> TAIL_SHIFT) as u8)
}

#[expect(clippy::cast_possible_truncation, reason = "the parts are cut out")]
fn source(item: Item) -> (usize, usize) {
    (usize::from((item >> RUN_SHIFT) as u16), item as u32 as usize)
}

/// Whether two items have equal windows that do not show the whole of their keys.
fn is_tie(item: Item, other: Item) -> bool {
    item >> TAIL_SHIFT == other >> TAIL_SHIFT && !window(item).is_whole()
}

struct Flat<'a> {
    sources: &'a Sources<'a>,
    has_oldest: bool,
    assembly: Assembly,
    /// The block in the making, each record with whether the one before has the same key.
    block: Vec<(Item, bool)>,
    /// The last record of the block before.
    before: Option<Item>,
    blocks: usize,
    poor: usize,
    /// Memory that is used again: versions of a key, places of ties in a slice.
    versions: Vec<Item>,
    ties: Vec<usize>,
}

impl Flat<'_> {
    /// Takes a slice, sorted.
    fn take(&mut self, items: &[Item], keys: &impl Keys, keep: &impl Keep) -> Option<()> {
        let mut ties = std::mem::take(&mut self.ties);
        ties.clear();
        let is_near = |at: usize, other: usize| is_tie(items[at], items[other]);
        let is_one = |at: &usize| {
            (*at > 0 && is_near(*at - 1, *at)) || (*at + 1 < items.len() && is_near(*at, *at + 1))
        };
        ties.extend((0..items.len()).filter(is_one));
        let sources = self.sources;
        let mut ahead = ties.iter().map(|at| sources.cell(items[*at]).address());
        let mut touch = keys.toucher();
        ahead.by_ref().take(AHEAD).for_each(&mut touch);
        let mut rest = items;
        while let [first, behind @ ..] = rest {
            let same = behind.iter().take_while(|item| **item >> TAIL_SHIFT == *first >> TAIL_SHIFT).count();
            let (group, behind) = rest.split_at(1 + same);
            if group.len() == 1 || window(*first).is_whole() {
                self.key(group, keys, keep)?;
            } else {
                ahead.by_ref().take(group.len()).for_each(&mut touch);
                self.tied(group, keys, keep)?;
            }
            rest = behind;
        }
        drop(ahead);
        self.ties = ties;
        Some(())
    }

    /// Takes records that only their keys tell apart; those whose segments have gone are left out.
    fn tied(&mut self, group: &[Item], keys: &impl Keys, keep: &impl Keep) -> Option<()> {
        let mut read: Vec<(Box<[u8]>, Item)> = Vec::with_capacity(group.len());
        for &item in group {
            let (run, record) = source(item);
            let key = self.sources.runs[run].key(record, keys, |key| Box::from(key));
            read.extend(key.map(|key| (key, item)));
        }
        read.sort();
        for versions in read.chunk_by(|(key, _), (next, _)| key == next) {
            let versions: Vec<Item> = versions.iter().map(|(_, item)| *item).collect();
            self.key(&versions, keys, keep)?;
        }
        Some(())
    }

    /// Takes the versions of the next key, newest first.
    fn key(&mut self, versions: &[Item], keys: &impl Keys, keep: &impl Keep) -> Option<()> {
        if let [only] = versions
            && (!self.has_oldest || self.sources.cell(*only).mark() == Mark::Value)
        {
            return self.push(*only, false, keys);
        }
        let mut kept = std::mem::take(&mut self.versions);
        let mut newer = None;
        for item in versions {
            let address = self.sources.cell(*item).address();
            if newer.is_none_or(|newer| !keep.superseded(newer, address)) {
                kept.push(*item);
            }
            newer = Some(address);
        }
        while let Some(oldest) = kept.last().filter(|_| self.has_oldest) {
            let cell = self.sources.cell(*oldest);
            if cell.mark() != Mark::Tombstone || !keep.tombstone_may_go(cell.address()) {
                break;
            }
            kept.pop();
        }
        let mut pushed = Some(());
        for (number, item) in kept.drain(..).enumerate() {
            pushed = pushed.and_then(|()| self.push(item, number > 0, keys));
        }
        self.versions = kept;
        pushed
    }

    #[inline]
    fn push(&mut self, item: Item, same: bool, keys: &impl Keys) -> Option<()> {
        self.block.push((item, same));
        if self.block.len() == BLOCK { self.flush(keys) } else { Some(()) }
    }

    fn finish(mut self, keys: &impl Keys) -> Option<Run> {
        if !self.block.is_empty() {
            self.flush(keys)?;
        }
        Some(self.assembly.finish())
    }

    /// Makes a block. `None` when too many have turned out poor.
    fn flush(&mut self, keys: &impl Keys) -> Option<()> {
        let (Some(&(first, first_same)), Some(&(last, _))) = (self.block.first(), self.block.last()) else {
            return Some(());
        };
        self.blocks += 1;
        let neighbours = self.block.windows(2);
        let blurred = neighbours.filter(|pair| !pair[1].1 && is_tie(pair[0].0, pair[1].0)).count();
        let is_narrow = self.block.len() == BLOCK
            && !window(first).is_whole()
            && window(first).shared(window(last)) >= WASTED_MIN;
        if is_narrow || blurred >= BLURRED_MIN {
            self.poor += 1;
            if self.poor > POOR_MAX + self.blocks / POOR_SHARE {
                return None;
            }
        }
        self.open(first, first_same, keys);
        for (item, same) in &self.block {
            let window = window(*item);
            self.assembly.push(window, self.sources.cell(*item).placed(window, *same));
        }
        self.before = Some(last);
        self.block.clear();
        Some(())
    }

    /// Opens a block that begins with `first`.
    fn open(&mut self, first: Item, first_same: bool, keys: &impl Keys) {
        let known = bytes(window(first));
        let known = &known.0[..known.1];
        let Some(before) = self.before else {
            self.assembly.open_block(known, 0, Separator::Length(0));
            return;
        };
        let last = bytes(window(before));
        let last = &last.0[..last.1];
        let both = shared(last, known);
        if both < known.len() && (both < last.len() || window(before).is_whole()) {
            self.assembly.open_block(known, 0, Separator::Length(both + 1));
        } else if first_same {
            let separator =
                if window(first).is_whole() { Separator::Length(known.len()) } else { Separator::Unknown };
            self.assembly.open_block(known, 0, separator);
        } else {
            self.open_by_keys(before, first, keys);
        }
    }

    /// The same where windows do not show where the first key of the block parts from the last before.
    fn open_by_keys(&mut self, before: Item, first: Item, keys: &impl Keys) {
        let (mut key, mut both) = (Vec::new(), None);
        let read = |item, read: &mut dyn FnMut(&[u8])| {
            let (run, record) = source(item);
            self.sources.runs[run].key(record, keys, read)
        };
        if read(first, &mut |bytes| key.extend_from_slice(bytes)).is_some() {
            read(before, &mut |last| both = Some(shared(last, &key)));
        }
        match both {
            // Equal keys would have been taken as one; a key that changes under our hands shows here.
            Some(both) if (self.sources.place..key.len()).contains(&both) => {
                let separator = Separator::Length(both + 1 - self.sources.place);
                self.assembly.open_block(&key[self.sources.place..], 0, separator);
            }
            _ => {
                let known = bytes(window(first));
                self.assembly.open_block(&known.0[..known.1], 0, Separator::Unknown);
            }
        }
    }
}

/// The bytes that a window shows, and how many.
fn bytes(window: Window) -> ([u8; 8], usize) {
    (window.piece.to_be_bytes(), window.len())
}
