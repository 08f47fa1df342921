//! The nodes behind the clients, each a cluster of one.

use std::path::PathBuf;
use std::sync::Mutex;
use std::time::Duration;

use pentad_client::VALUE_BYTES_MAX;
use pentad_cluster_backend::Node;
use pentad_traits::conformance::Limits;

/// Makes nodes, and remembers where each is.
pub(super) struct Nodes {
    directory: tempfile::TempDir,
    /// The directory of every node that was made, by its address.
    places: Mutex<Vec<(String, PathBuf)>>,
}

impl Nodes {
    pub(super) fn new() -> Self {
        Self { directory: tempfile::tempdir().unwrap(), places: Mutex::default() }
    }

    /// A new node.
    pub(super) async fn start(&self) -> Node {
        let path = self.directory.path().join(self.places.lock().unwrap().len().to_string());
        let node = Self::start_at(path.clone(), "127.0.0.1:0".to_owned()).await;
        self.places.lock().unwrap().push((Self::address(&node), path));
        node
    }

    async fn start_at(path: PathBuf, address: String) -> Node {
        let start = move || Node::builder(path).listen(address).threads(2).start();
        let node = tokio::task::spawn_blocking(start).await.unwrap().expect("the node starts");
        node.ready(Duration::from_secs(30)).await.expect("it leads its cluster of one");
        node
    }

    /// Shuts a node down and starts it again.
    pub(super) async fn restart(&self, node: Node) -> Node {
        let address = Self::address(&node);
        node.shutdown().await;
        drop(node);
        let places = self.places.lock().unwrap().clone();
        let (_, path) = places.into_iter().find(|(place, _)| *place == address).expect("a node of ours");
        Self::start_at(path, address).await
    }

    pub(super) fn address(node: &Node) -> String {
        node.address().expect("it listens").to_string()
    }
}

/// How late time may go on where many tests share a processor: the entry that moves it has to be synced first.
pub(super) const LATE_MAX: Duration = Duration::from_millis(500);

/// A value goes in one message; the other limits are those of the contract.
pub(super) const LIMITS: Limits = Limits { value_bytes_max: VALUE_BYTES_MAX, ..Limits::CONTRACT };
