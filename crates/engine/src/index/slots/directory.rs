//! Where the pages are: in blocks that are made when first needed and never move.
//!
//! Invariant: a page that was made stays where it is as long as the table lives, so the directory grows without being
//! copied and is read without a lock. A block has a few pages because the directory is read by every lookup: at ten
//! million keys it takes 30 KB and is in the processor's cache.

use crate::seams::lock::OnceLock;

use super::page::Page;
use crate::seams::sync::atomic::{AtomicU64, Ordering};

#[cfg(not(loom))]
mod size {
    /// 64 KiB of pages.
    pub(super) const BLOCK_PAGES: usize = 16;
    pub(super) const LEAF_BLOCKS: usize = 1024;
    pub(super) const LEAVES: usize = 1024;
}
#[cfg(loom)]
mod size {
    pub(super) const BLOCK_PAGES: usize = 2;
    pub(super) const LEAF_BLOCKS: usize = 2;
    pub(super) const LEAVES: usize = 2;
}
use size::{BLOCK_PAGES, LEAF_BLOCKS, LEAVES};

/// How many pages there can be: at the default size more than 8 * 10^9 slots, 64 GiB.
pub(super) const PAGES_MAX: u64 = (BLOCK_PAGES * LEAF_BLOCKS * LEAVES) as u64;

type Block = Box<[Page; BLOCK_PAGES]>;
type Leaf = Box<[OnceLock<Block>; LEAF_BLOCKS]>;

/// See the module.
#[derive(Debug)]
pub(super) struct Directory {
    leaves: Box<[OnceLock<Leaf>; LEAVES]>,
    /// Stored by the one writer.
    memory_bytes: AtomicU64,
}

impl Directory {
    /// With no pages.
    pub(super) fn new() -> Self {
        let leaves: Box<[OnceLock<Leaf>; LEAVES]> = boxed(OnceLock::new);
        let memory_bytes = AtomicU64::new(bytes_of(&*leaves));
        Self { leaves, memory_bytes }
    }

    /// A page that was made.
    ///
    /// # Panics
    /// If it was not.
    #[inline]
    pub(super) fn page(&self, number: u64) -> &Page {
        let (leaf, block, page) = split_number(number);
        let block = self.leaves[leaf].get().and_then(|leaf| leaf[block].get());
        &block.expect("a page is made before the state sends anyone there")[page]
    }

    /// A page, empty if it is made by this.
    pub(super) fn make(&self, number: u64) -> &Page {
        let (leaf, block, page) = split_number(number);
        let leaf = self.leaves[leaf].get_or_init(|| self.accounted(boxed(OnceLock::new)));
        let block = leaf[block].get_or_init(|| self.accounted(boxed(Page::new)));
        &block[page]
    }

    /// The bytes of all pages that were made, used or not, and of what is needed to find them.
    pub(super) fn memory_bytes(&self) -> u64 {
        self.memory_bytes.load(Ordering::Relaxed)
    }

    fn accounted<T>(&self, made: Box<T>) -> Box<T> {
        self.memory_bytes.store(self.memory_bytes() + bytes_of(&*made), Ordering::Relaxed);
        made
    }
}

fn bytes_of<T>(made: &T) -> u64 {
    u64::try_from(size_of_val(made)).expect("a size fits 64 bits")
}

#[inline]
fn split_number(number: u64) -> (usize, usize, usize) {
    let number = usize::try_from(number).expect("a page number fits the address space");
    (number / BLOCK_PAGES / LEAF_BLOCKS, number / BLOCK_PAGES % LEAF_BLOCKS, number % BLOCK_PAGES)
}

/// An array that is too large for the stack.
fn boxed<T, const N: usize>(make: impl Fn() -> T) -> Box<[T; N]> {
    let made: Box<[T]> = (0..N).map(|_| make()).collect();
    made.try_into().unwrap_or_else(|_| unreachable!("it was made with this length"))
}
