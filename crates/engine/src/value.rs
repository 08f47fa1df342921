//! STUB
use std::io;
use std::ops::Deref;
use bytes::Bytes;
/// A value in place: borrows the store's map without copying, stays valid after overwrite, delete, compaction, close.
#[derive(Clone)]
pub struct Value {}
impl Deref for Value { type Target = [u8]; fn deref(&self) -> &[u8] { todo!() } }
impl AsRef<[u8]> for Value { fn as_ref(&self) -> &[u8] { self } }
impl std::fmt::Debug for Value { fn fmt(&self, _: &mut std::fmt::Formatter<'_>) -> std::fmt::Result { todo!() } }
impl From<Value> for Bytes { fn from(_v: Value) -> Bytes { todo!() } }
impl PartialEq<[u8]> for Value { fn eq(&self, other: &[u8]) -> bool { **self == *other } }
/// Reads a value block by block, verifying each block at its first touch; bounded memory whatever the length.
#[derive(Debug)]
pub struct ValueReader {}
impl ValueReader {
    /// Bytes of the whole value.
    pub fn length(&self) -> u64 { todo!() }
}
impl io::Read for ValueReader { fn read(&mut self, _buf: &mut [u8]) -> io::Result<usize> { todo!() } }
