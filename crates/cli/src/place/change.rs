//! What verbs ask of a place, and what they get back, whichever place it is.

use std::borrow::Cow;
use std::ops::Bound;

use bytes::Bytes;
use pentad_engine::{Expiry, StagedStream, Timestamp};

/// Keys in their order.
pub(crate) type Bounds = (Bound<Vec<u8>>, Bound<Vec<u8>>);

/// One thing that a commit does.
#[derive(Debug)]
pub(crate) enum Change<'a> {
    Put { key: Cow<'a, [u8]>, value: Content, expiry: Expiry },
    Delete { key: Cow<'a, [u8]> },
    DeleteRange { bounds: Bounds },
    DeletePrefix { prefix: Cow<'a, [u8]> },
    Increment { key: Cow<'a, [u8]>, by: i64 },
    SetExpiry { key: Cow<'a, [u8]>, expiry: Expiry },
    Rename { from: Cow<'a, [u8]>, to: Cow<'a, [u8]> },
}

/// A value on its way into a commit.
#[derive(Debug)]
pub(crate) enum Content {
    /// In memory.
    Bytes(Bytes),
    /// In a stream segment of the store that the commit is for.
    Staged(StagedStream),
}

impl From<Vec<u8>> for Content {
    fn from(bytes: Vec<u8>) -> Self {
        Self::Bytes(bytes.into())
    }
}

/// What became of a commit.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Done {
    /// Whether its conditions held.
    pub(crate) applied: bool,
    pub(crate) sequence: Option<u64>,
    pub(crate) deleted: u64,
    pub(crate) renewed: u64,
    pub(crate) counter: Option<i64>,
}

/// What is known of an entry without its value.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Info {
    /// The commit that wrote it.
    pub(crate) sequence: u64,
    /// The commit that made the key; `None` where that is not known.
    pub(crate) created: Option<u64>,
    /// How many versions there have been since; `None` where that is not known.
    pub(crate) versions: Option<u32>,
    /// Length of the value.
    pub(crate) bytes: u64,
    /// CRC-32 of the value.
    pub(crate) checksum: u32,
    pub(crate) deadline: Option<Timestamp>,
}
