//! Reads at an older sequence: how far back they go, and the view that they get.
//!
//! Invariants: the history begins with a commit that the batch log retains, and never moves back; what a view within it sees, and
//! what its first commit replaced, is not dropped, because the horizon takes the view before that commit for one in use
//! (`pins.rs`); what is dropped on the strength of its beginning is removed from the disk only after the beginning is in the
//! catalog.

use std::sync::Arc;

use super::batch_log::WATCHED_BYTES;
use super::core::Core;
use super::handle::Store;
use super::snapshot::{PinnedView, Snapshot};
use crate::error::{Error, ErrorKind, Result};
use crate::index::View;
use crate::keyspace::Keyspace;
use crate::numbers::{LogOffset, Sequence};

/// How much of replaced entries is held for older sequences at least, in bytes, where the options leave it to the store.
const LEAST: u64 = 64 << 20;
/// Part of the history by which its beginning may lag behind, so that the log is not looked at with every commit.
const LAG: u64 = 64;

impl Store {
    /// The store as it was after the commit `sequence`: a view like that of [`Store::snapshot`], which judges deadlines by the
    /// time of that commit.
    ///
    /// It can be had while the batch log retains the commit, and the entries that were replaced since take no more than
    /// [`Options::history_bytes`](crate::Options::history_bytes); [`Store::oldest_readable`] says from where on. A view that
    /// was had stays, like any snapshot.
    ///
    /// ```
    /// # let dir = tempfile::tempdir()?;
    /// # let store = pentad_engine::Store::open(dir.path())?;
    /// let first = store.put("light", "on")?.sequence.expect("a put takes a sequence");
    /// store.put("light", "off")?;
    /// assert_eq!(store.at(first)?.get("light")?.as_deref(), Some(&b"on"[..]));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`ErrorKind::NotRetained`] with the oldest sequence that can be read when it is too old, and with the newest when it is
    /// not there yet; [`ErrorKind::LimitExceeded`] as [`Store::snapshot`]; [`ErrorKind::Closed`].
    pub fn at(&self, sequence: Sequence) -> Result<Snapshot> {
        let core = self.core();
        core.check_open()?;
        core.check_snapshots()?;
        Ok(Snapshot { pinned: PinnedView::at(core, self.keyspace(), sequence)? })
    }

    /// The oldest commit that [`Store::at`] gives a view of; `None` when there is none.
    pub fn oldest_readable(&self) -> Option<Sequence> {
        self.core().oldest_readable()
    }
}

impl PinnedView {
    /// Pins the view at a commit, if nothing that it sees was dropped.
    pub(crate) fn at(core: &Arc<Core>, keyspace: Keyspace, sequence: Sequence) -> Result<Self> {
        let newest = core.published.sequence();
        if sequence > newest {
            let text = format!("commit {sequence} is not there yet; the newest is {newest}");
            return Err(Error::new(ErrorKind::NotRetained, text));
        }
        if sequence < core.pins.history_begin() {
            return Err(core.not_readable(sequence));
        }
        let view = core.view_at(sequence)?.filter(|view| core.pins.pin_within(*view, core.time.now()));
        view.map(|view| Self { core: Arc::clone(core), view, keyspace })
            .ok_or_else(|| core.not_readable(sequence))
    }
}

impl Core {
    /// What is seen after a commit that is visible; `None` when it is not retained.
    pub(crate) fn view_at(&self, sequence: Sequence) -> Result<Option<View>> {
        let place = self.find_commit(sequence, None)?;
        Ok(place.map(|place| {
            let tail = LogOffset(place.log_offset.0 + place.header.frame_length());
            View { sequence, tail, time: place.header.time }
        }))
    }

    /// What is seen right before a retained commit, at its time.
    fn view_before(&self, sequence: Sequence) -> Result<Option<View>> {
        let place = self.find_commit(sequence, None)?;
        Ok(place.map(|place| View {
            sequence: Sequence(sequence.0 - 1),
            tail: place.log_offset,
            time: place.header.time,
        }))
    }

    fn not_readable(&self, sequence: Sequence) -> Error {
        let oldest = self.oldest_readable();
        let retained = oldest.map_or_else(
            || "no older sequence can be read".to_owned(),
            |oldest| format!("retained from {oldest}"),
        );
        Error::new(
            ErrorKind::NotRetained,
            format!("the store as of commit {sequence} is not kept: {retained}"),
        )
    }

    fn oldest_readable(&self) -> Option<Sequence> {
        let newest = self.published.sequence();
        let oldest = self.batches.oldest(newest)?.max(self.pins.history_begin());
        (oldest <= newest).then_some(oldest)
    }

    /// Moves the beginning of the history to where retention, and the limit on what it holds, allow.
    pub(crate) fn keep_history(&self) -> Result<()> {
        let newest = self.published.sequence();
        let before = self.pins.history_begin();
        let mut begin = self.batches.oldest_or_next().max(before);
        if begin > newest || self.history_limit() == Some(0) {
            self.pins.end_history(newest.next());
            return Ok(());
        }
        let surplus = self.history_surplus();
        if surplus > 0 {
            // Where replaced versions are not what takes so much, expired ones are: these wait for the time of a later commit.
            begin = begin.max(self.index.due_for(surplus).unwrap_or(newest).next());
        }
        if (begin.0 - before.0) <= (newest.0 - before.0) / LAG
            && surplus == 0
            && self.pins.history().is_some()
        {
            return Ok(());
        }
        // While there was no history, views of now were in use, and what had expired for them may be gone.
        let expired = self.index.horizon().time;
        match self.view_before(begin)?.filter(|view| view.time >= expired) {
            Some(view) => self.pins.begin_history(view),
            None => self.pins.end_history(newest.next()),
        }
        Ok(())
    }

    /// The beginning of the history that is true of the disk when all that the horizon has passed is removed from it. Every
    /// commit that was under way when the horizon was last raised is visible.
    pub(super) fn history_on_disk(&self) -> Sequence {
        match self.pins.history() {
            Some(before) => before.next(),
            None => self.published.sequence().next().max(self.pins.history_begin()),
        }
    }

    /// How much may be held, if that is set; while anybody watches, it is enough for the previous values of what he is told.
    fn history_limit(&self) -> Option<u64> {
        let least = if self.wakeups.are_watched() { WATCHED_BYTES } else { 0 };
        self.options.history_bytes.map(|limit| limit.max(least))
    }

    /// By how many bytes that which is held for older views exceeds its limit.
    fn history_surplus(&self) -> u64 {
        let held = self.index.held_bytes();
        let limit = match self.history_limit() {
            Some(limit) => limit,
            // Cheap first: the live bytes are summed only when it may come to that.
            None if held <= LEAST => return 0,
            None => LEAST.max(self.live_bytes().saturating_sub(held) / 4),
        };
        held.saturating_sub(limit)
    }

    /// The sizes of the replaced and deleted entries that the history does not hold, and pinned views do.
    pub(super) fn snapshot_bytes(&self) -> u64 {
        let before = self.pins.history().unwrap_or(self.published.sequence());
        match self.pins.oldest() {
            Some((oldest, _)) if oldest < before => self.index.held_bytes_until(before),
            _ => 0,
        }
    }
}
