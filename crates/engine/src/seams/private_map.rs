//! Memory that holds the content of a file and can be changed without changing the file; and slices that lie either there or
//! on the heap. With `mapping.rs` and `bus_error.rs`, the engine's only unsafe code.
//!
//! Invariant: a slice stays where it is as long as its [`Slab`] lives, and nobody but the slices that are handed out looks at
//! the memory of a map. Two slabs of one map do not overlap, or are of the same type.
#![expect(
    unsafe_code,
    reason = "mapping memory cannot be expressed in safe Rust; the module is the safe interface"
)]

use std::fmt;
use std::fs;
use std::io;
use std::ops::Deref;
use std::ptr;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use memmap2::{MmapMut, MmapOptions, MmapRaw};

/// A private, writable map of the first bytes of a file, which nobody writes any more. Cloning shares it.
#[derive(Clone, Debug)]
pub struct PrivateMap {
    memory: Arc<MmapRaw>,
}

impl PrivateMap {
    /// Maps the first `length` bytes of `file`, copy on write.
    pub fn of_file(file: &fs::File, length: u64) -> io::Result<Self> {
        let length = usize::try_from(length).map_err(io::Error::other)?;
        // SAFETY: nobody writes the file any more: a checkpoint is complete before it gets the name by which it is opened, and
        // that nobody else overwrites or truncates the files of a store is stated in docs/guarantees.md.
        let map = unsafe { MmapOptions::new().len(length).map_copy(file)? };
        Ok(Self { memory: Arc::new(MmapRaw::from(map)) })
    }

    /// Reads `length` bytes with `read`, which is given a buffer and an offset and says how many bytes it got.
    pub(crate) fn read(
        length: u64,
        mut read: impl FnMut(&mut [u8], u64) -> io::Result<usize>,
    ) -> io::Result<Self> {
        let wanted = usize::try_from(length.max(1)).map_err(io::Error::other)?;
        let mut memory = MmapMut::map_anon(wanted)?;
        let (mut done, end) = (0, usize::try_from(length).map_err(io::Error::other)?);
        while done < end {
            match read(&mut memory[done..end], done as u64)? {
                0 => {
                    return Err(io::Error::new(
                        io::ErrorKind::UnexpectedEof,
                        "the file is shorter than its map",
                    ));
                }
                count => done += count,
            }
        }
        Ok(memory.into())
    }

    /// So many bytes of zeros beside the heap: see [`large_memory`].
    #[cfg(not(loom))]
    pub(crate) fn zeroed(length: usize) -> io::Result<Self> {
        large_memory(length).map(Self::from)
    }

    /// How many bytes are mapped.
    pub fn length(&self) -> u64 {
        self.memory.len() as u64
    }

    /// Where `count` words of 8 bytes from `offset` on lie; `None` when they are not all mapped, or not aligned.
    fn words(&self, offset: u64, count: usize) -> Option<*const u8> {
        let start = usize::try_from(offset).ok()?;
        let end = count.checked_mul(8)?.checked_add(start)?;
        let fits = end <= self.memory.len() && start.is_multiple_of(8) && cfg!(target_endian = "little");
        // SAFETY: the range was checked to lie within the map.
        fits.then(|| unsafe { self.memory.as_ptr().add(start) })
    }
}

impl From<MmapMut> for PrivateMap {
    fn from(memory: MmapMut) -> Self {
        Self { memory: Arc::new(MmapRaw::from(memory)) }
    }
}

/// So many bytes of zeros beside the heap, in huge pages where the system gives them: what is looked at here and there then
/// costs the processor no walk through its page tables, and what is given back does not stay in pieces on the heap. Memory is
/// taken where it is written to, up to 2 MiB at a time.
pub(super) fn large_memory(length: usize) -> io::Result<MmapMut> {
    let memory = MmapMut::map_anon(length)?;
    #[cfg(target_os = "linux")]
    // Advice that is not taken costs time alone.
    drop(memory.advise(memmap2::Advice::HugePage));
    Ok(memory)
}

/// A slice that does not move, on the heap or in a private map.
pub(crate) struct Slab<T> {
    start: *const T,
    length: usize,
    home: Home,
}

