//! `KvBackend`: text keys, deadlines, counters and compare-and-swap.
//!
//! The invariant of this interface: each method reads and writes at one instant, so that counters lose no
//! increment and of two compare-and-swaps from one value one wins.

mod error;

use std::fmt::Debug;

use async_trait::async_trait;

pub use error::KvError;

/// A key-value store with text keys. Dyn-compatible: `Arc<dyn KvBackend>` is the usual holder.
///
/// Source: the trait of the same name of zlayer-agent, whose key-value store hands its calls to such a backend in
/// cluster mode. The crate's front page gives the rules common to all interfaces.
///
/// # Keys and values
///
/// A key is any UTF-8 text of 1 to 65,535 bytes, NUL and line breaks included; [`KvError::InvalidKey`] answers
/// others, from every method. A value is 0 to 1 GiB of bytes. Limits on the size of a value and the number of keys
/// are options of an implementation, off by default.
///
/// # Deadlines
///
/// A deadline is a point in the time of the store, fixed once when the write is accepted. From that instant on the
/// key is absent for every method (a cluster may be 100 ms late). Deadlines survive restarts. A
/// [`set`](Self::set), an [`increment`](Self::increment) and a successful
/// [`compare_and_swap`](Self::compare_and_swap) remove it.
///
/// # Errors
///
/// [`KvError`], with nothing changed. When an implementation cannot know whether a write took place, as when a
/// connection breaks, it says so in [`KvError::Storage`].
///
/// # Where this differs from zlayer-agent
///
/// There validation and expiry are left to each backend. Here they are fixed as above, so that local and replicated
/// stores behave alike.
#[async_trait]
pub trait KvBackend: Send + Sync + Debug {
    /// The value of `key`, or `None` when it is absent or expired.
    async fn get(&self, key: &str) -> Result<Option<Vec<u8>>, KvError>;

    /// Stores `value` under `key` without a deadline; answers once it is durable.
    ///
    /// # Errors
    ///
    /// [`KvError::ValueTooLarge`] and, for a new key, [`KvError::QuotaExceeded`].
    async fn set(&self, key: &str, value: &[u8]) -> Result<(), KvError>;

    /// Stores `value` under `key` for `ttl_ns` nanoseconds of store time from when the write is accepted.
    ///
    /// 0 expires at once: the key is absent when the call answers. A deadline beyond the range of store time is
    /// the end of that range.
    ///
    /// # Errors
    ///
    /// As [`set`](Self::set).
    async fn set_with_ttl(&self, key: &str, value: &[u8], ttl_ns: u64) -> Result<(), KvError>;

    /// Deletes `key`; whether there was a live one.
    async fn delete(&self, key: &str) -> Result<bool, KvError>;

    /// Whether `key` is there.
    async fn exists(&self, key: &str) -> Result<bool, KvError>;

    /// The live keys that start with `prefix`, in the order of their bytes, in one consistent view; all for an
    /// empty prefix.
    ///
    /// Keys written through other interfaces are among them when they are UTF-8 and not empty, and left out
    /// otherwise. A prefix longer than a key may be has no keys.
    async fn list_keys(&self, prefix: &str) -> Result<Vec<String>, KvError>;

    /// Adds `delta` to the number at `key`, stores the sum without a deadline and answers it, in one step.
    ///
    /// A number is a decimal in ASCII: an optional sign, then digits, within `i64`. A missing or expired key counts
    /// as 0. The sum saturates at the ends of `i64` and is stored in its shortest form (`-7`, `0`, `12`).
    ///
    /// # Errors
    ///
    /// [`KvError::Storage`] with a text that starts with `invalid number: ` when the value is no number; it is left
    /// as it is. [`KvError::QuotaExceeded`] for a new key.
    async fn increment(&self, key: &str, delta: i64) -> Result<i64, KvError>;

    /// Stores `new` under `key` without a deadline if its value is `expected`; whether it was.
    ///
    /// An `expected` of `None` asks that the key is absent or expired. On a mismatch value and deadline stay.
    /// Values are compared, not versions: a value that was changed and changed back matches.
    ///
    /// # Errors
    ///
    /// As [`set`](Self::set).
    async fn compare_and_swap(&self, key: &str, expected: Option<&[u8]>, new: &[u8])
    -> Result<bool, KvError>;
}
