//! The log of the bare limit, mapped read-only, and the hint that fetches a line of it into the cache ahead of its use.
//!
//! Invariant: bytes are read only after they were written, and written once, so a slice never sees a change. One of the
//! two files of this program with unsafe code; the other one opens LMDB.
#![expect(unsafe_code, reason = "maps and prefetch hints cannot be expressed in safe Rust")]

use std::fs::File;
use std::io;

use memmap2::{Mmap, MmapOptions};

/// A file mapped as far as it may ever grow.
#[derive(Debug)]
pub(crate) struct Mapped {
    map: Mmap,
}

impl Mapped {
    /// Maps the first `length` bytes of a file that is as long.
    pub(crate) fn new(file: &File, length: usize) -> io::Result<Self> {
        // SAFETY: the map is read-only; the program that made it alone writes the file, only behind what it reads, and
        // never makes it shorter while it is mapped.
        let map = unsafe { MmapOptions::new().len(length).map(file)? };
        Ok(Self { map })
    }

    /// All of it.
    #[inline]
    pub(crate) fn bytes(&self) -> &[u8] {
        &self.map
    }
}

/// Asks for the cache line that holds `bytes[at]`; nothing happens when there is none.
#[inline]
pub(crate) fn prefetch<T>(items: &[T], at: usize) {
    #[cfg(target_arch = "x86_64")]
    if let Some(item) = items.get(at) {
        // SAFETY: a hint, which reads nothing as far as the program can tell; the address is that of a live item.
        unsafe {
            std::arch::x86_64::_mm_prefetch::<{ std::arch::x86_64::_MM_HINT_T0 }>(
                std::ptr::from_ref(item).cast(),
            )
        };
    }
    #[cfg(not(target_arch = "x86_64"))]
    let _ = (items, at);
}
