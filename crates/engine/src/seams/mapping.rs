//! The engine's only unsafe code but for `bus_error.rs`: read-only maps of files, and the anonymous memory that the simulated disk maps.
//!
//! Invariant: a slice is handed out only for bytes that no one writes any more. The log guarantees it: a range is
//! read only after the frame that it lies in was published, and published bytes are never rewritten or cut off.
#![expect(
    unsafe_code,
    reason = "mapping memory cannot be expressed in safe Rust; the module is the safe interface"
)]

use std::fs;
use std::io;
use std::sync::atomic::AtomicU64;
use std::sync::{Arc, Weak};

use memmap2::{Advice, Mmap, MmapMut, MmapOptions, MmapRaw};

/// A read-only map of the first bytes of a file. Cloning shares it; the memory goes with the last clone.
#[derive(Clone, Debug)]
pub struct Map {
    source: Source,
    /// Where the bytes are, beside what keeps them there, because a read looks here a thousand times for each clone.
    start: *const u8,
    length: usize,
}

// SAFETY: `start` points into the memory that `source` shares, which any thread may read as long as it is there; the bytes
// that are read do not change any more (module invariant).
unsafe impl Send for Map {}
// SAFETY: as above.
unsafe impl Sync for Map {}

#[derive(Clone, Debug)]
enum Source {
    File(Arc<Mmap>),
    Region(Region),
}

impl Map {
    /// Maps the first `length` bytes of `file`.
    pub fn of_file(file: &fs::File, length: u64) -> io::Result<Self> {
        let length = usize::try_from(length).map_err(io::Error::other)?;
        // SAFETY: the map is read-only. Bytes behind it change only by the store's own writes, to ranges that
        // `slice` is not called for until they are complete (module invariant). The store holds an advisory lock
        // on its directory; that nobody else truncates or overwrites the files is stated in docs/guarantees.md.
        let map = unsafe { MmapOptions::new().len(length).map(file)? };
        Ok(Self::new(Source::File(Arc::new(map))))
    }

    fn new(source: Source) -> Self {
        let (start, length) = match &source {
            Source::File(map) => (map.as_ptr(), map.len()),
            Source::Region(region) => (region.memory.as_ptr(), region.memory.len()),
        };
        Self { source, start, length }
    }

    /// Fetches so many cache lines from `offset` on into the cache, as far as they are mapped; nothing waits for them.
    #[inline]
    pub fn prefetch<const LINES: usize>(&self, offset: u64) {
        let Ok(offset) = usize::try_from(offset) else { return };
        let start = self.start.wrapping_add(offset);
        (0..LINES).for_each(|line| prefetch_at(start.wrapping_add(line * LINE_BYTES)));
    }

    /// Says that reads will be here and there: a page that is missing is then fetched alone. Otherwise the system fetches what lies
    /// around it, up to megabytes for each page that is wanted, which push others out where memory is short.
    pub fn read_here_and_there(&self) {
        if let Source::File(map) = &self.source {
            // Advice that is not taken costs time alone.
            drop(map.advise(Advice::Random));
        }
    }

    /// Has the system fetch a part that will be read soon, as far as it is mapped.
    pub fn fetch(&self, start: u64, length: u64) {
        let length = length.min(self.length().saturating_sub(start));
        if let (Source::File(map), Ok(start), Ok(length)) =
            (&self.source, usize::try_from(start), usize::try_from(length))
            && length > 0
        {
            // Advice that is not taken costs time alone.
            drop(map.advise_range(Advice::WillNeed, start, length));
        }
    }

    /// A handle that finds this map again as long as someone holds it.
    pub fn downgrade(&self) -> WeakMap {
        WeakMap {
            source: match &self.source {
                Source::File(map) => WeakSource::File(Arc::downgrade(map)),
                Source::Region(region) => WeakSource::Region(region.clone()),
            },
        }
    }

    /// A view of simulated memory.
    pub fn of_region(region: Region) -> Self {
        Self::new(Source::Region(region))
    }

    /// How many bytes are mapped.
    #[inline]
    pub fn length(&self) -> u64 {
        self.length as u64
    }

    /// The bytes `[start, start + length)`, or `None` when they are not all mapped.
    ///
    /// The caller asks only for ranges that were published (module invariant).
    #[inline]
    pub fn slice(&self, start: u64, length: u64) -> Option<&[u8]> {
        let end = start.checked_add(length)?;
        if end > self.length() {
            return None;
        }
        let (start, length) = (usize::try_from(start).ok()?, usize::try_from(length).ok()?);
        // SAFETY: the range lies within the memory that `source` keeps mapped as long as `self` lives, and is not written
        // any more (module invariant).
        Some(unsafe { std::slice::from_raw_parts(self.start.add(start), length) })
    }
}

/// Bytes that a processor fetches together.
const LINE_BYTES: usize = 64;

/// Fetches the cache line in which an item begins, where the processor can be told to; nothing waits for it.
#[inline]
pub(crate) fn prefetch<T>(item: &T) {
    prefetch_at(std::ptr::from_ref(item).cast());
}

