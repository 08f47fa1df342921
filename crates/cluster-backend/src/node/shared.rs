//! What the tasks of a node share.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;

use pentad_client::wire;
use tokio::sync::watch;
use tonic::transport::Channel;

use super::identity::{Me, Stage};
use super::outgoing::Outgoing;
use super::read_index::ReadIndexes;
use crate::error::{Error, ErrorKind, Result};
use crate::peers;
use crate::raft::{Group, GroupDirectory, Timing};

/// Why a node does not go on.
pub(super) type Failed = watch::Sender<Option<Error>>;

/// When snapshots are taken, and how much of the log stays behind one.
#[derive(Clone, Copy, Debug)]
pub(super) struct Limits {
    /// Bytes of commands after which a snapshot is taken.
    pub(super) snapshot_bytes: u64,
    /// Entries that stay although a snapshot covers them, for those that are a little behind.
    pub(super) log_kept: u64,
}

/// All of a node but its runtime and its directory.
pub(crate) struct Shared {
    pub(crate) me: Arc<Me>,
    pub(super) directory: Arc<GroupDirectory>,
    pub(super) timing: Timing,
    pub(super) limits: Limits,
    /// Set once the node belongs to a cluster.
    pub(super) group: watch::Sender<Option<Group>>,
    /// What ended the node, if something did.
    pub(super) failed: Failed,
    pub(super) outgoing: Outgoing,
    pub(super) read_indexes: OnceLock<ReadIndexes>,
    channels: Mutex<HashMap<String, Channel>>,
    /// Held while the node gets into a cluster.
    pub(super) entering: tokio::sync::Mutex<()>,
    /// Held while the members change by request of this node, or by itself.
    pub(super) changing: Arc<tokio::sync::Mutex<()>>,
    /// True from when the node begins to shut down.
    pub(crate) closing: watch::Sender<bool>,
}

impl Shared {
    pub(super) fn new(
        me: Arc<Me>,
        directory: Arc<GroupDirectory>,
        timing: Timing,
        limits: Limits,
    ) -> Result<Arc<Self>> {
        Ok(Arc::new(Self {
            me,
            directory,
            timing,
            limits,
            group: watch::Sender::new(None),
            failed: watch::Sender::new(None),
            outgoing: Outgoing::new()?,
            read_indexes: OnceLock::new(),
            channels: Mutex::default(),
            entering: tokio::sync::Mutex::default(),
            changing: Arc::default(),
            closing: watch::Sender::new(false),
        }))
    }

    /// The Raft group.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Unavailable`] while the node belongs to no cluster, or what ended it.
    pub(crate) fn group(&self) -> Result<Group> {
        if let Some(error) = &*self.failed.borrow() {
            return Err(error.clone());
        }
        self.group.borrow().clone().ok_or_else(|| {
            Error::new(
                ErrorKind::Unavailable,
                "the node belongs to no cluster yet; it joins one, or waits to be invited",
            )
        })
    }

    /// Ends the node's part in everything, for a reason that its operator has to know.
    pub(crate) fn fail(&self, error: Error) {
        tracing::error!(%error, "the node has failed");
        self.failed.send_if_modified(|failed| {
            let is_first = failed.is_none();
            failed.get_or_insert(error);
            is_first
        });
    }

    pub(crate) fn is_closing(&self) -> bool {
        *self.closing.borrow()
    }

    /// Takes no more calls from here on.
    pub(crate) fn begin_closing(&self) {
        self.closing.send_replace(true);
    }

    /// A connection to a node, shared by all who speak to it.
    pub(crate) fn channel(&self, address: &str) -> Result<Channel> {
        let mut channels = self.channels.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(channel) = channels.get(address) {
            return Ok(channel.clone());
        }
        let channel = peers::channel(address, self.me.speaks_from())
            .map_err(|text| Error::new(ErrorKind::InvalidInput, text))?;
        channels.insert(address.to_owned(), channel.clone());
        Ok(channel)
    }

    /// Starts the Raft group, with the id that the node has by now.
    pub(super) async fn start_group(&self) -> Result<Group> {
        let must_have_log = self.me.now().stage == Stage::Member;
        let (directory, me) = (Arc::clone(&self.directory), Arc::clone(&self.me));
        let group = Group::start(directory, me, self.timing, self.limits.log_kept, must_have_log).await;
        let group = group.map_err(|error| {
            if error.kind() != ErrorKind::Damaged || !must_have_log {
                return error;
            }
            let text = format!(
                "this node is a member of a cluster, but what it has acknowledged is not all there: {error}. It must not vote again: \
                 remove it from the cluster, and add an empty directory"
            );
            Error::new(ErrorKind::Damaged, text)
        })?;
        self.group.send_replace(Some(group.clone()));
        Ok(group)
    }

    /// Waits until someone leads, or returns what is known after `limit`.
    pub(crate) async fn leader(&self, limit: Duration) -> Result<Option<wire::LeaderHint>> {
        let group = self.group()?;
        let state = group.wait_for(limit, |state| state.leader.is_some()).await;
        Ok(state.unwrap_or_else(|| group.state()).leader_hint())
    }
}
