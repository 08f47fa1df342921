//! The arguments of `scan`, and the words of its help.

use std::ffi::OsString;

use clap::Args;

use super::{AsOf, Reading};

pub(crate) const SCAN_AFTER_HELP: &str = "\
With --json, one object per row: {\"key\", \"value\"}, as in the jsonl format: \"key_base64\" and \"value_base64\" stand
in where bytes are not UTF-8. With --count {\"count\"}, with --estimate {\"keys\", \"bytes\"}. Of a page the last object
is {\"next\": TOKEN, or null when there is no more}; without --json the token is a note on standard error.";

/// Arguments of `scan`.
#[derive(Args, Debug)]
pub(crate) struct ScanArgs {
    /// Only keys that begin so
    #[arg(long, value_name = "P")]
    pub(crate) prefix: Option<OsString>,
    /// Only this key and those after it
    #[arg(long, value_name = "K")]
    pub(crate) from: Option<OsString>,
    /// Only this key and those before it (the key itself is included)
    #[arg(long, value_name = "K")]
    pub(crate) to: Option<OsString>,
    /// At most so many rows
    #[arg(long, value_name = "N")]
    pub(crate) limit: Option<u64>,
    /// From the last key to the first; a limit then takes the last ones
    #[arg(long)]
    pub(crate) reverse: bool,
    /// Keys alone
    #[arg(long)]
    pub(crate) keys: bool,
    /// The number of keys alone
    #[arg(long, conflicts_with_all = ["limit", "reverse", "keys", "at"])]
    pub(crate) count: bool,
    /// About how much there is, at once
    #[arg(long, conflicts_with_all = ["limit", "reverse", "keys", "count", "at"])]
    pub(crate) estimate: bool,
    /// By age instead of by key, the entry written last first; those stored under a hash alone are there too, as #HASH
    #[arg(long, conflicts_with_all = ["prefix", "from", "to", "reverse", "count", "estimate", "at"])]
    pub(crate) newest_first: bool,
    /// Say how to get what the limit leaves [default limit then: 1000]
    #[arg(long, conflicts_with_all = ["count", "estimate", "newest_first", "at"])]
    pub(crate) paged: bool,
    /// Go on behind the page that gave this token, with the same bounds and direction
    #[arg(long, value_name = "TOKEN", conflicts_with_all = ["count", "estimate", "newest_first", "at"])]
    pub(crate) resume: Option<String>,
    #[command(flatten)]
    pub(crate) as_of: AsOf,
    #[command(flatten)]
    pub(crate) reading: Reading,
}
