//! A run in a checkpoint: its arrays one behind the other, as they are in memory.
//!
//! Each array begins on a multiple of [`ALIGN`] bytes from the beginning of the run, in this order: pieces, cells, fences,
//! blocks, samples, arena, prefix. Words are little-endian; a block is a word, with the start of its fence lowest. Windows
//! and addresses stay in the file and are mapped; the rest, less than a byte for each record, is read into memory.
//!
//! Invariant: [`RunShape`] says where everything is, and no array is read that does not lie within the run; what the arrays
//! say of each other is checked when a run is made of them, so that a run from a file cannot lead outside of itself.

use std::sync::atomic::{AtomicU64, Ordering};

use super::run::{BLOCK, Block, Run};
use crate::format::align_up;
use crate::format::bytes::length_u64;
use crate::seams::{PrivateMap, Slab};

/// Where arrays begin: on a line of the processor's cache.
const ALIGN: u64 = ALIGN_BYTES as u64;
const ALIGN_BYTES: usize = 64;
/// Words that are shown at once.
const WORDS_AT_ONCE: usize = 4096;

/// How long the arrays of a run are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct RunShape {
    pub(crate) records: u64,
    pub(crate) arena_bytes: u64,
    pub(crate) prefix_bytes: u64,
}

/// Where the arrays of a run begin, from its beginning.
struct Places {
    cells: u64,
    fences: u64,
    blocks: u64,
    samples: u64,
    arena: u64,
    prefix: u64,
    end: u64,
}

impl RunShape {
    fn blocks(self) -> u64 {
        self.records.div_ceil(BLOCK as u64)
    }

    fn places(self) -> Places {
        let behind = |start: u64, bytes: u64| align_up(start + bytes, ALIGN);
        let cells = behind(0, 8 * self.records);
        let fences = behind(cells, 8 * self.records);
        let blocks = behind(fences, 8 * self.blocks());
        let samples = behind(blocks, 8 * self.blocks());
        let arena = behind(samples, 8 * self.blocks().div_ceil(BLOCK as u64));
        let prefix = behind(arena, self.arena_bytes);
        Places { cells, fences, blocks, samples, arena, prefix, end: behind(prefix, self.prefix_bytes) }
    }

    /// Bytes of the whole run, a multiple of 64; `None` when no run is that long.
    pub(crate) fn bytes(self) -> Option<u64> {
        let is_possible =
            self.records <= 1 << 40 && self.arena_bytes <= 1 << 32 && self.prefix_bytes <= 1 << 16;
        is_possible.then(|| self.places().end)
    }

    /// Which bytes of the run are read at once; those before it are mapped.
    pub(crate) fn read_from(self) -> u64 {
        self.places().fences
    }
}

impl Run {
    pub(crate) fn shape(&self) -> RunShape {
        RunShape {
            records: length_u64(self.len()),
            arena_bytes: length_u64(self.arena.len()),
            prefix_bytes: length_u64(self.prefix.len()),
        }
    }

    /// Shows the bytes of the run, in pieces.
    pub(crate) fn write<E>(&self, mut out: impl FnMut(&[u8]) -> Result<(), E>) -> Result<(), E> {
        let mut done = 0;
        words(self.pieces.iter().copied(), &mut done, &mut out)?;
        words(self.cells.iter().map(|cell| cell.load(Ordering::Acquire)), &mut done, &mut out)?;
        words(self.fences.iter().copied(), &mut done, &mut out)?;
        words(self.blocks.iter().map(|block| block.word()), &mut done, &mut out)?;
        words(self.samples.iter().copied(), &mut done, &mut out)?;
        for bytes in [&self.arena, &self.prefix] {
            done += length_u64(bytes.len());
            out(bytes)?;
            pad(&mut done, &mut out)?;
        }
        Ok(())
    }

    /// The run of this shape whose windows and addresses stand at `offset` of `map`. `rest` is what is read at once. `None`
    /// unless it is a run.
    pub(crate) fn of_image(shape: RunShape, map: &PrivateMap, offset: u64, rest: &[u8]) -> Option<Self> {
        let records = usize::try_from(shape.records).ok()?;
        let places = shape.places();
        let part = |from: u64, bytes: u64| {
            let from = usize::try_from(from.checked_sub(places.fences)?).ok()?;
            rest.get(from..)?.get(..usize::try_from(bytes).ok()?)
        };
        let words = |from, count: u64| {
            Some(part(from, 8 * count)?.as_chunks().0.iter().map(|word| u64::from_le_bytes(*word)))
        };
        let run = Self {
            pieces: Slab::<u64>::in_map(map, offset, records)?,
            cells: Slab::<AtomicU64>::in_map(map, offset.checked_add(places.cells)?, records)?,
            fences: words(places.fences, shape.blocks())?.collect(),
            blocks: words(places.blocks, shape.blocks())?.map(Block::of_word).collect(),
            samples: words(places.samples, shape.blocks().div_ceil(BLOCK as u64))?.collect(),
            arena: part(places.arena, shape.arena_bytes)?.into(),
            prefix: part(places.prefix, shape.prefix_bytes)?.into(),
        };
        let arena = run.arena.len();
        let holds = |block: &Block| {
            let fence = usize::from(block.fence_len);
            let end = usize::try_from(block.fence_at).ok().and_then(|at| at.checked_add(fence));
            block.stem_len() <= fence && end.is_some_and(|end| end <= arena)
        };
        run.blocks.iter().all(holds).then_some(run)
    }
}

/// Shows an array of words, and zeros behind it.
fn words<E>(
    mut words: impl Iterator<Item = u64>,
    done: &mut u64,
    out: &mut impl FnMut(&[u8]) -> Result<(), E>,
) -> Result<(), E> {
    let mut buffer = Vec::with_capacity(8 * WORDS_AT_ONCE);
    loop {
        buffer.clear();
        buffer.extend(words.by_ref().take(WORDS_AT_ONCE).flat_map(u64::to_le_bytes));
        if buffer.is_empty() {
            return pad(done, out);
        }
        *done += length_u64(buffer.len());
        out(&buffer)?;
    }
}

/// Shows zeros up to the next multiple of [`ALIGN`].
fn pad<E>(done: &mut u64, out: &mut impl FnMut(&[u8]) -> Result<(), E>) -> Result<(), E> {
    let zeros = align_up(*done, ALIGN) - *done;
    *done += zeros;
    out(&[0; ALIGN_BYTES][..usize::try_from(zeros).expect("fewer than 64")])
}
