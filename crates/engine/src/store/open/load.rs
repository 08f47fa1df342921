//! Opening a store: who is there, may we, what does the log hold, go on writing.
//!
//! Invariant: nothing is created or changed, the lock included, before the identity was checked; nothing is changed before
//! the log was read and found whole.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64};

use super::checkpoint::{self, Found, Read};
use super::end_check::check_end;
use crate::commit::queue::Queue;
use crate::error::{Error, ErrorKind, Result};
use crate::format::align_up;
use crate::format::identity::{Identity, LogKind};
use crate::index::View;
use crate::log::announce::Announced;
use crate::log::catalog_file::CatalogFile;
use crate::log::commit_search::CommitSearch;
use crate::log::create::{Plan, find_or_create, sync_name};
use crate::log::directory::{self, canonical};
use crate::log::policy::Policy;
use crate::log::recovery::replay_undecided;
use crate::log::reserve::Reserve;
use crate::log::resume::resume;
use crate::log::segment_table::SegmentTable;
use crate::log::writer::{PAGE_BYTES, Shared};
use crate::numbers::{LogOffset, SegmentId, Sequence};
use crate::options::{Options, Retention};
use crate::seams::lock::{Mutex, OnceLock};
use crate::seams::{Lock, LockMode, RememberingDisk};
use crate::store::background::Upkeep;
use crate::store::batch_log::BatchLog;
use crate::store::checkpoint::Checkpoints;
use crate::store::core::Core;
use crate::store::counters::Counters;
use crate::store::handle::Store;
use crate::store::namespaces::Namespaces;
use crate::store::pins::Pins;
use crate::store::published::Published;
use crate::store::scrub::Scrub;
use crate::store::time::StoreTime;
use crate::store::watch::Wakeups;

impl Store {
    /// Opens the store at `path`.
    pub(crate) fn open_with(path: &Path, options: &Options, read_only: bool) -> Result<Self> {
        let identity = find(path, options, read_only).map_err(with_next_step)?;
        let disk = &options.environment.disk;
        let dir = canonical(&**disk, path)?;
        let lock = take_lock(options, &dir, read_only)?;
        let features = identity.features;
        if !read_only && features.read_only_compatible != 0 {
            let text = format!(
                "{} uses features that this program can read and not write (bits {:#x}); open it for reading only",
                dir.display(),
                features.read_only_compatible
            );
            return Err(Error::new(ErrorKind::NotAStore, text));
        }
        if !read_only {
            sync_name(&**disk, &dir)?;
        }
        let core = load(dir, *identity, options, read_only, Policy::Refuse, Some(lock))?;
        Self::new(Arc::new(core))
    }
}

/// A refusal because of damage, with what there is to do about it.
fn with_next_step(error: Error) -> Error {
    if error.kind() != ErrorKind::Damaged {
        return error;
    }
    let step = "nothing was changed; `pentad verify` lists what is bad, `pentad repair` copies the rest into a new store";
    Error::new(ErrorKind::Damaged, format!("{error}; {step}"))
}

fn find(path: &Path, options: &Options, read_only: bool) -> Result<Box<Identity>> {
    let plan = Plan { kind: LogKind::Commits, alignment: options.alignment };
    find_or_create(&options.environment, path, plan, !read_only && options.create)
}

pub(super) fn take_lock(options: &Options, dir: &Path, read_only: bool) -> Result<Box<dyn Lock>> {
    let mode = if read_only { LockMode::Shared } else { LockMode::Exclusive };
    directory::take_lock(&*options.environment.disk, dir, mode)
}

