//! What a store is opened with.

use std::path::Path;
use std::time::Duration;

use crate::backup::Backups;
use crate::error::{Error, ErrorKind, Result};
use crate::seams::Environment;
use crate::store::Store;

/// Longest key in bytes.
pub const KEY_BYTES_MAX: usize = 65_535;
/// Longest value outside a stream, in bytes.
pub const VALUE_BYTES_MAX: u64 = 1 << 30;
/// Most operations in one batch.
pub const BATCH_OPERATIONS_MAX: usize = 1_048_576;
/// Most bytes (keys and values) in one batch.
pub const BATCH_BYTES_MAX: u64 = 1 << 30;

/// How far a commit must have got before it is acknowledged and visible.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Durability {
    /// Handed to the operating system: survives the death of the process, not a power cut.
    Os,
    /// On the medium (`fdatasync` returned): survives a power cut.
    #[default]
    Disk,
}

/// Where payloads start. Fixed when a store is created.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Alignment {
    /// On multiples of 8 bytes.
    #[default]
    Compact,
    /// On multiples of 64 bytes, for typed slices over a payload; costs up to 56 bytes more per entry.
    CacheLine,
}

impl Alignment {
    /// The alignment in bytes.
    pub fn bytes(self) -> u64 {
        match self {
            Self::Compact => 8,
            Self::CacheLine => 64,
        }
    }
}

/// How much of the batch log stays readable.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Retention {
    /// Everything until it is pruned.
    All,
    /// The newest commits, this many.
    Commits(u64),
    /// The commits of the last so much store time.
    Age(Duration),
    /// The commits in the last so many bytes of the log.
    Bytes(u64),
    /// The commits in the last 64 MiB of the log, or as many bytes as a quarter of the live data if that is more.
    Automatic,
}

/// When payload checksums are verified.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum VerifyReads {
    /// At the first touch of a payload since the store was opened.
    #[default]
    FirstTouch,
    /// At every read.
    Always,
    /// Never; a flipped bit in a payload goes unnoticed.
    Never,
}

/// Options of a store; [`Options::new`] is a working default.
///
/// ```no_run
/// use pentad_engine::{Durability, Options};
///
/// let store = Options::new().durability(Durability::Os).open("data")?;
/// # Ok::<(), pentad_engine::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct Options {
    pub(crate) alignment: Alignment,
    pub(crate) segment_bytes: u64,
    pub(crate) retention: Retention,
    pub(crate) history_bytes: Option<u64>,
    pub(crate) whole_history: bool,
    pub(crate) snapshots_max: u64,
    pub(crate) durability: Durability,
    pub(crate) verify_reads: VerifyReads,
    pub(crate) create: bool,
    pub(crate) auto_compact: bool,
    pub(crate) checkpoint_bytes: u64,
    pub(crate) scrub_bytes_per_second: u64,
    pub(crate) key_bytes_max: usize,
    pub(crate) value_bytes_max: u64,
    pub(crate) queue_bytes_max: u64,
    pub(crate) environment: Environment,
}

impl Default for Options {
    fn default() -> Self {
        Self::new()
    }
}

impl Options {
    /// The defaults: create when missing, compact alignment, 64-MiB segments, `Disk` durability, checksums verified
    /// on first touch, automatic retention and compaction.
    pub fn new() -> Self {
        Self {
            alignment: Alignment::default(),
            segment_bytes: 64 << 20,
            retention: Retention::Automatic,
            history_bytes: None,
            whole_history: false,
            snapshots_max: 65_536,
            durability: Durability::default(),
            verify_reads: VerifyReads::default(),
            create: true,
            auto_compact: true,
            checkpoint_bytes: 64 << 20,
            scrub_bytes_per_second: 0,
            key_bytes_max: KEY_BYTES_MAX,
            value_bytes_max: VALUE_BYTES_MAX,
            queue_bytes_max: 256 << 20,
            environment: Environment::real(),
        }
    }

    /// Where payloads start; used only when the store is created, an existing store keeps its own.
    pub fn alignment(mut self, alignment: Alignment) -> Self {
        self.alignment = alignment;
        self
    }

    /// Size of a log segment in bytes, 4 KiB to 1 GiB, rounded up to a multiple of 4 KiB; a larger commit gets a
    /// larger segment. Default 64 MiB.
    pub fn segment_bytes(mut self, bytes: u64) -> Self {
        self.segment_bytes = bytes;
        self
    }

    /// How much of the batch log stays readable. Default [`Retention::Automatic`].
    pub fn retention(mut self, retention: Retention) -> Self {
        self.retention = retention;
        self
    }

    /// How many bytes of replaced, deleted and expired entries are held, at most, so that older sequences can be read with
    /// [`Store::at`]; 0 holds none, `u64::MAX` all that the batch log reaches back to. Each such version takes some 40 bytes of
    /// memory, and its entry is kept on the disk. Default: 64 MiB, or a quarter of the live data if that is more.
    pub fn history_bytes(mut self, bytes: u64) -> Self {
        self.history_bytes = Some(bytes);
        self
    }

    /// Builds the indexes from the log also where a checkpoint holds them, so that older sequences can be read as far back as
    /// they are kept on the disk. Without it the history of a store that is opened from a checkpoint begins with the next
    /// commit. Opening then takes time in proportion to the log. Default no.
    pub fn whole_history(mut self, whole: bool) -> Self {
        self.whole_history = whole;
        self
    }

