//! Moving a record: the one thing that changes in a run.
//!
//! Invariant: nothing is read in the log. The place that a record still names may have gone by the time it is moved,
//! when a merge took its cell along; an address stands in one record only, so that windows say where to look, and
//! the address settles it.

use std::ops::Range;
use std::sync::atomic::Ordering;

use super::run::{BLOCK, Run};
use super::window::Window;
use crate::address::Address;

impl Run {
    /// Moves the record of `key` that stands at `from`. False when none does.
    pub(super) fn relocate(&self, key: &[u8], from: Address, to: Address) -> bool {
        let Some(rest) = key.strip_prefix(&*self.prefix) else { return false };
        // A cut fence may lie below the keys of the block before, so that the key may stand in either.
        let below = self.fences_below(rest);
        let start = (0..below).rev().find(|block| !self.blocks[*block].is_cut()).unwrap_or(0);
        let blocks = start..self.blocks.len();
        blocks
            .take_while(|block| *block < below || self.fence(*block) == rest || *block == 0)
            .any(|block| self.exchange(self.candidates(block, rest), from, to))
    }

    /// The records of a block that may have the key, as far as windows tell.
    fn candidates(&self, block: usize, rest: &[u8]) -> Range<usize> {
        let Range { start, end } = self.records(block);
        let Some(rest) = rest.strip_prefix(self.stem_of_block(block)) else { return start..start };
        let window = Window::of(rest);
        let first = start + self.pieces[start..end].partition_point(|piece| *piece < window.piece);
        let ties = self.pieces[first..end].iter().take_while(|piece| **piece == window.piece).count();
        first..first + ties
    }

    fn exchange(&self, candidates: Range<usize>, from: Address, to: Address) -> bool {
        debug_assert!(candidates.len() <= BLOCK, "within one block");
        candidates.into_iter().any(|record| {
            let cell = self.cell(record);
            // Relocations are made one at a time, under the lock of the list, so that nothing changes in between;
            // the exchange makes it visible if that should ever be broken.
            cell.address() == from
                && self.cells[record]
                    .compare_exchange(cell.bits(), cell.moved(to).bits(), Ordering::AcqRel, Ordering::Acquire)
                    .is_ok()
        })
    }
}
