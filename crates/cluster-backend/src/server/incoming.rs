//! Connections as they come: how many stand at once, and how long one may be silent before it speaks.
//!
//! Invariants: a connection is counted from when it was accepted until it is closed. Clients, however many, leave room for the other
//! nodes: what a connection is for shows in its first request, so some more are let in than clients may have, and one of these
//! is closed if it asks for anything but what nodes ask. What keeps one from being accepted, as a lack of descriptors, never
//! ends the listener; it is tried again after a pause, so that it does not take a processor.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use futures_util::stream::{self, Stream, StreamExt as _};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::Sleep;
use tonic::Status;
use tonic::transport::server::{Connected, TcpIncoming};

/// Connections that stand at once, unless said otherwise.
pub(crate) const CONNECTIONS_MAX: usize = 512;
/// Connections beyond these that other nodes alone may have: several for each, also where old ones are not given up yet.
const NODES_MAX: usize = 64;
/// How long a connection may take until all of its beginning is there.
const SILENT_MAX: Duration = Duration::from_secs(5);
/// Bytes that every connection of HTTP/2 begins with.
const PREFACE_BYTES: usize = 24;
/// How long nothing is accepted after that has failed.
const PAUSE: Duration = Duration::from_millis(100);
/// After how long without a word the system asks whether the other side is there.
const KEEPALIVE: Duration = Duration::from_secs(30);

/// The connections that come to `listener`, `connections_max` at a time and some more of other nodes; what comes beyond that is closed
/// at once.
pub(super) fn incoming(
    listener: TcpListener,
    connections_max: usize,
) -> impl Stream<Item = io::Result<Connection>> {
    let accepted = TcpIncoming::from(listener).with_nodelay(Some(true)).with_keepalive(Some(KEEPALIVE));
    let room =
        Room { all: Arc::new(Semaphore::new(connections_max)), nodes: Arc::new(Semaphore::new(NODES_MAX)) };
    stream::unfold((accepted, room, false), |(mut accepted, room, mut was_full)| async move {
        loop {
            match accepted.next().await? {
                Ok(stream) => match room.take() {
                    Some((counted, standing)) => {
                        was_full &= standing.is_for_nodes();
                        let connection = Connection::new(stream, counted, standing);
                        return Some((Ok(connection), (accepted, room, was_full)));
                    }
                    None => {
                        if !was_full {
                            tracing::warn!(
                                "a connection was closed, because as many stand as the node takes"
                            );
                            was_full = true;
                        }
                    }
                },
                Err(error) => {
                    tracing::warn!(%error, "cannot accept a connection; it is tried again");
                    tokio::time::sleep(PAUSE).await;
                }
            }
        }
    })
    .boxed()
}

/// Who may still come.
#[derive(Debug)]
struct Room {
    all: Arc<Semaphore>,
    nodes: Arc<Semaphore>,
}

impl Room {
    fn take(&self) -> Option<(OwnedSemaphorePermit, Standing)> {
        let place = |of: &Arc<Semaphore>| Arc::clone(of).try_acquire_owned().ok();
        if let Some(counted) = place(&self.all) {
            return Some((counted, Standing::default()));
        }
        place(&self.nodes).map(|counted| (counted, Standing { ends: Some(Arc::default()) }))
    }
}

/// Whom a connection is for. Every request that comes by it has this among its extensions.
#[derive(Clone, Debug, Default)]
pub(super) struct Standing {
    /// There where it is for other nodes alone: set when somebody else asked, and it is to end.
    ends: Option<Arc<AtomicBool>>,
}

impl Standing {
    fn is_for_nodes(&self) -> bool {
        self.ends.is_some()
    }

    fn has_ended(&self) -> bool {
        self.ends.as_ref().is_some_and(|ends| ends.load(Ordering::Relaxed))
    }

    /// Refuses a request that is none of another node's, and ends the connection, where that has no room for it.
    pub(super) fn check(&self) -> Result<(), Status> {
        let Some(ends) = &self.ends else { return Ok(()) };
        ends.store(true, Ordering::Relaxed);
        Err(Status::unavailable(
            "as many clients are connected as this node takes; ask another one, or later",
        ))
    }
}

/// One connection. One that says nothing is not kept waiting for.
#[derive(Debug)]
pub(super) struct Connection {
    stream: TcpStream,
    /// How many bytes its beginning lacks still, and until when it has time.
    beginning: Option<(usize, Pin<Box<Sleep>>)>,
    standing: Standing,
    _counted: OwnedSemaphorePermit,
}

impl Connection {
    fn new(stream: TcpStream, counted: OwnedSemaphorePermit, standing: Standing) -> Self {
        let deadline = Box::pin(tokio::time::sleep(SILENT_MAX));
        Self { stream, beginning: Some((PREFACE_BYTES, deadline)), standing, _counted: counted }
    }
}

impl Connected for Connection {
    type ConnectInfo = Standing;

    fn connect_info(&self) -> Standing {
        self.standing.clone()
    }
}

