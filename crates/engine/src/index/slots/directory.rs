//! Where the pages are: in blocks that are made when first needed and never move.
//!
//! Invariant: a page that was made stays where it is as long as the table lives, so the directory grows without being
//! copied and is read without a lock. A block has a few pages because the directory is read by every lookup: at ten
//! million keys it takes 30 KB and is in the processor's cache.

use super::chunks::Chunks;
use super::image::{Origin, pages_of};
use super::page::Page;
use crate::format::bytes::length_u64;
use crate::seams::Slab;
use crate::seams::lock::OnceLock;
use crate::seams::sync::atomic::{AtomicU64, Ordering};

#[cfg(not(loom))]
mod size {
    /// 64 KiB of pages.
    pub(in super::super) const BLOCK_PAGES: usize = 16;
    pub(in super::super) const LEAF_BLOCKS: usize = 1024;
    pub(super) const LEAVES: usize = 1024;
}
#[cfg(loom)]
mod size {
    pub(in super::super) const BLOCK_PAGES: usize = 2;
    pub(in super::super) const LEAF_BLOCKS: usize = 2;
    pub(super) const LEAVES: usize = 2;
}
use size::LEAVES;
pub(super) use size::{BLOCK_PAGES, LEAF_BLOCKS};

/// How many pages there can be: at the default size more than 8 * 10^9 slots, 64 GiB.
pub(super) const PAGES_MAX: u64 = (BLOCK_PAGES * LEAF_BLOCKS * LEAVES) as u64;

type Block = Slab<Page>;

/// The blocks of so many pages in a row.
#[derive(Debug)]
struct Leaf {
    blocks: [OnceLock<Block>; LEAF_BLOCKS],
    chunks: Chunks,
}

/// See the module.
#[derive(Debug)]
pub(super) struct Directory {
    leaves: Box<[OnceLock<Box<Leaf>>; LEAVES]>,
    memory_bytes: AtomicU64,
    /// Where pages come from that a checkpoint held and nobody has looked at yet.
    origin: Option<Origin>,
}

impl Directory {
    /// With no pages.
    pub(super) fn new() -> Self {
        let leaves: Box<[OnceLock<Box<Leaf>>; LEAVES]> = boxed(OnceLock::new);
        let memory_bytes = AtomicU64::new(length_u64(size_of_val(&*leaves)));
        Self { leaves, memory_bytes, origin: None }
    }

    /// With the pages of a checkpoint.
    pub(super) fn of(origin: Origin) -> Self {
        Self { origin: Some(origin), ..Self::new() }
    }

    /// A page that was made.
    ///
    /// # Panics
    /// If it was not.
    #[inline]
    pub(super) fn page(&self, number: u64) -> &Page {
        let (leaf, block, page) = split_number(number);
        let found = self.leaves[leaf].get().and_then(|leaf| leaf.blocks[block].get());
        match found {
            Some(block) => &block[page],
            None => self.fetch(number),
        }
    }

    /// A page that nobody has looked at since the store was opened.
    #[cold]
    fn fetch(&self, number: u64) -> &Page {
        let is_held = self.origin.as_ref().is_some_and(|origin| number < origin.pages());
        assert!(is_held, "a page is made before the state sends anyone there");
        self.make(number)
    }

    /// A page, empty if it is made by this.
    pub(super) fn make(&self, number: u64) -> &Page {
        let (leaf, block, page) = split_number(number);
        let leaf = self.leaves[leaf].get_or_init(|| {
            let leaf = Leaf { blocks: std::array::from_fn(|_| OnceLock::new()), chunks: Chunks::default() };
            self.account(size_of::<Leaf>());
            Box::new(leaf)
        });
        let block = leaf.blocks[block].get_or_init(|| self.block_of(number, &leaf.chunks));
        &block[page]
    }

    /// The block of a page as a checkpoint held it, or empty.
    fn block_of(&self, number: u64, chunks: &Chunks) -> Block {
        let (block, taken) = chunks.block(number);
        self.account(taken);
        if let Some(origin) = &self.origin {
            origin.read(number / BLOCK_PAGES as u64, |page, words| block[page].fill(words));
        }
        block
    }

    /// A group of so many pages in all as the checkpoint holds it, if it is the same there and nobody has looked at it yet.
    pub(super) fn unread_group(&self, group: u64, pages: u64) -> Option<&[u8]> {
        let origin = self.origin.as_ref()?;
        let (leaf, block, _) = split_number(group * BLOCK_PAGES as u64);
        let is_read = self.leaves[leaf].get().is_some_and(|leaf| leaf.blocks[block].get().is_some());
        let is_same = pages_of(group, pages) == pages_of(group, origin.pages());
        if is_read || !is_same { None } else { Some(origin.group(group)) }
    }

    /// The bytes of all pages that were made, used or not, and of what is needed to find them.
    pub(super) fn memory_bytes(&self) -> u64 {
        self.memory_bytes.load(Ordering::Relaxed)
    }

    fn account(&self, bytes: usize) {
        self.memory_bytes.fetch_add(length_u64(bytes), Ordering::Relaxed);
    }
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
