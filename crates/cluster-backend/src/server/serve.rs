//! The listener: which services it has, and every limit of it.

use std::net::TcpListener;
use std::sync::Arc;
use std::time::Duration;

use pentad_client::wire::cluster_server::ClusterServer;
use pentad_client::wire::peer_server::PeerServer;
use tonic::service::interceptor::InterceptedService;
use tonic::transport::Server;
use tonic::{Request, Status};

use super::cluster::ClusterService;
use super::incoming::{Standing, incoming};
use super::peer::PeerService;
use crate::error::{Error, ErrorKind, Result};
use crate::node::Shared;
use crate::peers::MESSAGE_BYTES_MAX;

/// Streams of one connection at a time.
const STREAMS_MAX: u32 = 1_024;
/// Requests of one connection at a time.
const REQUESTS_MAX: usize = 1_024;
/// Bytes of the headers of a request.
const HEADER_BYTES_MAX: u32 = 16 << 10;
/// Bytes of a request that changes the cluster, or asks about it.
const CLUSTER_BYTES_MAX: usize = 1 << 20;

/// Serves on `listener` until the node closes.
pub(crate) fn start(shared: &Arc<Shared>, listener: TcpListener, connections_max: usize) -> Result<()> {
    let listener = tokio::net::TcpListener::from_std(listener).map_err(|error| Error::io("serve", &error))?;
    let connections = incoming(listener, connections_max);
    let (health, health_service) = tonic_health::server::health_reporter();
    let reflection = tonic_reflection::server::Builder::configure()
        .register_encoded_file_descriptor_set(pentad_client::wire::DESCRIPTORS)
        .register_encoded_file_descriptor_set(tonic_health::pb::FILE_DESCRIPTOR_SET)
        .build_v1()
        .map_err(|error| {
            Error::new(ErrorKind::Unsupported, format!("the services cannot be described: {error}"))
        })?;
    let peer = PeerServer::new(PeerService { shared: Arc::clone(shared) })
        .max_decoding_message_size(MESSAGE_BYTES_MAX)
        .max_encoding_message_size(MESSAGE_BYTES_MAX);
    let cluster = ClusterServer::new(ClusterService { shared: Arc::clone(shared) })
        .max_decoding_message_size(CLUSTER_BYTES_MAX)
        .max_encoding_message_size(CLUSTER_BYTES_MAX);
    let server = Server::builder()
        .max_concurrent_streams(STREAMS_MAX)
        .concurrency_limit_per_connection(REQUESTS_MAX)
        .http2_max_header_list_size(HEADER_BYTES_MAX)
        .http2_max_pending_accept_reset_streams(Some(64))
        .initial_stream_window_size(4 << 20)
        .initial_connection_window_size(8 << 20)
        .http2_keepalive_interval(Some(Duration::from_secs(10)))
        .http2_keepalive_timeout(Some(Duration::from_secs(10)))
        .add_service(InterceptedService::new(health_service, for_clients))
        .add_service(InterceptedService::new(reflection, for_clients))
        .add_service(InterceptedService::new(super::keys_server(Arc::clone(shared)), for_clients))
        .add_service(InterceptedService::new(cluster, for_clients))
        .add_service(peer);
    let mut closing = shared.closing.subscribe();
    let shared = Arc::clone(shared);
    tokio::spawn(async move {
        tell_health(&shared, &health);
        let closed = async move { drop(closing.wait_for(|closing| *closing).await) };
        let served = server.serve_with_incoming_shutdown(connections, closed).await;
        if let Err(error) = served {
            shared.fail(Error::new(ErrorKind::Io, format!("the node cannot serve any more: {error}")));
        }
    });
    Ok(())
}

/// Lets a request of a client's pass, unless its connection has room for other nodes alone.
fn for_clients(request: Request<()>) -> std::result::Result<Request<()>, Status> {
    request.extensions().get::<Standing>().map_or(Ok(()), Standing::check)?;
    Ok(request)
}

/// Serving, as far as the health service is asked: the node has a group that has a leader.
fn tell_health(shared: &Arc<Shared>, health: &tonic_health::server::HealthReporter) {
    let (shared, health) = (Arc::clone(shared), health.clone());
    tokio::spawn(async move {
        loop {
            let serves = shared.group().is_ok_and(|group| group.state().leader.is_some());
            let status = match serves {
                true => tonic_health::ServingStatus::Serving,
                false => tonic_health::ServingStatus::NotServing,
            };
            health.set_service_status("", status).await;
            tokio::time::sleep(Duration::from_millis(250)).await;
        }
    });
}
