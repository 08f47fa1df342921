//! The bytes of a value to be written, as a caller hands them over.

use bytes::Bytes;

use crate::stream::StagedStream;
use crate::value::Value;

/// The bytes of a value to be written. What is borrowed is copied into the batch; the rest is taken over.
#[derive(Clone, Debug)]
pub struct Payload<'a>(pub(crate) PayloadSource<'a>);

#[derive(Clone, Debug)]
pub(crate) enum PayloadSource<'a> {
    Borrowed(&'a [u8]),
    Bytes(Bytes),
    Value(Value),
    Stream(StagedStream),
}

impl<'a> From<&'a [u8]> for Payload<'a> {
    /// Copied once, into the batch.
    fn from(bytes: &'a [u8]) -> Self {
        Self(PayloadSource::Borrowed(bytes))
    }
}

impl<'a, const N: usize> From<&'a [u8; N]> for Payload<'a> {
    /// Copied once, into the batch.
    fn from(bytes: &'a [u8; N]) -> Self {
        Self(PayloadSource::Borrowed(bytes))
    }
}

impl<'a> From<&'a str> for Payload<'a> {
    /// Copied once, into the batch.
    fn from(text: &'a str) -> Self {
        text.as_bytes().into()
    }
}

impl From<Vec<u8>> for Payload<'_> {
    fn from(bytes: Vec<u8>) -> Self {
        Self(PayloadSource::Bytes(bytes.into()))
    }
}

impl From<String> for Payload<'_> {
    fn from(text: String) -> Self {
        text.into_bytes().into()
    }
}

impl From<Bytes> for Payload<'_> {
    /// Short ones are copied into the batch; others are shared until the commit is done.
    fn from(bytes: Bytes) -> Self {
        Self(PayloadSource::Bytes(bytes))
    }
}

impl From<Value> for Payload<'_> {
    /// Reads the value's bytes from the map when they are written.
    fn from(value: Value) -> Self {
        Self(PayloadSource::Value(value))
    }
}

impl From<StagedStream> for Payload<'_> {
    /// Refers to the stream's own segment; it must belong to the store that the batch is committed to.
    fn from(stream: StagedStream) -> Self {
        Self(PayloadSource::Stream(stream))
    }
}
