//! Several adjacent runs made into one.
//!
//! Invariant: the new run has the records of the old ones in order, but for those that [`Keep`] lets go and those
//! whose segments have gone although their run is current (nobody can read these any more). Stems and windows are
//! made from what the old runs know. The log is read where order or fences cannot be told otherwise, and where a
//! block is so narrow that windows behind a longer stem would be worth it.

use std::sync::Arc;

use super::assembly::{Assembly, Separator};
use super::cell::Mark;
use super::contest::{Contest, Way};
use super::flat;
use super::keys::{Keep, Keys};
use super::run::{BLOCK, Run};
use super::stem::shared;
use super::window::{Lens, Window};

/// Neighbours in a block that only the log tells apart; from here on its windows are read anew from the log, if they
/// can be moved back.
const BLURRED_MIN: usize = 4;

/// Leading bytes that all windows of a block share; from here on they are read anew.
const WASTED_MIN: usize = 5;

/// Merges runs, newest first. `has_oldest` says that no older run is left out.
pub(super) fn merge(runs: &[Arc<Run>], keys: &impl Keys, keep: &impl Keep, has_oldest: bool) -> Run {
    // The tests of runs go both ways.
    let is_by_contest = cfg!(test) && runs.iter().map(|run| run.len()).sum::<usize>() % 2 == 1;
    let flat = if is_by_contest { None } else { flat::merge(runs, keys, keep, has_oldest) };
    flat.unwrap_or_else(|| contested(runs, keys, keep, has_oldest))
}

/// The long way, for runs whose keys begin alike for long.
fn contested(runs: &[Arc<Run>], keys: &impl Keys, keep: &impl Keep, has_oldest: bool) -> Run {
    let mut contest = Contest::new(Way::Forward, runs.iter().map(|run| 0..run.len()).enumerate());
    let mut weave = Weave::new(runs, has_oldest);
    let mut versions = Vec::new();
    loop {
        versions.clear();
        match contest.next(runs, keys, &mut versions) {
            Err(gone) => contest.skip(runs, gone),
            Ok(()) if versions.is_empty() => return weave.finish(keys),
            Ok(()) => weave.key(&versions, keys, keep),
        }
    }
}

/// A record on its way into the new run.
#[derive(Clone, Copy, Debug)]
struct Pick {
    run: usize,
    record: usize,
    /// Whether the record before it has the same key.
    same: bool,
}

/// What is known of a key behind the new run's prefix.
#[derive(Debug, Default)]
struct Known {
    bytes: Vec<u8>,
    /// Whether that is all of it.
    is_whole: bool,
}

/// A block of an old run that picks come from.
#[derive(Clone, Copy, Debug)]
struct Origin {
    run: usize,
    block: usize,
    lens: Lens,
}

#[derive(Debug)]
struct Weave<'a> {
    runs: &'a [Arc<Run>],
    has_oldest: bool,
    assembly: Assembly,
    /// The records of the block in the making, and their windows.
    picks: Vec<Pick>,
    windows: Vec<Window>,
    /// The blocks that they come from; per run, the number of the last of these; per pick, that of its own.
    origins: Vec<Origin>,
    last_of_run: Vec<usize>,
    origin_of: Vec<usize>,
    /// The last record of the block before.
    before: Option<(Pick, Known)>,
    first: Known,
    kept: Vec<Pick>,
}

impl<'a> Weave<'a> {
    fn new(runs: &'a [Arc<Run>], has_oldest: bool) -> Self {
        let prefix = runs.iter().map(|run| &*run.prefix).reduce(|left, right| &left[..shared(left, right)]);
        let records = runs.iter().map(|run| run.len()).sum();
        Self {
            runs,
            has_oldest,
            assembly: Assembly::new(prefix.unwrap_or_default().into(), records),
            picks: Vec::with_capacity(BLOCK),
            windows: Vec::with_capacity(BLOCK),
            origins: Vec::new(),
            last_of_run: vec![usize::MAX; runs.len()],
            origin_of: Vec::with_capacity(BLOCK),
            before: None,
            first: Known::default(),
            kept: Vec::new(),
        }
    }

