//! openraft's suite for log storages, on the real disk and on the simulated one, with a state machine that keeps no more than the
//! suite asks for.

use std::io;
use std::path::Path;

use futures_util::{Stream, StreamExt as _};
use openraft::storage::{EntryResponder, RaftStateMachine, Snapshot};
use openraft::testing::log::{StoreBuilder, Suite};
use openraft::{EntryPayload, OptionalSend, RaftSnapshotBuilder, StorageError};
use pentad_engine::seams::sim::SimDisk;
use tempfile::TempDir;

use super::{LOG, options};
use crate::raft::log_store::LogStore;
use crate::raft::types::{LeaderId, LogId, Member, NodeId, SnapshotMeta, StoredMembership, Types};

/// What was applied last, and the membership.
#[derive(Clone, Debug, Default)]
struct Machine {
    applied: Option<LogId>,
    membership: StoredMembership,
    snapshot: Option<SnapshotMeta>,
}

type MachineSnapshot = Snapshot<LeaderId, NodeId, Member, ()>;

impl Machine {
    fn meta(&self) -> SnapshotMeta {
        SnapshotMeta { last_log_id: self.applied, last_membership: self.membership.clone() }
    }
}

/// It shares nothing with the machine, whose current snapshot is the last one that was asked for.
struct Builder(SnapshotMeta);

impl RaftSnapshotBuilder<Types> for Builder {
    type SnapshotData = ();

    async fn build_snapshot(&mut self) -> io::Result<MachineSnapshot> {
        Ok(Snapshot { meta: self.0.clone(), snapshot: () })
    }
}

impl RaftStateMachine<Types> for Machine {
    type SnapshotData = ();
    type SnapshotBuilder = Builder;

    async fn applied_state(&mut self) -> io::Result<(Option<LogId>, StoredMembership)> {
        Ok((self.applied, self.membership.clone()))
    }

    async fn apply<S>(&mut self, mut entries: S) -> io::Result<()>
    where
        S: Stream<Item = io::Result<EntryResponder<Types>>> + Unpin + OptionalSend,
    {
        while let Some(item) = entries.next().await {
            let (entry, _) = item?;
            self.applied = Some(entry.log_id);
            if let EntryPayload::Membership(membership) = entry.payload {
                self.membership = StoredMembership::new(Some(entry.log_id), membership);
            }
        }
        Ok(())
    }

    async fn get_snapshot_builder(&mut self) -> Builder {
        self.snapshot = Some(self.meta());
        Builder(self.meta())
    }

    async fn install_snapshot(&mut self, meta: &SnapshotMeta, (): ()) -> io::Result<()> {
        self.applied = meta.last_log_id;
        self.membership = meta.last_membership.clone();
        self.snapshot = Some(meta.clone());
        Ok(())
    }

    async fn get_current_snapshot(&mut self) -> io::Result<Option<MachineSnapshot>> {
        Ok(self.snapshot.clone().map(|meta| Snapshot { meta, snapshot: () }))
    }
}

struct OnDisk;

impl StoreBuilder<Types, LogStore, Machine, TempDir> for OnDisk {
    async fn build(&self) -> Result<(TempDir, LogStore, Machine), StorageError<Types>> {
        let dir = tempfile::tempdir().expect("a temporary directory");
        let store = LogStore::open(dir.path()).expect("an empty directory becomes a log");
        Ok((dir, store, Machine::default()))
    }
}

struct Simulated;

impl StoreBuilder<Types, LogStore, Machine> for Simulated {
    async fn build(&self) -> Result<((), LogStore, Machine), StorageError<Types>> {
        let store = LogStore::open_with(Path::new(LOG), &options(&SimDisk::new(1), false));
        Ok(((), store.expect("a new log on a sound disk"), Machine::default()))
    }
}

#[tokio::test]
async fn the_suite_of_openraft_passes_on_the_disk() {
    Suite::test_all(OnDisk).await.unwrap();
}

#[tokio::test]
async fn the_suite_of_openraft_passes_without_threads() {
    Suite::test_all(Simulated).await.unwrap();
}
