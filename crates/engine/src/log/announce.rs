//! Saying in the identity that a store uses what older versions of the program do not know.
//!
//! Invariant: what is announced is durable in the identity, and in its copy in both catalogs, before anything is written that
//! only newer versions read; so an older one refuses the store and says why, instead of taking for damage what it does not know.

use std::path::Path;
use std::sync::PoisonError;
use std::sync::atomic::{AtomicBool, Ordering};

use super::catalog_file::{CatalogFile, write_file};
use super::failure::Failure;
use crate::error::Error;
use crate::format::identity::{Features, FormatVersion, Identity};
use crate::format::names;
use crate::seams::lock::Mutex;
use crate::seams::{Disk, uninterrupted};

/// What older versions of the program do not know.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum News {
    /// Entries may have a namespace.
    NamedEntries,
    /// Entries, and the frames of commits, may say which version of its key an entry is.
    Lineages,
}

impl News {
    fn is_in(self, identity: &Identity) -> bool {
        match self {
            Self::NamedEntries => identity.features.has_named_entries(),
            Self::Lineages => identity.version >= FormatVersion::LINEAGES,
        }
    }

    fn put_into(self, identity: &mut Identity) {
        match self {
            Self::NamedEntries => identity.features.incompatible |= Features::NAMED_ENTRIES,
            Self::Lineages => identity.version = identity.version.max(FormatVersion::LINEAGES),
        }
    }
}

/// What has been announced of an open store.
#[derive(Debug)]
pub(crate) struct Announced {
    /// With everything announced so far.
    identity: Mutex<Identity>,
    named_entries: AtomicBool,
    lineages: AtomicBool,
}

impl Announced {
    /// What the identity and its copy in the catalog both say.
    pub(crate) fn by(identity: &Identity, catalog: &CatalogFile) -> Self {
        let copy = Identity::decode(&catalog.current().identity);
        let both_say =
            |news: News| AtomicBool::new(news.is_in(identity) && copy.is_ok_and(|copy| news.is_in(&copy)));
        Self {
            identity: Mutex::new(*identity),
            named_entries: both_say(News::NamedEntries),
            lineages: both_say(News::Lineages),
        }
    }

    fn flag(&self, news: News) -> &AtomicBool {
        match news {
            News::NamedEntries => &self.named_entries,
            News::Lineages => &self.lineages,
        }
    }

    /// Whether it has been announced.
    pub(crate) fn has(&self, news: News) -> bool {
        self.flag(news).load(Ordering::Acquire)
    }

    /// Announces it, unless that was done. To be called by whoever may write to the log. When it is refused the store is as it
    /// was, or says so for nothing.
    pub(crate) fn say(
        &self,
        news: News,
        disk: &dyn Disk,
        dir: &Path,
        catalog: &CatalogFile,
    ) -> Result<(), Failure> {
        if self.has(news) {
            return Ok(());
        }
        let mut current = self.identity.lock().unwrap_or_else(PoisonError::into_inner);
        let mut wanted = *current;
        news.put_into(&mut wanted);
        let bytes = wanted.encode();
        let (path, temporary) = (dir.join(names::IDENTITY), dir.join(names::IDENTITY_NEW));
        write_file(disk, &temporary, &bytes, true).map_err(|error| {
            drop(disk.remove_file(&temporary));
            Failure::Refused(error)
        })?;
        disk.rename(&temporary, &path).map_err(|e| Failure::Fatal(Error::io("replace", &path, &e)))?;
        // From here on the file may say so, and what is announced next must not take it back.
        *current = wanted;
        uninterrupted(|| disk.sync_dir(dir))
            .map_err(|e| Failure::Fatal(Error::io("sync the directory", dir, &e)))?;
        catalog.update(|catalog| catalog.identity = bytes)?;
        self.flag(news).store(true, Ordering::Release);
        Ok(())
    }
}
