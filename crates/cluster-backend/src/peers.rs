//! Connections to other nodes: how they are made, and how much they carry.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use pentad_client::wire::cluster_client::ClusterClient;
use pentad_client::wire::peer_client::PeerClient;
use tonic::transport::{Channel, Endpoint};

/// The largest message between nodes. An append holds at least one entry, and an entry is as large as the largest write.
pub(crate) const MESSAGE_BYTES_MAX: usize = 128 << 20;

/// A connection to `address`, made when it is first used and again when it broke. It comes from the address `from` where that is one
/// of the same family. The error says what is wrong with the address.
pub(crate) fn channel(address: &str, from: Option<IpAddr>) -> Result<Channel, String> {
    let endpoint = Endpoint::from_shared(format!("http://{address}"))
        .map_err(|error| format!("{address} is not an address of the form host:port ({error})"))?;
    let to: Option<SocketAddr> = address.parse().ok();
    let from = from.filter(|from| to.is_some_and(|to| to.is_ipv4() == from.is_ipv4()));
    Ok(endpoint
        .local_address(from)
        .connect_timeout(Duration::from_secs(1))
        .tcp_nodelay(true)
        .tcp_keepalive(Some(Duration::from_secs(10)))
        .http2_keep_alive_interval(Duration::from_secs(2))
        .keep_alive_timeout(Duration::from_secs(3))
        .keep_alive_while_idle(true)
        .initial_stream_window_size(4 << 20)
        .initial_connection_window_size(8 << 20)
        .connect_lazy())
}

pub(crate) fn client(channel: Channel) -> PeerClient<Channel> {
    PeerClient::new(channel)
        .max_decoding_message_size(MESSAGE_BYTES_MAX)
        .max_encoding_message_size(MESSAGE_BYTES_MAX)
}

pub(crate) fn cluster_client(channel: Channel) -> ClusterClient<Channel> {
    ClusterClient::new(channel)
}
