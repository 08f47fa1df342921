//! A run in the making: blocks are opened and records appended, in key order.
//!
//! Invariant: what [`Run`] says of fences and stems. Which records come, and what their windows are, is left to
//! `build` (which has the keys) and `weave` (which has other runs).

use super::cell::Cell;
use super::run::{BLOCK, Block, Run};
use super::stem::STEM_MAX;
use super::window::Window;
use crate::seams::Growing;

/// Offsets in the arena are 32 bits wide. Blocks past 4 GiB do without fences of their own, and are told apart by
/// reading the log.
const ARENA_MAX: usize = u32::MAX as usize;

/// What is known of where a block may be told from the one before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Separator {
    /// So many bytes of its first key, behind the run's prefix, are above every key before it. Or equal to the last
    /// of them, and then they are the whole of the key.
    Length(usize),
    /// Nothing is known: the fence is cut.
    Unknown,
}

/// See the module.
#[derive(Debug)]
pub(super) struct Assembly {
    prefix: Box<[u8]>,
    pieces: Growing,
    cells: Growing,
    blocks: Vec<Block>,
    fences: Vec<u64>,
    arena: Vec<u8>,
    /// Bytes that the arena may take.
    arena_max: usize,
}

impl Assembly {
    /// A run of about `records` records whose keys all begin with `prefix`.
    pub(super) fn new(prefix: Box<[u8]>, records: usize) -> Self {
        let blocks = records.div_ceil(BLOCK);
        Self {
            prefix,
            pieces: Growing::with_capacity(records),
            cells: Growing::with_capacity(records),
            blocks: Vec::with_capacity(blocks),
            fences: Vec::with_capacity(blocks),
            arena: Vec::new(),
            arena_max: ARENA_MAX,
        }
    }

    /// Bytes that all keys of the run begin with.
    pub(super) fn prefix_len(&self) -> usize {
        self.prefix.len()
    }

    /// Bytes of the stem that the next block may have; none when the arena is full.
    pub(super) fn stem_max(&self) -> usize {
        if self.has_room() { STEM_MAX } else { 0 }
    }

    fn has_room(&self) -> bool {
        self.arena.len() + STEM_MAX <= self.arena_max
    }

    /// Starts a block. `first` is what is known of its first key behind the run's prefix, `stem_len` how many bytes
    /// of that all its keys share, at most [`Assembly::stem_max`]. To be called before every [`BLOCK`] records.
    pub(super) fn open_block(&mut self, first: &[u8], stem_len: usize, separator: Separator) {
        let (wanted, is_known) = match separator {
            Separator::Length(length) => (length.max(stem_len), true),
            Separator::Unknown => (stem_len, false),
        };
        let length = wanted.min(STEM_MAX);
        let is_cut = !is_known || length < wanted || !self.has_room();
        let fence = &first[..length];
        let stem = u16::try_from(stem_len).expect("at most STEM_MAX");
        if let Some((last, piece)) = self.blocks.last().zip(self.fences.last()) {
            let last_at = usize::try_from(last.fence_at).expect("an offset of 32 bits");
            let before = &self.arena[last_at..last_at + usize::from(last.fence_len)];
            if is_cut && (*fence < *before || !self.has_room()) {
                // A cut fence below the one before is a prefix of it, and that in turn is at most the first key: it
                // serves both blocks, stems included. With a full arena the stem is empty, and any fence serves.
                let (last, piece) = (*last, *piece);
                self.blocks.push(Block::new(last.fence_at, last.fence_len, stem, true));
                self.fences.push(piece);
                return;
            }
        }
        let fence_at = u32::try_from(self.arena.len()).expect("there is room, or this is the first block");
        self.blocks.push(Block::new(
            fence_at,
            u16::try_from(length).expect("at most STEM_MAX"),
            stem,
            is_cut,
        ));
        self.fences.push(Window::of(fence).piece);
        self.arena.extend_from_slice(fence);
    }

    /// Appends a record.
    #[inline]
    pub(super) fn push(&mut self, window: Window, cell: Cell) {
        self.pieces.push(window.piece);
        self.cells.push(cell.bits());
    }

    pub(super) fn finish(self) -> Run {
        Run {
            prefix: self.prefix,
            pieces: self.pieces.into_words(),
            cells: self.cells.into_cells(),
            blocks: self.blocks.into_boxed_slice(),
            samples: self.fences.iter().step_by(BLOCK).copied().collect(),
            fences: self.fences.into_boxed_slice(),
            arena: self.arena.into_boxed_slice(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Assembly, Cell, Separator, Window};
    use crate::address::Address;
    use crate::index::runs::cell::Mark;
    use crate::index::runs::keys::{Keys, Missing};
    use crate::index::runs::run::BLOCK;
    use crate::index::runs::seek::{Place, Reading};
    use crate::index::runs::stem::shared;

    struct Numbered;

    fn key_of(number: u64) -> Vec<u8> {
        format!("{:06}, and what comes then", number * 2).into_bytes()
    }

    impl Keys for Numbered {
        fn key<R>(&self, address: Address, read: impl FnOnce(&[u8]) -> R) -> Result<R, Missing> {
            Ok(read(&key_of(address.get())))
        }
    }

    #[test]
    fn blocks_behind_a_full_arena_are_told_apart_by_the_log() {
        let mut assembly = Assembly { arena_max: 270, ..Assembly::new(Box::default(), 0) };
        let count = 30 * BLOCK;
        for start in (0..count).step_by(BLOCK) {
            let numbers = start as u64 + 1..=(start + BLOCK) as u64;
            let (first, last) = (key_of(*numbers.start()), key_of(*numbers.end()));
            let stem_len = shared(&first, &last).min(assembly.stem_max());
            assembly.open_block(&first, stem_len, Separator::Length(6));
            for number in numbers {
                let window = Window::of(&key_of(number)[stem_len..]);
                let cell = Cell::new(Address::new(number), Mark::Value);
                assembly.push(window, cell.placed(window, false));
            }
        }
        let run = assembly.finish();
        assert!(run.arena.len() < 30 && run.blocks.iter().filter(|block| block.is_cut()).count() > 20);
        for number in 1..=count as u64 {
            let record = usize::try_from(number).unwrap() - 1;
            let mut key = key_of(number);
            let reading = Reading::new(&Numbered);
            assert_eq!(run.seek(&key, &reading), Place { record, is_found: true });
            key.push(0);
            assert_eq!(run.seek(&key, &reading), Place { record: record + 1, is_found: false });
        }
    }
}
