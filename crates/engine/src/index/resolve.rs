//! Where the newest versions of the keys of a group stand, found before the group is written.
//!
//! A group looks up all of its keys together: the cache misses of one pass (slots, then the entries to compare) overlap,
//! where one lookup after the other would wait for each. What is found is known when the frames are put together, so an
//! entry can say of the version before it whatever the format has room for; and [`Index::apply`] takes it over instead of
//! looking again.
//!
//! Invariant: only the leader of commits resolves, and nobody else adds versions, so what is found is the newest version as
//! of the last commit applied. Compaction may move it, and a collection may take it out, before it is used: `apply` expects
//! that. Of a key that several commits of one group write, each gets the version from before the group.

use super::entries::{Entries, Entry, Look};
use super::facade::Index;
use super::key::{Name, Space};
use super::lookup::Dead;
use super::quick_look::Newest;
use super::version::Version;
use crate::address::Address;
use crate::format::entry::Lineage;

/// The newest version of a key.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Before {
    pub(crate) version: Version,
    /// What its entry says of the versions before it.
    pub(crate) lineage: Option<Lineage>,
}

impl Before {
    #[inline]
    fn of(address: Address, entry: &Entry<'_>) -> Self {
        Self { version: Version::of(address, entry), lineage: entry.lineage }
    }
}

/// Keys looked up together: as many as the processor has misses under way at once, several times over, and few enough for
/// what was fetched to be still there.
const TOGETHER: usize = 64;

impl<E: Entries> Index<E> {
    /// Calls `found` with the newest version of each of some keys, whoever may see it, tombstones included.
    pub(crate) fn resolve<'a>(
        &self,
        mut names: impl Iterator<Item = Name<'a>>,
        mut found: impl FnMut(Option<Before>),
    ) {
        let mut some = Vec::with_capacity(names.size_hint().0.clamp(1, TOGETHER));
        let mut begun = Vec::new();
        let mut look = self.entries.look();
        loop {
            some.extend(names.by_ref().take(TOGETHER));
            match &*some {
                [] => return,
                [name] => found(self.standing(name, &look)),
                some => {
                    if !look.is_current() {
                        look.renew();
                    }
                    begun.clear();
                    begun.extend(some.iter().map(|name| self.begin(name.hash)));
                    begun.iter_mut().for_each(|begun| self.go_on(begun, &mut look));
                    for (name, begun) in some.iter().zip(&begun) {
                        let newest = match name.space {
                            Space::Keys => self.finish(begun, name.key, &look),
                            Space::Hashes | Space::System | Space::Named | Space::NamedHashes => {
                                Newest::Unsure
                            }
                        };
                        found(match newest {
                            Newest::Plain(address, entry) => Some(Before::of(address, &entry)),
                            Newest::Absent => None,
                            Newest::Unsure => self.standing_at_length(name),
                        });
                    }
                }
            }
            some.clear();
        }
    }

    /// Which version of its key the one before is; unknown if it cannot be read any more. Where compaction has moved it since it
    /// was found, it is found again: what a replica writes must not hang on that.
    #[inline]
    pub(crate) fn lineage(&self, name: &Name<'_>, before: &Before, look: &impl Look) -> Lineage {
        if !before.version.is_readable() {
            return Lineage::UNKNOWN;
        }
        let said = before.lineage.or_else(|| look.lineage(before.version.address));
        said.unwrap_or_else(|| self.lineage_of_moved(name, before))
    }

    #[cold]
    fn lineage_of_moved(&self, name: &Name<'_>, before: &Before) -> Lineage {
        let mut gone = before.version.address;
        while let Some(moved) = self.standing_at_length(name).filter(|moved| moved.version.is_readable()) {
            let address = moved.version.address;
            if let Some(lineage) = moved.lineage.or_else(|| self.glance().lineage(address)) {
                return lineage;
            }
            if address == gone {
                break;
            }
            gone = address;
        }
        Lineage::UNKNOWN
    }

    /// Which version of its key the entry at an address is; unknown if it cannot be read any more.
    pub(crate) fn lineage_at(&self, address: Address) -> Lineage {
        let before = |entry: &Entry<'_>| Before::of(address, entry);
        let shown = self.entries.show(address, before).filter(|before| before.version.is_readable());
        let lineage = shown.and_then(|before| before.lineage.or_else(|| self.glance().lineage(address)));
        lineage.unwrap_or(Lineage::UNKNOWN)
    }

    fn standing(&self, name: &Name<'_>, look: &impl Look) -> Option<Before> {
        let Name { space, key, hash } = *name;
        if space == Space::Keys {
            match self.newest_plain(key, hash, look) {
                Newest::Plain(address, entry) => return Some(Before::of(address, &entry)),
                Newest::Absent => return None,
                Newest::Unsure => {}
            }
        }
        self.standing_at_length(name)
    }

    fn standing_at_length(&self, name: &Name<'_>) -> Option<Before> {
        let Name { space, key, hash } = *name;
        if let Some(address) = self.crowds.read(hash, |crowd| crowd.find(space, key)) {
            return address
                .and_then(|address| self.entries.show(address, |entry| Before::of(address, entry)));
        }
        let mut dead = Dead::default();
        loop {
            let (mut standing, mut is_stale) = (None, false);
            self.slots.find(hash, |address| {
                let shown = self.entries.show(address, |entry| {
                    let is_it = entry.is(space, key);
                    if is_it {
                        standing = Some(Before::of(address, entry));
                    }
                    is_it
                });
                is_stale |= shown.is_none() && dead.is_news(address);
                shown.unwrap_or(false)
            });
            if standing.is_some() || !is_stale {
                return standing;
            }
        }
    }
}
