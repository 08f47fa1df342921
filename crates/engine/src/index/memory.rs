//! Estimates of what the standard containers take, for the index's account of its own memory.
//!
//! The figures follow from how the containers are built; they are meant to be right within a quarter, so that an
//! operator who adds them up finds the process about as big as they say.

use std::collections::BinaryHeap;

/// Bytes of the heap block behind an `Arc<[u8]>`: two counters, the bytes, and the allocator's header and rounding.
pub(super) fn shared_key_bytes(length: usize) -> u64 {
    let block = length.saturating_add(2 * size_of::<usize>() + 8).next_multiple_of(16);
    u64::try_from(block).expect("lengths are at most 64 bits")
}

/// Bytes of a B-tree of so many entries: nodes are two thirds full after insertions in random order.
pub(super) fn tree_bytes(entries: usize, entry_bytes: usize) -> u64 {
    bytes_of(entries, entry_bytes + entry_bytes / 2 + 4)
}

/// Bytes of a hash table that can take so many entries: an eighth of its places and a control byte for each.
pub(super) fn table_bytes(capacity: usize, entry_bytes: usize) -> u64 {
    bytes_of(capacity / 7 * 8, entry_bytes + 1)
}

/// Bytes of `count` things of `each` bytes.
pub(super) fn bytes_of(count: usize, each: usize) -> u64 {
    u64::try_from(count.saturating_mul(each)).expect("lengths are at most 64 bits")
}

/// Gives back most of a heap's memory when it holds much more than it needs.
pub(super) fn shrink_heap<T: Ord>(heap: &mut BinaryHeap<T>) {
    const SMALL: usize = 1024;
    if heap.capacity() > SMALL && heap.len() < heap.capacity() / 4 {
        heap.shrink_to(heap.len() * 2);
    }
}
