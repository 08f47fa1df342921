//! One sorted run: records in flat arrays, cut into blocks of [`BLOCK`].
//!
//! Invariants, of the keys `k` behind the records, in their order:
//! - every key begins with `prefix`, every key of a block with its stem (`prefix` and the first bytes of its fence);
//! - a record's window starts behind the stem of its block; versions of one key stand side by side, newest first,
//!   and all but the first of them say so in their cells;
//! - the fence of a block, behind `prefix`, is at most its first key, and fences never descend. Unless it is *cut*,
//!   it is also above every key of the block before, or equal to the last of them.
//!
//! Nothing of a run changes but the addresses in its cells. Searching is left to `seek`, building to `assembly`.

use std::ops::Range;
use std::sync::atomic::{AtomicU64, Ordering};

use super::cell::Cell;
use super::keys::Keys;
use super::stem::Stem;
use super::window::Window;
use crate::seams::Slab;

/// Records in a block; the last block of a run may have fewer.
pub(super) const BLOCK: usize = 64;

/// What there is to know of a block; eight bytes.
#[derive(Clone, Copy, Debug)]
pub(super) struct Block {
    /// Where its fence starts in the arena.
    pub(super) fence_at: u32,
    pub(super) fence_len: u16,
    /// The leading bytes of the fence that are the block's part of its stem; the top bit says that the fence is cut.
    pub(super) stem_and_cut: u16,
}

const CUT: u16 = 1 << 15;

impl Block {
    pub(super) fn new(fence_at: u32, fence_len: u16, stem_len: u16, is_cut: bool) -> Self {
        Self { fence_at, fence_len, stem_and_cut: stem_len | if is_cut { CUT } else { 0 } }
    }

    /// As a word: the start of the fence lowest, then its length, then the rest.
    pub(super) fn word(self) -> u64 {
        u64::from(self.fence_at) | u64::from(self.fence_len) << 32 | u64::from(self.stem_and_cut) << 48
    }

    /// The block that a word is.
    pub(super) fn of_word(word: u64) -> Self {
        let [a, b, c, d, e, f, g, h] = word.to_le_bytes();
        Self {
            fence_at: u32::from_le_bytes([a, b, c, d]),
            fence_len: u16::from_le_bytes([e, f]),
            stem_and_cut: u16::from_le_bytes([g, h]),
        }
    }

    #[inline]
    pub(super) fn stem_len(self) -> usize {
        usize::from(self.stem_and_cut & !CUT)
    }

    #[inline]
    pub(super) fn is_cut(self) -> bool {
        self.stem_and_cut & CUT != 0
    }
}

/// See the module.
#[derive(Debug, Default)]
pub(crate) struct Run {
    pub(super) prefix: Box<[u8]>,
    pub(super) pieces: Slab<u64>,
    pub(super) cells: Slab<AtomicU64>,
    pub(super) blocks: Box<[Block]>,
    /// The windows' pieces of the fences.
    pub(super) fences: Box<[u64]>,
    /// Every [`BLOCK`]th of `fences`, from the first.
    pub(super) samples: Box<[u64]>,
    pub(super) arena: Box<[u8]>,
}

impl Run {
    /// Records, that is versions.
    #[inline]
    pub(crate) fn len(&self) -> usize {
        self.pieces.len()
    }

    /// Bytes of memory held, but for what lies in a checkpoint.
    pub(crate) fn bytes(&self) -> usize {
        size_of::<Self>()
            + self.prefix.len()
            + self.arena.len()
            + self.pieces.heap_bytes()
            + self.cells.heap_bytes()
            + 8 * (self.fences.len() + self.samples.len())
            + size_of::<Block>() * self.blocks.len()
    }

    #[inline]
    pub(super) fn fence(&self, block: usize) -> &[u8] {
        let Block { fence_at, fence_len, .. } = self.blocks[block];
        let at = usize::try_from(fence_at).expect("an offset of 32 bits");
        &self.arena[at..at + usize::from(fence_len)]
    }

    /// What the keys of a block begin with, behind the prefix.
    #[inline]
    pub(super) fn stem_of_block(&self, block: usize) -> &[u8] {
        &self.fence(block)[..self.blocks[block].stem_len()]
    }

    #[inline]
    pub(super) fn stem(&self, block: usize) -> Stem<'_> {
        Stem { run: &self.prefix, block: self.stem_of_block(block) }
    }

    /// The records of a block.
    #[inline]
    pub(super) fn records(&self, block: usize) -> Range<usize> {
        block * BLOCK..((block + 1) * BLOCK).min(self.len())
    }

    #[inline]
    pub(super) fn cell(&self, record: usize) -> Cell {
        // Pairs with the store of a relocation: who sees the new address sees the segment that it points into.
        Cell::of_bits(self.cells[record].load(Ordering::Acquire))
    }

    #[inline]
    pub(super) fn window(&self, record: usize) -> Window {
        Window::of_parts(self.pieces[record], self.cell(record).tail())
    }

    /// The records with the key of `record`, as far as they lie within `within`.
    #[inline]
    pub(super) fn versions(&self, record: usize, within: &Range<usize>) -> Range<usize> {
        let mut start = record;
        while start > within.start && self.cell(start).same_as_before() {
            start -= 1;
        }
        let mut end = record + 1;
        while end < within.end && self.cell(end).same_as_before() {
            end += 1;
        }
        start..end
    }

    /// Calls `read` with the key of a record. `None` when its segment has gone, looked up again in case the record
    /// was relocated meanwhile: in a run of the current list this says that the version is dead.
    pub(super) fn key<R>(&self, record: usize, keys: &impl Keys, read: impl FnOnce(&[u8]) -> R) -> Option<R> {
        let mut read = Some(read);
        let mut address = self.cell(record).address();
        loop {
            let answer = keys.key(address, |key| read.take().map(|read| read(key)));
            if let Some(answer) = answer {
                return answer;
            }
            let again = self.cell(record).address();
            if again == address {
                return None;
            }
            address = again;
        }
    }
}
