//! `LocalBackend`: the type that has the five interfaces.
//!
//! The invariant: none of its own methods is named like a method of one of the traits, because it would win over the
//! trait's in every call. What the store can do beyond the traits is left to [`Store`].

use std::path::Path;

use pentad_engine::{CommitFuture, Result, Store};

use crate::options::{Limits, LocalOptions};

/// A store on this machine, behind all five interfaces.
///
/// Clones share it, from any thread. It is closed by [`LocalBackend::close`], or when its last clone goes; only the
/// former can say what went wrong.
#[derive(Clone, Debug)]
pub struct LocalBackend {
    pub(crate) store: Store,
    pub(crate) limits: Limits,
}

impl LocalBackend {
    /// Opens the store in the directory `path` with default options; creates it when nothing is there.
    ///
    /// Blocks while the store is recovered.
    ///
    /// # Errors
    ///
    /// Those of [`Options::open`](pentad_engine::Options::open).
    pub fn open(path: impl AsRef<Path>) -> Result<Self> {
        Self::options().open(path)
    }

    /// Options to open a store with.
    pub fn options() -> LocalOptions {
        LocalOptions::new()
    }

    /// Puts the five interfaces before a store that is open, or one of its namespaces, without limits beyond those that it has.
    ///
    /// If the store was opened with limits below those of the contract, `KvBackend` reports a key or value beyond them
    /// as `Storage` with the engine's text; open it through [`LocalOptions`] to have it say `InvalidKey` and
    /// `ValueTooLarge`.
    pub fn from_store(store: Store) -> Self {
        Self { store, limits: Limits::default() }
    }

    /// The five interfaces over a namespace of the store, which is made if it is not there: a keyspace of its own, in the same
    /// log and the same sequence. What is one for the whole store stays so: the sequence, the log and its retention, durability,
    /// and closing. [`Store::drop_namespace`] of [`LocalBackend::store`] drops one.
    ///
    /// The limits of this backend hold there too; that on the number of keys counts those of the namespace, which then takes time
    /// in proportion to them with every write through `KvBackend`, and so do `len` and `is_empty`.
    ///
    /// ```
    /// use pentad_local_backend::{LocalBackend, StoreEngine};
    /// # let dir = tempfile::tempdir()?;
    /// # let backend = LocalBackend::open(dir.path())?;
    /// let orders = backend.namespace("orders")?;
    /// orders.put_batch(&[("17".into(), "tea".into())])?;
    /// assert_eq!(StoreEngine::get(&orders, b"17")?.as_deref(), Some(&b"tea"[..]));
    /// assert_eq!(StoreEngine::get(&backend, b"17")?, None);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Those of [`Store::namespace`].
    pub fn namespace(&self, name: &str) -> Result<Self> {
        Ok(Self { store: self.store.namespace(name)?, limits: self.limits })
    }

    /// The engine's own interface to the same keys: snapshots, ranges, conditional batches, statistics, compaction,
    /// verification.
    pub fn store(&self) -> &Store {
        &self.store
    }

    /// Finishes the commits that are under way, syncs, and gives up the lock on the directory.
    ///
    /// Every later call through any clone fails; handles and `Bytes` that were read stay valid. Closing again is no
    /// error. Blocks for the disk: call it from a thread that may.
    ///
    /// # Errors
    ///
    /// When the end of the log could not be synced: commits at [`Durability::Os`](pentad_engine::Durability::Os) may be
    /// lost at a power cut, those at `Disk` are not.
    pub fn close(&self) -> Result<()> {
        self.store.close()
    }

    /// The commit of a batch that `fill` makes.
    pub(crate) fn commit(&self, fill: impl FnOnce(&mut pentad_engine::Batch)) -> CommitFuture {
        let mut batch = pentad_engine::Batch::new();
        fill(&mut batch);
        self.store.submit(batch)
    }
}
