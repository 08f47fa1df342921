//! Options of a node, and its start.

use std::net::{SocketAddr, TcpListener, ToSocketAddrs};
use std::path::PathBuf;
use std::sync::{Arc, mpsc};
use std::time::Duration;

use pentad_client::{InterfaceLimits, VALUE_BYTES_MAX};
use pentad_engine::Retention;
use tokio::runtime::{Builder, Runtime};

use super::directory::DataDirectory;
use super::handle::Node;
use super::identity::{Identity, Me, Stage};
use super::read_index::ReadIndexes;
use super::shared::{Limits, Shared};
use super::steward;
use crate::error::{Error, ErrorKind, Result};
use crate::raft::{GroupDirectory, Timing};
use crate::server;

/// How long a node that is alone may take until it leads.
const START_MAX: Duration = Duration::from_secs(30);

/// Options of a node; the defaults work.
#[derive(Clone, Debug)]
#[must_use = "a node runs when it is started"]
pub struct NodeBuilder {
    dir: PathBuf,
    listen: Option<String>,
    advertise: Option<String>,
    join: Vec<String>,
    waits: bool,
    becomes_voter: bool,
    timing: Timing,
    limits: Limits,
    retention: Retention,
    connections_max: usize,
    threads: usize,
    interface: InterfaceLimits,
}

impl NodeBuilder {
    pub(super) fn new(dir: PathBuf) -> Self {
        let threads = std::thread::available_parallelism().map_or(2, usize::from).clamp(2, 8);
        Self {
            dir,
            listen: None,
            advertise: None,
            join: Vec::new(),
            waits: false,
            becomes_voter: true,
            timing: Timing::default(),
            limits: Limits { snapshot_bytes: 256 << 20, log_kept: 10_000 },
            retention: Retention::Bytes(64 << 20),
            connections_max: server::CONNECTIONS_MAX,
            threads,
            interface: InterfaceLimits { kv_value_bytes_max: VALUE_BYTES_MAX, ..InterfaceLimits::default() },
        }
    }

    /// Serves clients and other nodes at `address`, host and port; port 0 takes a free one. Connections are not encrypted, and
    /// whoever reaches the node is believed, so an address that other machines reach is refused: 127.0.0.1 or \[::1\]. Without it
    /// the node is reached from within its process only, and is a cluster of one.
    pub fn listen(mut self, address: impl Into<String>) -> Self {
        self.listen = Some(address.into());
        self
    }

    /// The address by which others reach the node, where that is not the one it listens on.
    pub fn advertise(mut self, address: impl Into<String>) -> Self {
        self.advertise = Some(address.into());
        self
    }

    /// Joins the cluster that the node at `address` belongs to; may be given several times, for several nodes to ask. A node that
    /// belongs to a cluster already stays in that.
    pub fn join(mut self, address: impl Into<String>) -> Self {
        self.join.push(address.into());
        self
    }

    /// Waits, in a new directory, to be invited or made part of a new cluster, instead of beginning one.
    pub fn wait(mut self) -> Self {
        self.waits = true;
        self
    }

    /// Whether a node that joins becomes a voter by itself when it has caught up, or stays a learner. Default yes.
    pub fn becomes_voter(mut self, becomes_voter: bool) -> Self {
        self.becomes_voter = becomes_voter;
        self
    }

    /// Times of the consensus; all nodes of a cluster should have the same.
    pub fn timing(mut self, timing: Timing) -> Self {
        self.timing = timing;
        self
    }

    /// After how many bytes of writes a snapshot is taken, and the log that it covers given up. Default 256 MiB. A restart
    /// replays nothing of it; a node that comes back later than the log reaches gets the snapshot.
    pub fn snapshot_bytes(mut self, bytes: u64) -> Self {
        self.limits.snapshot_bytes = bytes;
        self
    }

    /// How many entries of the log stay although a snapshot covers them, for nodes that are a little behind. Default 10,000.
    pub fn log_entries_kept(mut self, entries: u64) -> Self {
        self.limits.log_kept = entries;
        self
    }