/// Fetches the first cache lines of some bytes, so many at most.
#[inline]
pub(crate) fn prefetch_bytes<const LINES: usize>(bytes: &[u8]) {
    bytes.chunks(LINE_BYTES).take(LINES).for_each(|line| prefetch_at(line.as_ptr()));
}

#[inline]
fn prefetch_at(place: *const u8) {
    #[cfg(target_arch = "x86_64")]
    {
        use std::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
        // SAFETY: a hint, which reads nothing as far as the program can tell and does nothing where nothing is mapped.
        unsafe { _mm_prefetch::<_MM_HINT_T0>(place.cast()) };
    }
    #[cfg(not(target_arch = "x86_64"))]
    let _ = place;
}

/// So many words, all of them zero, of which a page takes memory only when it is stored to.
pub(crate) fn zeroed_words(count: usize) -> Box<[AtomicU64]> {
    // SAFETY: any eight bytes are an `AtomicU64`, zeros as well.
    unsafe { Box::new_zeroed_slice(count).assume_init() }
}

/// A map that may have gone.
#[derive(Clone, Debug, Default)]
pub struct WeakMap {
    source: WeakSource,
}

#[derive(Clone, Debug, Default)]
enum WeakSource {
    #[default]
    Gone,
    File(Weak<Mmap>),
    Region(Region),
}

impl WeakMap {
    /// The map, if someone still holds it.
    pub fn upgrade(&self) -> Option<Map> {
        let source = match &self.source {
            WeakSource::Gone => return None,
            WeakSource::File(map) => Source::File(map.upgrade()?),
            WeakSource::Region(region) => Source::Region(region.clone()),
        };
        Some(Map::new(source))
    }
}

/// Zeroed anonymous memory of a fixed size that can be written while parts of it are read: what a mapped file is,
/// without the file. Cloning shares the memory.
#[derive(Clone, Debug)]
pub struct Region {
    memory: Arc<MmapRaw>,
}

impl Region {
    /// Reserves `length` zero bytes (at least one page).
    pub fn new(length: u64) -> io::Result<Self> {
        let length = usize::try_from(length.max(1)).map_err(io::Error::other)?;
        Ok(Self { memory: Arc::new(MmapRaw::from(MmapMut::map_anon(length)?)) })
    }

    /// The size in bytes.
    pub fn length(&self) -> u64 {
        self.memory.len() as u64
    }

    /// Copies `bytes` to `offset`. Calls for overlapping ranges must not run at the same time; the simulated disk
    /// holds its lock.
    ///
    /// # Panics
    ///
    /// When the range leaves the region.
    pub fn write(&self, bytes: &[u8], offset: u64) {
        let offset = usize::try_from(offset).expect("a region fits in memory");
        assert!(
            offset.checked_add(bytes.len()).is_some_and(|end| end <= self.memory.len()),
            "write past the region"
        );
        // SAFETY: the range was checked; source and target cannot overlap because the region's memory is only ever
        // lent out as slices of published ranges, which are not written again (module invariant).
        unsafe { std::ptr::copy(bytes.as_ptr(), self.memory.as_mut_ptr().add(offset), bytes.len()) }
    }

    /// Copies the bytes from `offset` into `buffer`, for reads that are not of published ranges.
    ///
    /// # Panics
    ///
    /// When the range leaves the region.
    pub fn read(&self, buffer: &mut [u8], offset: u64) {
        let offset = usize::try_from(offset).expect("a region fits in memory");
        assert!(
            offset.checked_add(buffer.len()).is_some_and(|end| end <= self.memory.len()),
            "read past the region"
        );
        // SAFETY: the range was checked and `buffer` is not part of the region. The simulated disk holds its lock
        // over every `read` and `write`, so they do not race.
        unsafe { std::ptr::copy(self.memory.as_ptr().add(offset), buffer.as_mut_ptr(), buffer.len()) }
    }
}

/// What a sanitizer has to report, so that its silence about everything else means something.
#[cfg(all(test, watched))]
mod tests {
    use super::Region;

    /// Two threads write to one place, which [`Region::write`] asks its callers not to do.
    #[test]
    fn planted_race_between_two_writers_of_a_region() {
        let region = &Region::new(4096).unwrap();
        std::thread::scope(|scope| {
            for byte in [1, 2] {
                let write = move || (0..1000).for_each(|_| region.write(&[byte; 8], 64));
                std::thread::Builder::new().spawn_scoped(scope, write).unwrap();
            }
        });
    }

    /// A copy out of a region that is longer than the buffer for it.
    #[test]
    fn planted_overflow_of_the_buffer_that_a_region_is_copied_to() {
        let region = Region::new(4096).unwrap();
        let mut buffer = vec![0_u8; 64];
        let length = std::hint::black_box(buffer.len() + 8);
        // SAFETY: there is none: the defect is the point. The build that has this test ends with a report here.
        unsafe { std::ptr::copy(region.memory.as_ptr(), buffer.as_mut_ptr(), length) }
        std::hint::black_box(&buffer);
    }
}
