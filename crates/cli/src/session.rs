//! A store, or a cluster, for the length of one verb.
//!
//! Invariant: a store that was opened is closed, and what closing says is not lost: it is the failure of the verb, or
//! comes after it. Reading verbs open read-only and create nothing.

use std::path::Path;

use pentad_engine::{Options, Sequence, Skipped, Snapshot, Store};

use crate::args::{AsOf, Global, Reading};
use crate::error::{Failure, Result, not_there};
use crate::human;
use crate::output::warn;
use crate::place::{Alter, LocalAlter, LocalLook, Look, Remote};

/// Runs `work` on the place that the arguments name, to look at it as of a commit or of now.
pub(crate) fn look<T>(
    global: &Global,
    reading: Reading,
    as_of: AsOf,
    work: impl FnOnce(&dyn Look) -> Result<T>,
) -> Result<T> {
    let Some(endpoints) = global.endpoints() else {
        let name = global.store()?;
        return read_view(global, reading, as_of, |store, view| work(&LocalLook { store, view, name }));
    };
    if reading.damaged {
        return Err(only_with_a_directory("--damaged"));
    }
    work(&Remote::connect(endpoints, as_of.at)?.part(global.namespace(), false)?)
}

/// The same, for whoever wants what the past can tell beyond the list of commits.
pub(crate) fn look_back<T>(global: &Global, work: impl FnOnce(&dyn Look) -> Result<T>) -> Result<T> {
    match global.endpoints() {
        None => {
            let name = global.store()?;
            read_whole(global, |store| work(&LocalLook { store, view: &store.snapshot()?, name }))
        }
        Some(endpoints) => work(&Remote::connect(endpoints, None)?.part(global.namespace(), false)?),
    }
}

/// Runs `work` on the place that the arguments name, to alter it. A store that is missing is not made.
pub(crate) fn alter<T>(global: &Global, work: impl FnOnce(&dyn Alter) -> Result<T>) -> Result<T> {
    match global.endpoints() {
        None => {
            let name = global.store()?;
            change(global, |store| work(&LocalAlter { store, name }))
        }
        Some(endpoints) => work(&Remote::connect(endpoints, None)?.part(global.namespace(), false)?),
    }
}

/// The same; a store that is missing is made, and so is a namespace.
pub(crate) fn alter_or_create<T>(global: &Global, work: impl FnOnce(&dyn Alter) -> Result<T>) -> Result<T> {
    match global.endpoints() {
        None => {
            let name = global.store()?;
            create(global, |store| work(&LocalAlter { store, name }))
        }
        Some(endpoints) => work(&Remote::connect(endpoints, None)?.part(global.namespace(), true)?),
    }
}

/// The refusal of an option that says something of files.
pub(crate) fn only_with_a_directory(option: &str) -> Failure {
    Failure::Usage(format!("{option} is for a store in a directory, --store DIR, and not for --endpoints"))
}

/// Runs `work` on an existing store, next to other readers. One that is damaged is opened only if that was asked for, and
/// then it is said what that means.
pub(crate) fn read<T>(
    global: &Global,
    reading: Reading,
    work: impl FnOnce(&Store) -> Result<T>,
) -> Result<T> {
    let path = global.store()?;
    if !reading.damaged {
        return run(&Options::new().open_read_only(path).map_err(not_there)?, |store| {
            work(&global.part_of(store)?)
        });
    }
    let store = Options::new().open_damaged(path).map_err(not_there)?;
    if let Some(warning) = warning(path, store.skipped()) {
        warn(&warning);
    }
    run(&store, |store| work(&global.part_of(store)?))
}

/// Runs `work` on a view of an existing store: as of a commit, or of now.
pub(crate) fn read_view<T>(
    global: &Global,
    reading: Reading,
    as_of: AsOf,
    work: impl FnOnce(&Store, &Snapshot) -> Result<T>,
) -> Result<T> {
    match as_of.at {
        None => read(global, reading, |store| work(store, &store.snapshot()?)),
        Some(sequence) => read_whole(global, |store| work(store, &store.at(Sequence(sequence))?)),
    }
}

/// Runs `work` on an existing store of which the past is wanted.
pub(crate) fn read_whole<T>(global: &Global, work: impl FnOnce(&Store) -> Result<T>) -> Result<T> {
    let options = Options::new().whole_history(true);
    let store = options.open_read_only(global.store()?).map_err(not_there)?;
    run(&store, |store| work(&global.part_of(store)?))
}

/// What a reader of a damaged store has to know; `None` when nothing is missing.
fn warning(path: &Path, skipped: &[Skipped]) -> Option<String> {
    let mut missing = skipped.iter().filter(|skipped| !skipped.made_up_for);
    let first = missing.next()?;
    let places = missing.count() as u64 + 1;
    Some(format!(
        "{} is damaged and {} skipped, the first at {} offset {} ({}); values may be older than what was \
         acknowledged, and deleted keys may be back",
        path.display(),
        human::counted(places, "place is", "places are"),
        first.file.display(),
        first.offset,
        first.what,
    ))
}

/// Runs `work` on an existing store, as its only writer.
pub(crate) fn change<T>(global: &Global, work: impl FnOnce(&Store) -> Result<T>) -> Result<T> {
    let store = Options::new().create(false).open(global.store()?).map_err(not_there)?;
    run(&store, |store| work(&global.part_of(store)?))
}

/// Runs `work` on a store, as its only writer; the store is made when it is missing.
pub(crate) fn create<T>(global: &Global, work: impl FnOnce(&Store) -> Result<T>) -> Result<T> {
    let store = Options::new().open(global.store()?)?;
    run(&store, |store| work(&global.made_part_of(store)?))
}

fn run<T>(store: &Store, work: impl FnOnce(&Store) -> Result<T>) -> Result<T> {
    let unread = store.stats().checkpoint_failure;
    if let Some(failure) = &unread {
        warn(&format!(
            "a checkpoint could not be read, so opening took longer; nothing is missing: {failure}"
        ));
    }
    let result = work(store);
    let closed = store.close();
    let unwritten = store.stats().checkpoint_failure.filter(|failure| Some(failure) != unread.as_ref());
    if let (Ok(()), Some(failure)) = (&closed, unwritten) {
        warn(&format!(
            "the store is sound, but the next open takes longer, for want of a checkpoint: {failure}"
        ));
    }
    match (result, closed) {
        (Ok(value), Ok(())) => Ok(value),
        (Ok(_), Err(error)) => Err(error.into()),
        (Err(failure), Ok(())) => Err(failure),
        (Err(failure), Err(error)) => {
            warn(&format!("the store did not close cleanly: {error}"));
            Err(failure)
        }
    }
}
