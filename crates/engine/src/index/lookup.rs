//! Reads of the index.
//!
//! Invariant: no answer holds a version above its view, and none misses one that its view includes, whatever is
//! applied, collected or moved meanwhile, as long as the view is not below the horizon. An expired version is
//! absent and hides what is older. An address that shows nothing was read before compaction moved its entry: the read
//! starts again.

use std::borrow::Cow;
use std::ops::{Bound, ControlFlow};
use std::sync::Arc;

use super::crowds::Crowd;
use super::entries::{Entries, Entry, Rank};
use super::facade::Index;
use super::key::Space;
use super::ordered::Direction;
use super::quick_look::Newest;
use super::version::{Version, View};
use crate::address::Address;
use crate::keyspace::Keyspace;
use crate::planted::{Bug, planted};

/// A key with all its versions, newest first.
pub(crate) type Versions = (Arc<[u8]>, Vec<Version>);

impl<E: Entries> Index<E> {
    /// The newest live entry of a keyspace with this key hash, keyed or not: the highest sequence and, within one commit, the last.
    /// When very many keys share the hash, the cost follows those of them that were written after the view, not all.
    pub(crate) fn newest_with_hash_in(
        &self,
        keyspace: Keyspace,
        key_hash: u64,
        view: View,
    ) -> Option<(Space, Arc<[u8]>, Version)> {
        let hash = keyspace.mixed(key_hash);
        let of_crowd = |crowd: &Crowd| {
            let mut live = Vec::new();
            for ((space, key), address) in
                crowd.by_rank().filter(|((space, key), _)| space.keyspace(key) == keyspace)
            {
                let is_above = self.version_at(address).is_none_or(|newest| !view.includes(newest.born));
                if let Some(version) = self.visible(*space, key, address, view) {
                    live.push((*space, Arc::clone(key), version));
                    if !is_above {
                        break;
                    }
                }
            }
            live
        };
        let unreadable = std::cell::Cell::new(None);
        let in_slots = || self.all_in_slots(keyspace, hash, view, |address| unreadable.set(Some(address)));
        let mut found = self.among(hash, of_crowd, in_slots);
        // One that cannot be read may be the newest: better an error than another one.
        if let Some(version) = unreadable.get().and_then(|address| self.version_at(address)) {
            return Some((keyspace.hashes(), Arc::from(keyspace.spell(key_hash)), version));
        }
        if found.len() > 1 {
            found.sort_by_cached_key(|(_, _, version)| self.rank(version));
        }
        found.pop()
    }

    /// Every live entry of a keyspace with this key hash, keyed or not, in no particular order.
    pub(crate) fn all_with_hash_in(
        &self,
        keyspace: Keyspace,
        key_hash: u64,
        view: View,
    ) -> Vec<(Space, Arc<[u8]>)> {
        let hash = keyspace.mixed(key_hash);
        let of_crowd = |crowd: &Crowd| {
            let live = |((space, key), address): (&(Space, Arc<[u8]>), Address)| {
                let version = self.visible(*space, key, address, view)?;
                (space.keyspace(key) == keyspace).then(|| (*space, Arc::clone(key), version))
            };
            crowd.by_rank().filter_map(live).collect()
        };
        let found = self.among(hash, of_crowd, || self.all_in_slots(keyspace, hash, view, |_| ()));
        found.into_iter().map(|(space, key, _)| (space, key)).collect()
    }

