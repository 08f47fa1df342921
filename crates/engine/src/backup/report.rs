//! What backups and their restoration tell.

use crate::numbers::{Sequence, Timestamp};
use crate::store::Damage;

/// A backup in a repository.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct BackupInfo {
    /// Its number, from 1; a later backup has a higher one.
    pub number: u64,
    /// The last commit that it holds.
    pub sequence: Sequence,
    /// The oldest commit that it can list.
    pub oldest: Sequence,
    /// The wall clock when it was taken.
    pub taken: Timestamp,
    /// How many files it is made of.
    pub files: u64,
    /// Bytes of these files, those that it shares with other backups included.
    pub bytes: u64,
}

/// What taking a backup came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct BackupReport {
    /// The new backup.
    pub backup: BackupInfo,
    /// Files that were copied.
    pub copied: u64,
    /// Bytes that were copied.
    pub copied_bytes: u64,
    /// Files that got a second name instead: they share their blocks with the store.
    pub linked: u64,
    /// Files that an earlier backup had brought.
    pub reused: u64,
}

/// What restoring a backup came to.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct RestoreReport {
    /// The backup.
    pub backup: BackupInfo,
    /// Entries in it that were verified, dead ones included.
    pub entries: u64,
    /// What did not verify. Empty, unless the backup was restored by
    /// [`Backups::restore_damaged`](super::Backups::restore_damaged).
    pub damage: Vec<Damage>,
}
