//! Where the blocks of pages lie: the first of a table on the heap, because most tables are small; the others in chunks of memory
//! that the system may give as one huge page each, because a lookup goes to any page, and the processor remembers the places of
//! fewer small ones than a large table has.
//!
//! Invariant: no two blocks overlap: each has its place in its chunk, and is made once.

use super::directory::BLOCK_PAGES;
use super::page::Page;
use crate::seams::Slab;

/// Its bytes.
const BLOCK_BYTES: usize = BLOCK_PAGES * size_of::<Page>();

/// An empty block on the heap.
fn on_heap() -> (Slab<Page>, usize) {
    let pages: Vec<Page> = (0..BLOCK_PAGES).map(|_| Page::new()).collect();
    (pages.into(), BLOCK_BYTES)
}

#[cfg(not(loom))]
mod beside_the_heap {
    use super::super::directory::{BLOCK_PAGES, LEAF_BLOCKS};
    use super::{BLOCK_BYTES, Page, on_heap};
    use crate::seams::lock::OnceLock;
    use crate::seams::{PrivateMap, Slab};

    /// 2 MiB, a huge page of the common processors.
    const CHUNK_BLOCKS: usize = 32;
    const CHUNK_BYTES: usize = CHUNK_BLOCKS * BLOCK_BYTES;
    /// So many blocks are on the heap before the first chunk, 4 MiB, so that what a chunk holds ready is a small part of the
    /// table.
    const HEAP_BLOCKS: usize = 2 * CHUNK_BLOCKS;

    /// The chunks of a leaf of the directory. One that the system did not give is `None`: its blocks are on the heap.
    #[derive(Debug)]
    pub(in super::super) struct Chunks([OnceLock<Option<PrivateMap>>; LEAF_BLOCKS / CHUNK_BLOCKS]);

    impl Default for Chunks {
        fn default() -> Self {
            Self(std::array::from_fn(|_| OnceLock::new()))
        }
    }

    impl Chunks {
        /// An empty block, for the page with this number and those beside it; and how many bytes of memory were taken for it.
        pub(in super::super) fn block(&self, number: u64) -> (Slab<Page>, usize) {
            let block = usize::try_from(number).expect("a page number fits the address space") / BLOCK_PAGES;
            if block < HEAP_BLOCKS {
                return on_heap();
            }
            let mut taken = 0;
            let memory = self.0[block % LEAF_BLOCKS / CHUNK_BLOCKS].get_or_init(|| {
                taken = CHUNK_BYTES;
                PrivateMap::zeroed(CHUNK_BYTES).ok()
            });
            let place = block % CHUNK_BLOCKS * BLOCK_BYTES;
            let within = |memory: &PrivateMap| Slab::in_zeros(memory, place, BLOCK_PAGES);
            memory.as_ref().and_then(within).map_or_else(on_heap, |block| (block, taken))
        }
    }
}
#[cfg(not(loom))]
pub(super) use beside_the_heap::Chunks;

/// The tables of a model are small.
#[cfg(loom)]
#[derive(Debug, Default)]
pub(super) struct Chunks;

#[cfg(loom)]
impl Chunks {
    pub(super) fn block(&self, _number: u64) -> (Slab<Page>, usize) {
        on_heap()
    }
}
