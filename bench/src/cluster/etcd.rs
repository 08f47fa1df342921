//! Three nodes of etcd in three processes, where the program is found; with the few messages of its protocol that it takes.

use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use bytes::Bytes;
use tonic::transport::Channel;

use super::bare::{channel, unary};
use super::load::{self, Load, Loaded, Operation, check, failed};
use super::program::Program;
use crate::error::Result;

const START_MAX: Duration = Duration::from_secs(30);

#[derive(Clone, PartialEq, prost::Message)]
struct PutRequest {
    #[prost(bytes = "bytes", tag = "1")]
    key: Bytes,
    #[prost(bytes = "bytes", tag = "2")]
    value: Bytes,
}

#[derive(Clone, PartialEq, prost::Message)]
struct RangeRequest {
    #[prost(bytes = "bytes", tag = "1")]
    key: Bytes,
    #[prost(bool, tag = "7")]
    serializable: bool,
}

#[derive(Clone, PartialEq, prost::Message)]
struct RangeResponse {
    #[prost(message, repeated, tag = "2")]
    rows: Vec<Row>,
}

#[derive(Clone, PartialEq, prost::Message)]
struct Row {
    #[prost(bytes = "bytes", tag = "5")]
    value: Bytes,
}

/// Of what is not looked at.
#[derive(Clone, PartialEq, prost::Message)]
struct Nothing {}

#[derive(Clone, PartialEq, prost::Message)]
struct Header {
    #[prost(uint64, tag = "2")]
    member_id: u64,
}

#[derive(Clone, PartialEq, prost::Message)]
struct StatusResponse {
    #[prost(message, optional, tag = "1")]
    header: Option<Header>,
    #[prost(uint64, tag = "4")]
    leader: u64,
}

/// Where the program is, and its version.
pub(super) fn find() -> Option<(PathBuf, String)> {
    let path = std::env::split_paths(&std::env::var_os("PATH")?)
        .map(|directory| directory.join("etcd"))
        .find(|path| path.is_file())?;
    let output = Command::new(&path).arg("--version").output().ok()?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let version = text.lines().find_map(|line| line.strip_prefix("etcd Version: "))?.to_owned();
    Some((path, version))
}

pub(super) struct Etcd {
    nodes: Vec<Program>,
    clients: Arc<Clients>,
}

/// Whom is asked what.
struct Clients {
    leader: Channel,
    all: Vec<Channel>,
    next: AtomicUsize,
}

impl Etcd {
    /// Starts three nodes in `directory`, waits until one leads, and writes every key once.
    pub(super) async fn start(program: &Path, directory: &Path) -> Result<Self> {
        let ports = free_ports(6)?;
        let peer = |number: usize| format!("http://127.0.0.1:{}", ports[number]);
        let client = |number: usize| format!("127.0.0.1:{}", ports[3 + number]);
        let all: Vec<String> = (0..3).map(|number| format!("node-{number}={}", peer(number))).collect();
        let mut nodes = Vec::new();
        for number in 0..3 {
            let place = directory.join(format!("etcd-{number}"));
            let place = place.to_str().ok_or_else(|| failed("start")("the directory is not UTF-8"))?;
            let (url, name) = (format!("http://{}", client(number)), format!("node-{number}"));
            nodes.push(Program::start(
                program,
                &[
                    &["--name", &name][..],
                    &["--data-dir", place],
                    &["--listen-peer-urls", &peer(number)],
                    &["--initial-advertise-peer-urls", &peer(number)],
                    &["--listen-client-urls", &url],
                    &["--advertise-client-urls", &url],
                    &["--initial-cluster", &all.join(",")],
                    &["--logger", "zap", "--log-level", "error"],
                ]
                .concat(),
            )?);
        }
        let addresses: Vec<String> = (0..3).map(client).collect();
        let clients = Arc::new(clients(&addresses).await?);
        let etcd = Self { nodes, clients };
        load::fill(etcd.asking(Operation::Put)).await?;
        Ok(etcd)
    }

    fn asking(
        &self,
        operation: Operation,
    ) -> impl Fn([u8; 8]) -> std::pin::Pin<Box<dyn Future<Output = Result<()>> + Send>> + Clone + Send + 'static
    {
        let (clients, value) = (Arc::clone(&self.clients), load::value());
        move |key| {
            let (clients, value) = (Arc::clone(&clients), value.clone());
            Box::pin(async move { clients.ask(operation, Bytes::copy_from_slice(&key), value).await })
        }
    }

    pub(super) async fn over_the_wire(&self, load: Load) -> Result<Loaded> {
        load::drive(load, self.asking(load.operation)).await
    }

    pub(super) fn processor_time(&self) -> Result<Duration> {
        self.nodes.iter().map(Program::processor_time).sum()
    }
}

impl Clients {
    async fn ask(&self, operation: Operation, key: Bytes, value: Bytes) -> Result<()> {
        if operation == Operation::Put {
            let put = PutRequest { key, value };
            let _nothing: Nothing = unary(self.leader.clone(), "/etcdserverpb.KV/Put", put).await?;
            return Ok(());
        }
        let serializable = operation == Operation::Eventual;
        let channel = match serializable {
            // Spread over the nodes, as our own client does it.
            true => &self.all[self.next.fetch_add(1, Ordering::Relaxed) % self.all.len()],
            false => &self.leader,
        };
        let range = RangeRequest { key, serializable };
        let answer: RangeResponse = unary(channel.clone(), "/etcdserverpb.KV/Range", range).await?;
        check(answer.rows.first().map(|row| &row.value[..]))
    }
}

/// Connections to all, when one of them leads.
async fn clients(addresses: &[String]) -> Result<Clients> {
    let until = Instant::now() + START_MAX;
    loop {
        let found = look(addresses).await;
        match found {
            Ok(Some(clients)) => return Ok(clients),
            Err(error) if Instant::now() > until => return Err(error),
            _ if Instant::now() > until => return Err(failed("make a cluster of etcd")("nobody leads")),
            _ => tokio::time::sleep(Duration::from_millis(100)).await,
        }
    }
}

async fn look(addresses: &[String]) -> Result<Option<Clients>> {
    let (mut all, mut leader) = (Vec::new(), None);
    for address in addresses {
        let channel = channel(address).await?;
        let status: StatusResponse =
            unary(channel.clone(), "/etcdserverpb.Maintenance/Status", Nothing {}).await?;
        if status.leader != 0 && status.header.is_some_and(|header| header.member_id == status.leader) {
            leader = Some(channel.clone());
        }
        all.push(channel);
    }
    Ok(leader.map(|leader| Clients { leader, all, next: AtomicUsize::new(0) }))
}

/// Ports that nobody listens on in this moment.
fn free_ports(count: usize) -> Result<Vec<u16>> {
    let bound: std::io::Result<Vec<TcpListener>> =
        (0..count).map(|_| TcpListener::bind("127.0.0.1:0")).collect();
    let bound = bound.map_err(failed("find a port"))?;
    bound.iter().map(|socket| Ok(socket.local_addr().map_err(failed("find a port"))?.port())).collect()
}
