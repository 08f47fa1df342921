//! Which commits were issued, which were acknowledged, and so which prefixes of them a crash may leave.
//!
//! Invariant: `on_disk <= on_os <= commits.len()`, and `doubtful` is the one commit after them whose call failed.

use super::model::State;
use super::request::Bytes;

/// A commit that took a sequence.
#[derive(Clone, Debug)]
pub(crate) struct Commit {
    /// Its entry in the batch log.
    pub(crate) pairs: Vec<(Vec<u8>, Bytes)>,
    /// All that is in the store after it.
    pub(crate) state: State,
}

#[derive(Clone, Debug, Default)]
pub(crate) struct History {
    /// Commit n is at n - 1.
    pub(crate) commits: Vec<Commit>,
    empty: State,
    /// Acknowledged at any level: must survive the end of the process.
    pub(crate) on_os: u64,
    /// Acknowledged at `Disk`, or raised to it: must survive a power cut.
    pub(crate) on_disk: u64,
    /// A commit whose call failed, so that its outcome is unknown until the store is opened again.
    pub(crate) doubtful: Option<Commit>,
    /// Batches below were pruned for certain.
    pub(crate) floor: u64,
    /// A prune up to here was asked for and failed, so the floor is anywhere up to it.
    pub(crate) floor_doubtful: u64,
    /// The highest sequence that there ever was. Batches that left the window then do not come back when a power cut
    /// takes the newest commits.
    highest: u64,
    /// The latest store time that the program has seen.
    pub(crate) latest_ns: u64,
}

impl History {
    /// No commits, at store time `ns`.
    pub(crate) fn starting_at(ns: u64) -> Self {
        Self { latest_ns: ns, ..Self::default() }
    }

    pub(crate) fn sequence(&self) -> u64 {
        self.commits.len() as u64
    }

    /// The state after the last commit.
    pub(crate) fn state(&self) -> &State {
        self.commits.last().map_or(&self.empty, |commit| &commit.state)
    }

    /// The state after the commit `sequence`, 0 being that of an empty store.
    pub(crate) fn state_at(&self, sequence: u64) -> &State {
        let at = usize::try_from(sequence).expect("few commits");
        at.checked_sub(1).map_or(&self.empty, |at| &self.commits[at].state)
    }

    /// The state after the last commit, to be corrected.
    pub(crate) fn state_mut(&mut self) -> &mut State {
        match self.commits.last_mut() {
            Some(commit) => &mut commit.state,
            None => &mut self.empty,
        }
    }

    pub(crate) fn acknowledge(&mut self, commit: Commit, on_disk: bool) {
        self.commits.push(commit);
        self.highest = self.highest.max(self.sequence());
        self.on_os = self.sequence();
        if on_disk {
            self.on_disk = self.on_os;
        }
    }

    /// Everything so far is durable.
    pub(crate) fn raise(&mut self) {
        self.on_disk = self.sequence();
        self.on_os = self.on_disk;
    }

    /// The power went: what was not on the disk is not owed any more.
    pub(crate) fn lose_power(&mut self) {
        self.on_os = self.on_disk;
    }

    /// The sequences that a store may have when it is opened now.
    pub(crate) fn bounds(&self) -> std::ops::RangeInclusive<u64> {
        self.on_os..=self.sequence() + u64::from(self.doubtful.is_some())
    }

    /// The store was opened and stands at `sequence`, which is within the bounds; all of it is durable now.
    pub(crate) fn settle(&mut self, sequence: u64) {
        if let Some(commit) = self.doubtful.take()
            && sequence > self.sequence()
        {
            self.commits.push(commit);
            self.highest = self.highest.max(sequence);
        }
        self.commits.truncate(usize::try_from(sequence).expect("few commits"));
        self.raise();
    }

    /// The oldest batch that must be there when the newest `window` are kept.
    pub(crate) fn oldest_owed(&self, window: u64) -> u64 {
        self.floor.max((self.highest + 1).saturating_sub(window)).max(1)
    }
}
