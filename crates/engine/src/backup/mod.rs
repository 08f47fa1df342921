//! Backups: consistent copies of a store, taken while it is written to, in a repository of their own.
//!
//! A repository is a directory with the backups of one store: a record for each backup, and the segments that the records
//! name, each of them once. Sealed segments never change, so a backup brings in only those that no earlier one
//! brought, by a second name for the same file where the file system has that, else by a copy. The active
//! segment is copied up to the end of the log. A backup exists when its record does, which is written last.
//!
//! | file | |
//! | --- | --- |
//! | `moment` | what the catalog would say if the store ended now |
//! | `repository` | the directory: opening, listing, giving up old backups |
//! | `take` | a new backup of an open store |
//! | `transfer` | one file, linked or copied |
//! | `restore` | a store made of a backup, and verified |
//! | `report` | what is told of all that |

mod moment;
mod report;
mod repository;
mod restore;
mod take;
mod transfer;

pub use report::{BackupInfo, BackupReport, RestoreReport};
pub use repository::Backups;
