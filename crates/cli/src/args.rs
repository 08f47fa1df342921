//! What can be typed after `pentad`, and the words of `--help`.
//!
//! The global options stand before or after the verb. Bytes reach the verbs through [`Global::bytes`] alone, so that
//! `\xNN` means the same in every key and value.

mod backup;
mod cluster;
mod entries;
mod namespaces;
mod scan;

use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};

use clap::{Args, Parser, Subcommand};

use self::backup::{BACKUP_AFTER_HELP, BACKUPS_AFTER_HELP, RESTORE_AFTER_HELP};
pub(crate) use self::backup::{BackupArgs, BackupsArgs, RestoreArgs};
use self::cluster::{CLUSTER_AFTER_HELP, SERVE_AFTER_HELP};
pub(crate) use self::cluster::{ClusterArgs, ClusterVerb, LogForm, ServeArgs};
use self::entries::{
    DEL_AFTER_HELP, EXPIRE_AFTER_HELP, INCR_AFTER_HELP, INFO_AFTER_HELP, PUT_AFTER_HELP, TXN_AFTER_HELP,
};
pub(crate) use self::entries::{DelArgs, ExpireArgs, IncrArgs, InfoArgs, PutArgs, TxnArgs};
use self::namespaces::NAMESPACES_AFTER_HELP;
pub(crate) use self::namespaces::NamespacesArgs;
use self::scan::SCAN_AFTER_HELP;
pub(crate) use self::scan::ScanArgs;
use crate::error::{Failure, Result};
use crate::escape::unescape;
use crate::formats::Format;

const AFTER_HELP: &str = "\
Keys and values are bytes. They are shown, and read from the command line, as text in which \\xNN is a byte in
hexadecimal and \\\\ is a backslash; --raw switches that off.

Exit codes:
  0    done (also when the reader of a pipe closes it)
  1    a key is not there, or a condition does not hold
  2    the command, its input or its target cannot be used as given
  3    the store or the operating system refused, `verify` found damage, or `repair` had to leave something out
  130  interrupted (Ctrl-C, SIGTERM, SIGHUP)";

const IMPORT_AFTER_HELP: &str = "\
Formats, and what the extension of PATH stands for when --format is not given:
  dir    a directory: one entry per file, the path inside the directory as key (with /), the contents as value.
         Files over 8 MiB are streamed. .gitignore files inside the tree are honoured, those outside it are not;
         .git and the store itself are left out, other dot files are kept. Links are not followed but skipped with
         a note, and so are devices, pipes and sockets. Empty directories leave no entry.
  lines  .lines, .txt: one entry per line; the key is the line number from 000000000001 on, in 12 digits. A last
         line need not end in a newline.
  tsv    .tsv: key, tab, value. Raw bytes: the first tab of a line ends the key, the newline ends the value.
  csv    .csv: two columns, quoted as usual. A first row that reads `key,value` is the header.
  jsonl  .jsonl, .ndjson: one object per line: \"key\" and \"value\" as strings, or \"key_base64\" and \"value_base64\"
         for bytes that are not UTF-8; optionally \"expires_ns\", nanoseconds since 1970. Other fields are refused.

A key that is in the store already gets the new value; keys that the input does not name stay as they are.

Rows are committed in batches, each all or nothing. What is reported as being in is durable; after an error or
Ctrl-C the message says how far it got. A row is held in memory, so values over 256 MiB need dir.