/// Where a slab lies.
enum Home {
    /// On the heap, which gets it back when the slab goes.
    Heap,
    /// In the map of a file, or in memory that holds what a file does.
    File(#[expect(dead_code, reason = "it keeps the map")] PrivateMap),
    /// In memory of its own, beside the heap.
    Beside(#[expect(dead_code, reason = "it keeps the map")] PrivateMap),
}

// SAFETY: a slab is a box of its slice, or a share of a map that nobody else writes (module invariant).
unsafe impl<T: Send> Send for Slab<T> {}
// SAFETY: it hands out shared references alone.
unsafe impl<T: Sync> Sync for Slab<T> {}

impl Slab<u64> {
    /// The `count` words that stand at `offset` of a map, little-endian.
    pub(crate) fn in_map(map: &PrivateMap, offset: u64, count: usize) -> Option<Self> {
        let start = map.words(offset, count)?.cast();
        Some(Self { start, length: count, home: Home::File(map.clone()) })
    }

    /// The first words of memory that nobody else has.
    pub(crate) fn beside(map: &PrivateMap, count: usize) -> Option<Self> {
        let start = map.words(0, count)?.cast();
        Some(Self { start, length: count, home: Home::Beside(map.clone()) })
    }
}

impl Slab<AtomicU64> {
    /// The same for words that can be changed.
    pub(crate) fn in_map(map: &PrivateMap, offset: u64, count: usize) -> Option<Self> {
        let start = map.words(offset, count)?.cast();
        Some(Self { start, length: count, home: Home::File(map.clone()) })
    }

    /// The same for words that can be changed.
    pub(crate) fn beside(map: &PrivateMap, count: usize) -> Option<Self> {
        let start = map.words(0, count)?.cast();
        Some(Self { start, length: count, home: Home::Beside(map.clone()) })
    }
}

#[cfg(not(loom))]
impl<T: bytemuck::Zeroable> Slab<T> {
    /// `count` items from `offset` on of memory that [`PrivateMap::zeroed`] gave; `None` when they are not all there, or not
    /// aligned.
    pub(crate) fn in_zeros(memory: &PrivateMap, offset: usize, count: usize) -> Option<Self> {
        let end = count.checked_mul(size_of::<T>())?.checked_add(offset)?;
        // SAFETY: the end of the range, and so its start, was checked to lie within the map.
        let start = (end <= memory.memory.len()).then(|| unsafe { memory.memory.as_ptr().add(offset) })?;
        let start = start.cast::<T>();
        start.is_aligned().then(|| Self { start, length: count, home: Home::Beside(memory.clone()) })
    }
}

impl<T> Slab<T> {
    /// Bytes of memory that it takes, but for what lies in a file.
    pub(crate) fn heap_bytes(&self) -> usize {
        if matches!(self.home, Home::File(_)) { 0 } else { self.length * size_of::<T>() }
    }
}

impl<T> From<Vec<T>> for Slab<T> {
    fn from(items: Vec<T>) -> Self {
        let boxed = items.into_boxed_slice();
        let length = boxed.len();
        Self { start: Box::into_raw(boxed).cast_const().cast(), length, home: Home::Heap }
    }
}

impl<T> Default for Slab<T> {
    fn default() -> Self {
        Vec::new().into()
    }
}

impl<T> Deref for Slab<T> {
    type Target = [T];

    #[inline]
    fn deref(&self) -> &[T] {
        // SAFETY: `start` is that of a boxed slice of this length which is freed in `drop` alone, or of as many aligned items in
        // a map that `self.home` keeps. There they are words, which every pattern of bits is, or began as the zeros that their
        // type allows, and only atomics in them are written.
        unsafe { std::slice::from_raw_parts(self.start, self.length) }
    }
}

impl<T> Drop for Slab<T> {
    fn drop(&mut self) {
        if matches!(self.home, Home::Heap) {
            // SAFETY: on the heap it was made of a box of this length, and nobody has freed it.
            drop(unsafe { Box::from_raw(ptr::slice_from_raw_parts_mut(self.start.cast_mut(), self.length)) });
        }
    }
}

impl<T: fmt::Debug> fmt::Debug for Slab<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.iter()).finish()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU64, Ordering};

    use super::{PrivateMap, Slab};

    #[test]
    fn words_of_a_map_are_those_of_the_file_and_changes_stay_in_memory() {
        let bytes: Vec<u8> = (1u64..=4).flat_map(u64::to_le_bytes).collect();
        let map = PrivateMap::read(32, |buffer, offset| {
            let from = usize::try_from(offset).unwrap();
            let count = buffer.len().min(5);
            buffer[..count].copy_from_slice(&bytes[from..from + count]);
            Ok(count)
        })
        .unwrap();
        let words = Slab::<u64>::in_map(&map, 8, 2).unwrap();
        let cells = Slab::<AtomicU64>::in_map(&map, 24, 1).unwrap();
        drop(map);
        assert_eq!((&*words, words.heap_bytes()), (&[2, 3][..], 0));
        cells[0].store(9, Ordering::Relaxed);
        assert_eq!(cells[0].load(Ordering::Relaxed), 9);
    }

    #[test]
    fn words_outside_a_map_are_none() {
        let map = PrivateMap::read(32, |buffer, _| Ok(buffer.len())).unwrap();
        assert!(Slab::<u64>::in_map(&map, 0, 4).is_some());
        for (offset, count) in [(0, 5), (8, 4), (4, 1), (u64::MAX, 1), (8, usize::MAX)] {
            assert!(Slab::<u64>::in_map(&map, offset, count).is_none(), "{offset} {count}");
        }
    }

    #[test]
    fn a_slab_on_the_heap_is_its_items() {
        let slab: Slab<u64> = vec![1, 2, 3].into();
        assert_eq!((&*slab, slab.heap_bytes()), (&[1, 2, 3][..], 24));
        assert!(Slab::<u64>::default().is_empty());
    }
}
