//! Opening what is left of a damaged store.
//!
//! Invariant: nothing is created or changed, and nothing is passed over that [`Store::skipped`] does not list.

use std::path::Path;
use std::sync::Arc;

use super::load::{load, take_lock};
use crate::error::{Error, ErrorKind, Result};
use crate::format::names;
use crate::log::directory::{Directory, canonical, inspect_damaged};
use crate::log::policy::{Policy, Skipped};
use crate::options::Options;
use crate::seams::Lock;
use crate::store::handle::Store;

/// The lock of a reader, if its file is there; where it is not, `policy` takes note of that.
pub(in crate::store) fn lock_if_there(
    options: &Options,
    dir: &Path,
    policy: &mut Policy,
) -> Result<Option<Box<dyn Lock>>> {
    let path = dir.join(names::LOCK);
    match options.environment.disk.kind(&path).map_err(|e| Error::io("look at", &path, &e))? {
        Some(_) => take_lock(options, dir, true).map(Some),
        // A writer needs the file as well, so without it there is none to keep out.
        None => {
            policy.made_up_for(Skipped::at(&path, 0, "the file is missing"));
            Ok(None)
        }
    }
}

impl Store {
    /// Opens the store at `path` for reading, whatever it is missing.
    pub(crate) fn open_damaged_with(path: &Path, options: &Options) -> Result<Self> {
        let disk = &*options.environment.disk;
        let mut policy = Policy::Skip(Vec::new());
        let Directory::Store(identity) = inspect_damaged(disk, path, &mut policy)? else {
            let text = format!("there is no store at {}", path.display());
            return Err(Error::new(ErrorKind::StoreNotFound, text));
        };
        let dir = canonical(disk, path)?;
        let lock = lock_if_there(options, &dir, &mut policy)?;
        let core = load(dir, *identity, options, true, policy, lock)?;
        Self::new(Arc::new(core))
    }

    /// Whether something acknowledged was passed over when the store was opened by [`Options::open_damaged`], so that
    /// values may be older than what was acknowledged, and deleted keys may be back. Damage of values alone, which shows when
    /// they are read, does not count.
    pub fn is_damaged(&self) -> bool {
        self.skipped().iter().any(|skipped| !skipped.made_up_for)
    }

    /// What was passed over when the store was opened by [`Options::open_damaged`]; empty after every other open.
    pub fn skipped(&self) -> &[Skipped] {
        &self.core().skipped
    }
}