    /// About `limit` live rows of a space between the bounds in key order, fewer at the end alone, ascending from the lower or descending from the
    /// upper bound; hash-only entries are not among them. Bounds that leave nothing between them are no error. A
    /// long range is read by calling again with the last key as an excluded bound. A row that cannot be read has the key
    /// `""` and is never the last one, but at the end. The cost follows the rows
    /// returned and the keys passed over because they are dead, or not there yet, at this view.
    pub(crate) fn page_in(
        &self,
        space: Space,
        bounds: (Bound<&[u8]>, Bound<&[u8]>),
        view: View,
        limit: usize,
        direction: Direction,
    ) -> Vec<(Arc<[u8]>, Version)> {
        let mut rows = Vec::new();
        if limit == 0 {
            return rows;
        }
        self.scan(space, bounds, view, direction, |address, entry| {
            rows.push((Arc::from(entry.key), Version::of(address, entry)));
            // Behind one that cannot be read nobody could go on.
            let is_end = rows.len() >= limit && !entry.is_damaged;
            if is_end { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        });
        rows
    }

    /// The keys behind `after` in key order, `limit` at most, each with every version that some view at or above
    /// `horizon` can tell from absence, newest first, unpublished ones included: what compaction has to keep. A key of which
    /// nothing can be read is called `""`, and comes last on the last page alone.
    pub(crate) fn versions_page(
        &self,
        space: Space,
        after: Option<&[u8]>,
        limit: usize,
        horizon: View,
    ) -> Vec<Versions> {
        let lower = after.map_or(Bound::Unbounded, Bound::Excluded);
        let mut page = Vec::new();
        self.each(space, lower, Bound::Unbounded, Direction::Forward, &mut |key, addresses| {
            let versions = self.settled(space, key, addresses, |shown| {
                let mut versions = Vec::new();
                for version in shown {
                    // One that cannot be read may be of another key, and then it hides nothing of this one.
                    let is_seen = !space.is_versioned() || horizon.includes(version.born);
                    let decides = version.is_readable() && is_seen;
                    if !decides || version.is_live_at(horizon.time) {
                        versions.push(version);
                    }
                    if decides {
                        break;
                    }
                }
                versions
            });
            let is_readable = versions.iter().any(Version::is_readable);
            if !versions.is_empty() {
                page.push((Arc::from(key), versions));
            }
            if page.len() >= limit && is_readable {
                ControlFlow::Break(())
            } else {
                ControlFlow::Continue(())
            }
        });
        page
    }

    /// The live entry of a keyspace with the highest sequence and, within one commit, the last. Looks at every key.
    pub(crate) fn newest_live_in(
        &self,
        keyspace: Keyspace,
        view: View,
    ) -> Option<(Space, Arc<[u8]>, Version)> {
        let (lower, upper) = keyspace.bounds((Bound::Unbounded, Bound::Unbounded));
        let bounds = (lower.as_ref().map(Vec::as_slice), upper.as_ref().map(Vec::as_slice));
        let mut best: Option<(Rank, Space, Arc<[u8]>, Version)> = None;
        for space in [keyspace.keys(), keyspace.hashes()] {
            self.each(space, bounds.0, bounds.1, Direction::Forward, &mut |key, addresses| {
                if let Some(version) = self.row(space, key, addresses, view) {
                    let rank = self.rank(&version);
                    if best.as_ref().is_none_or(|(best, ..)| *best < rank) {
                        best = Some((rank, space, Arc::from(key), version));
                    }
                }
                ControlFlow::Continue(())
            });
        }
        best.map(|(_, space, key, version)| (space, key, version))
    }

    /// Whether nothing was written to a key above `view`, which is in use.
    pub(crate) fn is_unchanged(&self, space: Space, key: &[u8], hash: u64, view: View) -> bool {
        let is_missed = |newest: &Version| newest.is_tombstone() && planted(Bug::DeleteMissed);
        let newest = self.newest(space, key, hash).filter(|newest| !is_missed(newest));
        newest.is_none_or(|newest| view.includes(newest.born))
    }

    /// Whether nothing was written to any key between the bounds above `view`, which is in use. Looks at every key there.
    pub(crate) fn is_unchanged_between(
        &self,
        space: Space,
        (lower, upper): (Bound<&[u8]>, Bound<&[u8]>),
        view: View,
    ) -> bool {
        let mut is_unchanged = true;
        self.each(space, lower, upper, Direction::Forward, &mut |key, addresses| {
            is_unchanged = self.settled(space, key, addresses, |versions| {
                versions.next().is_none_or(|newest| view.includes(newest.born))
            });
            if is_unchanged { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
        });
        is_unchanged
    }

    /// The rank of a version; the lowest when its frame cannot be read any more.
    pub(crate) fn rank(&self, version: &Version) -> Rank {
        self.entries.rank(version.address).unwrap_or_default()
    }

    /// The newest version of a key, whoever may see it.
    pub(crate) fn newest(&self, space: Space, key: &[u8], hash: u64) -> Option<Version> {
        let at_length = || self.see_newest(space, key, hash, Version::of);
        if space != Space::Keys {
            return at_length();
        }
        match self.newest_plain(key, hash, &self.glance()) {
            Newest::Plain(address, entry) => Some(Version::of(address, &entry)),
            Newest::Absent => None,
            Newest::Unsure => at_length(),
        }
    }

    /// What `see` makes of the newest entry of a key, whoever may see it. It may be shown a damaged one, where nobody can
    /// say whose that is.
    pub(crate) fn see_newest<R>(
        &self,
        space: Space,
        key: &[u8],
        hash: u64,
        mut see: impl FnMut(Address, &Entry<'_>) -> R,
    ) -> Option<R> {
        let mut dead = Dead::default();
        loop {
            if let ControlFlow::Break(newest) = self.try_newest(space, key, hash, &mut dead, &mut see) {
                return newest;
            }
        }
    }

    /// The live version of a key at `view`; `hash` is that by which it is found.
    pub(crate) fn find(&self, space: Space, key: &[u8], hash: u64, view: View) -> Option<Version> {
        let newest = self.newest(space, key, hash)?;
        if view.includes(newest.born) {
            return newest.is_live_at(view.time).then_some(newest);
        }
        // A view that nobody registered may come too late: what it should see was dropped, and something older is still there.
        self.find_older(space, key, view).filter(|_| self.is_at_or_above_horizon(view))
    }

    fn is_at_or_above_horizon(&self, view: View) -> bool {
        let horizon = self.horizon();
        horizon.sequence <= view.sequence && horizon.tail <= view.tail && horizon.time <= view.time
    }

    /// What is found in the crowd of a hash, or else in the slot table.
    fn among<R>(&self, hash: u64, of_crowd: impl Fn(&Crowd) -> R, in_slots: impl Fn() -> R) -> R {
        if let Some(found) = self.crowds.read(hash, &of_crowd) {
            return found;
        }
        let found = in_slots();
        // If it has become crowded meanwhile, its keys may have left the slot table before they were looked for.
        self.crowds.read(hash, &of_crowd).unwrap_or(found)
    }

    /// Goes on when an address was read that compaction may have replaced since.
    fn try_newest<R>(
        &self,
        space: Space,
        key: &[u8],
        hash: u64,
        dead: &mut Dead,
        see: &mut impl FnMut(Address, &Entry<'_>) -> R,
    ) -> ControlFlow<Option<R>> {
        if let Some(found) = self.crowds.read(hash, |crowd| crowd.find(space, key)) {
            let Some(address) = found else { return ControlFlow::Break(None) };
            let seen = self.entries.show(address, |entry| see(address, entry));
            return if seen.is_none() && dead.is_news(address) {
                ControlFlow::Continue(())
            } else {
                ControlFlow::Break(seen)
            };
        }
        let mut newest = None;
        let (mut is_stale, mut is_other) = (false, false);
        let mut unreadable = None;
        let found = self.slots.find(hash, |address| {
            let shown = self.entries.show(address, |entry| {
                let is_it = entry.is(space, key);
                if entry.is_damaged {
                    unreadable = Some(address);
                }
                if is_it {
                    newest = Some(see(address, entry));
                }
                is_it
            });
            is_stale |= shown.is_none() && dead.is_news(address);
            is_other |= shown == Some(false);
            shown.unwrap_or(false)
        });
        // It is also not there if its hash has become crowded since that was asked.
        if found.is_none() && (is_stale || self.crowds.has(hash)) {
            return ControlFlow::Continue(());
        }
        if found.is_none() && is_other {
            // An entry that cannot be read, or whose key has changed under our hands, may be the one. Better an error than
            // "absent"; and whatever stands there now, nobody may take it for the value of this key.
            let hash_of = |address| self.entries.show(address, |entry| entry.hash());
            let suspect = unreadable.or_else(|| self.slots.misplaced(hash, hash_of));
            newest = suspect.and_then(|address| {
                let see =
                    |entry: &Entry<'_>| see(address, &Entry { value: None, is_damaged: true, ..*entry });
                self.entries.show(address, see)
            });
        }
        ControlFlow::Break(newest)
    }

    /// What a view sees of a key whose newest version is too new for it.
    fn find_older(&self, space: Space, key: &[u8], view: View) -> Option<Version> {
        let addresses = self.ordered(space).versions(key, &self.keys_of(space));
        self.row(space, key, &addresses, view)
    }

    /// What a view sees of a key with these versions, newest first.
    pub(super) fn row(&self, space: Space, key: &[u8], addresses: &[Address], view: View) -> Option<Version> {
        self.settled(space, key, addresses, |mut versions: &mut dyn Iterator<Item = Version>| {
            let newest = Iterator::find(&mut versions, |version| view.includes(version.born))?;
            newest.is_live_at(view.time).then_some(newest)
        })
    }

    /// What `judge` makes of the versions of a key, which stood at these addresses a moment ago. It is not shown what is older
    /// than a version whose segment has gone: that one hid it, and views that could tell are below the horizon.
    pub(super) fn settled<R>(
        &self,
        space: Space,
        key: &[u8],
        addresses: &[Address],
        judge: impl Fn(&mut dyn Iterator<Item = Version>) -> R,
    ) -> R {
        let mut held = Cow::Borrowed(addresses);
        loop {
            let mut is_stale = false;
            let mut versions = held.iter().map_while(|address| {
                let version = self.version_at(*address);
                is_stale |= version.is_none();
                version
            });
            let judged = judge(&mut versions);
            if !is_stale {
                return judged;
            }
            let again = self.ordered(space).versions(key, &self.keys_of(space));
            if *held == *again {
                // It was not moved when its segment went: nobody wants it.
                return judged;
            }
            held = Cow::Owned(again);
        }
    }

    /// What a view sees of a key whose newest version stands at `address`.
    fn visible(&self, space: Space, key: &[u8], address: Address, view: View) -> Option<Version> {
        match self.version_at(address) {
            Some(newest) if view.includes(newest.born) => newest.is_live_at(view.time).then_some(newest),
            _ => self.find_older(space, key, view),
        }
    }

    /// The live entries of a hash that is not crowded; `unreadable` is shown those that may be and cannot be read.
    fn all_in_slots(
        &self,
        keyspace: Keyspace,
        hash: u64,
        view: View,
        unreadable: impl Fn(Address),
    ) -> Vec<(Space, Arc<[u8]>, Version)> {
        let mut dead = Dead::default();
        loop {
            let mut held = Vec::new();
            let mut is_stale = false;
            self.slots.candidates(hash, |address| {
                let shown = self.entries.show(address, |entry| {
                    if entry.is_damaged {
                        unreadable(address);
                    } else if entry.space.keyspace(entry.key) == keyspace && entry.hash() == hash {
                        let name: (Space, Arc<[u8]>) = (entry.space, Arc::from(entry.key));
                        if !held.iter().any(|(held, _)| *held == name) {
                            held.push((name, address));
                        }
                    }
                });
                is_stale |= shown.is_none() && dead.is_news(address);
            });
            if !is_stale {
                let visible = |((space, key), address): ((Space, Arc<[u8]>), Address)| {
                    self.visible(space, &key, address, view).map(|version| (space, key, version))
                };
                return held.into_iter().filter_map(visible).collect();
            }
        }
    }
}

/// Addresses that led to nothing. Compaction tells the index where an entry went before its old segment goes, so what leads
/// to nothing a second time belongs to an entry that nobody wants.
#[derive(Debug, Default)]
pub(super) struct Dead {
    known: Vec<Address>,
}

impl Dead {
    /// Whether it is worth looking again.
    pub(super) fn is_news(&mut self, address: Address) -> bool {
        let is_news = !self.known.contains(&address);
        if is_news {
            self.known.push(address);
        }
        is_news
    }
}
