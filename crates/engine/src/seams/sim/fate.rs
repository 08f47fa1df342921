//! Who decides what survives a power cut: a seed, or a test that is asked about every part.

use super::content::{PAGE, size};
use super::crash::{Part, PendingPart};
use super::file::Pending;
use super::random::Rng;

/// The decisions of one power cut.
pub(super) trait Fate {
    /// The unit in which data survives.
    fn sector_bytes(&self) -> u64;
    /// Whether the part survives.
    fn keep(&mut self, part: &PendingPart) -> bool;
    /// The order in which the changes of a file reach the medium.
    fn order(&mut self, changes: &mut [&Pending]);
    /// How far a growth from `from` to `to` got that did not survive whole.
    fn part_of(&mut self, from: u64, to: u64) -> u64;
    /// What the never-written sector at `offset` of a file shows, `None` for zeros from here on.
    fn garbage(&mut self, offset: u64) -> Option<Vec<u8>>;
}

/// A test decides.
pub(super) struct Asked<'a> {
    sector_bytes: u64,
    keep: &'a mut dyn FnMut(&PendingPart) -> bool,
}

impl<'a> Asked<'a> {
    pub(super) fn new(sector_bytes: u64, keep: &'a mut dyn FnMut(&PendingPart) -> bool) -> Self {
        Self { sector_bytes, keep }
    }
}

impl Fate for Asked<'_> {
    fn sector_bytes(&self) -> u64 {
        self.sector_bytes
    }

    fn keep(&mut self, part: &PendingPart) -> bool {
        (self.keep)(part)
    }

    fn order(&mut self, _changes: &mut [&Pending]) {}

    fn part_of(&mut self, from: u64, _to: u64) -> u64 {
        from
    }

    fn garbage(&mut self, _offset: u64) -> Option<Vec<u8>> {
        None
    }
}

/// What never-written blocks show.
#[derive(Clone, Copy)]
enum Blank {
    Zeros,
    /// Pages of deleted files, at the offset that they had where there is one.
    Recycled,
    Noise,
}

/// A seed decides.
///
/// Each cut has a character of its own (hardly anything lost, nearly everything, an orderly prefix, …), drawn first:
/// a coin for every sector would leave the rare extremes, which are the likely cuts in life, untested.
pub(super) struct Random<'a> {
    rng: Rng,
    sector_bytes: u64,
    data_per_mille: u64,
    length_per_mille: u64,
    name_per_mille: u64,
    /// Operations after this one are lost whole and those before kept, as when the disk kept its order.
    prefix: Option<u64>,
    shuffled: bool,
    blank: Blank,
    garbage_sectors_left: u64,
    recycled: &'a [(u64, Vec<u8>)],
}

impl<'a> Random<'a> {
    /// The fate of `seed` on a disk where `recycled` pages were deleted, after `operations` operations.
    pub(super) fn new(seed: u64, recycled: &'a [(u64, Vec<u8>)], operations: u64) -> Self {
        const CHANCES: [u64; 7] = [0, 30, 200, 500, 800, 970, 1000];
        let mut rng = Rng::new(seed);
        let near = rng.chance(500);
        Self {
            sector_bytes: if rng.chance(500) { 512 } else { 4096 },
            data_per_mille: CHANCES[rng.index(CHANCES.len())],
            length_per_mille: CHANCES[rng.index(CHANCES.len())],
            name_per_mille: CHANCES[rng.index(CHANCES.len())],
            // The unsynced operations are the latest, so the interesting places are near the end.
            prefix: rng.chance(250).then(|| operations.saturating_sub(rng.below(if near { 8 } else { 64 }))),
            shuffled: rng.chance(250),
            blank: match rng.below(4) {
                0 | 1 => Blank::Zeros,
                2 => Blank::Recycled,
                _ => Blank::Noise,
            },
            garbage_sectors_left: 256,
            recycled,
            rng,
        }
    }
}

impl Fate for Random<'_> {
    fn sector_bytes(&self) -> u64 {
        self.sector_bytes
    }

    fn keep(&mut self, part: &PendingPart) -> bool {
        if let Some(last) = self.prefix {
            return part.operation < last || (part.operation == last && self.rng.chance(500));
        }
        let per_mille = match part.part {
            Part::Data { .. } => self.data_per_mille,
            Part::Length { .. } => self.length_per_mille,
            Part::Name => self.name_per_mille,
        };
        self.rng.chance(per_mille)
    }

    fn order(&mut self, changes: &mut [&Pending]) {
        if self.shuffled {
            self.rng.shuffle(changes);
        }
    }

    fn part_of(&mut self, from: u64, to: u64) -> u64 {
        if self.rng.chance(500) {
            return from;
        }
        from + self.rng.below(to - from)
    }

    fn garbage(&mut self, offset: u64) -> Option<Vec<u8>> {
        self.garbage_sectors_left = self.garbage_sectors_left.checked_sub(1)?;
        let mut bytes = vec![0; size(self.sector_bytes)];
        match self.blank {
            Blank::Zeros => return None,
            Blank::Noise => self.rng.fill(&mut bytes),
            Blank::Recycled => {
                let page = offset / PAGE * PAGE;
                let aligned: Vec<_> = self.recycled.iter().filter(|(at, _)| *at == page).collect();
                let (_, old) = if aligned.is_empty() {
                    self.recycled.get(self.rng.index(self.recycled.len()))?
                } else {
                    aligned[self.rng.index(aligned.len())]
                };
                let within = size(offset % PAGE);
                bytes.copy_from_slice(&old[within..within + size(self.sector_bytes)]);
            }
        }
        Some(bytes)
    }
}