pub(super) fn load(
    dir: std::path::PathBuf,
    identity: Identity,
    options: &Options,
    read_only: bool,
    mut policy: Policy,
    lock: Option<Box<dyn Lock>>,
) -> Result<Core> {
    let mut environment = options.environment.clone();
    let poisoned = Arc::new(OnceLock::new());
    environment.disk = Arc::new(RememberingDisk::new(environment.disk, Arc::clone(&poisoned)));
    let secret = u64::from_le_bytes(identity.secret[..8].try_into().expect("eight of sixteen bytes"));
    let mut found = match policy {
        Policy::Refuse => {
            let found = checkpoint::find(&*environment.disk, &dir, identity.store_id)?;
            if options.whole_history { found.without_index() } else { found }
        }
        Policy::Skip(_) => Found::default(),
    };
    let unread = found.unread.take();
    let read = checkpoint::recover_from(found, &environment.disk, &dir, &identity, &mut policy, secret)
        .map_err(with_next_step)?;
    let Read { recovered, segments, mut builder, checkpoint, held } = read;
    if !policy.skips() {
        check_end(&dir, &identity, &recovered, read_only).map_err(with_next_step)?;
    }
    let catalog =
        Arc::new(CatalogFile::new(Arc::clone(&environment.disk), dir.clone(), recovered.catalog.clone()));

    let segment_bytes = align_up(options.segment_bytes, PAGE_BYTES);
    let reserve = Arc::new(Reserve::find(&environment.disk, &dir, segment_bytes));
    let torn_bytes = recovered.active.as_ref().map_or(0, |active| active.torn_bytes);
    let mut state = recovered.state;
    let history = recovered.catalog.history;
    let (shared, writer, tail) = if read_only {
        let tail = match &recovered.active {
            Some(active) => {
                replay_undecided(active, &identity, &mut state, &mut policy, &mut builder)?;
                active.segment.log_offset(active.end)
            }
            None => LogOffset(segments.all().iter().map(|s| s.base.0 + s.end()).max().unwrap_or(0)),
        };
        (None, None, tail)
    } else {
        let shared = Shared {
            environment: environment.clone(),
            dir: dir.clone(),
            identity,
            segment_bytes,
            catalog: Arc::clone(&catalog),
            segments: Arc::clone(&segments),
            next_segment: Arc::new(AtomicU64::new(0)),
            reserve: Arc::clone(&reserve),
        };
        let writer = resume(shared.clone(), recovered, &mut builder)?;
        state = writer.state;
        let tail = writer.tail();
        // A failure that the open itself could do without: better told now than with the first commit.
        if let Some(error) = poisoned.get() {
            return Err(error.clone());
        }
        (Some(shared), Some(writer), tail)
    };
    if policy.skips() {
        // What compaction moved can be newer than all that is left of the log, and no view may hide it.
        let newest = segments.all().iter().map(|segment| segment.last_sequence()).max().unwrap_or(0);
        state.last_sequence = state.last_sequence.max(Sequence(newest));
        state.floor = state.last_sequence.next();
    }
    let time = StoreTime::new(Arc::clone(&environment.clock), state.time);
    let batches = batches_of(&segments, state.floor.max(Sequence(1)), state.last_sequence.next());
    if let Retention::Commits(count) = options.retention {
        batches.keep_newest(count);
    }
    // The index of a checkpoint is as of its moment alone, and of what came before nobody counts what is dead.
    let is_whole = held.is_none() && history.0 > 0 && !policy.skips();
    let keeps_history = is_whole && options.history_bytes != Some(0);
    let begin =
        if keeps_history { history.max(batches.oldest_or_next()) } else { state.last_sequence.next() };
    // What the first commit of the history replaced is part of it.
    let oldest = Sequence(begin.0 - 1);
    // As of the recorded time: what has expired since is seen for the first time, below.
    let now = View { sequence: state.last_sequence, tail, time: state.time };
    let index = builder.finish(held, (oldest, now), &segments, identity.alignment.bytes());
    let announced = Announced::by(&identity, &catalog);
    let counters = Counters::default();
    counters.torn_bytes.store(torn_bytes, std::sync::atomic::Ordering::Relaxed);
    counters.opened(tail);
    let core = Core {
        environment,
        dir,
        identity,
        announced,
        namespaces: Namespaces::default(),
        options: options.clone(),
        read_only,
        skipped: policy.into_skipped(),
        catalog,
        segments: Arc::clone(&segments),
        reserve,
        shared,
        index,
        batches,
        retention: Mutex::new(options.retention),
        time,
        published: Published::new(state.last_sequence, tail),
        pins: Pins::new(begin),
        wakeups: Wakeups::default(),
        queue: Queue::new(options.queue_bytes_max),
        writer: Mutex::new(writer),
        poisoned,
        closing: AtomicBool::new(false),
        closed: AtomicBool::new(false),
        lock: Mutex::new(lock),
        expiry_seen: AtomicBool::new(false),
        counters,
        upkeep: Upkeep::default(),
        scrub: Scrub::default(),
        compacting: Mutex::default(),
        checkpoints: Checkpoints::new(checkpoint.as_deref(), unread, &segments),
    };
    core.segments.now().all().for_each(|segment| segment.read_here_and_there());
    if !read_only {
        core.remove_checkpoints(checkpoint.as_ref().map(|file| &file.path))?;
    }
    core.load_namespaces()?;
    core.note_expiries();
    core.retain(tail);
    core.index.collect(core.horizon(), &mut |version| core.count_dead(version));
    Ok(core)
}

/// The commits from `floor` up to `next` that the log holds.
fn batches_of(segments: &SegmentTable, floor: Sequence, next: Sequence) -> BatchLog {
    if floor >= next {
        return BatchLog::new(floor, next);
    }
    // Where its header cannot be read, the recorded floor stands; whoever asks for that commit is told of the damage.
    let first = CommitSearch::new(segments.held()).next_from(SegmentId(0), 0);
    let first = first.map_or(floor, |place| place.map_or(next, |place| place.header.sequence));
    BatchLog::new(floor.max(first), next)
}

#[cfg(test)]
#[path = "load_tests.rs"]
mod tests;