With --json, standard output has one object per line:
  {\"committed\": ENTRIES, \"sequence\": SEQUENCE}   each time entries (counted from the start) have become durable
  {\"imported\": ENTRIES, \"bytes\", \"seconds\", \"first_sequence\", \"last_sequence\", \"skipped_links\",
   \"skipped_special\", \"store\"}                  once, at the end";

const EXPORT_AFTER_HELP: &str = "\
Formats as for import; what was imported from a format comes back from it. Without --format, the extension of PATH
decides, and a path with another or no extension becomes a directory. PATH - writes to standard output.

Nothing that a format cannot hold is written: the export stops with the key in question.
  dir    keys that would leave the directory (.. or . or empty components, a / in front, NUL) and keys that would
         have to be both file and directory. All keys are checked before the first file is written. Modes, times and
         empty directories are not stored, so they do not come back. Every file gets its name when it is complete.
  lines  keys other than 000000000001, 000000000002, …; newlines in values. --drop-keys writes the values alone, in
         key order. Every line ends in a newline.
  tsv    tabs and newlines in keys, newlines in values; --escaped writes them as \\xNN.
  csv    bytes that are not UTF-8; --escaped writes them as \\xNN. The first row is the header `key,value`.
  jsonl  holds everything, deadlines included.
The row formats refuse values over 256 MiB; dir has no limit. A file appears under its name when it is complete.

With --json, standard output has one object at the end:
  {\"exported\": ENTRIES, \"bytes\", \"seconds\", \"sequence\", \"damaged\": ENTRIES LEFT OUT, \"path\"}";

const LOG_AFTER_HELP: &str = "\
One commit a line, oldest first: sequence, time (UTC), number of changes, and the first of the keys, each after + for a
value stored or - for a delete.

With --json, one object per commit: {\"sequence\", \"time\" (RFC 3339), \"time_ns\" (since 1970), \"changes\": [{\"op\": \"put\",
\"key\", \"bytes\"} or {\"op\": \"delete\", \"key\"}]}; \"key_base64\" stands in for a key that is not UTF-8.";

const WATCH_AFTER_HELP: &str = "\
Every commit comes once, in order and whole, with its changes of the watched keys; a commit without such changes is left out. A put is
told with the deadline that it sets; that a key expires is no commit and does not show here.

A store in a directory has one writer, or readers, so no commit can come from elsewhere while this command reads: it tells what is
there and ends. With --endpoints it goes on with what comes, whatever becomes of single nodes, until --limit or Ctrl-C. To go on later, say --from with the sequence behind the last one. A program that writes to a store watches it live through the library
(Store::watch), within its own process.

With --json, one object per commit: {\"sequence\", \"time\" (RFC 3339), \"time_ns\" (since 1970), \"changes\": [{\"op\": \"put\",
\"key\", \"value\", \"expires_ns\" where it expires} or {\"op\": \"delete\", \"key\"}]}, each change with \"previous\" (null when the key was
absent) under --previous; \"key_base64\", \"value_base64\" and \"previous_base64\" stand in for what is not UTF-8.";

const STATS_AFTER_HELP: &str = "\
With --json, one object: {\"keys\", \"sequence\", \"oldest_batch\" (null when no commit is retained),
\"oldest_readable\" (the least SEQ that an open store reads back to; null when there is none), \"tail\", \"disk_bytes\", \"reserve_bytes\",
\"live_bytes\", \"held_bytes\" (of these, what only older commits see), \"dead_bytes\", \"segments\", \"stream_segments\", \"index_bytes\",
\"checkpoint_bytes\" (0 when there is none), \"checkpoint_age_bytes\", \"checkpoint_failure\" (null without one), \"unfinished_tail_bytes\",
\"namespaces_fault\" (why not all namespaces are known; null when they are), \"scrub\": null where the store
scrubs nothing, or {\"bytes_per_second\", \"done_bytes\", \"total_bytes\", \"passes\", \"last_pass_ns\" (null before the first), \"found\",
\"findings\": as the \"damage\" of verify}}. With --endpoints \"keys\", \"sequence\", \"oldest_batch\", \"oldest_readable\" and \"namespaces_fault\"
alone: the rest is for each node's own files to say.";

const PRUNE_AFTER_HELP: &str = "\
What is stored stays; only `log`, `watch` and --at cannot go back to those commits. Their space comes back by
compaction: `prune --keep 0` and then `compact` free everything that was overwritten or deleted.

With --json, one object: {\"pruned\": COMMITS, \"oldest_batch\" (null when no commit is retained)}.";

const VERIFY_AFTER_HELP: &str = "\
A torn tail is an unfinished write at the end of a store whose process was killed. It was never acknowledged as
durable; it is noted, and the next writer drops it. Damage is anything else that does not verify: it is listed with file, offset and,
where known, sequence and key, and the exit code is 3. Nothing is changed.

With --json, one object: {\"segments\", \"frames\", \"entries\", \"bytes\", \"torn_tail\": null or {\"file\", \"offset\", \"bytes\"},
\"damage\": [{\"file\", \"offset\", \"sequence\", \"key\", \"what\"}]}; unknown sequences and keys are null, \"key_base64\" and
\"file_base64\" stand in for what is not UTF-8.";

const REPAIR_AFTER_HELP: &str = "\
The store that --store names is only read; it may be one that refuses to open. NEW must not exist. It gets the entries that
verify, with their deadlines, as a store of its own: sequences and the list of `log` begin anew. What cannot be
copied is listed, and the exit code is then 3:
  skipped   a place that cannot be read at all. A commit that was lost there may have overwritten or deleted any key,
            so values may be older than what was acknowledged, and deleted keys may be back.
  left out  an entry whose value does not verify.
NEW appears when it is complete and on the disk. Ctrl-C takes away what was made; a repair that was killed leaves a directory
beside it whose name begins with .pentad-repairing-, which can be removed.

With --json, one object: {\"entries\", \"bytes\", \"streams\", \"seconds\", \"complete\", \"store\", \"skipped\": [{\"file\", \"offset\",
\"first_frame\", \"last_frame\", \"sequence\", \"made_up_for\", \"what\"}], \"left_out\": [{\"file\", \"offset\", \"sequence\", \"key\",
\"what\"}]}; what is not known is null, \"key_base64\", \"file_base64\" and \"store_base64\" stand in for what is not UTF-8. A skipped
place that was made up for by another copy leaves nothing missing.";

const COMPACT_AFTER_HELP: &str = "\
What was overwritten or deleted takes space as long as `log` lists the commits that wrote it, which it does for the newest
64 MiB at least. --prune gives those commits up first; the entries stay as they are. On a full disk, delete what you can
do without, then compact with --prune.

With --json, one object: {\"segments_before\", \"segments_after\", \"bytes_before\", \"bytes_after\", \"entries\",
\"damaged_segments\", \"held_back_segments\", \"pruned_commits\"}.";

/// A key-value store in a directory, from the shell.
#[derive(Debug, Parser)]
#[command(name = "pentad", version, after_help = AFTER_HELP, subcommand_required = true)]
#[command(subcommand_value_name = "VERB", subcommand_help_heading = "Verbs")]
pub(crate) struct Arguments {
    #[command(flatten)]
    pub(crate) global: Global,
    #[command(subcommand)]
    pub(crate) verb: Verb,
}

/// Options of every verb.
#[derive(Args, Debug)]
#[command(next_help_heading = "Options of every verb")]
pub(crate) struct Global {
    /// The store's directory
    #[arg(long, value_name = "DIR", global = true)]
    store: Option<PathBuf>,
    /// A cluster instead of a directory, by some of its nodes: HOST:PORT, several with commas between
    #[arg(long, value_name = "ADDRS", global = true, value_delimiter = ',', conflicts_with = "store")]
    endpoints: Vec<String>,
    /// The namespace of the store that the verb is about [default: its own keyspace]
    #[arg(long, value_name = "NAME", global = true)]
    namespace: Option<String>,
    /// Answer in JSON, one object per line, where the answer is data about the store
    #[arg(long, global = true)]
    pub(crate) json: bool,
    /// Take and show keys and values as they are, without \xNN
    #[arg(long, global = true)]
    pub(crate) raw: bool,
}

/// What is to be done.
#[derive(Debug, Subcommand)]
pub(crate) enum Verb {
    /// Bring files or rows into the store, which is made when it is missing
    #[command(after_long_help = IMPORT_AFTER_HELP, after_help = "More about the formats: pentad import --help")]
    Import(ImportArgs),
    /// Write the whole store out as files or rows
    #[command(after_long_help = EXPORT_AFTER_HELP, after_help = "More about the formats: pentad export --help")]
    Export(ExportArgs),
    /// Write the value of a key to standard output, byte for byte
    #[command(after_help = "With --json, one object: {\"key\", \"value\"}, as in the jsonl format.")]
    Get(GetArgs),
    /// Store a value under a key; the store is made when it is missing
    #[command(after_help = PUT_AFTER_HELP)]
    Put(PutArgs),
    /// Delete keys, all in one commit
    #[command(after_help = DEL_AFTER_HELP)]
    Del(DelArgs),
    /// Say what is known of an entry, without its value
    #[command(after_help = INFO_AFTER_HELP)]
    Info(InfoArgs),
    /// Set when an entry ends
    #[command(after_help = EXPIRE_AFTER_HELP)]
    Expire(ExpireArgs),
    /// Add to a number; the store is made when it is missing
    #[command(after_help = INCR_AFTER_HELP)]
    Incr(IncrArgs),
    /// Commit several changes at once, if conditions hold; the store is made when it is missing
    #[command(after_help = TXN_AFTER_HELP)]
    Txn(TxnArgs),
    /// List entries in key order, one a line: key, tab, value
    #[command(after_help = SCAN_AFTER_HELP)]
    Scan(ScanArgs),
    /// List the commits that the store still remembers
    #[command(after_help = LOG_AFTER_HELP)]
    Log(LogArgs),
    /// Tell what has changed, commit by commit: keys, values and deletes
    #[command(after_help = WATCH_AFTER_HELP)]
    Watch(WatchArgs),
    /// Forget old commits, so that `compact` can free what they hold
    #[command(after_help = PRUNE_AFTER_HELP)]
    Prune(PruneArgs),
    /// Say how big the store is
    #[command(after_help = STATS_AFTER_HELP)]
    Stats(StatsArgs),
    /// Read everything and check it
    #[command(after_help = VERIFY_AFTER_HELP)]
    Verify,
    /// Copy what is good of a damaged store into a new one
    #[command(after_help = REPAIR_AFTER_HELP)]
    Repair(RepairArgs),
    /// Rewrite the store without what was overwritten or deleted
    #[command(after_help = COMPACT_AFTER_HELP)]
    Compact(CompactArgs),
    /// List the namespaces of the store, or drop one
    #[command(after_help = NAMESPACES_AFTER_HELP)]
    Namespaces(NamespacesArgs),
    /// Add a backup of the store to a directory of backups
    #[command(after_help = BACKUP_AFTER_HELP)]
    Backup(BackupArgs),
    /// List the backups in a directory
    #[command(after_help = BACKUPS_AFTER_HELP)]
    Backups(BackupsArgs),
    /// Make a store of a backup, and check all of it
    #[command(after_help = RESTORE_AFTER_HELP)]
    Restore(RestoreArgs),
    /// Run a node of a cluster, or one that is a cluster by itself
    #[command(after_help = SERVE_AFTER_HELP)]
    Serve(ServeArgs),
    /// Look at a cluster, and change its members
    #[command(after_help = CLUSTER_AFTER_HELP)]
    Cluster(ClusterArgs),
}

/// How verbs that read open the store.
#[derive(Args, Clone, Copy, Debug, Default)]
pub(crate) struct Reading {
    /// Read a store that refuses to open, as far as it verifies; values may be older than what was acknowledged
    #[arg(long)]
    pub(crate) damaged: bool,
}

/// Of which commit verbs that read show the store.
#[derive(Args, Clone, Copy, Debug, Default)]
pub(crate) struct AsOf {
    /// Read the store as it was after this commit, which `log` must still list
    #[arg(long, value_name = "SEQ", conflicts_with = "damaged")]
    pub(crate) at: Option<u64>,
}

/// Arguments of `import`.
#[derive(Args, Debug)]
pub(crate) struct ImportArgs {
    /// A directory, file or FIFO; - is standard input
    pub(crate) path: PathBuf,
    /// The form of the input [default: from the path]
    #[arg(long, value_enum)]
    pub(crate) format: Option<Format>,
    /// dir: take ignored files and .git as well
    #[arg(long)]
    pub(crate) all: bool,
    /// lines, tsv, csv: read \xNN and \\ in keys and values
    #[arg(long)]
    pub(crate) escaped: bool,
    /// csv: the first row is a header, whatever it reads
    #[arg(long, conflicts_with = "no_header")]
    pub(crate) header: bool,
    /// csv: the first row is an entry, whatever it reads
    #[arg(long)]
    pub(crate) no_header: bool,
    /// Most rows in one commit
    #[arg(long, value_name = "ROWS", default_value_t = 1_000, value_parser = clap::value_parser!(u64).range(1..=1_000_000))]
    pub(crate) batch: u64,
}

/// Arguments of `export`.
#[derive(Args, Debug)]
pub(crate) struct ExportArgs {
    /// A directory or file to make; - is standard output
    pub(crate) path: PathBuf,
    /// The form of the output [default: from the path]
    #[arg(long, value_enum)]
    pub(crate) format: Option<Format>,
    /// Write into a directory that is not empty, or over a file
    #[arg(long)]
    pub(crate) force: bool,
    /// Leave out entries whose values are damaged, name them, and exit with 3
    #[arg(long)]
    pub(crate) skip_damaged: bool,
    /// lines, tsv, csv: write bytes that are not printable as \xNN, a backslash as \\
    #[arg(long)]
    pub(crate) escaped: bool,
    /// csv: begin with the first entry, not with a header
    #[arg(long)]
    pub(crate) no_header: bool,
    /// lines: write the values alone, whatever the keys are
    #[arg(long)]
    pub(crate) drop_keys: bool,
    #[command(flatten)]
    pub(crate) reading: Reading,
}

/// Arguments of `get`.
#[derive(Args, Debug)]
pub(crate) struct GetArgs {
    /// The key
    pub(crate) key: OsString,
    #[command(flatten)]
    pub(crate) as_of: AsOf,
    #[command(flatten)]
    pub(crate) reading: Reading,
}

/// Arguments of `watch`.
#[derive(Args, Debug)]
pub(crate) struct WatchArgs {
    /// Only keys that begin so
    #[arg(long, value_name = "P", conflicts_with = "key")]
    pub(crate) prefix: Option<OsString>,
    /// Only this key
    #[arg(long, value_name = "K")]
    pub(crate) key: Option<OsString>,
    /// Begin with this commit [default: the oldest that is retained]
    #[arg(long, value_name = "SEQ")]
    pub(crate) from: Option<u64>,
    /// At most so many commits
    #[arg(long, value_name = "N")]
    pub(crate) limit: Option<u64>,
    /// Say also what each key held before
    #[arg(long)]
    pub(crate) previous: bool,
}

/// Arguments of `prune`.
#[derive(Args, Debug, Default)]
#[group(required = true, multiple = false)]
pub(crate) struct PruneArgs {
    /// Forget the commits before this one
    #[arg(long, value_name = "SEQ")]
    pub(crate) before: Option<u64>,
    /// Forget all but the newest so many commits
    #[arg(long, value_name = "N")]
    pub(crate) keep: Option<u64>,
    /// Forget the commits before the last so many bytes of the log
    #[arg(long, value_name = "BYTES")]
    pub(crate) keep_bytes: Option<u64>,
    /// Forget the commits that are older than so many seconds
    #[arg(long, value_name = "SECONDS")]
    pub(crate) keep_seconds: Option<u64>,
}

/// Arguments of `stats`.
#[derive(Args, Debug)]
pub(crate) struct StatsArgs {
    #[command(flatten)]
    pub(crate) reading: Reading,
}

/// Arguments of `repair`.
#[derive(Args, Debug)]
pub(crate) struct RepairArgs {
    /// The directory of the new store, which must not exist
    pub(crate) new: PathBuf,
}

/// Arguments of `compact`.
#[derive(Args, Debug)]
pub(crate) struct CompactArgs {
    /// Give up the commits that `log` lists, so that their space comes back as well
    #[arg(long)]
    pub(crate) prune: bool,
}

/// Arguments of `log`.
#[derive(Args, Debug)]
pub(crate) struct LogArgs {
    /// Begin with this commit [default: the oldest that is retained]
    #[arg(long, value_name = "SEQ")]
    pub(crate) from: Option<u64>,
}

impl Global {
    /// The store's directory.
    ///
    /// # Errors
    ///
    /// [`Failure::Usage`] when it was not named.
    pub(crate) fn store(&self) -> Result<&Path> {
        self.check_no_endpoints()?;
        self.store.as_deref().ok_or_else(|| {
            let text =
                "which store? name its directory with --store DIR, or a cluster with --endpoints HOST:PORT,…";
            Failure::Usage(text.to_owned())
        })
    }

    /// The bytes that an argument stands for; `what` is what it is called in the message when it stands for none.
    ///
    /// # Errors
    ///
    /// [`Failure::Usage`] when a backslash in it begins no escape.
    pub(crate) fn bytes(&self, what: &str, argument: &OsStr) -> Result<Vec<u8>> {
        let bytes = argument.as_encoded_bytes();
        if self.raw {
            return Ok(bytes.to_vec());
        }
        unescape(bytes).map_err(|problem| {
            let shown = argument.to_string_lossy();
            Failure::Usage(format!("{what} {shown:?}: {problem}; --raw takes it as it is"))
        })
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    #[test]
    fn the_command_is_put_together_soundly() {
        Arguments::command().debug_assert();
    }

    #[test]
    fn global_options_stand_on_either_side_of_the_verb() {
        for line in [
            ["pentad", "--store", "s", "--json", "--raw", "get", "k"],
            ["pentad", "get", "k", "--store", "s", "--json", "--raw"],
            ["pentad", "--json", "get", "--store", "s", "--raw", "k"],
        ] {
            let arguments = Arguments::try_parse_from(line).unwrap();
            assert_eq!(arguments.global.store().unwrap(), Path::new("s"));
            assert!(arguments.global.json && arguments.global.raw);
            assert!(matches!(arguments.verb, Verb::Get(GetArgs { key, .. }) if key == "k"));
        }
    }

    #[test]
    fn negative_numbers_and_dashes_are_values() {
        for value in ["-5", "-"] {
            let arguments = Arguments::try_parse_from(["pentad", "put", "k", value, "--store", "s"]).unwrap();
            assert!(
                matches!(arguments.verb, Verb::Put(PutArgs { value: Some(given), .. }) if given == value)
            );
        }
    }

    #[test]
    fn raw_switches_escapes_off() {
        let parse = |line: &[&str]| Arguments::try_parse_from(line).unwrap().global;
        let key = OsStr::new("a\\x00");
        assert_eq!(parse(&["pentad", "stats"]).bytes("key", key).unwrap(), b"a\0");
        assert_eq!(parse(&["pentad", "stats", "--raw"]).bytes("key", key).unwrap(), b"a\\x00");
        assert!(parse(&["pentad", "stats"]).bytes("key", OsStr::new("a\\")).is_err());
    }
}
