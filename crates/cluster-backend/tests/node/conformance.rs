//! The conformance suites of the interfaces: over a node that is alone, and over three of one cluster, asked in turn.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use bytes::Bytes;
use pentad_client::wire;
use pentad_cluster_backend::{Node, NodeBuilder};
use pentad_traits::StoreEngine as _;
use pentad_traits::conformance::client_api::{self, ClientApiFactory};
use pentad_traits::conformance::kv_backend::{self, KvBackendFactory, OptionLimits};
use pentad_traits::conformance::store_engine::{self, StoreEngineFactory};
use pentad_traits::conformance::{Factory, Limits};

use crate::support::{Trio, call, write};

/// Makes nodes, each a cluster of its own, in a directory that goes with the test.
struct Nodes {
    dir: tempfile::TempDir,
    next: AtomicU64,
    runtime: tokio::runtime::Runtime,
}

impl Nodes {
    fn new() -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build();
        Self { dir: tempfile::tempdir().unwrap(), next: AtomicU64::new(0), runtime: runtime.unwrap() }
    }

    fn builder(&self) -> NodeBuilder {
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        Node::builder(self.dir.path().join(format!("n{number}"))).threads(1)
    }
}

fn limits() -> Limits {
    let value_bytes_max = 63 << 20;
    Limits { value_bytes_max, batch_bytes_max: value_bytes_max + 65_535, ..Limits::CONTRACT }
}

fn expiring(key: &[u8], value: &[u8], ttl: Duration) -> wire::call::Kind {
    let after = u64::try_from(ttl.as_nanos()).unwrap_or(u64::MAX);
    let expiry = Some(wire::Expiry { when: Some(wire::expiry::When::AfterNs(after)) });
    let (key, value) = (Bytes::copy_from_slice(key), Bytes::copy_from_slice(value));
    write(vec![wire::operation::Kind::Put(wire::Put { key, value, expiry })])
}

impl StoreEngineFactory for Nodes {
    type Store = Node;

    fn create(&self) -> Node {
        self.builder().start().unwrap()
    }

    fn reopen(&self, store: Node) -> Node {
        self.runtime.block_on(store.shutdown());
        Node::builder(store.directory()).threads(1).start().unwrap()
    }

    fn wait(&self, duration: Duration) {
        std::thread::sleep(duration);
    }

    fn put_expiring(&self, store: &Node, key: &[u8], value: &[u8], ttl: Duration) {
        self.runtime.block_on(call(store, expiring(key, value, ttl))).unwrap();
    }

    fn compact(&self, store: &Node) {
        store.store().unwrap().compact().unwrap();
    }

    fn disk_bytes(&self, _: &Node) -> Option<u64> {
        // The Raft log is there too, and goes when a snapshot is taken.
        None
    }

    fn limits(&self) -> Limits {
        limits()
    }
}

impl Factory for Nodes {
    type Store = Node;

    async fn create(&self) -> Node {
        self.builder().start().unwrap()
    }

    async fn reopen(&self, store: Node) -> Node {
        store.shutdown().await;
        Node::builder(store.directory()).threads(1).start().unwrap()
    }

    async fn wait(&self, duration: Duration) {
        tokio::time::sleep(duration).await;
    }

    fn limits(&self) -> Limits {
        limits()
    }
}

impl KvBackendFactory for Nodes {
    async fn create_with_option_limits(&self, limits: OptionLimits) -> Option<Node> {
        let mut builder = self.builder();
        if let Some(bytes) = limits.value_bytes_max {
            builder = builder.kv_value_bytes_max(bytes);
        }
        if let Some(keys) = limits.keys_max {
            builder = builder.kv_keys_max(keys as u64);
        }
        Some(builder.start().unwrap())
    }
}

impl ClientApiFactory for Nodes {
    fn is_local(&self) -> bool {
        false
    }

    async fn create_unanswered(&self) -> Option<Node> {
        None
    }
}

#[test]
fn store_engine_conforms() {
    store_engine::run_all(&Nodes::new());
}

#[test]
fn kv_backend_conforms() {
    let nodes = Nodes::new();
    nodes.runtime.block_on(kv_backend::run_all(&nodes));
}

#[test]
fn client_api_conforms() {
    let nodes = Nodes::new();
    nodes.runtime.block_on(client_api::run_all(&nodes));
}

/// Three nodes of one cluster. A store is one of them, leader or not, after everything was deleted; opening it again is starting it
/// again.
struct Three {
    trio: tokio::sync::Mutex<Trio>,
    next: AtomicU64,
}

impl Three {
    async fn start() -> Self {
        Self { trio: tokio::sync::Mutex::new(Trio::start().await), next: AtomicU64::new(0) }
    }

    fn number_of(trio: &Trio, node: &Node) -> usize {
        let same = |number: &usize| trio.node(*number).address() == node.address();
        (0..3).find(same).expect("a node of ours")
    }
}

impl Factory for Three {
    type Store = Node;

    async fn create(&self) -> Node {
        let trio = self.trio.lock().await;
        let number = self.next.fetch_add(1, Ordering::Relaxed) % 3;
        let node = trio.node(usize::try_from(number).unwrap()).clone();
        let everything = wire::operation::Kind::DeleteRange(wire::DeleteRange { bounds: None });
        call(&node, write(vec![everything])).await.unwrap();
        trio.agree().await;
        node
    }

    async fn reopen(&self, store: Node) -> Node {
        let mut trio = self.trio.lock().await;
        let number = Self::number_of(&trio, &store);
        store.shutdown().await;
        drop(store);
        trio.kill(number);
        trio.restart(number).await;
        let node = trio.node(number).clone();
        node.ready(Duration::from_secs(20)).await.unwrap();
        node
    }

    async fn wait(&self, duration: Duration) {
        // The entry that moves time has to reach the disks of others, beside other tests.
        tokio::time::sleep(duration + Duration::from_millis(500)).await;
    }

    fn limits(&self) -> Limits {
        limits()
    }
}

impl KvBackendFactory for Three {
    async fn create_with_option_limits(&self, _: OptionLimits) -> Option<Node> {
        // They are limits of a handle, and checked with a node that is alone.
        None
    }
}

impl ClientApiFactory for Three {
    fn is_local(&self) -> bool {
        false
    }

    async fn create_unanswered(&self) -> Option<Node> {
        None
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn f16_f17_f18_kv_backend_conforms_on_three_nodes() {
    kv_backend::run_all(&Three::start().await).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn f17_f19_client_api_conforms_on_three_nodes() {
    client_api::run_all(&Three::start().await).await;
}

/// The synchronous methods hold up the caller's worker and nothing else: the worker of a runtime that has one, too.
#[tokio::test]
async fn a_follower_reads_its_own_batches_on_a_worker_of_the_callers_runtime() {
    let trio = Trio::start().await;
    let follower = trio.node(1);
    for number in 0..50_u64 {
        let pair = (Bytes::from(format!("k{number}")), Bytes::from_static(b"v"));
        let sequence = follower.put_batch(&[pair]).unwrap();
        assert!(follower.current_sequence() >= sequence);
        assert_eq!(
            pentad_traits::StoreEngine::get(follower, format!("k{number}").as_bytes()).unwrap().as_deref(),
            Some(&b"v"[..])
        );
        assert_eq!(follower.get_batch(sequence).unwrap().unwrap().len(), 1);
    }
    let last = follower.current_sequence();
    assert_eq!(follower.prune_batch_log(last).unwrap(), last - 1);
    assert_eq!(follower.oldest_retained_batch().unwrap(), Some(last));
    trio.agree().await;
}
