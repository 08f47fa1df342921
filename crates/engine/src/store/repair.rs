//! Repair: what is provably good of a damaged store, copied into a new one.
//!
//! Invariants: the damaged store is read and never written to; the new one gets its name when it is whole and durable, so a
//! copy that was interrupted cannot be taken for one that was not; what is not in it is in the report.

use std::io::Write as _;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use bytes::Bytes;

use super::answer::Answer;
use super::handle::Store;
use super::verification::OnProgress;
use super::verify_report::{Damage, Progress};
use crate::batch::{Batch, Expiry, Payload, Within};
use crate::error::{Error, ErrorKind, Result, escape_key};
use crate::format::segment_header::SegmentKind;
use crate::index::{Space, Version};
use crate::keyspace::Keyspace;
use crate::log::create::remove_known;
use crate::log::policy::Skipped;
use crate::options::{Durability, KEY_BYTES_MAX, Options, VALUE_BYTES_MAX, VerifyReads};
use crate::payload::PayloadRef;
use crate::seams::uninterrupted;

/// What the directory is called in which the new store is made, before a random suffix.
const REPAIRING_SIBLING: &str = ".pentad-repairing-";
/// A commit of the copy has no more entries than this, and no more bytes unless one entry alone has.
const BATCH_ENTRIES: usize = 4_096;
const BATCH_BYTES: u64 = 4 << 20;
/// What a namespace without a name is called, before its number.
const RECOVERED: &str = "recovered-";

/// What a repair copied, and what it left.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct RepairReport {
    /// Entries in the new store, hash-only ones and system entries included.
    pub entries: u64,
    /// Bytes of their keys and values.
    pub bytes: u64,
    /// How many of them are streams.
    pub streams: u64,
    /// What of the damaged store could not be read at all; see [`Store::skipped`].
    pub skipped: Vec<Skipped>,
    /// Entries that are not in the new store because their values fail their checksums or are gone, and of each namespace whose name
    /// is lost its first entry, with the name that it got instead.
    pub left_out: Vec<Damage>,
}

impl RepairReport {
    /// Whether the new store has everything that the old one acknowledged.
    pub fn is_complete(&self) -> bool {
        self.left_out.is_empty() && self.skipped.iter().all(|skipped| skipped.made_up_for)
    }
}

/// Copies what is provably good of the store at `from` into a new one at `to`, where nothing may be yet.
///
/// Copied are the system entries, and the live entries that [`Options::open_damaged`] finds, with their deadlines, in the order in which they were
/// written; entries whose values do not verify are left out and listed. A namespace whose name is lost is called `recovered-` and its
/// number there, which is listed too. The new store is one of its own: it has a
/// new id and incarnation, and `options` apart from the alignment, which it takes over. **Its sequences and its batch log
/// begin anew**, with a commit for each few thousand entries. `from` is only read. When this returns, the new store is
/// durable; before that nothing is at `to`, and a repair that was killed leaves a sibling of it whose name begins with
/// `.pentad-repairing-`, which can be removed.
///
/// # Errors
///
/// [`ErrorKind::Cancelled`] when `progress` answered [`ControlFlow::Break`], and then too nothing is left of it;
/// as [`Options::open_damaged`] for `from`; [`ErrorKind::InvalidInput`] when something is at `to` already, or `to` is inside
/// `from`; whatever keeps the new store from being written, and then nothing is left of it, unless it was the last sync,
/// that of the directory which `to` is in.
pub fn repair<A: Answer>(
    from: &Path,
    to: &Path,
    options: &Options,
    progress: &mut dyn FnMut(Progress) -> A,
) -> Result<RepairReport> {
    let environment = &options.environment;
    let disk = &environment.disk;
    // Every value is read once, and none is believed.
    let source = options.clone().verify_reads(VerifyReads::Always).open_damaged(from)?;
    let parent = free_parent(&source, to, options)?;
    let mut suffix = [0; 8];
    environment.random.fill(&mut suffix).map_err(|e| Error::io("draw a name for", to, &e))?;
    let sibling = parent.join(format!("{REPAIRING_SIBLING}{:016x}", u64::from_le_bytes(suffix)));
    let mut flow = |done| progress(done).flow();
    let made = fill(&source, &sibling, options, &mut flow).and_then(|report| {
        disk.rename(&sibling, to).map_err(|e| Error::io("move the new store to", to, &e))?;
        uninterrupted(|| disk.sync_dir(&parent)).map_err(|e| Error::io("sync the directory", &parent, &e))?;
        Ok(report)
    });
    if made.is_err() {
        remove_known(&**disk, &sibling);
    }
    let closed = source.close();
    let report = made?;
    closed?;
    Ok(report)
}

