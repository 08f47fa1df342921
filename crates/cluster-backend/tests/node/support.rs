//! What the tests share: nodes on free ports, and calls in short.

use std::path::{Path, PathBuf};
use std::time::Duration;

use bytes::Bytes;
use pentad_client::wire::{self, call, operation, reply};
use pentad_cluster_backend::{Node, Timing};
use tracing_subscriber::EnvFilter;

/// Shows what nodes log, with `RUST_LOG` in the environment.
pub(crate) fn log() {
    let filter = EnvFilter::from_default_env();
    drop(tracing_subscriber::fmt().with_env_filter(filter).with_test_writer().try_init());
}

pub(crate) fn put(key: &str, value: &str) -> call::Kind {
    let put = wire::Put { key: text(key), value: text(value), expiry: None };
    write(vec![operation::Kind::Put(put)])
}

pub(crate) fn write(operations: Vec<operation::Kind>) -> call::Kind {
    let operations = operations.into_iter().map(|kind| wire::Operation { kind: Some(kind) }).collect();
    let write = wire::Write { operations, ..wire::Write::default() };
    call::Kind::Write(wire::WriteRequest { write: Some(write), request: None })
}

pub(crate) fn text(text: &str) -> Bytes {
    Bytes::copy_from_slice(text.as_bytes())
}

pub(crate) async fn call(node: &Node, kind: call::Kind) -> Result<reply::Kind, wire::Failure> {
    match node.call(wire::Call { number: 1, timeout_ms: 0, kind: Some(kind) }).await.kind {
        Some(reply::Kind::Failure(failure)) => Err(failure),
        Some(kind) => Ok(kind),
        None => panic!("an answer has a kind"),
    }
}

/// Writes, and returns the sequence.
pub(crate) async fn set(node: &Node, key: &str, value: &str) -> u64 {
    match call(node, put(key, value)).await {
        Ok(reply::Kind::Write(written)) => written.sequence.expect("a put takes a sequence"),
        other => panic!("{other:?}"),
    }
}

pub(crate) async fn get_at(
    node: &Node,
    key: &str,
    consistency: wire::Consistency,
) -> Result<Option<String>, wire::Failure> {
    let get = wire::GetRequest { key: text(key), consistency: consistency.into(), ..Default::default() };
    match call(node, call::Kind::Get(get)).await? {
        reply::Kind::Get(got) => Ok(got.value.map(|value| String::from_utf8(value.to_vec()).expect("text"))),
        other => panic!("{other:?}"),
    }
}

pub(crate) async fn get(node: &Node, key: &str) -> Option<String> {
    get_at(node, key, wire::Consistency::Linearizable).await.expect("a read that is answered")
}

/// Everything in the store of a node that users see, and what it has applied: equal on all nodes at one index.
pub(crate) fn digest(node: &Node) -> (Option<u64>, u64) {
    let store = node.store().expect("a store");
    let applied = node.status().applied_index;
    let mut hash = 0xcbf2_9ce4_8422_2325_u64;
    let mut add = |bytes: &[u8]| {
        for byte in bytes {
            hash = (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3);
        }
        hash = (hash ^ 0xff).wrapping_mul(0x0100_0000_01b3);
    };
    add(&store.sequence().0.to_be_bytes());
    add(&store.now().0.to_be_bytes());
    // One may be dropped while it is looked at.
    let found =
        |name: String| store.find_namespace(&name).expect("readable").map(|keyspace| (name, keyspace));
    let namespaces = store.namespaces().into_iter().filter_map(found);
    for (name, keyspace) in [(String::new(), store.own_keyspace())].into_iter().chain(namespaces) {
        add(name.as_bytes());
        for row in keyspace.range::<&[u8]>(..) {
            let (key, value) = row.expect("a row");
            add(&key);
            add(&value);
            // It can end while it is looked at.
            let Some(info) = keyspace.entry_info(&key).expect("readable") else { continue };
            add(format!("{} {:?} {:?}", info.sequence, info.checksum, info.deadline).as_bytes());
            add(format!("{:?} {:?}", info.created, info.versions).as_bytes());
        }
    }
    for (key, value) in store.system_entries("raft/").expect("readable") {
        add(&key);
        add(&value);
    }
    (applied, hash)
}

