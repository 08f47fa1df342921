//! The arguments of the verbs that change or look at single entries, and the words of their help.

use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

use clap::Args;

use super::Reading;

pub(crate) const PUT_AFTER_HELP: &str = "\
A value over 8 MiB from standard input is streamed; its length has no limit. With an --if option that does not hold nothing
is stored, and the exit code is 1. Times are written as 90s, 15m, 1h 30m, 7d.

With --json, one object: {\"sequence\"}.";

pub(crate) const DEL_AFTER_HELP: &str = "\
Like rm, it deletes the keys that are there, names the others and exits with 1 if there were any. With --prefix, --from or
--to it deletes all keys there, 1,048,576 at most, and says how many that were.

With --json, one object: {\"deleted\", \"absent\", \"sequence\"}, the sequence null when nothing was deleted.";

pub(crate) const INFO_AFTER_HELP: &str = "\
With --json, one object: {\"key\", \"sequence\" (the commit that wrote the entry), \"bytes\" (of the value), \"checksum\" (CRC-32 of
the value), \"key_hash\" (XXH3-64), \"expires_ns\" (null for never), \"expires\" (RFC 3339)}.";

pub(crate) const EXPIRE_AFTER_HELP: &str = "\
The value stays as it is. Times are written as 90s, 15m, 1h 30m, 7d. The exit code is 1 when the key is not there.

With --json, one object: {\"sequence\"}.";

pub(crate) const INCR_AFTER_HELP: &str = "\
The value is a decimal number; a key that is not there counts as 0. The sum is shown; it stops at the ends of 64 bits.

With --json, one object: {\"value\", \"sequence\"}.";

pub(crate) const TXN_AFTER_HELP: &str = "\
One JSON object a line, conditions and changes in any order; all of it is one commit, which takes place if all conditions hold:
  {\"if\": KEY, \"absent\": true}                 the key is not there
  {\"if\": KEY, \"present\": true}                the key is there
  {\"if\": KEY, \"value\": VALUE}                 it has this value
  {\"if\": KEY, \"sequence\": N}                  it was last written by this commit (`pentad info`)
  {\"put\": KEY, \"value\": VALUE, \"ttl\": TIME}   stores; without \"ttl\" for ever
  {\"delete\": KEY}, {\"delete_prefix\": PREFIX}
  {\"increment\": KEY, \"by\": N}
  {\"rename\": KEY, \"to\": KEY}
  {\"expire\": KEY, \"ttl\": TIME}                gives the entry a time to live; without \"ttl\" takes it away
Times are written as \"90s\", \"15m\", \"1h 30m\", \"7d\". \"key_base64\" and the like stand in for bytes that are not UTF-8: add _base64
to the name of the field.

The exit code is 1 when a condition does not hold; nothing was changed then.

With --json, one object: {\"applied\", \"sequence\", \"deleted\", \"renewed\", \"counter\"}.";

/// A time as people write it.
fn time(text: &str) -> Result<Duration, String> {
    humantime::parse_duration(text).map_err(|error| format!("{error}; write 90s, 15m, 1h 30m, 7d"))
}

/// Arguments of `put`.
#[derive(Args, Debug)]
pub(crate) struct PutArgs {
    /// The key
    pub(crate) key: OsString,
    /// The value; - or none reads it from standard input, byte for byte (\x2d is a single dash)
    #[arg(allow_negative_numbers = true)]
    pub(crate) value: Option<OsString>,
    /// Let the entry end after this time
    #[arg(long, value_name = "TIME", value_parser = time)]
    pub(crate) ttl: Option<Duration>,
    /// Only if the key is not there
    #[arg(long)]
    pub(crate) if_absent: bool,
    /// Only if the key has this value
    #[arg(long, value_name = "VALUE", conflicts_with = "if_absent")]
    pub(crate) if_value: Option<OsString>,
    /// Only if the key was last written by this commit, as `info` shows it
    #[arg(long, value_name = "SEQ", conflicts_with_all = ["if_absent", "if_value"])]
    pub(crate) if_sequence: Option<u64>,
}

/// Arguments of `del`.
#[derive(Args, Debug)]
pub(crate) struct DelArgs {
    /// The keys
    #[arg(required_unless_present_any = ["prefix", "from", "to"], conflicts_with_all = ["prefix", "from", "to"], value_name = "KEY")]
    pub(crate) keys: Vec<OsString>,
    /// All keys that begin so
    #[arg(long, value_name = "P", conflicts_with_all = ["from", "to"])]
    pub(crate) prefix: Option<OsString>,
    /// All keys from this one on
    #[arg(long, value_name = "K")]
    pub(crate) from: Option<OsString>,
    /// All keys up to this one (the key itself is included)
    #[arg(long, value_name = "K")]
    pub(crate) to: Option<OsString>,
}

/// Arguments of `info`.
#[derive(Args, Debug)]
pub(crate) struct InfoArgs {
    /// The key
    pub(crate) key: OsString,
    #[command(flatten)]
    pub(crate) reading: Reading,
}

/// Arguments of `expire`.
#[derive(Args, Debug)]
pub(crate) struct ExpireArgs {
    /// The key
    pub(crate) key: OsString,
    /// Let the entry end after this time
    #[arg(long, value_name = "TIME", value_parser = time, required_unless_present = "never")]
    pub(crate) ttl: Option<Duration>,
    /// Let the entry stay
    #[arg(long, conflicts_with = "ttl")]
    pub(crate) never: bool,
}

/// Arguments of `incr`.
#[derive(Args, Debug)]
pub(crate) struct IncrArgs {
    /// The key
    pub(crate) key: OsString,
    /// What is added
    #[arg(default_value_t = 1, allow_negative_numbers = true)]
    pub(crate) by: i64,
}

/// Arguments of `txn`.
#[derive(Args, Debug)]
pub(crate) struct TxnArgs {
    /// A file with one object a line; - is standard input
    pub(crate) path: PathBuf,
}
