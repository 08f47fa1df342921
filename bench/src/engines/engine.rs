//! What a store has to be able to do to be measured.
//!
//! Invariant: an adapter does what a careful user of the store would write, no more. It keeps no cache of its own, and it
//! sums up every byte that it reads.

use std::path::{Path, PathBuf};

use crate::data::{DataSet, Sum};
use crate::error::Result;

/// Where a store lies and what it will be used for.
#[derive(Clone, Debug)]
pub(crate) struct Place {
    /// A directory of its own, which exists.
    pub(crate) directory: PathBuf,
    /// What it holds, for stores that want to know how large a cache or a map should be.
    pub(crate) data: DataSet,
    /// Whether single puts will be made durable. Otherwise nothing is, before [`Engine::sync`].
    pub(crate) durable: bool,
    /// Whether no change log is kept, where a store could keep one.
    pub(crate) retention_off: bool,
}

/// What not every store can do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ability {
    /// Rows in order of their keys.
    Order,
    /// One put that is durable when it returns.
    DurablePut,
}

/// Which way a range goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Direction {
    /// Ascending.
    Forward,
    /// Descending.
    Backward,
}

/// An open store. Threads share it.
pub(crate) trait Engine: Sized + Send + Sync {
    /// The settings, in one sentence or two, for the report.
    const SETTINGS: &'static str;

    /// What one thread reads through.
    type Reader<'a>: Reader
    where
        Self: 'a;

    /// Opens the store at a place; creates it when the directory is empty.
    fn open(place: &Place) -> Result<Self>;

    /// Closes it in order.
    fn close(self) -> Result<()>;

    /// A view of what is written by now, cheap enough to take one for each operation of a mixed load.
    fn reader(&self) -> Result<Self::Reader<'_>>;

    /// Writes all rows in one commit, handed to the operating system but not synced.
    fn put_batch(&self, rows: &[(&[u8], &[u8])]) -> Result<()>;

    /// Deletes all keys in one commit, likewise.
    fn delete_batch(&self, keys: &[&[u8]]) -> Result<()>;

    /// Writes one row in a commit of its own, likewise.
    fn put(&self, key: &[u8], value: &[u8]) -> Result<()> {
        self.put_batch(&[(key, value)])
    }

    /// Writes one row in a commit of its own that is on the disk when this returns.
    fn put_durable(&self, key: &[u8], value: &[u8]) -> Result<()>;

    /// Makes everything written by now durable.
    fn sync(&self) -> Result<()>;

    /// Writes one large value that is on the disk when this returns, by the best way that the store has for it.
    fn put_large(&self, key: &[u8], value: &[u8]) -> Result<()>;

    /// Why the store cannot do something; `None` when it can.
    fn lacks(_ability: Ability) -> Option<&'static str> {
        None
    }

    /// Of the bytes on the disk, those that are not entries but a way to find them, for stores that keep these apart.
    fn index_bytes(_directory: &Path) -> Result<Option<u64>> {
        Ok(None)
    }
}

/// What one thread reads through.
pub(crate) trait Reader {
    /// Adds the value of `key` to `sum`; false when there is none.
    fn get(&mut self, key: &[u8], sum: &mut Sum) -> Result<bool>;

    /// Adds the values of all `keys` to `sum`, in their order; gives how many there were.
    fn get_many(&mut self, keys: &[&[u8]], sum: &mut Sum) -> Result<u64> {
        let mut found = 0;
        for key in keys {
            found += u64::from(self.get(key, sum)?);
        }
        Ok(found)
    }

    /// Adds keys and values of at most `rows_max` rows to `sum`, beginning with `from` or the outermost; gives how many
    /// there were.
    fn scan(
        &mut self,
        from: Option<&[u8]>,
        direction: Direction,
        rows_max: usize,
        sum: &mut Sum,
    ) -> Result<u64>;
}
