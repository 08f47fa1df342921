//! The thread that applies entries, and in between installs snapshots from other nodes.
//!
//! Invariants: one job after the other, in the order in which openraft gave them. When one failed, none is done any more: the node
//! stops, and its log says why.

use std::io;
use std::path::Path;
use std::sync::{Arc, mpsc};
use std::thread;

use futures_util::{Stream, StreamExt};
use openraft::storage::{EntryResponder, RaftStateMachine};
use openraft::{EntryPayload, OptionalSend, RaftSnapshotBuilder};
use prost::Message;
use tokio::sync::oneshot;

use super::directory::{GroupDirectory, remove};
use super::machine::Machine;
use super::saver::Saver;
use super::snapshot::{SnapshotData, SnapshotFiles};
use super::view::{Progress, View};
use crate::error::{Error, Result};
use crate::raft::types::{Entry, LogId, SnapshotMeta, StoredMembership, Types};

/// How many entries are handed over at a time.
const ENTRIES_MAX: usize = 256;
/// How many jobs wait at most; openraft waits when there are more.
const JOBS_MAX: usize = 8;

type Done<T> = oneshot::Sender<io::Result<T>>;
type Snapshot = openraft::Snapshot<
    crate::raft::types::LeaderId,
    crate::raft::types::NodeId,
    crate::raft::types::Member,
    SnapshotData,
>;

enum Job {
    Apply(Vec<EntryResponder<Types>>, Done<()>),
    Install(Box<SnapshotData>, Done<()>),
}

/// The state machine as openraft knows it. The thread ends with it.
pub(crate) struct Applier {
    jobs: mpsc::SyncSender<Job>,
    view: Arc<View>,
    saver: Arc<Saver>,
}

impl Applier {
    /// Opens the state machine of `group`, and starts its thread.
    pub(crate) fn start(group: Arc<GroupDirectory>) -> Result<Self> {
        let machine = Machine::load(group.open_current()?)?;
        let newest = SnapshotFiles::newest(&group)?;
        let progress = Progress {
            applied: machine.applied(),
            sequence: machine.store().sequence().0,
            ..Progress::default()
        };
        let view =
            View::new(machine.store().clone(), progress, machine.membership().clone(), machine.highest_id());
        let saver = Saver::new(Arc::clone(&group), Arc::clone(&view), newest);
        let (jobs, receiver) = mpsc::sync_channel(JOBS_MAX);
        let worker =
            Worker { machine, saver: Arc::clone(&saver), group, view: Arc::clone(&view), has_failed: false };
        let spawned = thread::Builder::new().name("pentad-apply".into()).spawn(move || worker.run(&receiver));
        spawned.map_err(|error| Error::io("start the thread that applies entries", &error))?;
        Ok(Self { jobs, view, saver })
    }

    /// What readers see of it.
    pub(crate) fn view(&self) -> &Arc<View> {
        &self.view
    }

    /// What takes its snapshots.
    pub(crate) fn saver(&self) -> &Arc<Saver> {
        &self.saver
    }

    /// Hands a job over without holding up the runtime when the thread is behind.
    async fn send(&self, mut job: Job) -> io::Result<()> {
        loop {
            match self.jobs.try_send(job) {
                Ok(()) => return Ok(()),
                Err(mpsc::TrySendError::Full(back)) => job = back,
                Err(mpsc::TrySendError::Disconnected(_)) => return Err(stopped()),
            }
            tokio::time::sleep(std::time::Duration::from_millis(1)).await;
        }
    }

    async fn ask<T>(&self, job: impl FnOnce(Done<T>) -> Job) -> io::Result<T> {
        let (done, answer) = oneshot::channel();
        self.send(job(done)).await?;
        answer.await.map_err(|_| stopped())?
    }
}

impl RaftStateMachine<Types> for Applier {
    type SnapshotData = SnapshotData;
    type SnapshotBuilder = Built;

    async fn applied_state(&mut self) -> io::Result<(Option<LogId>, StoredMembership)> {
        Ok((self.view.progress().applied, self.view.membership()))
    }

    async fn apply<Strm>(&mut self, entries: Strm) -> io::Result<()>
    where
        Strm: Stream<Item = io::Result<EntryResponder<Types>>> + Unpin + OptionalSend,
    {
        let mut answers = Vec::new();
        let mut chunks = entries.ready_chunks(ENTRIES_MAX);
        while let Some(chunk) = chunks.next().await {
            let chunk = chunk.into_iter().collect::<io::Result<Vec<_>>>()?;
            let (done, answer) = oneshot::channel();
            self.send(Job::Apply(chunk, done)).await?;
            answers.push(answer);
        }
        for answer in answers {
            answer.await.map_err(|_| stopped())??;
        }
        Ok(())
    }

