//! Deliberate defects, to prove that the crash tests would notice real ones.
//!
//! Invariant: without the feature `planted` every question is answered "no" at compile time, so no defect can reach
//! a build that is not a test of the tests. With it, a defect is there only within [`with`], on the calling thread.
//! A test over all of [`Bug::ALL`] demands that each is caught; where each is planted is marked in the code by the
//! call of `planted`.

/// Declares the bugs and the list of all of them from one text, so that none can be left out of the tests.
macro_rules! bugs {
    ($($(#[doc = $what:literal])+ $bug:ident,)+) => {
        /// A way in which a store could be wrong.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        #[cfg_attr(not(feature = "planted"), expect(unreachable_pub, reason = "the tests of the tests name the bugs"))]
        pub enum Bug {
            $($(#[doc = $what])+ $bug,)+
        }

        #[cfg(feature = "planted")]
        impl Bug {
            /// Every bug.
            pub const ALL: &[Self] = &[$(Self::$bug,)+];
        }
    };
}

bugs! {
    /// A `Disk` commit is acknowledged without a sync.
    AckBeforeSync,
    /// Header and frame checksums leave out the segment's nonce, so frames of another segment count here.
    UnsaltedChecksum,
    /// A header of zeros passes for a frame, so an unwritten tail is read as log.
    ZerosValid,
    /// A frame of a lower epoch behind one of a higher epoch is accepted.
    StaleFramesValid,
    /// Created and renamed names are not made durable.
    NoDirectorySync,
    /// A catalog is renamed into place before its bytes are durable.
    NoSyncBeforeRename,
    /// Recovery trims the log at any bad frame, acknowledged or not.
    TrimOnAnyError,
    /// Recovery takes any bad frame for rot and refuses the store, an unfinished write too.
    RefuseOnAnyGap,
    /// A commit is visible before its frame is written, and stays visible when the write fails.
    PublishBeforeWrite,
    /// A commit is in the indexes before its frame is in the log, and stays there when the write fails.
    IndexBeforeLog,
    /// Closing does not record how far the log was durable.
    LostMark,
    /// A writable open goes on in the epoch of the one before it.
    ReusedEpoch,
    /// Of the two catalogs the one of lower generation is believed.
    CatalogOldGeneration,
    /// A segment is sealed in the catalog before its own sync.
    SealedBeforeSynced,
    /// Files that the catalog does not name are removed before the open has succeeded.
    OrphanRemovedTooEarly,
    /// Compaction drops an expired entry while an older version of its key is still in the log.
    ExpiredUncoversOlder,
    /// What recovery accepted above the mark is published without having been written and synced anew.
    NoSyncAfterRecovery,
    /// A new segment is begun while the old one holds unsynced frames, which later syncs leave out.
    RollWithoutSync,
    /// A compaction of some segments drops tombstones while an older entry is still in one of the others.
    PartLosesTombstones,
    /// Compaction drops versions that a live snapshot sees.
    CompactionDropsPinned,
    /// Pruning moves the floor past live snapshots.
    PrunePastReader,
    /// A merge of the index's runs leaves out versions that a live snapshot sees.
    MergeDropsPinned,
    /// The ordered index is not told where compaction took an entry.
    RelocationLost,
    /// A tombstone leaves the slot table while a live snapshot still sees what it deletes.
    TombstoneForgottenEarly,
    /// What only the history sees is dropped like what nobody sees.
    HistoryNotHeld,
    /// The versions of a key are counted on from before the group of commits, which may write it several times.
    CountFromBeforeTheGroup,
    /// A watch goes live at once, without the commits between its beginning and the newest.
    WatchGap,
    /// A watch tells the commit with which it catches up once more.
    WatchRepeat,
    /// A commit refers to a stream segment that is not durable.
    StreamNotSynced,
    /// Frames that a checkpoint covers are not judged before their entries are believed.
    CoveredKeysBelieved,
    /// A checkpoint is used although its segments have been compacted.
    StaleCheckpointBelieved,
    /// A checkpoint gets its name before the frames that it covers are durable.
    CheckpointAboveMark,
    /// The checksums of a checkpoint's chunks are not looked at.
    ChunkSumsIgnored,
    /// A transaction commits although a key has come into a range that it read.
    PhantomMissed,
    /// A transaction commits although a key that it read was deleted since.
    DeleteMissed,
    /// The system entries of a commit are written in a frame of their own, so that a crash can part them from it.
    SystemEntriesApart,
    /// The number of a dropped namespace is given to a new one.
    NamespaceNumberReused,
    /// What a dropped namespace held goes although a live snapshot sees it.
    NamespaceSweptTooEarly,
    /// The record of a backup is written before the names of its files are durable.
    BackupRecordFirst,
    /// A record log does not write down that records were truncated.
    TruncationNotLogged,
    /// A record log gives back segments before what counts in them is durable elsewhere.
    CutBeforeSmall,
    /// A record log leaves out small records that are replaced only behind a purge or a truncation.
    SmallLeftOut,
    /// A key or value that has rotted in the registration of a namespace is passed over.
    RegistrationPassedOver,
}

#[cfg(feature = "planted")]
mod active {
    use std::cell::Cell;

    use super::Bug;

    thread_local! {
        static PLANTED: Cell<Option<Bug>> = const { Cell::new(None) };
    }

    /// Takes the bug out again when the work is done or has panicked.
    struct Planted {
        before: Option<Bug>,
    }

    impl Drop for Planted {
        fn drop(&mut self) {
            PLANTED.set(self.before);
        }
    }

    /// Runs `f` with `bug` in every store that works on this thread.
    pub fn with<R>(bug: Bug, f: impl FnOnce() -> R) -> R {
        let _planted = Planted { before: PLANTED.replace(Some(bug)) };
        f()
    }

    /// Whether `bug` is planted on this thread.
    pub(crate) fn planted(bug: Bug) -> bool {
        PLANTED.get() == Some(bug)
    }
}

#[cfg(feature = "planted")]
pub(crate) use active::planted;
#[cfg(feature = "planted")]
pub use active::with;

/// Nothing is planted in this build.
#[cfg(not(feature = "planted"))]
pub(crate) const fn planted(_bug: Bug) -> bool {
    false
}

#[cfg(all(test, feature = "planted"))]
mod tests {
    use super::{Bug, planted, with};

    #[test]
    fn a_bug_is_there_within_and_gone_after_even_a_panic() {
        assert!(!planted(Bug::ZerosValid));
        let result = std::panic::catch_unwind(|| {
            with(Bug::ZerosValid, || {
                assert!(planted(Bug::ZerosValid) && !planted(Bug::LostMark));
                with(Bug::LostMark, || assert!(planted(Bug::LostMark)));
                assert!(planted(Bug::ZerosValid));
                panic!("a scenario that fails");
            });
        });
        assert!(result.is_err());
        assert!(!planted(Bug::ZerosValid));
    }
}