    /// How much of the batch log of its store stays readable on this node: what `StoreEngine::get_batch`, change streams from an older
    /// sequence and reads of older sequences go back to. Default the last 64 MiB, whatever is alive. It may differ
    /// between nodes, and be another at the next start.
    pub fn retention(mut self, retention: Retention) -> Self {
        self.retention = retention;
        self
    }

    /// How many connections of clients and other nodes stand at once; more are closed at once, but for 64 that other nodes alone may
    /// have, so that a crowd of clients does not keep the nodes apart. Default 512. Each takes a file descriptor, and the files
    /// of the node need some too.
    pub fn connections_max(mut self, connections: usize) -> Self {
        self.connections_max = connections.max(1);
        self
    }

    /// The longest value that `KvBackend` on this handle takes, in bytes; 63 MiB if not said, which is the most.
    pub fn kv_value_bytes_max(mut self, bytes: usize) -> Self {
        self.interface.kv_value_bytes_max = bytes.min(VALUE_BYTES_MAX);
        self
    }

    /// How many live keys `KvBackend` on this handle may leave in the store. Default no limit.
    pub fn kv_keys_max(mut self, keys: u64) -> Self {
        self.interface.kv_keys_max = Some(keys);
        self
    }

    /// Threads of the node's runtime. Default: one for each processor, 2 to 8.
    pub fn threads(mut self, threads: usize) -> Self {
        self.threads = threads.max(1);
        self
    }

    /// Starts the node, on threads of its own. A cluster of one answers when this returns; a node that joins, when it was let in:
    /// see [`Node::ready`]. The calling thread waits meanwhile.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::InvalidInput`] when it is to listen beyond this machine; [`ErrorKind::Refused`] when another process runs the node; [`ErrorKind::Mismatch`] when the directory, or its address, is
    /// another node's; [`ErrorKind::Damaged`] when the log of a member is gone; whatever keeps a file or a socket from being
    /// opened.
    pub fn start(self) -> Result<Node> {
        let addresses = self.listen.as_deref().map(addresses_of).transpose()?;
        let directory = DataDirectory::open(&self.dir)?;
        let listener = addresses.as_deref().map(bind).transpose()?;
        let address = self.address(listener.as_ref())?;
        let me = self.identity(&directory, &address)?;
        let group = GroupDirectory::open(directory.group(), self.retention)?;
        let runtime = self.runtime()?;
        let shared = Shared::new(me, group, self.timing, self.limits)?;
        let interface = self.interface;
        let bound = listener.as_ref().and_then(|listener| listener.local_addr().ok());
        if let Some(bound) = bound {
            shared.me.listens_on(bound.ip());
        }

        let (done, answer) = mpsc::sync_channel(1);
        let starting = Arc::clone(&shared);
        runtime.spawn(async move {
            // Whoever waits for it may have gone with the thread it ran on.
            drop(done.send(self.run(&starting, listener).await));
        });
        let answered = answer.recv();
        let node = Node::new(shared, runtime, directory, bound, interface);
        answered.unwrap_or_else(|_| {
            Err(Error::new(ErrorKind::Stopped, "the start of the node was broken off"))
        })?;
        Ok(node)
    }

    async fn run(self, shared: &Arc<Shared>, listener: Option<TcpListener>) -> Result<()> {
        shared.read_indexes.get_or_init(|| ReadIndexes::start(shared));
        if let Some(listener) = listener {
            server::start(shared, listener, self.connections_max)?;
        }
        let stage = shared.me.now().stage;
        match stage {
            Stage::Waiting if !self.join.is_empty() => {
                let (shared, addresses, becomes_voter) =
                    (Arc::clone(shared), self.join.clone(), self.becomes_voter);
                tokio::spawn(async move {
                    if let Err(error) = shared.join(&addresses, becomes_voter).await {
                        shared.fail(error);
                    }
                });
            }
            Stage::Waiting if self.waits => {}
            Stage::Founding if !shared.me.now().founders.is_empty() => {
                let shared = Arc::clone(shared);
                tokio::spawn(async move {
                    if let Err(error) = shared.go_on_founding().await {
                        shared.fail(error);
                    }
                });
            }
            Stage::Waiting | Stage::Founding => shared.found().await?,
            Stage::Joined | Stage::Member => {
                if !self.join.is_empty() {
                    tracing::info!(
                        node = shared.me.now().node_id,
                        "the node belongs to a cluster already, and joins no other"
                    );
                }
                shared.start_group().await?;
            }
        }
        self.settle_address(shared).await?;
        steward::start(shared);
        Ok(())
    }

