//! A server on a free port of the loopback interface, which can be stopped and started again over its store.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use pentad_client::wire::cluster_server::{Cluster, ClusterServer};
use pentad_client::wire::{
    self, Member, MembersRequest, MembersResponse, NodeIdentity, Role, StatusRequest, StatusResponse,
};
use pentad_client::{Client, Failure, FailureKind};
use pentad_engine::Options;
use tokio::net::TcpListener;
use tokio::runtime::{Builder, Runtime};
use tokio_stream::wrappers::TcpListenerStream;
use tonic::{Request, Response, Status};

use super::local::{Local, Manners};
use crate::server::keys_server;

/// The cluster that all servers here say they are of.
pub(super) const CLUSTER_ID: &[u8] = b"cluster of tests";

/// Longest value of the stores here.
pub(super) const VALUE_BYTES_MAX: usize = 100_000;

/// A running server, on a runtime of its own: with that all its connections end at once.
pub(super) struct Server {
    pub(super) address: String,
    pub(super) local: Local,
    pub(super) removals: Arc<AtomicU32>,
    runtime: Option<Runtime>,
    path: PathBuf,
}

impl Server {
    /// Serves the store at `path`, which is new.
    pub(super) async fn start(path: &Path, manners: Manners) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("there is a free port");
        Self::serve(path.to_owned(), manners, listener)
    }

    fn serve(path: PathBuf, manners: Manners, listener: TcpListener) -> Self {
        let store =
            Options::new().value_bytes_max(VALUE_BYTES_MAX as u64).open(&path).expect("the store opens");
        let address = listener.local_addr().unwrap().to_string();
        let listener = listener.into_std().unwrap();
        let local = Local::new(store, manners);
        let removals = Arc::default();
        let cluster = TestCluster { address: Arc::from(address.as_str()), removals: Arc::clone(&removals) };
        let services = tonic::transport::Server::builder()
            .add_service(keys_server(local.clone()))
            .add_service(ClusterServer::new(cluster));
        let runtime = Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        runtime.spawn(async move {
            let listener = TcpListener::from_std(listener).unwrap();
            services.serve_with_incoming(TcpListenerStream::new(listener)).await.expect("the server serves");
        });
        Self { address, local, removals, runtime: Some(runtime), path }
    }

    /// A client of this server alone.
    pub(super) async fn client(&self) -> Client {
        Client::connect([self.address.clone()]).await.expect("the server answers")
    }

    /// Breaks every connection off, as a process does that is killed.
    pub(super) fn kill(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }

    /// Kills it, and serves its store again at the same address.
    pub(super) async fn restart(mut self) -> Self {
        self.kill();
        self.local.store.close().expect("the store closes");
        let mut listener = None;
        until("the port is free", async || {
            listener = TcpListener::bind(&self.address).await.ok();
            listener.is_some()
        })
        .await;
        let path = self.path.clone();
        // The last handle goes, and with it the lock on the store.
        drop(self);
        Self::serve(path, Manners::default(), listener.expect("it was bound"))
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.kill();
    }
}

/// As much of the service as a client needs to find its way.
struct TestCluster {
    address: Arc<str>,
    /// How many removals were asked for.
    removals: Arc<AtomicU32>,
}

fn no<T>() -> Result<Response<T>, Status> {
    Err(Failure::new(FailureKind::Unsupported, "this is a test").into())
}

#[tonic::async_trait]
impl Cluster for TestCluster {
    async fn status(&self, _: Request<StatusRequest>) -> Result<Response<StatusResponse>, Status> {
        let address = self.address.to_string();
        Ok(Response::new(StatusResponse {
            node: Some(NodeIdentity { node_id: 1, address: address.clone(), ..NodeIdentity::default() }),
            role: Role::Leader.into(),
            leader_id: Some(1),
            leader_address: address,
            protocol_versions: vec![1],
            is_member: true,
            ..StatusResponse::default()
        }))
    }

    async fn members(&self, _: Request<MembersRequest>) -> Result<Response<MembersResponse>, Status> {
        let member = Member {
            id: 1,
            address: self.address.to_string(),
            role: Role::Leader.into(),
            status: wire::MemberStatus::Active.into(),
            reachable: true,
            ..Member::default()
        };
        let cluster_id = bytes::Bytes::from_static(CLUSTER_ID);
        Ok(Response::new(MembersResponse { members: vec![member], leader_id: Some(1), cluster_id }))
    }

    async fn bootstrap(
        &self,
        _: Request<wire::BootstrapRequest>,
    ) -> Result<Response<MembersResponse>, Status> {
        no()
    }

    async fn join(&self, _: Request<wire::JoinRequest>) -> Result<Response<wire::JoinResponse>, Status> {
        no()
    }

    async fn add_learner(
        &self,
        _: Request<wire::AddLearnerRequest>,
    ) -> Result<Response<MembersResponse>, Status> {
        no()
    }

    async fn promote(&self, _: Request<wire::PromoteRequest>) -> Result<Response<MembersResponse>, Status> {
        no()
    }

    /// Takes its time, and does not come to an end.
    async fn remove(&self, _: Request<wire::RemoveRequest>) -> Result<Response<MembersResponse>, Status> {
        self.removals.fetch_add(1, Ordering::Relaxed);
        std::future::pending().await
    }

    async fn transfer_leadership(
        &self,
        _: Request<wire::TransferLeadershipRequest>,
    ) -> Result<Response<wire::TransferLeadershipResponse>, Status> {
        no()
    }

    async fn snapshot(
        &self,
        _: Request<wire::SnapshotRequest>,
    ) -> Result<Response<wire::SnapshotResponse>, Status> {
        no()
    }
}

/// Polls until `is_so`, for 10 seconds at most.
pub(super) async fn until(what: &str, mut is_so: impl AsyncFnMut() -> bool) {
    for _ in 0..1_000 {
        if is_so().await {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("it did not happen that {what}");
}
