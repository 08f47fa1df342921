//! The arguments of `backup`, `backups` and `restore`, and the words of their help.

use std::path::PathBuf;

use clap::Args;

pub(crate) const BACKUP_AFTER_HELP: &str = "\
TO is a directory with the backups of this store; it is made when it is missing. What an earlier backup brought is not
brought again. The store is only read. No other process may be writing to it meanwhile: a program that has it open takes
backups of it itself, while it writes (Store::backup).

On the file system of the store its finished files are not copied but get a second name, which takes no time and no
space. Such a backup outlives what befalls the store's directory, but not what befalls the disk: bring backups that are to
outlive that to another one.

With --json, one object: {\"number\", \"sequence\", \"oldest\" (the first commit that it can list), \"taken\" (RFC 3339), \"files\",
\"bytes\", \"copied\", \"copied_bytes\", \"linked\", \"reused\", \"given_up\"}.";

pub(crate) const BACKUPS_AFTER_HELP: &str = "\
One backup a line, oldest first: number, time (UTC), the last commit in it, files, bytes. Files that several backups share
are counted for each of them.

With --json, one object per backup: {\"number\", \"sequence\", \"oldest\", \"taken\", \"files\", \"bytes\"}.";

pub(crate) const RESTORE_AFTER_HELP: &str = "\
The store that --store names is made; nothing may be there. It appears when every byte of it has been read back, checked,
and is on the disk. It goes on with the sequences of the original. FROM is only read.

A backup that does not verify is refused with exit code 3, and nothing is made; an earlier one may be whole. With --damaged it
is restored all the same, what is wrong is listed, and the exit code is 3; `pentad repair` then copies what is good.
Ctrl-C takes away what was made; a restoration that was killed leaves a directory beside the store whose name begins with
.pentad-restoring-, which can be removed.

With --json, one object: {\"number\", \"sequence\", \"oldest\", \"taken\", \"files\", \"bytes\", \"entries\", \"seconds\", \"damage\": as that of
verify}.";

/// Arguments of `backup`.
#[derive(Args, Debug)]
pub(crate) struct BackupArgs {
    /// The directory of the backups
    pub(crate) to: PathBuf,
    /// Afterwards give up all but the newest N backups
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) keep: Option<u32>,
}

/// Arguments of `backups`.
#[derive(Args, Debug)]
pub(crate) struct BackupsArgs {
    /// The directory of the backups
    pub(crate) from: PathBuf,
}

/// Arguments of `restore`.
#[derive(Args, Debug)]
pub(crate) struct RestoreArgs {
    /// The directory of the backups
    pub(crate) from: PathBuf,
    /// Which backup [default: the newest]
    #[arg(long, value_name = "N")]
    pub(crate) number: Option<u64>,
    /// Restore a backup that does not verify
    #[arg(long)]
    pub(crate) damaged: bool,
}
