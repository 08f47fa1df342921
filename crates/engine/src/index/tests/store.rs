//! A store made of an index and a log in memory: commits in, views out.

use std::ops::Bound;

use super::colliding::{colliding_hash, colliding_key};
use super::fake_log::FakeLog;
use crate::hash::key_hash;
use crate::index::{Change, Direction, Extent, Index, Name, Space, Version, VersionKind, View};
use crate::numbers::{LogOffset, Sequence, Timestamp};

pub(super) const PLAIN: VersionKind = VersionKind::Value { deadline: None };
pub(super) const DELETE: VersionKind = VersionKind::Tombstone;
/// With its type, which other crates that can be compared with a number leave open.
pub(super) const NOTHING: [u64; 0] = [];

pub(super) fn until(deadline: u64) -> VersionKind {
    VersionKind::Value { deadline: Some(Timestamp(deadline)) }
}

/// What a commit does to one key.
pub(super) type Write<'a> = (Space, &'a [u8], VersionKind);

pub(super) fn keyed(key: &[u8], kind: VersionKind) -> Write<'_> {
    (Space::Keys, key, kind)
}

/// The hash by which a key is found.
pub(super) fn hash_of(space: Space, key: &[u8]) -> u64 {
    space.hash(key)
}

pub(super) fn key(number: usize) -> Vec<u8> {
    format!("user:{number:08}").into_bytes()
}

pub(super) fn crowded_keys(count: u32) -> Vec<Vec<u8>> {
    (0..count).map(|number| colliding_key(0, number)).collect()
}

/// The hash of [`crowded_keys`].
pub(super) fn crowded_hash() -> u64 {
    colliding_hash(0)
}

/// The names of the versions that a call dropped, ascending.
pub(super) fn names(call: impl FnOnce(&mut dyn FnMut(&Extent))) -> Vec<u64> {
    let mut names = Vec::new();
    call(&mut |version| names.push(version.bytes));
    names.sort_unstable();
    names
}

/// See the module. The n-th entry ever written has the size n: that is its name.
#[derive(Debug)]
pub(super) struct Store {
    pub(super) log: FakeLog,
    pub(super) index: Index<FakeLog>,
    written: u64,
    /// The end of the log after each commit, from the empty log on.
    tails: Vec<LogOffset>,
}

impl Default for Store {
    fn default() -> Self {
        let log = FakeLog::default();
        Self { index: Index::new(0x5eed, log.clone()), log, written: 0, tails: vec![LogOffset(0)] }
    }
}

impl Store {
    /// Commits; returns the versions and the names of what was dropped. `horizon` is an earlier commit.
    pub(super) fn commit(&mut self, horizon: View, writes: &[Write<'_>]) -> (Vec<Version>, Vec<u64>) {
        self.commit_together(horizon, &[writes])
    }

    /// Several commits, applied as one group.
    pub(super) fn commit_together(
        &mut self,
        horizon: View,
        commits: &[&[Write<'_>]],
    ) -> (Vec<Version>, Vec<u64>) {
        let mut versions = Vec::new();
        for writes in commits {
            let sequence = u64::try_from(self.tails.len()).unwrap();
            for &(space, key, kind) in *writes {
                self.written += 1;
                versions.push(self.log.append(sequence, (space, key, kind, self.written)));
            }
            self.tails.push(self.log.tail());
        }
        let writes = || commits.iter().flat_map(|writes| writes.iter());
        let mut before = Vec::new();
        let named = writes().map(|&(space, key, _)| Name { space, key, hash: hash_of(space, key) });
        self.index.resolve(named, |version| before.push(version));
        let changes: Vec<Change<'_>> = writes()
            .zip(versions.iter().zip(&before))
            .map(|(&(space, key, _), (&version, before))| {
                let rank = self.index.rank(&version);
                Change {
                    space,
                    key,
                    hash: hash_of(space, key),
                    version,
                    rank,
                    before: before.as_ref().map(|before| &before.version),
                }
            })
            .collect();
        let dropped = names(|dropped| self.index.apply(&changes, horizon, dropped));
        (versions, dropped)
    }

    /// Commits while a view at the empty store is in use, so that nothing can be dropped.
    pub(super) fn write(&mut self, writes: &[Write<'_>]) -> Vec<Version> {
        self.commit(View::default(), writes).0
    }

    /// The view at a commit.
    pub(super) fn view(&self, sequence: u64, time: u64) -> View {
        let tail = self.tails[usize::try_from(sequence).unwrap()];
        View { sequence: Sequence(sequence), tail, time: Timestamp(time) }
    }

    pub(super) fn collect(&self, sequence: u64, time: u64) -> Vec<u64> {
        let horizon = self.view(sequence, time);
        names(|dropped| self.index.collect(horizon, dropped))
    }

    /// The name of what a view sees under a key.
    pub(super) fn get(&self, key: &[u8], sequence: u64, time: u64) -> Option<u64> {
        self.index.get(key, key_hash(key), self.view(sequence, time)).map(|found| found.bytes)
    }

    /// The keys that a view sees.
    pub(super) fn rows(&self, sequence: u64, time: u64, direction: Direction) -> Vec<Vec<u8>> {
        let (all, view) = (Bound::Unbounded, self.view(sequence, time));
        let rows = self.index.page(all, all, view, usize::MAX, direction);
        rows.into_iter().map(|(key, _)| key.to_vec()).collect()
    }

    /// The names of the versions that compaction would keep of each key, newest first.
    pub(super) fn held(&self, space: Space) -> Vec<(Vec<u8>, Vec<u64>)> {
        let name = |versions: Vec<Version>| versions.iter().map(|version| version.bytes).collect();
        let page = self.index.versions_page(space, None, usize::MAX, self.index.horizon());
        page.into_iter().map(|(key, versions)| (key.to_vec(), name(versions))).collect()
    }
}
