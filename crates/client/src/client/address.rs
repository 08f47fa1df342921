//! Addresses as people write them, `host:port`, and what the transport wants.

use std::time::Duration;

use pentad_traits::ErrorCode;
use tonic::transport::Endpoint;

use crate::wire::{Failure, FailureKind};

/// How long a connection may take to be made.
const CONNECT: Duration = Duration::from_secs(2);

/// How often a connection without an answer is tested, and how long that test may take. A node that is gone without a word, as
/// when its machine is cut off, is found out by this.
const KEEP_ALIVE: Duration = Duration::from_secs(2);

/// Bytes that a node may send ahead, on one stream and on all of a connection.
const STREAM_WINDOW_BYTES: u32 = 4 << 20;
const CONNECTION_WINDOW_BYTES: u32 = 16 << 20;

/// How to reach `address`.
pub(super) fn endpoint(address: &str) -> Result<Endpoint, Failure> {
    let invalid = |what: &str| {
        let text = format!("{address:?} is no address: {what}; write host:port");
        Failure::new(FailureKind::InvalidInput, text).with_code(ErrorCode::InvalidAddress)
    };
    let authority = address.strip_prefix("http://").unwrap_or(address);
    if authority.starts_with("https://") {
        return Err(invalid("encrypted connections are not supported"));
    }
    let port = authority.rsplit_once(':').map(|(_, port)| port.parse::<u16>());
    if !matches!(port, Some(Ok(1..))) {
        return Err(invalid("it ends in no port"));
    }
    let endpoint =
        Endpoint::from_shared(format!("http://{authority}")).map_err(|error| invalid(&error.to_string()))?;
    Ok(endpoint
        .connect_timeout(CONNECT)
        .tcp_nodelay(true)
        .http2_keep_alive_interval(KEEP_ALIVE)
        .keep_alive_timeout(KEEP_ALIVE)
        .keep_alive_while_idle(false)
        .initial_stream_window_size(STREAM_WINDOW_BYTES)
        .initial_connection_window_size(CONNECTION_WINDOW_BYTES))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_address_is_refused_with_what_to_write() {
        for good in ["127.0.0.1:7421", "http://node-1.example:80", "[::1]:7421"] {
            endpoint(good).unwrap();
        }
        for bad in ["", "localhost", "localhost:", "localhost:0", "localhost:99999", "https://a:1", "a b:1"] {
            let failure = endpoint(bad).unwrap_err();
            assert_eq!(failure.code, i32::from(ErrorCode::InvalidAddress), "{bad}");
            assert!(failure.message.contains("host:port"), "{failure}");
        }
    }
}