    /// Takes the versions of the next key, newest first.
    fn key(&mut self, versions: &[(usize, std::ops::Range<usize>)], keys: &impl Keys, keep: &impl Keep) {
        if let [(run, records)] = versions
            && records.len() == 1
            && (!self.has_oldest || self.runs[*run].cell(records.start).mark() == Mark::Value)
        {
            self.push(Pick { run: *run, record: records.start, same: false }, keys);
            return;
        }
        let mut kept = std::mem::take(&mut self.kept);
        let mut newer = None;
        for (run, records) in versions {
            for record in records.clone() {
                let address = self.runs[*run].cell(record).address();
                if newer.is_none_or(|newer| !keep.superseded(newer, address)) {
                    kept.push(Pick { run: *run, record, same: !kept.is_empty() });
                }
                newer = Some(address);
            }
        }
        while let Some(oldest) = kept.last().filter(|_| self.has_oldest) {
            let cell = self.runs[oldest.run].cell(oldest.record);
            if cell.mark() != Mark::Tombstone || !keep.tombstone_may_go(cell.address()) {
                break;
            }
            kept.pop();
        }
        for pick in kept.drain(..) {
            self.push(pick, keys);
        }
        self.kept = kept;
    }

    fn push(&mut self, pick: Pick, keys: &impl Keys) {
        self.picks.push(pick);
        if self.picks.len() == BLOCK {
            self.flush(keys);
        }
    }

    fn finish(mut self, keys: &impl Keys) -> Run {
        if !self.picks.is_empty() {
            self.flush(keys);
        }
        self.assembly.finish()
    }

    /// Makes a block of the picks.
    fn flush(&mut self, keys: &impl Keys) {
        let prefix_len = self.assembly.prefix_len();
        let (first, last) = (self.picks[0], self.picks[self.picks.len() - 1]);
        let mut first_known = std::mem::take(&mut self.first);
        self.know(first, &mut first_known);
        let place_max = prefix_len + self.assembly.stem_max();
        let mut place = self.common_place().min(place_max);
        self.look_from(place);
        let narrow = self.windows[0].shared(self.windows[self.windows.len() - 1]);
        let possible = (place + narrow).min(place_max);
        let reach = self.reach().min(possible);
        if reach > place {
            place = reach;
            self.look_from(place);
        }
        if (possible - place >= WASTED_MIN || self.blurred() >= BLURRED_MIN)
            && let Some(deeper) = self.read_anew(place, place_max, keys, &mut first_known)
        {
            place = deeper;
        }
        let separator = self.separator(first, &mut first_known, keys);
        self.assembly.open_block(&first_known.bytes, place - prefix_len, separator);
        for (pick, window) in self.picks.iter().zip(&self.windows) {
            let cell = self.runs[pick.run].cell(pick.record);
            self.assembly.push(*window, cell.placed(*window, pick.same));
        }
        self.first = first_known;
        let mut known = self.before.take().map(|(_, known)| known).unwrap_or_default();
        self.know(last, &mut known);
        self.before = Some((last, known));
        self.picks.clear();
    }

    /// Lists where the picks come from; the answer is how long a stem all of these blocks share.
    fn common_place(&mut self) -> usize {
        self.origins.clear();
        self.origin_of.clear();
        self.last_of_run.fill(usize::MAX);
        let mut place = usize::MAX;
        for Pick { run, record, .. } in &self.picks {
            let block = record / BLOCK;
            let known = self.last_of_run[*run];
            if known == usize::MAX || self.origins[known].block != block {
                self.last_of_run[*run] = self.origins.len();
                self.origins.push(Origin { run: *run, block, lens: Lens::default() });
                let Origin { run: first_run, block: first_block, .. } = self.origins[0];
                let first = self.runs[first_run].stem(first_block);
                place = place.min(first.shared(self.runs[*run].stem(block)));
            }
            self.origin_of.push(self.last_of_run[*run]);
        }
        place
    }

