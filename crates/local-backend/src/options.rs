//! `LocalOptions`: what a store is opened with, the engine's options and the limits of the interfaces together.
//!
//! The invariant: a limit that is set here is known both to the engine, which enforces it for all interfaces, and to
//! the interfaces that have a word of their own for it.

use std::path::Path;

use pentad_engine::{KEY_BYTES_MAX, Options, Result, VALUE_BYTES_MAX};

use crate::backend::LocalBackend;

/// Options of a [`LocalBackend`]; [`LocalOptions::new`] is a working default.
///
/// ```no_run
/// use pentad_local_backend::{Durability, LocalBackend, Options};
///
/// let backend = LocalBackend::options()
///     .engine(Options::new().durability(Durability::Os))
///     .kv_keys_max(10_000)
///     .open("cache.pentad")?;
/// # Ok::<(), pentad_local_backend::Error>(())
/// ```
#[derive(Clone, Debug, Default)]
#[must_use = "options do nothing until a store is opened with them"]
pub struct LocalOptions {
    engine: Options,
    key_bytes_max: Option<usize>,
    value_bytes_max: Option<u64>,
    kv_value_bytes_max: Option<u64>,
    kv_keys_max: Option<u64>,
}

/// The limits that the interfaces look at themselves.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    /// Longest key in bytes.
    pub(crate) key_bytes_max: usize,
    /// Longest value outside a stream, in bytes.
    pub(crate) value_bytes_max: u64,
    /// Longest value that `KvBackend` takes, in bytes; never above `value_bytes_max`.
    pub(crate) kv_value_bytes_max: u64,
    /// How many live keys `KvBackend` may leave in the store.
    pub(crate) kv_keys_max: Option<u64>,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            key_bytes_max: KEY_BYTES_MAX,
            value_bytes_max: VALUE_BYTES_MAX,
            kv_value_bytes_max: VALUE_BYTES_MAX,
            kv_keys_max: None,
        }
    }
}

impl LocalOptions {
    /// The engine's defaults, and no limits beyond those of the contract.
    pub fn new() -> Self {
        Self::default()
    }

    /// The options of the engine: durability, alignment, retention, segment size and the rest.
    ///
    /// Limits on keys and values are better set with [`key_bytes_max`](Self::key_bytes_max) and
    /// [`value_bytes_max`](Self::value_bytes_max), which go before those in `options`: `KvBackend` then names them.
    pub fn engine(mut self, options: Options) -> Self {
        self.engine = options;
        self
    }

    /// A lower limit on the length of keys in bytes, for all interfaces. Default and maximum 65,535.
    pub fn key_bytes_max(mut self, bytes: usize) -> Self {
        self.key_bytes_max = Some(bytes.min(KEY_BYTES_MAX));
        self
    }

    /// A lower limit on the length of values outside streams in bytes, for all interfaces. Default and maximum 1 GiB.
    pub fn value_bytes_max(mut self, bytes: u64) -> Self {
        self.value_bytes_max = Some(bytes.min(VALUE_BYTES_MAX));
        self
    }

    /// A limit on the length in bytes of values that are set or swapped in through `KvBackend`; beyond it they are
    /// `ValueTooLarge`. Off by default. The result of an increment, at most 20 bytes, is not held to it.
    pub fn kv_value_bytes_max(mut self, bytes: u64) -> Self {
        self.kv_value_bytes_max = Some(bytes);
        self
    }

    /// A limit on the number of live keys in the store, those of other interfaces included, that `KvBackend` holds to:
    /// a write of its own that would add one beyond it is `QuotaExceeded`. The other interfaces do not look at it. Off
    /// by default.
    pub fn kv_keys_max(mut self, keys: u64) -> Self {
        self.kv_keys_max = Some(keys);
        self
    }

    /// Opens the store in the directory `path`; creates it when nothing is there, unless the engine's options forbid.
    ///
    /// Blocks while the store is recovered.
    ///
    /// # Errors
    ///
    /// Those of [`Options::open`].
    pub fn open(&self, path: impl AsRef<Path>) -> Result<LocalBackend> {
        Ok(LocalBackend { store: self.engine_with_limits().open(path)?, limits: self.limits() })
    }

    /// Opens the store that is in the directory `path` for reading; every write through any interface fails.
    ///
    /// # Errors
    ///
    /// Those of [`Options::open_read_only`].
    pub fn open_read_only(&self, path: impl AsRef<Path>) -> Result<LocalBackend> {
        Ok(LocalBackend { store: self.engine_with_limits().open_read_only(path)?, limits: self.limits() })
    }

    fn engine_with_limits(&self) -> Options {
        let mut engine = self.engine.clone();
        if let Some(bytes) = self.key_bytes_max {
            engine = engine.key_bytes_max(bytes);
        }
        if let Some(bytes) = self.value_bytes_max {
            engine = engine.value_bytes_max(bytes);
        }
        engine
    }

    fn limits(&self) -> Limits {
        let value_bytes_max = self.value_bytes_max.unwrap_or(VALUE_BYTES_MAX);
        Limits {
            key_bytes_max: self.key_bytes_max.unwrap_or(KEY_BYTES_MAX),
            value_bytes_max,
            kv_value_bytes_max: self.kv_value_bytes_max.unwrap_or(u64::MAX).min(value_bytes_max),
            kv_keys_max: self.kv_keys_max,
        }
    }
}
