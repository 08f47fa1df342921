//! Point reads: from a key or hash to a value, at a view.

use std::ops::ControlFlow;

use super::core::Core;
use super::entry::EntryInfo;
use super::snapshot::PinnedView;
use super::unpinned::{look_up_unpinned, read_unmoved};
use crate::error::Result;
use crate::hash::key_hash;
use crate::index::{Name, Spelled, Version, View};
use crate::keyspace::Keyspace;
use crate::log::frame_writer::DraftSubject;
use crate::log::scan::Frames;
use crate::numbers::Sequence;
use crate::payload::PayloadRef;
use crate::value::Value;

/// What a point read looks for.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Target<'a> {
    /// The keyed entry.
    Key(&'a [u8]),
    /// The keyed entry, or else the one stored under the key's hash alone.
    KeyOrHash(&'a [u8]),
    /// The newest entry whose key has this hash.
    Hash(u64),
}

/// An entry in the index, and what it is stored under.
#[derive(Debug)]
pub(crate) struct Hit {
    pub(crate) version: Version,
    pub(crate) subject: DraftSubject,
    /// The hash of its key, or the one that it was stored under.
    pub(crate) hash: u64,
}

impl Core {
    /// What a target is at a view that is in use.
    pub(crate) fn look_up(&self, keyspace: Keyspace, target: Target<'_>, view: View) -> Option<Hit> {
        if !self.namespaces.shows(keyspace, view) {
            return None;
        }
        let keyed = |key: &[u8], hash| {
            let full = keyspace.full(key);
            let version = self.index.find(keyspace.keys(), &full, keyspace.mixed(hash), view)?;
            Some(Hit { version, subject: keyspace.keys().draft_subject(&full), hash })
        };
        match target {
            Target::Key(key) => keyed(key, key_hash(key)),
            Target::KeyOrHash(key) => {
                let hash = key_hash(key);
                keyed(key, hash).or_else(|| {
                    let (space, spelled) = (keyspace.hashes(), keyspace.spell(hash));
                    let version = self.index.find(space, &spelled, keyspace.mixed(hash), view)?;
                    Some(Hit { version, subject: space.draft_subject(&spelled), hash })
                })
            }
            Target::Hash(hash) => {
                let (space, key, version) = self.index.newest_with_hash_in(keyspace, hash, view)?;
                Some(Hit { version, subject: space.draft_subject(&key), hash })
            }
        }
    }

    /// What a target is now. The view is not pinned, so what it sees may be dropped while it is looked for. The version of one
    /// key that is found is the one that the view sees, because older ones are dropped first; but "absent", and the choice
    /// among entries, count only if nothing that the view could see was dropped meanwhile.
    pub(crate) fn look_up_now(&self, keyspace: Keyspace, target: Target<'_>) -> Option<Hit> {
        look_up_unpinned(
            || self.view(),
            |view| self.look_up(keyspace, target, view),
            |_| matches!(target, Target::Key(_)),
            || self.index.horizon(),
        )
    }

    /// Reads a target as it is now: `read` gets the entry while its segment is there.
    pub(crate) fn read_now<T>(
        &self,
        keyspace: Keyspace,
        target: Target<'_>,
        read: impl Fn(&Hit) -> Result<T>,
    ) -> Result<Option<T>> {
        self.read_again(|| Ok(self.look_up_now(keyspace, target)), read)
    }

    /// Reads a target at a view that is in use.
    pub(crate) fn read_at<T>(
        &self,
        target: Target<'_>,
        pinned: &PinnedView,
        read: impl Fn(&Hit) -> Result<T>,
    ) -> Result<Option<T>> {
        self.read_again(|| Ok(self.look_up(pinned.keyspace, target, pinned.view)), read)
    }

    /// Looks up and reads, anew as long as compaction moves the entry in between.
    pub(crate) fn read_again<T>(
        &self,
        look_up: impl Fn() -> Result<Option<Hit>>,
        read: impl Fn(&Hit) -> Result<T>,
    ) -> Result<Option<T>> {
        self.check_open()?;
        read_unmoved(look_up, |hit| self.try_read(hit, &read), &read)
    }

    /// Calls `read`; goes on if it failed because compaction moved the entry between the index and the segment table.
    pub(crate) fn try_read<T>(&self, hit: &Hit, read: impl Fn(&Hit) -> Result<T>) -> ControlFlow<Result<T>> {
        match read(hit) {
            Err(_) if self.segment_of(&hit.version).is_none() => ControlFlow::Continue(()),
            result => ControlFlow::Break(result),
        }
    }

    pub(crate) fn payload_of(&self, hit: &Hit) -> Result<PayloadRef> {
        self.payload_at(&hit.version, &hit.subject)
    }

    pub(crate) fn value_of(&self, hit: &Hit) -> Result<Value> {
        self.payload_of(hit)?.value()
    }

    pub(crate) fn info_of(&self, hit: &Hit) -> Result<EntryInfo> {
        self.info_at(&hit.version, &hit.subject, hit.hash)
    }

    /// The live entry of a keyspace with the highest sequence; of one commit, its last.
    pub(crate) fn newest_hit(&self, keyspace: Keyspace, view: View) -> Result<Option<Hit>> {
        if !self.namespaces.shows(keyspace, view) {
            return Ok(None);
        }
        // Newest commits first: nearly always the last one has a live entry. When compaction, pruning or damage has left no
        // frame to look at, the index is searched.
        let mut sequence = view.sequence;
        for _ in 0..1024 {
            if sequence.0 == 0 {
                break;
            }
            let Ok(Some(place)) = self.find_commit(sequence, None) else { break };
            let Some(segment) = self.segments.get(place.segment) else { break };
            let map = segment.map()?;
            let end = segment.end();
            let mut frames = Frames::up_to(&segment, &map, self.identity.alignment.bytes(), end);
            if place.check(&segment, self.identity.alignment.bytes()).is_err() {
                break;
            }
            let io = |e| crate::Error::io("read", &segment.path, &e);
            let mut newest = None;
            frames
                .entries(place.offset, &place.header, &mut |head, layout| {
                    let at = segment.address(layout.start);
                    let mut spelled = Spelled::default();
                    let Name { space, key, hash } = Name::of(head.subject, &mut spelled);
                    if space.keyspace(key) != keyspace {
                        return;
                    }
                    let found = self.index.find(space, key, hash, view);
                    if let Some(version) = found.filter(|version| version.address == at) {
                        let subject = DraftSubject::from(head.subject);
                        newest = Some(Hit { version, subject, hash: keyspace.mixed(hash) });
                    }
                })
                .map_err(io)?;
            if newest.is_some() {
                return Ok(newest);
            }
            sequence = Sequence(sequence.0 - 1);
        }
        Ok(self.index.newest_live_in(keyspace, view).map(|(space, key, version)| {
            let hash = keyspace.mixed(space.hash(&key));
            Hit { version, subject: space.draft_subject(&key), hash }
        }))
    }
}