    /// Moves the windows of all picks to a place.
    fn look_from(&mut self, place: usize) {
        for origin in &mut self.origins {
            origin.lens = Lens::new(self.runs[origin.run].stem(origin.block), place);
        }
        self.windows.clear();
        for (pick, origin) in self.picks.iter().zip(&self.origin_of) {
            let window = self.runs[pick.run].window(pick.record);
            self.windows.push(self.origins[*origin].lens.apply(window));
        }
    }

    /// The last place at which every window is known.
    fn reach(&self) -> usize {
        let open = self.picks.iter().filter(|pick| !self.runs[pick.run].window(pick.record).is_whole());
        let stems = open.map(|pick| self.runs[pick.run].stem(pick.record / BLOCK).len());
        stems.min().unwrap_or(usize::MAX)
    }

    /// Neighbours with different keys and windows that do not show it.
    fn blurred(&self) -> usize {
        let neighbours = self.windows.windows(2).zip(&self.picks[1..]);
        neighbours.filter(|(pair, pick)| pair[0] == pair[1] && !pair[0].is_whole() && !pick.same).count()
    }

    /// Reads the windows behind all that the keys share. `None` when that is not behind `place`, or a key has gone.
    fn read_anew(
        &mut self,
        place: usize,
        place_max: usize,
        keys: &impl Keys,
        first_known: &mut Known,
    ) -> Option<usize> {
        let (first, last) = (self.picks[0], self.picks[self.picks.len() - 1]);
        let mut bytes = Vec::new();
        self.read(first, keys, |key| bytes.extend_from_slice(key))?;
        let deeper = self.read(last, keys, |key| shared(&bytes, key))?.min(place_max);
        if deeper <= place {
            return None;
        }
        let picked = self.picks.iter().map(|pick| self.runs[pick.run].cell(pick.record).address());
        picked.for_each(keys.toucher());
        let windows = self.picks.iter().map(|pick| self.read(*pick, keys, |key| Window::of(&key[deeper..])));
        self.windows = windows.collect::<Option<_>>()?;
        bytes.drain(..self.assembly.prefix_len());
        *first_known = Known { bytes, is_whole: true };
        Some(deeper)
    }

    fn read<R>(&self, pick: Pick, keys: &impl Keys, read: impl FnOnce(&[u8]) -> R) -> Option<R> {
        self.runs[pick.run].key(pick.record, keys, read)
    }

    /// Writes down what the old run knows of a key.
    fn know(&self, pick: Pick, known: &mut Known) {
        let run = &self.runs[pick.run];
        let window = run.window(pick.record);
        known.bytes.clear();
        run.stem(pick.record / BLOCK).write_from(self.assembly.prefix_len(), &mut known.bytes);
        known.bytes.extend_from_slice(&window.piece.to_be_bytes()[..window.len()]);
        known.is_whole = window.is_whole();
    }

    /// Where the first key of the block parts from the last of the block before. Lengthens what is known of it where
    /// that takes more.
    fn separator(&self, first: Pick, first_known: &mut Known, keys: &impl Keys) -> Separator {
        let Some((last, before)) = &self.before else { return Separator::Length(0) };
        let both = shared(&before.bytes, &first_known.bytes);
        let before_ends = both == before.bytes.len();
        if both < first_known.bytes.len() && (!before_ends || before.is_whole) {
            return Separator::Length(both + 1);
        }
        if first.same {
            let length = first_known.bytes.len();
            return if first_known.is_whole { Separator::Length(length) } else { Separator::Unknown };
        }
        let mut key = Vec::new();
        let both = self
            .read(first, keys, |first| key.extend_from_slice(first))
            .and_then(|()| self.read(*last, keys, |last| shared(last, &key)));
        let prefix_len = self.assembly.prefix_len();
        match both {
            // Equal keys would have been picked as one; a key that changes under our hands shows here.
            Some(both) if both < key.len() => {
                first_known.bytes.clear();
                first_known.bytes.extend_from_slice(&key[prefix_len..]);
                first_known.is_whole = true;
                Separator::Length(both + 1 - prefix_len)
            }
            _ => Separator::Unknown,
        }
    }
}
