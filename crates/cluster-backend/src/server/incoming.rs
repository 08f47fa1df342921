//! Connections as they come: how many stand at once, and how long one may be silent before it speaks.
//!
//! Invariants: a connection is counted from when it was accepted until it is closed. What keeps one from being accepted, as a lack of
//! descriptors, never ends the listener; it is tried again after a pause, so that it does not take a processor.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use futures_util::stream::{self, Stream, StreamExt as _};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::Sleep;
use tonic::transport::server::{Connected, TcpConnectInfo, TcpIncoming};

/// Connections that stand at once, unless said otherwise.
pub(crate) const CONNECTIONS_MAX: usize = 512;
/// How long a connection may take until all of its beginning is there.
const SILENT_MAX: Duration = Duration::from_secs(5);
/// Bytes that every connection of HTTP/2 begins with.
const PREFACE_BYTES: usize = 24;
/// How long nothing is accepted after that has failed.
const PAUSE: Duration = Duration::from_millis(100);
/// After how long without a word the system asks whether the other side is there.
const KEEPALIVE: Duration = Duration::from_secs(30);

/// The connections that come to `listener`, `connections_max` at a time; what comes beyond that is closed at once.
pub(super) fn incoming(
    listener: TcpListener,
    connections_max: usize,
) -> impl Stream<Item = io::Result<Connection>> {
    let accepted = TcpIncoming::from(listener).with_nodelay(Some(true)).with_keepalive(Some(KEEPALIVE));
    let room = Arc::new(Semaphore::new(connections_max));
    stream::unfold((accepted, room, false), |(mut accepted, room, mut was_full)| async move {
        loop {
            match accepted.next().await? {
                Ok(stream) => match Arc::clone(&room).try_acquire_owned() {
                    Ok(counted) => {
                        let connection = Connection::new(stream, counted);
                        return Some((Ok(connection), (accepted, room, false)));
                    }
                    Err(_) => {
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

/// One connection. One that says nothing is not kept waiting for.
#[derive(Debug)]
pub(super) struct Connection {
    stream: TcpStream,
    /// How many bytes its beginning lacks still, and until when it has time.
    beginning: Option<(usize, Pin<Box<Sleep>>)>,
    _counted: OwnedSemaphorePermit,
}

impl Connection {
    fn new(stream: TcpStream, counted: OwnedSemaphorePermit) -> Self {
        let deadline = Box::pin(tokio::time::sleep(SILENT_MAX));
        Self { stream, beginning: Some((PREFACE_BYTES, deadline)), _counted: counted }
    }
}

impl Connected for Connection {
    type ConnectInfo = TcpConnectInfo;

    fn connect_info(&self) -> TcpConnectInfo {
        self.stream.connect_info()
    }
}

impl AsyncRead for Connection {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
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

        let mut beyond = TcpStream::connect(address).await.unwrap();
        let (mut byte, turned_away) = ([0], tokio::time::sleep(Duration::from_secs(5)));
        tokio::select! {
            read = beyond.read(&mut byte) => assert!(matches!(read, Ok(0) | Err(_)), "it is closed"),
            _ = connections.next() => panic!("it is let in"),
            () = turned_away => panic!("it is left to wait"),
        }
        drop(first);
        let _client = TcpStream::connect(address).await.unwrap();
        connections.next().await.unwrap().unwrap();
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
