//! `KvError`: why a call of [`KvBackend`](crate::KvBackend) changed nothing.
//!
//! Its texts are fixed; callers of zlayer-agent's store know them.

use std::error::Error;
use std::fmt;

/// Why a call of [`KvBackend`](crate::KvBackend) was refused or failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum KvError {
    /// The key is needed and not there. No method of the trait needs one; wrappers of it do.
    NotFound,
    /// The value is longer than the store allows. Store less, or raise the limit.
    ValueTooLarge,
    /// One more key would be more than the store allows. Delete some, or raise the limit.
    QuotaExceeded,
    /// The key is empty or longer than the store allows.
    InvalidKey,
    /// The store failed, or the value has the wrong form; the text says what happened, for an operator.
    Storage(String),
}

impl fmt::Display for KvError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotFound => f.write_str("key not found"),
            Self::ValueTooLarge => f.write_str("value too large"),
            Self::QuotaExceeded => f.write_str("storage quota exceeded"),
            Self::InvalidKey => f.write_str("invalid key format"),
            Self::Storage(text) => write!(f, "storage error: {text}"),
        }
    }
}

impl Error for KvError {}
