//! Saying in the identity that a store uses what older versions of the program do not know.
//!
//! Invariant: what is announced is durable in the identity, and in its copy in both catalogs, before anything is written that
//! only newer versions read; so an older one refuses the store and says why, instead of taking for damage what it does not know.

use std::path::Path;

use super::catalog_file::{CatalogFile, write_file};
use super::failure::Failure;
use crate::error::Error;
use crate::format::identity::{Features, Identity};
use crate::format::names;
use crate::seams::{Disk, uninterrupted};

/// Whether the identity and its copy in the catalog both say so.
pub(crate) fn is_announced(identity: &Identity, catalog: &CatalogFile) -> bool {
    let copy = Identity::decode(&catalog.current().identity);
    identity.features.has_named_entries() && copy.is_ok_and(|copy| copy.features.has_named_entries())
}

/// Says that there may be entries with a namespace. To be called by whoever may write to the log. When it is refused the store
/// is as it was, or says so for nothing.
pub(crate) fn announce(
    disk: &dyn Disk,
    dir: &Path,
    identity: &Identity,
    catalog: &CatalogFile,
) -> Result<(), Failure> {
    let features = Features { incompatible: Features::NAMED_ENTRIES, ..identity.features };
    let bytes = Identity { features, ..*identity }.encode();
    let (path, temporary) = (dir.join(names::IDENTITY), dir.join(names::IDENTITY_NEW));
    write_file(disk, &temporary, &bytes, true).map_err(|error| {
        drop(disk.remove_file(&temporary));
        Failure::Refused(error)
    })?;
    disk.rename(&temporary, &path).map_err(|e| Failure::Fatal(Error::io("replace", &path, &e)))?;
    uninterrupted(|| disk.sync_dir(dir))
        .map_err(|e| Failure::Fatal(Error::io("sync the directory", dir, &e)))?;
    catalog.update(|catalog| catalog.identity = bytes)
}
