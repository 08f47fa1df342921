//! A store for the length of one verb.
//!
//! Invariant: a store that was opened is closed, and what closing says is not lost: it is the failure of the verb, or
//! comes after it. Reading verbs open read-only and create nothing.

use pentad_engine::{Options, Store};

use crate::args::Global;
use crate::error::{Result, not_there};
use crate::output::warn;

/// Runs `work` on an existing store, next to other readers.
pub(crate) fn read<T>(global: &Global, work: impl FnOnce(&Store) -> Result<T>) -> Result<T> {
    let store = Options::new().open_read_only(global.store()?).map_err(not_there)?;
    run(&store, work)
}

/// Runs `work` on an existing store, as its only writer.
pub(crate) fn change<T>(global: &Global, work: impl FnOnce(&Store) -> Result<T>) -> Result<T> {
    let store = Options::new().create(false).open(global.store()?).map_err(not_there)?;
    run(&store, work)
}

/// Runs `work` on a store, as its only writer; the store is made when it is missing.
pub(crate) fn create<T>(global: &Global, work: impl FnOnce(&Store) -> Result<T>) -> Result<T> {
    let store = Options::new().open(global.store()?)?;
    run(&store, work)
}

fn run<T>(store: &Store, work: impl FnOnce(&Store) -> Result<T>) -> Result<T> {
    let result = work(store);
    match (result, store.close()) {
        (Ok(value), Ok(())) => Ok(value),
        (Ok(_), Err(error)) => Err(error.into()),
        (Err(failure), Ok(())) => Err(failure),
        (Err(failure), Err(error)) => {
            warn(&format!("the store did not close cleanly: {error}"));
            Err(failure)
        }
    }
}