/// Waits until `done`; fails after `limit`.
pub(crate) async fn until(what: &str, limit: Duration, mut done: impl AsyncFnMut() -> bool) {
    let end = tokio::time::Instant::now() + limit;
    while !done().await {
        assert!(tokio::time::Instant::now() < end, "{what}: not within {limit:?}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// Three nodes that are one cluster; their directories stay when they go.
pub(crate) struct Trio {
    dir: tempfile::TempDir,
    nodes: [Option<Node>; 3],
    addresses: Vec<String>,
    timing: Timing,
    connections_max: usize,
}

impl Trio {
    /// Starts one, lets the others join, and waits until all three vote.
    pub(crate) async fn start() -> Self {
        Self::start_with(Timing::default()).await
    }

    pub(crate) async fn start_with(timing: Timing) -> Self {
        Self::start_as(timing, 512).await
    }

    /// Each takes so many connections.
    pub(crate) async fn start_with_room_for(connections_max: usize) -> Self {
        Self::start_as(Timing::default(), connections_max).await
    }

    async fn start_as(timing: Timing, connections_max: usize) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let mut trio =
            Self { dir, nodes: [const { None }; 3], addresses: Vec::new(), timing, connections_max };
        for number in 0..3 {
            let mut builder = trio.builder(number, "127.0.0.1:0");
            if number > 0 {
                builder = builder.join(trio.address(0));
            }
            let node = builder.start().unwrap();
            trio.addresses.push(node.address().unwrap().to_string());
            // One after the other, so that their ids are in their order.
            node.ready(Duration::from_secs(20)).await.unwrap();
            trio.nodes[number] = Some(node);
        }
        until("all three vote", Duration::from_secs(20), async || {
            let members = trio.node(0).members().await.unwrap().members;
            members.len() == 3 && members.iter().all(|member| member.role() != wire::Role::Learner)
        })
        .await;
        trio
    }

    fn builder(&self, number: usize, listen: &str) -> pentad_cluster_backend::NodeBuilder {
        Node::builder(self.path(number))
            .listen(listen)
            .log_entries_kept(10)
            .threads(2)
            .timing(self.timing)
            .connections_max(self.connections_max)
    }

    pub(crate) fn path(&self, number: usize) -> PathBuf {
        self.dir.path().join(format!("node-{number}"))
    }

    pub(crate) fn address(&self, number: usize) -> String {
        self.addresses[number].clone()
    }

    pub(crate) fn node(&self, number: usize) -> &Node {
        self.nodes[number].as_ref().expect("it runs")
    }

    pub(crate) fn all(&self) -> impl Iterator<Item = &Node> {
        self.nodes.iter().flatten()
    }

    /// Drops a node without a word to the others.
    pub(crate) fn kill(&mut self, number: usize) {
        self.nodes[number] = None;
    }

    /// Starts it again where it was.
    pub(crate) async fn restart(&mut self, number: usize) {
        let mut node = None;
        until("its files and its address are free", Duration::from_secs(20), async || {
            match self.builder(number, &self.address(number)).start() {
                Ok(started) => node = Some(started),
                Err(error) => println!("{error}"),
            }
            node.is_some()
        })
        .await;
        self.nodes[number] = node;
    }

    /// Copies the directory of one that does not run.
    pub(crate) fn copy(&self, from: usize, to: usize) -> bool {
        copy_dir(&self.path(from), &self.path(to)).is_ok()
    }

    /// Waits until all that run have the same at the same index.
    pub(crate) async fn agree(&self) {
        until("all nodes have the same", Duration::from_secs(20), async || {
            let digests: Vec<_> = self.all().map(digest).collect();
            digests.iter().all(|digest| *digest == digests[0])
        })
        .await;
    }
}

fn copy_dir(from: &Path, to: &Path) -> std::io::Result<()> {
    std::fs::create_dir_all(to)?;
    for entry in std::fs::read_dir(from)? {
        let entry = entry?;
        let target = to.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            copy_dir(&entry.path(), &target)?;
        } else {
            std::fs::copy(entry.path(), target)?;
        }
    }
    Ok(())
}