/// The directory that `to` is to be made in, after checking that it can be.
fn free_parent(source: &Store, to: &Path, options: &Options) -> Result<PathBuf> {
    let disk = &*options.environment.disk;
    let refused = |why: &str| {
        let text = format!("cannot make a store at {}: {why}", to.display());
        Err(Error::new(ErrorKind::InvalidInput, text))
    };
    if disk.kind(to).map_err(|e| Error::io("look at", to, &e))?.is_some() {
        return refused("something is there already; name a new directory");
    }
    if to.file_name().is_none() {
        return refused("the path ends in no name");
    }
    let parent = match to.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    if disk.kind(parent).map_err(|e| Error::io("look at", parent, &e))?.is_none() {
        return refused("the directory that it is to be in does not exist");
    }
    let parent = disk.canonicalize(parent).map_err(|e| Error::io("resolve", parent, &e))?;
    if parent.starts_with(source.path()) {
        return refused("it is inside the damaged store, which is not written to");
    }
    Ok(parent)
}

fn fill(
    source: &Store,
    path: &Path,
    options: &Options,
    progress: &mut OnProgress<'_>,
) -> Result<RepairReport> {
    let options = options
        .clone()
        .create(true)
        .alignment(source.core().identity.alignment)
        .key_bytes_max(KEY_BYTES_MAX)
        .value_bytes_max(VALUE_BYTES_MAX)
        // Closing it syncs everything; nobody knows of the store before.
        .durability(Durability::Os);
    let target = options.open(path)?;
    let mut copy = Copy::new(source, &target, progress);
    let copied = copy.run();
    let report = copy.report;
    let closed = target.close();
    copied?;
    closed?;
    Ok(report)
}

/// A copy that is under way.
struct Copy<'a> {
    source: &'a Store,
    target: &'a Store,
    progress: &'a mut OnProgress<'a>,
    total_bytes: u64,
    /// Bytes of keys and values that were looked at.
    done_bytes: u64,
    batch: Batch,
    batch_bytes: u64,
    report: RepairReport,
}

/// An entry of the damaged store.
struct Entry {
    space: Space,
    key: Arc<[u8]>,
    version: Version,
}

impl<'a> Copy<'a> {
    fn new(source: &'a Store, target: &'a Store, progress: &'a mut OnProgress<'a>) -> Self {
        let segments = source.core().segments.all();
        let streams = segments.iter().filter(|segment| segment.kind == SegmentKind::Stream);
        let total_bytes = source.core().live_bytes() + streams.map(|segment| segment.end()).sum::<u64>();
        let report = RepairReport { skipped: source.skipped().to_vec(), ..RepairReport::default() };
        let (batch, batch_bytes, done_bytes) = (Batch::new(), 0, 0);
        Self { source, target, progress, total_bytes, done_bytes, batch, batch_bytes, report }
    }

    fn run(&mut self) -> Result<()> {
        // First the system entries, which say what namespaces there are.
        let (system, others): (Vec<_>, Vec<_>) =
            self.entries().into_iter().partition(|entry| entry.space == Space::System);
        for entry in &system {
            self.entry(entry)?;
        }
        self.commit()?;
        self.target.core().load_namespaces()?;
        for entry in &others {
            self.entry(entry)?;
        }
        self.commit()
    }

