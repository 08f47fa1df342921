//! The handle that users hold.

use std::fmt;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use pentad_client::{InterfaceLimits, wire};
use pentad_engine::Store;
use tokio::runtime::Runtime;

use super::builder::{Bound, NodeBuilder};
use super::directory::DataDirectory;
use super::shared::Shared;
use crate::error::{Error, ErrorKind, Result};

/// How long the lead is waited for to pass on before a node stops without it.
const PASS_ON_MAX: Duration = Duration::from_secs(10);

/// A node of a cluster, running in this process. Clones share it.
///
/// It runs on threads of its own, and ends by [`Node::shutdown`], or less kindly with its last clone.
///
/// ```no_run
/// use pentad_cluster_backend::Node;
///
/// let node = Node::builder("data").start()?; // a cluster of one
/// println!("{:?}", node.store()?.sequence());
/// # Ok::<(), pentad_cluster_backend::Error>(())
/// ```
#[derive(Clone)]
pub struct Node {
    running: Arc<Running>,
}

struct Running {
    shared: Arc<Shared>,
    handle: tokio::runtime::Handle,
    bound: Bound,
    interface: InterfaceLimits,
    path: PathBuf,
    /// Taken by whoever ends the node.
    ends: Mutex<Option<(Runtime, DataDirectory)>>,
}

impl Node {
    /// Options for the node in the directory `dir`.
    pub fn builder(dir: impl Into<PathBuf>) -> NodeBuilder {
        NodeBuilder::new(dir.into())
    }

    pub(super) fn new(
        shared: Arc<Shared>,
        runtime: Runtime,
        directory: DataDirectory,
        bound: Bound,
        interface: InterfaceLimits,
    ) -> Self {
        let handle = runtime.handle().clone();
        Self {
            running: Arc::new(Running {
                shared,
                handle,
                bound,
                interface,
                path: directory.path().to_owned(),
                ends: Mutex::new(Some((runtime, directory))),
            }),
        }
    }

    pub(crate) fn shared(&self) -> &Arc<Shared> {
        &self.running.shared
    }

    pub(crate) fn interface_limits(&self) -> InterfaceLimits {
        self.running.interface
    }