impl AsyncRead for Connection {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if self.standing.has_ended() {
            // As if the other side had closed it.
            return Poll::Ready(Ok(()));
        }
        let before = buffer.filled().len();
        let read = Pin::new(&mut self.stream).poll_read(cx, buffer);
        let Some((missing, deadline)) = &mut self.beginning else {
            return read;
        };
        *missing = missing.saturating_sub(buffer.filled().len() - before);
        if *missing == 0 {
            self.beginning = None;
            return read;
        }
        if deadline.as_mut().poll(cx).is_ready() {
            return Poll::Ready(Err(io::ErrorKind::TimedOut.into()));
        }
        read
    }
}

impl AsyncWrite for Connection {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(cx, slices)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

    use super::*;

    async fn listener() -> (TcpListener, std::net::SocketAddr) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        (listener, address)
    }

    #[tokio::test]
    async fn f24_what_comes_beyond_the_limit_is_closed_and_room_comes_back() {
        let (listener, address) = listener().await;
        let mut connections = incoming(listener, 2);
        let _clients =
            [TcpStream::connect(address).await.unwrap(), TcpStream::connect(address).await.unwrap()];
        let first = connections.next().await.unwrap().unwrap();
        let _second = connections.next().await.unwrap().unwrap();
        assert!(first.stream.nodelay().unwrap(), "small answers are sent at once");

        let mut of_nodes = Vec::new();
        for _ in 0..NODES_MAX {
            let client = TcpStream::connect(address).await.unwrap();
            let connection = connections.next().await.unwrap().unwrap();
            assert!(connection.standing.is_for_nodes(), "clients have their number");
            of_nodes.push((client, connection));
        }
        let mut beyond = TcpStream::connect(address).await.unwrap();
        let (mut byte, turned_away) = ([0], tokio::time::sleep(Duration::from_secs(5)));
        tokio::select! {
            read = beyond.read(&mut byte) => assert!(matches!(read, Ok(0) | Err(_)), "it is closed"),
            _ = connections.next() => panic!("it is let in"),
            () = turned_away => panic!("it is left to wait"),
        }
        drop(first);
        let _client = TcpStream::connect(address).await.unwrap();
        let connection = connections.next().await.unwrap().unwrap();
        assert!(!connection.standing.is_for_nodes());
    }

    #[tokio::test]
    async fn f24_a_client_on_a_connection_for_nodes_is_refused_and_its_connection_ends() {
        let (listener, address) = listener().await;
        let mut connections = incoming(listener, 1);
        let mut client = TcpStream::connect(address).await.unwrap();
        let first = connections.next().await.unwrap().unwrap();
        first.connect_info().check().expect("it is for everybody");
        assert!(!first.standing.has_ended());
        drop(first);
        drop(client);

        let _first = TcpStream::connect(address).await.unwrap();
        let _counted = connections.next().await.unwrap().unwrap();
        client = TcpStream::connect(address).await.unwrap();
        let mut second = connections.next().await.unwrap().unwrap();
        client.write_all(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\nand more").await.unwrap();
        let mut bytes = [0; PREFACE_BYTES];
        second.read_exact(&mut bytes).await.unwrap();
        assert_eq!(second.connect_info().check().unwrap_err().code(), tonic::Code::Unavailable);
        assert_eq!(second.read(&mut bytes).await.unwrap(), 0, "as if the client had gone");
    }

    #[tokio::test]
    async fn f24_a_connection_that_says_nothing_or_not_all_of_its_beginning_is_given_up() {
        for said in [&b""[..], b"PRI * HTTP/2"] {
            let (listener, address) = listener().await;
            let mut connections = incoming(listener, 2);
            let mut client = TcpStream::connect(address).await.unwrap();
            client.write_all(said).await.unwrap();
            let mut connection = connections.next().await.unwrap().unwrap();
            let begun = Instant::now();
            let mut bytes = Vec::new();
            let read = connection.read_to_end(&mut bytes);
            let read = tokio::time::timeout(SILENT_MAX * 3, read).await.expect("it is given up");
            assert_eq!(read.unwrap_err().kind(), io::ErrorKind::TimedOut);
            assert!(begun.elapsed() >= SILENT_MAX - Duration::from_millis(100), "it had its time");
            assert_eq!(bytes, said);
        }
    }

    #[tokio::test]
    async fn a_connection_that_has_begun_may_be_silent() {
        let (listener, address) = listener().await;
        let mut connections = incoming(listener, 2);
        let mut client = TcpStream::connect(address).await.unwrap();
        client.write_all(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n").await.unwrap();
        let mut connection = connections.next().await.unwrap().unwrap();
        let mut bytes = [0; PREFACE_BYTES];
        connection.read_exact(&mut bytes).await.unwrap();
        let more = tokio::time::timeout(SILENT_MAX + Duration::from_secs(1), connection.read_u8()).await;
        assert!(more.is_err(), "nothing came, and it stands: {more:?}");
    }
}