    /// The live entries, oldest first: which of two entries is the newer one stays true, as reads by hash ask for it.
    fn entries(&self) -> Vec<Entry> {
        const PAGE: usize = 1_024;
        let core = self.source.core();
        let view = core.view();
        let mut entries = Vec::new();
        for space in Space::ALL {
            let mut after: Option<Arc<[u8]>> = None;
            loop {
                let page = core.index.versions_page(space, after.as_deref(), PAGE, view);
                let Some((last, versions)) = page.last() else { break };
                let is_last = !versions.iter().any(Version::is_readable);
                after = Some(Arc::clone(last));
                for (key, versions) in page {
                    if !core.namespaces.wants(space, &key, view) {
                        continue;
                    }
                    let is_seen = |version: &Version| !space.is_versioned() || view.includes(version.born);
                    let newest = versions.into_iter().find(is_seen);
                    if let Some(version) = newest.filter(|version| version.is_live_at(view.time)) {
                        entries.push(Entry { space, key, version });
                    }
                }
                if is_last {
                    break;
                }
            }
        }
        entries.sort_by_cached_key(|entry| core.index.rank(&entry.version));
        entries
    }

    fn entry(&mut self, entry: &Entry) -> Result<()> {
        let core = self.source.core();
        let subject = entry.space.draft_subject(&entry.key);
        let payload = match core.payload_at(&entry.version, &subject) {
            Ok(payload) => payload,
            Err(error) => {
                let file = self.file_of(entry);
                return self.leave_out(entry, file, entry.version.address.offset(), error);
            }
        };
        let bytes = entry.key.len() as u64 + payload.length();
        let is_stream = payload.segment.kind == SegmentKind::Stream;
        let (file, start) = (payload.segment.path.clone(), payload.start);
        let value = if is_stream { self.stream(payload) } else { self.inline(payload, bytes) };
        self.done_bytes += bytes;
        let value = value?;
        self.tell(self.done_bytes)?;
        let value = match value {
            Copied::Good(value) => value,
            Copied::Bad { at, error } => return self.leave_out(entry, file, start + at, error),
        };
        let keyspace = entry.space.keyspace(&entry.key);
        if entry.space != Space::System {
            if !self.target.core().namespaces.is_there(keyspace) {
                self.name_anew(keyspace, entry)?;
            }
            let incarnation = self.target.core().identity.incarnation;
            self.batch.contents.within(Within { incarnation, keyspace });
        }
        match entry.space {
            Space::Keys | Space::Named => {
                let expiry = entry.version.deadline().map_or(Expiry::Never, Expiry::At);
                self.batch.put_expiring(keyspace.strip(&entry.key), value, expiry);
            }
            Space::Hashes | Space::NamedHashes => {
                self.batch.put_hashed(keyspace.mixed(entry.space.hash(&entry.key)), value);
            }
            Space::System => {
                self.batch.contents.put_system(&entry.key, value);
            }
        }
        self.report.entries += 1;
        self.report.bytes += bytes;
        self.report.streams += u64::from(is_stream);
        self.batch_bytes += if is_stream { entry.key.len() as u64 } else { bytes };
        if self.batch.contents.entries() >= BATCH_ENTRIES { self.commit() } else { Ok(()) }
    }

    /// Registers a namespace of which the name is lost, so that what is in it is not lost as well.
    fn name_anew(&mut self, keyspace: Keyspace, entry: &Entry) -> Result<()> {
        let number = keyspace.number();
        let namespaces = &self.target.core().namespaces;
        let mut name = format!("{RECOVERED}{number}");
        while namespaces.find(&name)?.is_some() {
            name.push('\'');
        }
        self.target.register_namespace(&name, keyspace)?;
        let what = format!(
            "namespace {number} has an entry here and no name any more; in the new store all that is in it is in the namespace {}",
            escape_key(name.as_bytes())
        );
        let (file, offset) = (self.file_of(entry), entry.version.address.offset());
        self.report.left_out.push(Damage { file, offset, sequence: None, key: None, what });
        Ok(())
    }

