//! The service `Cluster`: members, leader and state, for operators and for clients that look for the leader.

use std::sync::Arc;

use pentad_client::wire::{self, cluster_server::Cluster};
use tonic::{Request, Response, Status};

use super::asked::PASSED_ON;
use super::status::status_of;
use crate::error::Result;
use crate::node::Shared;

pub(super) struct ClusterService {
    pub(super) shared: Arc<Shared>,
}

/// Whether the request was not passed on yet.
fn is_fresh<T>(request: &Request<T>) -> bool {
    request.metadata().get(PASSED_ON).is_none()
}

fn respond<T>(answer: Result<T>) -> Result<Response<T>, Status> {
    answer.map(Response::new).map_err(status_of)
}

#[tonic::async_trait]
impl Cluster for ClusterService {
    async fn status(
        &self,
        _: Request<wire::StatusRequest>,
    ) -> Result<Response<wire::StatusResponse>, Status> {
        Ok(Response::new(self.shared.status()))
    }

    async fn members(
        &self,
        _: Request<wire::MembersRequest>,
    ) -> Result<Response<wire::MembersResponse>, Status> {
        respond(self.shared.members().await)
    }

    async fn bootstrap(
        &self,
        request: Request<wire::BootstrapRequest>,
    ) -> Result<Response<wire::MembersResponse>, Status> {
        self.shared.bootstrap(&request.into_inner().addresses).await.map_err(status_of)?;
        respond(self.shared.members().await)
    }

    async fn join(
        &self,
        request: Request<wire::JoinRequest>,
    ) -> Result<Response<wire::JoinResponse>, Status> {
        let fresh = is_fresh(&request);
        respond(self.shared.ask_join(request.into_inner(), fresh).await)
    }

    async fn add_learner(
        &self,
        request: Request<wire::AddLearnerRequest>,
    ) -> Result<Response<wire::MembersResponse>, Status> {
        let fresh = is_fresh(&request);
        respond(self.shared.ask_add(request.into_inner(), fresh).await)
    }

    async fn promote(
        &self,
        request: Request<wire::PromoteRequest>,
    ) -> Result<Response<wire::MembersResponse>, Status> {
        let fresh = is_fresh(&request);
        respond(self.shared.ask_promote(request.into_inner(), fresh).await)
    }

    async fn remove(
        &self,
        request: Request<wire::RemoveRequest>,
    ) -> Result<Response<wire::MembersResponse>, Status> {
        let fresh = is_fresh(&request);
        respond(self.shared.ask_remove(request.into_inner(), fresh).await)
    }

    async fn transfer_leadership(
        &self,
        request: Request<wire::TransferLeadershipRequest>,
    ) -> Result<Response<wire::TransferLeadershipResponse>, Status> {
        let fresh = is_fresh(&request);
        respond(self.shared.ask_transfer(request.into_inner(), fresh).await)
    }

    async fn snapshot(
        &self,
        _: Request<wire::SnapshotRequest>,
    ) -> Result<Response<wire::SnapshotResponse>, Status> {
        respond(self.shared.snapshot().await.map(|index| wire::SnapshotResponse { index }))
    }
}