    /// The newest snapshot, which was taken before it is asked for here: openraft applies nothing while it waits for this, and holds
    /// one that fails for the end of the node. One that must be is taken now: it is asked for while the node starts.
    async fn try_create_snapshot_builder(&mut self, force: bool) -> Option<Built> {
        match self.saver.newest() {
            Some(newest) => Some(Built(Some(Ok(newest)))),
            None if force => Some(self.get_snapshot_builder().await),
            None => None,
        }
    }

    async fn get_snapshot_builder(&mut self) -> Built {
        Built(Some(self.saver.take().await.map_err(io::Error::other)))
    }

    async fn install_snapshot(&mut self, _meta: &SnapshotMeta, snapshot: SnapshotData) -> io::Result<()> {
        self.ask(|done| Job::Install(Box::new(snapshot), done)).await
    }

    async fn get_current_snapshot(&mut self) -> io::Result<Option<Snapshot>> {
        Ok(self.saver.newest().map(as_snapshot))
    }
}

/// A snapshot that was taken already.
pub(crate) struct Built(Option<io::Result<Arc<SnapshotFiles>>>);

impl RaftSnapshotBuilder<Types> for Built {
    type SnapshotData = SnapshotData;

    async fn build_snapshot(&mut self) -> io::Result<Snapshot> {
        self.0.take().unwrap_or_else(|| Err(stopped())).map(as_snapshot)
    }
}

fn as_snapshot(files: Arc<SnapshotFiles>) -> Snapshot {
    Snapshot { meta: files.meta.clone(), snapshot: SnapshotData::of(files) }
}

fn stopped() -> io::Error {
    io::Error::other("the state machine has stopped; the log of the node says why")
}

struct Worker {
    machine: Machine,
    saver: Arc<Saver>,
    group: Arc<GroupDirectory>,
    view: Arc<View>,
    has_failed: bool,
}

impl Worker {
    fn run(mut self, jobs: &mpsc::Receiver<Job>) {
        while let Ok(job) = jobs.recv() {
            // Whoever asked may have gone.
            match job {
                Job::Apply(entries, done) => drop(done.send(self.apply(entries))),
                Job::Install(data, done) => drop(done.send(self.install(*data).map_err(io::Error::other))),
            }
        }
        // A snapshot that is being taken ends by this, so that the store can be closed.
        self.view.fail();
        if let Err(error) = self.machine.store().close() {
            tracing::warn!(%error, "the store of the state machine was not closed cleanly; its log makes up for it");
        }
        self.view.close();
    }

    fn apply(&mut self, entries: Vec<EntryResponder<Types>>) -> io::Result<()> {
        let mut rest = entries.into_iter();
        while let Some((first, _)) = rest.as_slice().first() {
            if self.has_failed {
                return Err(stopped());
            }
            let index = first.log_id.index;
            let applied = self.machine.apply_some(rest.as_slice().iter().map(|(entry, _)| entry));
            let results = applied.inspect_err(|error| {
                tracing::error!(index, %error, "cannot apply an entry; the node stops");
                self.has_failed = true;
                self.view.fail();
            })?;
            let done = &rest.as_slice()[..results.len()];
            if done.iter().any(|(entry, _)| matches!(entry.payload, EntryPayload::Membership(_))) {
                self.view.set_membership(self.machine.membership().clone(), self.machine.highest_id());
            }
            let bytes = done.iter().map(|(entry, _)| bytes_of(entry)).sum();
            self.view.advance(self.machine.applied(), self.machine.store().sequence().0, bytes);
            for (result, (_, responder)) in results.into_iter().zip(rest.by_ref()) {
                if let Some(responder) = responder {
                    responder.send(result);
                }
            }
        }
        Ok(())
    }

    fn install(&mut self, data: SnapshotData) -> Result<()> {
        let (files, prepared) = data.into_prepared(&self.group)?;
        let Some((machine, path)) = prepared.take() else {
            return Ok(());
        };
        self.group.set_current(&path)?;
        let old = std::mem::replace(&mut self.machine, machine);
        self.view.swap(self.machine.store().clone(), self.machine.applied());
        self.view.set_membership(self.machine.membership().clone(), self.machine.highest_id());
        self.view.saved(u64::MAX);
        self.has_failed = false;
        discard(old);
        tracing::info!(index = files.meta.last_log_id.map(|id| id.index), store = %path.display(), "a snapshot was installed");
        match SnapshotFiles::adopt(&self.group, files) {
            Ok(files) => self.saver.keep(files),
            Err(error) => tracing::warn!(%error, "the snapshot is not kept for others"),
        }
        Ok(())
    }
}

/// Removes a store that another one took the place of. Who still reads from it keeps what he has.
fn discard(old: Machine) {
    let path = old.store().path().to_owned();
    if let Err(error) = old.store().close() {
        tracing::warn!(%error, "the store before the snapshot was not closed cleanly; it is removed all the same");
    }
    remove(Path::new(&path));
}

fn bytes_of(entry: &Entry) -> u64 {
    let bytes = match &entry.payload {
        EntryPayload::Normal(command) => command.0.encoded_len(),
        _ => 64,
    };
    u64::try_from(bytes).unwrap_or(u64::MAX)
}