    /// A cluster of one leads when the node has started, and goes where its address is.
    async fn settle_address(&self, shared: &Arc<Shared>) -> Result<()> {
        let Ok(group) = shared.group() else {
            return Ok(());
        };
        let me = shared.me.now();
        let members = group.known_members().await?;
        let known = members.iter().find(|member| member.id == me.node_id);
        let is_alone = members.len() == 1 && known.is_some();
        if !is_alone {
            if let Some(member) = known
                && member.address != me.address
            {
                let text = format!(
                    "this is node {} of a cluster that knows it at {}, not at {}: is the directory a copy? Listen on that address, or \
                     remove the node from the cluster and add an empty directory",
                    me.node_id, member.address, me.address
                );
                return Err(Error::new(ErrorKind::Mismatch, text));
            }
            return Ok(());
        }
        if group.wait_for(START_MAX, crate::raft::State::is_leader).await.is_none() {
            let why = group.state().stopped.unwrap_or_else(|| "it does not say why".into());
            return Err(Error::new(
                ErrorKind::Unavailable,
                format!("the node does not lead its cluster of one: {why}"),
            ));
        }
        if known.is_some_and(|member| *member != me.as_member(true)) {
            group.set_member(me.as_member(true)).await?;
        }
        Ok(())
    }

    fn runtime(&self) -> Result<Runtime> {
        let built = Builder::new_multi_thread()
            .worker_threads(self.threads)
            .thread_name("pentad-node")
            .enable_all()
            .build();
        built.map_err(|error| Error::io("start the threads of the node", &error))
    }

    /// The address by which others reach this node; empty when none can.
    fn address(&self, listener: Option<&TcpListener>) -> Result<String> {
        let Some(listener) = listener else {
            return Ok(String::new());
        };
        if let Some(address) = &self.advertise {
            return Ok(address.clone());
        }
        let bound = listener.local_addr().map_err(|error| Error::io("look at the socket", &error))?;
        Ok(bound.to_string())
    }

    /// Who the node is: as its directory says, or new.
    fn identity(&self, directory: &DataDirectory, address: &str) -> Result<Arc<Me>> {
        let path = directory.identity();
        let Some(me) = Me::load(&path)? else {
            return Me::create(&path, Identity::new(address.to_owned())?);
        };
        // Whether a member may move is decided when its cluster is known.
        me.change(|me| {
            address.clone_into(&mut me.address);
            Ok(())
        })?;
        Ok(me)
    }
}

/// The addresses that a node is to listen on, none of which another machine reaches.
fn addresses_of(listen: &str) -> Result<Vec<SocketAddr>> {
    let refused =
        |why: String| Error::new(ErrorKind::InvalidInput, format!("cannot listen on {listen}: {why}"));
    let resolved = listen.to_socket_addrs().map_err(|error| refused(format!("{error}; say host:port")))?;
    let addresses: Vec<SocketAddr> = resolved.collect();
    match addresses.iter().find(|address| !address.ip().is_loopback()) {
        None => Ok(addresses),
        Some(beyond) => Err(refused(format!(
            "others reach {}, and without encryption a node listens on 127.0.0.1 or [::1] only",
            beyond.ip()
        ))),
    }
}

fn bind(addresses: &[SocketAddr]) -> Result<TcpListener> {
    let failed = |error: std::io::Error| Error::io(format!("listen on {addresses:?}"), &error);
    let listener = TcpListener::bind(addresses).map_err(failed)?;
    listener.set_nonblocking(true).map_err(failed)?;
    Ok(listener)
}

/// Where a node listens.
pub(super) type Bound = Option<SocketAddr>;