    /// A value that stands in a frame.
    fn inline(&mut self, payload: PayloadRef, bytes: u64) -> Result<Copied> {
        if self.batch_bytes + bytes > BATCH_BYTES {
            self.commit()?;
        }
        let mut at = 0;
        while at < payload.length() {
            match payload.piece(at) {
                Ok(piece) => at += piece.len() as u64,
                Err(error) => return Copied::bad(at, error),
            }
        }
        match payload.value() {
            Ok(value) => Ok(Copied::Good(value.into())),
            Err(error) => Copied::bad(0, error),
        }
    }

    /// A value in a segment of its own, copied piece by piece.
    fn stream(&mut self, payload: PayloadRef) -> Result<Copied> {
        let mut writer = self.target.stream()?;
        let mut at = 0;
        while at < payload.length() {
            let piece = match payload.piece(at) {
                Ok(piece) => piece,
                Err(error) => return Copied::bad(at, error),
            };
            writer.write_all(piece).map_err(|e| Error::io("write to", self.target.path(), &e))?;
            at += piece.len() as u64;
            self.tell(self.done_bytes + at)?;
        }
        Ok(Copied::Good(writer.finish()?.into()))
    }

    /// Tells how far the copy is; an error when that is enough.
    fn tell(&mut self, done_bytes: u64) -> Result<()> {
        let done_bytes = done_bytes.min(self.total_bytes);
        match (self.progress)(Progress { done_bytes, total_bytes: self.total_bytes }) {
            ControlFlow::Continue(()) => Ok(()),
            ControlFlow::Break(()) => {
                let text =
                    format!("the repair of {} was stopped; nothing was made", self.source.path().display());
                Err(Error::new(ErrorKind::Cancelled, text))
            }
        }
    }

    /// The file that an entry stands in.
    fn file_of(&self, entry: &Entry) -> PathBuf {
        let core = self.source.core();
        core.segment_of(&entry.version).map_or_else(|| core.dir.clone(), |segment| segment.path.clone())
    }

    fn leave_out(&mut self, entry: &Entry, file: PathBuf, offset: u64, error: Error) -> Result<()> {
        if error.kind() != ErrorKind::Damaged {
            return Err(error);
        }
        let key = match entry.space {
            Space::Keys | Space::Named => {
                let keyspace = entry.space.keyspace(&entry.key);
                Some(Bytes::copy_from_slice(keyspace.strip(&entry.key)))
            }
            Space::Hashes | Space::NamedHashes | Space::System => None,
        };
        let sequence = Some(self.source.core().sequence_of(&entry.version));
        // The place has fields of its own here.
        let text = error.to_string();
        let place = format!("{} is damaged at offset {offset}: ", file.display());
        let what = text.strip_prefix(&place).unwrap_or(&text).to_owned();
        self.report.left_out.push(Damage { file, offset, sequence, key, what });
        Ok(())
    }

    fn commit(&mut self) -> Result<()> {
        let batch = std::mem::take(&mut self.batch);
        self.batch_bytes = 0;
        if batch.is_empty() { Ok(()) } else { self.target.commit(batch).map(drop) }
    }
}

/// What reading a value came to.
enum Copied {
    Good(Payload<'static>),
    /// It fails from this offset in it.
    Bad {
        at: u64,
        error: Error,
    },
}

impl Copied {
    /// Damage is something to go on behind; every other error ends the copy.
    fn bad(at: u64, error: Error) -> Result<Self> {
        if error.kind() == ErrorKind::Damaged { Ok(Self::Bad { at, error }) } else { Err(error) }
    }
}
