//! Where the blocks of pages lie: the first of a table on the heap, because most tables are small; the others in chunks of memory
//! that the system may give as one huge page each, because a lookup goes to any page, and the processor remembers the places of
//! fewer small ones than a large table has.
//!
//! Invariant: no two blocks overlap: each has its place in its chunk, and is made once.

use super::directory::{BLOCK_PAGES, LEAF_BLOCKS};
use super::page::Page;
use crate::seams::lock::OnceLock;
use crate::seams::{PrivateMap, Slab};

/// 2 MiB at the default size, a huge page of the common processors.
const CHUNK_BLOCKS: usize = if LEAF_BLOCKS < 32 { LEAF_BLOCKS } else { 32 };
const BLOCK_BYTES: usize = BLOCK_PAGES * size_of::<Page>();
const CHUNK_BYTES: usize = CHUNK_BLOCKS * BLOCK_BYTES;

/// The chunks of a leaf of the directory. One that the system did not give is `None`: its blocks are on the heap.
#[derive(Debug)]
pub(super) struct Chunks([OnceLock<Option<PrivateMap>>; LEAF_BLOCKS / CHUNK_BLOCKS]);

impl Default for Chunks {
    fn default() -> Self {
        Self(std::array::from_fn(|_| OnceLock::new()))
    }
}

impl Chunks {
    /// An empty block, for the page with this number and those beside it; and how many bytes of memory were taken for it.
    pub(super) fn block(&self, number: u64) -> (Slab<Page>, usize) {
        let block = usize::try_from(number).expect("a page number fits the address space") / BLOCK_PAGES;
        #[cfg(not(loom))]
        if block >= CHUNK_BLOCKS {
            let (chunk, place) = (block % LEAF_BLOCKS / CHUNK_BLOCKS, block % CHUNK_BLOCKS);
            let mut taken = 0;
            let memory = self.0[chunk].get_or_init(|| {
                taken = CHUNK_BYTES;
                PrivateMap::zeroed(CHUNK_BYTES).ok()
            });
            let within = |memory: &PrivateMap| Slab::in_zeros(memory, place * BLOCK_BYTES, BLOCK_PAGES);
            if let Some(block) = memory.as_ref().and_then(within) {
                return (block, taken);
            }
        }
        let pages: Vec<Page> = (0..BLOCK_PAGES).map(|_| Page::new()).collect();
        (pages.into(), BLOCK_BYTES)
    }
}
