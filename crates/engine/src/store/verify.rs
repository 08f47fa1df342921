//! Verification: every byte that was acknowledged, read by `pread` and held against its checksum.
//!
//! Nothing is changed, whatever is found. It works on a store that refuses to open.

use std::path::Path;
use std::sync::PoisonError;

use super::answer::Answer;
use super::core::Core;
use super::handle::Store;
use super::open::lock_if_there;
use super::verification::{Subject, Verification};
use super::verify_report::{Damage, Progress, VerifyReport};
use crate::error::{Error, ErrorKind, Result};
use crate::format::identity::{self, Identity};
use crate::format::names;
use crate::log::catalog_file::{self, read_file};
use crate::log::checkpoint_file;
use crate::log::directory::{Directory, canonical, inspect_damaged};
use crate::log::policy::Policy;
use crate::options::Options;

impl Store {
    /// Reads everything and holds it against its checksums. Compaction waits until it is done; reads and writes go on.
    /// `progress` may answer [`ControlFlow::Break`](std::ops::ControlFlow::Break), and then it ends.
    ///
    /// # Errors
    ///
    /// When a file cannot be read at all; what is read and found damaged is in the report. [`ErrorKind::Cancelled`] when
    /// `progress` wanted no more.
    pub fn verify<A: Answer>(&self, progress: &mut dyn FnMut(Progress) -> A) -> Result<VerifyReport> {
        let core = self.core();
        core.check_open()?;
        let _compacting = core.compacting.lock().unwrap_or_else(PoisonError::into_inner);
        let ends = core.segments.all();
        let ends = ends.iter().map(|segment| (segment.id, segment.end())).collect();
        let mut flow = |done| progress(done).flow();
        let subject = Subject {
            disk: &*core.environment.disk,
            dir: &core.dir,
            store_id: core.identity.store_id,
            alignment: core.identity.alignment.bytes(),
            // After the ends, so that it names every stream that is referred to before them.
            catalog: core.catalog.current().clone(),
            published: Some(ends),
            gate: None,
        };
        let mut verification = Verification::new(subject, &mut flow);
        for Damage { file, offset, sequence, key, what } in core.metadata_damage()? {
            verification.damage(&file, offset, sequence, key, what);
        }
        verification.run()
    }
}

impl Core {
    /// What is wrong on the disk with the identity and the copies of the catalog of this open store.
    pub(super) fn metadata_damage(&self) -> Result<Vec<Damage>> {
        let disk = &*self.environment.disk;
        let mut damage = Vec::new();
        let mut found = |file, what: &str| {
            damage.push(Damage { file, offset: 0, sequence: None, key: None, what: what.to_owned() });
        };
        let path = self.dir.join(names::IDENTITY);
        match read_file(disk, &path, identity::LENGTH as u64)? {
            None => found(path, "the identity is missing; the copy in the catalog says the same"),
            Some(bytes) => match Identity::decode(&bytes) {
                // What it announces may have become more since.
                Ok(identity)
                    if Identity {
                        version: self.identity.version,
                        features: self.identity.features,
                        ..identity
                    } == self.identity => {}
                Ok(_) => found(path, "the identity is another store's"),
                Err(_) => found(path, "the identity cannot be read; the copy in the catalog says the same"),
            },
        }
        let mut loaded = catalog_file::load(disk, &self.dir)?;
        if !loaded.is_whole() {
            // They may have been replaced between two reads. Held still, they tell the truth.
            let _still = self.catalog.current();
            loaded = catalog_file::load(disk, &self.dir)?;
        }
        loaded.faults().for_each(|(path, what)| found(path, what));
        for (file, offset, what) in checkpoint_file::faults(disk, &self.dir, self.identity.store_id)? {
            damage.push(Damage { file, offset, sequence: None, key: None, what: what.to_owned() });
        }
        Ok(damage)
    }
}

/// Verifies the store at `path` without opening it, which also works when it refuses to open; changes nothing.
///
/// # Errors
///
/// [`ErrorKind::StoreNotFound`], [`ErrorKind::NotAStore`]; [`ErrorKind::Locked`] while a writer has it open;
/// [`ErrorKind::Damaged`] when both catalogs are unreadable, so that nothing can be told of the rest;
/// [`ErrorKind::Cancelled`] when `progress` answered [`ControlFlow::Break`](std::ops::ControlFlow::Break).
pub fn verify<A: Answer>(
    path: &Path,
    options: &Options,
    progress: &mut dyn FnMut(Progress) -> A,
) -> Result<VerifyReport> {
    let disk = &*options.environment.disk;
    let mut policy = Policy::Skip(Vec::new());
    let Directory::Store(identity) = inspect_damaged(disk, path, &mut policy)? else {
        return Err(Error::new(ErrorKind::StoreNotFound, format!("there is no store at {}", path.display())));
    };
    let dir = canonical(disk, path)?;
    let _lock = lock_if_there(options, &dir, &mut policy)?;
    let loaded = catalog_file::load(disk, &dir)?;
    let faults: Vec<_> = loaded.faults().collect();
    let Some(catalog) = loaded.catalog else {
        let text = format!(
            "the catalog of {} is damaged or missing, both copies, and `verify` needs one; `pentad repair` copies what is \
             good into a new store",
            dir.display()
        );
        return Err(Error::new(ErrorKind::Damaged, text));
    };
    let subject = Subject {
        disk,
        dir: &dir,
        store_id: identity.store_id,
        alignment: identity.alignment.bytes(),
        catalog,
        published: None,
        gate: None,
    };
    let mut flow = |done| progress(done).flow();
    let mut verification = Verification::new(subject, &mut flow);
    for skipped in policy.into_skipped() {
        verification.damage(&skipped.file, skipped.offset, None, None, skipped.what);
    }
    for (file, what) in faults {
        verification.damage(&file, 0, None, None, what);
    }
    for (file, at, what) in checkpoint_file::faults(disk, &dir, identity.store_id)? {
        verification.damage(&file, at, None, None, what);
    }
    verification.run()
}
