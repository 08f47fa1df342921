//! Which keys a watch is about.

use bytes::Bytes;

/// The keys whose changes a [`Watch`](super::Watch) tells of.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum WatchFilter {
    /// Every key.
    #[default]
    All,
    /// One key.
    Key(Bytes),
    /// The keys that begin so.
    Prefix(Bytes),
}

impl WatchFilter {
    /// One key.
    pub fn key(key: impl AsRef<[u8]>) -> Self {
        Self::Key(Bytes::copy_from_slice(key.as_ref()))
    }

    /// The keys that begin so.
    pub fn prefix(prefix: impl AsRef<[u8]>) -> Self {
        Self::Prefix(Bytes::copy_from_slice(prefix.as_ref()))
    }

    /// Whether it lets a key through.
    pub fn matches(&self, key: &[u8]) -> bool {
        match self {
            Self::All => true,
            Self::Key(only) => key == only,
            Self::Prefix(prefix) => key.starts_with(prefix),
        }
    }
}
