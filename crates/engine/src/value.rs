//! Values where they lie: borrowed from the store's map, never copied.

use std::fmt;
use std::io;
use std::ops::Deref;

use bytes::Bytes;

use crate::payload::PayloadRef;
use crate::seams::Map;

/// A value in place.
///
/// It borrows the store's map without copying and stays valid, with the same bytes, after the key is overwritten or
/// deleted, after compaction, and after the store is closed; its segment's disk space is freed when the last value in it goes. Converts to
/// [`Bytes`] without copying.
#[derive(Clone)]
pub struct Value {
    map: Map,
    start: u64,
    length: u64,
}

impl Value {
    /// The bytes `[start, start + length)` of `map`, which are published.
    #[inline]
    pub(crate) fn new(map: Map, start: u64, length: u64) -> Self {
        assert!(map.slice(start, length).is_some(), "a value lies within its map");
        Self { map, start, length }
    }
}

impl Value {
    /// The value as a slice of `T`, without a copy; `None` when its length is not a multiple of the size of `T`, or when it
    /// does not start where a `T` may. Values start on the alignment of the store: with
    /// [`Alignment::CacheLine`](crate::Alignment::CacheLine) every primitive type may, and so may vectors of up to 512 bits; with the default
    /// of 8 bytes everything up to `u64` and `f64`.
    ///
    /// ```
    /// # let dir = tempfile::tempdir()?;
    /// # let store = pentad_engine::Store::open(dir.path())?;
    /// let numbers: Vec<u8> = [1.5_f64, 2.5].iter().flat_map(|number| number.to_le_bytes()).collect();
    /// store.put("numbers", numbers)?;
    /// let value = store.get("numbers")?.unwrap();
    /// // As the machine reads them: on one that is big-endian the bytes would have to be turned round.
    /// assert_eq!(value.slice_of::<f64>(), Some(&[1.5, 2.5][..]));
    /// assert_eq!(value.slice_of::<[u8; 5]>(), None);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn slice_of<T: bytemuck::AnyBitPattern>(&self) -> Option<&[T]> {
        bytemuck::try_cast_slice(self).ok()
    }
}

impl Deref for Value {
    type Target = [u8];

    #[inline]
    fn deref(&self) -> &[u8] {
        self.map.slice(self.start, self.length).expect("checked when the value was made")
    }
}

impl AsRef<[u8]> for Value {
    fn as_ref(&self) -> &[u8] {
        self
    }
}

impl fmt::Debug for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&crate::escape_key(self))
    }
}

impl From<Value> for Bytes {
    fn from(value: Value) -> Self {
        Self::from_owner(value)
    }
}

impl<T: AsRef<[u8]> + ?Sized> PartialEq<T> for Value {
    fn eq(&self, other: &T) -> bool {
        **self == *other.as_ref()
    }
}

impl Eq for Value {}

/// Reads a value from its start, verifying it piece by piece at the first touch; memory stays bounded whatever the
/// length.
#[derive(Debug)]
pub struct ValueReader {
    payload: PayloadRef,
    position: u64,
}

impl ValueReader {
    pub(crate) fn new(payload: PayloadRef) -> Self {
        Self { payload, position: 0 }
    }

    /// Length of the whole value in bytes.
    pub fn length(&self) -> u64 {
        self.payload.length()
    }
}

impl io::Read for ValueReader {
    /// # Errors
    ///
    /// `InvalidData` when the piece that is read fails its checksum; none of it is returned.
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let piece = self.payload.piece(self.position)?;
        let length = piece.len().min(buffer.len());
        buffer[..length].copy_from_slice(&piece[..length]);
        self.position += length as u64;
        Ok(length)
    }
}