    /// How many snapshots may be held at a time, ranges in use counted in; each keeps what it sees from being freed. Further
    /// snapshots are refused; ranges are not. Default 65,536.
    pub fn snapshots_max(mut self, count: u64) -> Self {
        self.snapshots_max = count;
        self
    }

    /// The durability of commits that do not name their own. Default [`Durability::Disk`].
    pub fn durability(mut self, durability: Durability) -> Self {
        self.durability = durability;
        self
    }

    /// When payload checksums are verified. Default [`VerifyReads::FirstTouch`].
    pub fn verify_reads(mut self, verify: VerifyReads) -> Self {
        self.verify_reads = verify;
        self
    }

    /// Whether a missing store is created. Default yes.
    pub fn create(mut self, create: bool) -> Self {
        self.create = create;
        self
    }

    /// Whether the store compacts by itself when most of its sealed log is dead. Default yes.
    pub fn auto_compact(mut self, auto: bool) -> Self {
        self.auto_compact = auto;
        self
    }

    /// After how many bytes of log a checkpoint of the indexes is written in the background, so that an open reads at most about
    /// so much of the log, or as much as the checkpoint is long where that is more. Default 64 MiB. One is written at close
    /// when the log has grown by a 256th of it, and after every compaction. Each takes about 25 bytes of disk for a key, and as
    /// much again while the next one is written. 0 writes one whenever something was written, [`u64::MAX`] none at all.
    pub fn checkpoint_bytes(mut self, bytes: u64) -> Self {
        self.checkpoint_bytes = bytes;
        self
    }

    /// Reads the whole store again and again in the background, at most so many bytes a second, and holds it against its
    /// checksums; a pass begins at most once an hour. What it finds is in [`Stats::scrub`](crate::Stats::scrub) and
    /// nowhere else: nothing is mended and no read is refused for it. Reading is by `pread`, so what the page cache holds is read
    /// from there. 0, the default, is no scrub; a store open for reading only has none.
    pub fn scrub(mut self, bytes_per_second: u64) -> Self {
        self.scrub_bytes_per_second = bytes_per_second;
        self
    }

    /// A lower limit on key length, in bytes.
    pub fn key_bytes_max(mut self, bytes: usize) -> Self {
        self.key_bytes_max = bytes.min(KEY_BYTES_MAX);
        self
    }

    /// A lower limit on the length of a value outside a stream, in bytes.
    pub fn value_bytes_max(mut self, bytes: u64) -> Self {
        self.value_bytes_max = bytes.min(VALUE_BYTES_MAX);
        self
    }

    /// How many bytes of waiting commits are held before further ones wait for room. One commit is always let in.
    /// Default 256 MiB.
    pub fn queue_bytes_max(mut self, bytes: u64) -> Self {
        self.queue_bytes_max = bytes;
        self
    }

    /// Runs the store on other seams than the operating system's, for tests.
    pub fn environment(mut self, environment: Environment) -> Self {
        self.environment = environment;
        self
    }

    /// Opens the store in the directory `path` for reading and writing; creates it when it is missing or an empty
    /// directory, unless [`Options::create`] forbids.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::NotAStore`] when something else is there, [`ErrorKind::Locked`] when it is open elsewhere,
    /// [`ErrorKind::Damaged`] when acknowledged bytes are gone; in these cases nothing was changed.
    pub fn open(&self, path: impl AsRef<Path>) -> Result<Store> {
        self.check()?;
        Store::open_with(path.as_ref(), self, false)
    }

    /// Opens an existing store for reading, together with any number of other readers and no writer. Nothing is
    /// ever created or changed.
    ///
    /// # Errors
    ///
    /// As [`Options::open`], and [`ErrorKind::StoreNotFound`].
    pub fn open_read_only(&self, path: impl AsRef<Path>) -> Result<Store> {
        self.check()?;
        Store::open_with(path.as_ref(), self, true)
    }

    /// Opens a store that may be damaged, for reading, together with any number of other readers and no writer: what
    /// verifies is served, what does not is passed over and listed by [`Store::skipped`]. Nothing is ever created or
    /// changed. A sound store opens as well.
    ///
    /// A skipped commit may have overwritten or deleted any key, so where [`Store::is_damaged`] answers yes, values may be
    /// older than what was acknowledged, and deleted keys may be back. There is no batch log. Where both copies of the
    /// catalog are lost, segments are found by their headers; where the identity is lost, the copy in the catalog serves.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::StoreNotFound`], [`ErrorKind::Locked`]; [`ErrorKind::NotAStore`] and [`ErrorKind::Damaged`] when no
    /// copy of the identity is left, because without it nothing can be told from foreign bytes.
    pub fn open_damaged(&self, path: impl AsRef<Path>) -> Result<Store> {
        self.check()?;
        Store::open_damaged_with(path.as_ref(), self)
    }

    /// The backups in the directory `dir`, reached through the environment of these options; their other settings do not
    /// matter for backups.
    ///
    /// # Errors
    ///
    /// As [`Backups::open`].
    pub fn open_backups(&self, dir: impl AsRef<Path>) -> Result<Backups> {
        Backups::open_with(dir.as_ref(), self)
    }

    fn check(&self) -> Result<()> {
        if !(4 << 10..=1 << 30).contains(&self.segment_bytes) {
            return Err(Error::new(
                ErrorKind::InvalidInput,
                format!("segment_bytes is {}; it must be between 4 KiB and 1 GiB", self.segment_bytes),
            ));
        }
        Ok(())
    }
}