    /// Runs `work` on the threads of the node, so that the caller's are not held up.
    pub(crate) async fn run<T: Send + 'static>(
        &self,
        work: impl Future<Output = Result<T>> + Send + 'static,
    ) -> Result<T> {
        self.running.handle.spawn(work).await.unwrap_or_else(|_| Err(closed()))
    }

    /// The same, for threads that may wait. Any thread may: a worker of another runtime, too. When the node is shut down meanwhile,
    /// what became of the work is not known.
    pub(crate) fn wait_for<T: Send + 'static>(
        &self,
        work: impl Future<Output = Result<T>> + Send + 'static,
    ) -> Result<T> {
        let (done, answer) = std::sync::mpsc::sync_channel(1);
        self.running.handle.spawn(async move { drop(done.send(work.await)) });
        answer.recv().unwrap_or_else(|_| Err(closed().with_unknown_outcome()))
    }

    /// Answers a call of a client.
    pub async fn call(&self, call: wire::Call) -> wire::Reply {
        let call = match self.shared().answer_here(call).await {
            Ok(reply) => return reply,
            Err(call) => call,
        };
        let (shared, number) = (Arc::clone(self.shared()), call.number);
        let reply = self.running.handle.spawn(async move { shared.answer(call).await }).await;
        reply.unwrap_or_else(|_| {
            let failure = closed().with_unknown_outcome().into();
            wire::Reply { number, kind: Some(wire::reply::Kind::Failure(failure)) }
        })
    }

    /// The directory of the node.
    pub fn directory(&self) -> &Path {
        &self.running.path
    }

    /// Where the node listens; `None` for one that is embedded only.
    pub fn address(&self) -> Option<SocketAddr> {
        self.running.bound
    }

    /// Returns when the node belongs to a cluster that has a leader.
    ///
    /// # Errors
    ///
    /// What ended the node meanwhile, as [`ErrorKind::Mismatch`] when the cluster refuses it; [`ErrorKind::TimedOut`] after `limit`.
    pub async fn ready(&self, limit: Duration) -> Result<()> {
        let shared = Arc::clone(self.shared());
        let waiting = async move {
            let mut group = shared.group.subscribe();
            let mut failed = shared.failed.subscribe();
            tokio::select! {
                _ = group.wait_for(Option::is_some) => {}
                _ = failed.wait_for(Option::is_some) => {}
            }
            let group = shared.group()?;
            let has_leader = group.wait_for(limit, |state| state.leader.is_some());
            tokio::select! {
                _ = has_leader => {}
                _ = failed.wait_for(Option::is_some) => {}
            }
            shared.group().map(drop)
        };
        let late =
            || Err(Error::new(ErrorKind::TimedOut, "the node belongs to no cluster with a leader yet"));
        self.run(async move { tokio::time::timeout(limit, waiting).await.unwrap_or_else(|_| late()) }).await
    }

    /// Returns when the node has failed, with the reason. It does not, as long as all is well.
    pub async fn failed(&self) -> Error {
        let mut failed = self.shared().failed.subscribe();
        let error = failed.wait_for(Option::is_some).await.ok().and_then(|error| error.clone());
        error.unwrap_or_else(closed)
    }

    /// The store of this replica, as it is now; a snapshot from another node puts a new one in its place. Whoever writes to it breaks
    /// the cluster.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Unavailable`] while the node belongs to no cluster.
    pub fn store(&self) -> Result<Arc<Store>> {
        Ok(self.shared().group()?.view().store())
    }

    /// The node as it sees itself and its cluster now.
    pub fn status(&self) -> wire::StatusResponse {
        self.shared().status()
    }

    /// The members of the cluster, as they are now.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Unavailable`] while the node belongs to no cluster.
    pub async fn members(&self) -> Result<wire::MembersResponse> {
        let shared = Arc::clone(self.shared());
        self.run(async move { shared.members().await }).await
    }

    /// Adds the node at `address`, which waits to be invited, as a learner; if `becomes_voter`, it is promoted when it has caught up.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::NotLeader`] when this node does not lead and the leader could not be asked; [`ErrorKind::Mismatch`] when the node is
    /// not what it should be; [`ErrorKind::Refused`] while another change is under way.
    pub async fn add(&self, address: &str, becomes_voter: bool) -> Result<wire::MembersResponse> {
        let request = wire::AddLearnerRequest { address: address.to_owned(), becomes_voter };
        let shared = Arc::clone(self.shared());
        self.run(async move { shared.ask_add(request, true).await }).await
    }

    /// Makes a voter of a learner, when it has caught up.
    ///
    /// # Errors
    ///
    /// As [`Node::add`].
    pub async fn promote(&self, id: u32) -> Result<wire::MembersResponse> {
        let shared = Arc::clone(self.shared());
        self.run(async move { shared.ask_promote(wire::PromoteRequest { id }, true).await }).await
    }

    /// Removes a member. If it leads, another one takes the lead over first.
    ///
    /// # Errors
    ///
    /// As [`Node::add`]; [`ErrorKind::Refused`], too, when those that remain would not be a majority that answers.
    pub async fn remove(&self, id: u32) -> Result<wire::MembersResponse> {
        let shared = Arc::clone(self.shared());
        self.run(async move { shared.ask_remove(wire::RemoveRequest { id }, true).await }).await
    }

    /// Has another voter lead: `to`, or the one that is furthest.
    ///
    /// # Errors
    ///
    /// As [`Node::add`]; [`ErrorKind::Unavailable`] when it did not take the lead over in time.
    pub async fn transfer(&self, to: Option<u32>) -> Result<wire::TransferLeadershipResponse> {
        let shared = Arc::clone(self.shared());
        self.run(async move { shared.ask_transfer(wire::TransferLeadershipRequest { to }, true).await }).await
    }

    /// Makes a cluster of this node and the ones at the other addresses, all of which wait.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Mismatch`] when one of them belongs to a cluster; [`ErrorKind::Unavailable`] when one does not answer. Asked again
    /// with the same addresses, it goes on.
    pub async fn bootstrap(&self, addresses: &[String]) -> Result<wire::MembersResponse> {
        let (shared, addresses) = (Arc::clone(self.shared()), addresses.to_vec());
        self.run(async move {
            shared.bootstrap(&addresses).await?;
            shared.members().await
        })
        .await
    }

    /// Takes a snapshot on this node, and lets the log that it covers be given up. Returns the index that it is of.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::TimedOut`] when none was taken in a minute.
    pub async fn snapshot(&self) -> Result<Option<u64>> {
        let shared = Arc::clone(self.shared());
        self.run(async move { shared.snapshot().await }).await
    }

    /// Passes the lead on if the node has it, and stops: no call is taken any more, and those under way are answered.
    ///
    /// # Errors
    ///
    /// None that a caller could do something about; what did not go well is logged.
    pub async fn shutdown(&self) {
        let shared = Arc::clone(self.shared());
        let stopped = self.running.handle.spawn(async move { shared.stop(PASS_ON_MAX).await }).await;
        if stopped.is_err() {
            return;
        }
        let ends = self.running.ends.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some((runtime, directory)) = ends {
            // Waiting for threads is not for a worker of the caller's runtime.
            let (done, ended) = tokio::sync::oneshot::channel();
            std::thread::spawn(move || {
                runtime.shutdown_timeout(Duration::from_secs(10));
                drop(directory);
                done.send(()).unwrap_or_default();
            });
            drop(ended.await);
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let ends = self.ends.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some((runtime, _directory)) = ends {
            // What was acknowledged is on the disk; the rest is as after a crash.
            self.shared.closing.send_replace(true);
            runtime.shutdown_background();
        }
    }
}

impl fmt::Debug for Node {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let me = self.shared().me.now();
        f.debug_struct("Node").field("id", &me.node_id).field("address", &me.address).finish_non_exhaustive()
    }
}

fn closed() -> Error {
    Error::new(ErrorKind::Stopped, "the node was shut down")
}
