//! Opening a record log: as a store is opened, with records in the place of commits.
//!
//! Invariant: nothing is changed before all of the log was read and found whole: a log that has lost what it acknowledged must not
//! be gone on with, because whoever has it would contradict what he has promised.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use super::core::Core;
use super::handle::RecordLog;
use super::options::RecordLogOptions;
use super::queue::Queue;
use super::replay::Image;
use super::scribe::Scribe;
use crate::error::{Error, ErrorKind, Result};
use crate::format::align_up;
use crate::format::identity::{Identity, LogKind};
use crate::log::catalog_file::CatalogFile;
use crate::log::create::{Plan, find_or_create, sync_name};
use crate::log::directory::{canonical, take_lock};
use crate::log::end_numbers::check_numbers;
use crate::log::policy::Policy;
use crate::log::recovery::{Checkpointed, recover, replay_undecided};
use crate::log::reserve::Reserve;
use crate::log::resume::resume;
use crate::log::segment_table::SegmentTable;
use crate::log::writer::{PAGE_BYTES, Shared};
use crate::options::Alignment;
use crate::seams::lock::{Mutex, OnceLock};
use crate::seams::{LockMode, RememberingDisk};

impl RecordLog {
    pub(super) fn open_with(path: &Path, options: &RecordLogOptions) -> Result<Self> {
        let plan = Plan { kind: LogKind::Records, alignment: Alignment::Compact };
        let found = find_or_create(&options.environment, path, plan, options.create);
        let identity = found.map_err(with_next_step)?;
        let disk = &options.environment.disk;
        let dir = canonical(&**disk, path)?;
        let lock = take_lock(&**disk, &dir, LockMode::Exclusive)?;
        if identity.features.read_only_compatible != 0 {
            let text = format!(
                "{} uses features that this program cannot write (bits {:#x}); use a newer Pentad",
                dir.display(),
                identity.features.read_only_compatible
            );
            return Err(Error::new(ErrorKind::NotAStore, text));
        }
        sync_name(&**disk, &dir)?;
        let core = load(dir, *identity, options).map_err(with_next_step)?;
        *core.lock.lock().unwrap_or_else(std::sync::PoisonError::into_inner) = Some(lock);
        Self::new(Arc::new(core))
    }
}

fn load(dir: std::path::PathBuf, identity: Identity, options: &RecordLogOptions) -> Result<Core> {
    let mut environment = options.environment.clone();
    let poisoned = Arc::new(OnceLock::new());
    environment.disk = Arc::new(RememberingDisk::new(environment.disk, Arc::clone(&poisoned)));
    let segments = Arc::new(SegmentTable::default());
    let mut image = Image::new(Arc::clone(&segments));
    let none = Checkpointed::default();
    let recovered = recover(&environment.disk, &dir, &identity, &mut Policy::Refuse, &none, &mut image)?;
    let floor = recovered.catalog.floor.0;
    image.check(&dir, floor)?;
    let mut end = recovered.state;
    if let Some(active) = recovered.active.as_ref().filter(|active| !active.undecided.is_empty()) {
        // What may not be on the disk yet is tried on a copy: a refusal must come before it is written anew.
        let mut tried = image.clone();
        replay_undecided(active, &identity, &mut end, &mut Policy::Refuse, &mut tried)?;
        active.segment.set_end(active.durable_end);
        tried.check(&dir, floor)?;
    }
    check_numbers(&dir, &recovered, &end)?;

    segments.change(recovered.segments.iter().cloned(), &[]);
    let catalog = CatalogFile::new(Arc::clone(&environment.disk), dir.clone(), recovered.catalog.clone());
    let segment_bytes = align_up(options.segment_bytes, PAGE_BYTES);
    let shared = Shared {
        environment: environment.clone(),
        dir: dir.clone(),
        identity,
        segment_bytes,
        catalog: Arc::new(catalog),
        segments: Arc::clone(&segments),
        next_segment: Arc::new(AtomicU64::new(0)),
        reserve: Arc::new(Reserve::find(&environment.disk, &dir, segment_bytes)),
    };
    let writer = resume(shared, recovered, &mut image)?;
    if let Some(error) = poisoned.get() {
        return Err(error.clone());
    }
    image.check(&dir, floor)?;
    let (index, written) = image.finish();
    let clock = Arc::clone(&environment.clock);
    Ok(Core {
        environment,
        dir,
        alignment: identity.alignment.bytes(),
        recent_bytes: options.recent_bytes,
        segments,
        queue: Queue::new(index),
        scribe: Mutex::new(Some(Scribe { writer, clock, written })),
        poisoned,
        lock: Mutex::new(None),
    })
}

/// A refusal because of damage, with what there is to do about it.
fn with_next_step(error: Error) -> Error {
    if error.kind() != ErrorKind::Damaged {
        return error;
    }
    let step = "nothing was changed; what this log has acknowledged is not there any more, so it must not be gone on with: \
                the member that it belongs to has to be removed and to join anew, with an empty directory";
    Error::new(ErrorKind::Damaged, format!("{error}; {step}"))
}
