//! What the machine and gRPC allow, with nothing behind: a unary call whose handler does nothing, and an echo over TCP, in a
//! process of their own.

use std::convert::Infallible;
use std::future::{Ready, ready};
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::time::{Duration, Instant};

use bytes::Bytes;
use tonic::body::Body;
use tonic::codegen::http::{self, uri::PathAndQuery};
use tonic::codegen::{BoxFuture, Context, Poll, Service};
use tonic::server::{Grpc, NamedService, UnaryService};
use tonic::transport::{Channel, Endpoint, Server};
use tonic::{Request, Response, Status};
use tonic_prost::ProstCodec;

use super::load::{self, Load, Loaded, failed};
use super::node::runtime;
use super::program::Program;
use crate::error::{Error, Result};
use crate::measure::Latencies;
use crate::workloads::{RawFile, RawKind};

const PATH: &str = "/bench.Bare/Ask";
/// What a put and its answer take on the wire, roughly.
const ASKED_BYTES: usize = 300;
const ANSWERED_BYTES: usize = 32;

/// A put as others send it.
#[derive(Clone, PartialEq, prost::Message)]
struct Pair {
    #[prost(bytes = "bytes", tag = "1")]
    key: Bytes,
    #[prost(bytes = "bytes", tag = "2")]
    value: Bytes,
}

/// The process: it says where the service is and where the echo, and ends when nobody is there any more.
pub(crate) fn perform() -> Result<()> {
    let echo = TcpListener::bind("127.0.0.1:0").map_err(failed("listen"))?;
    let echo_address = echo.local_addr().map_err(failed("listen"))?;
    std::thread::spawn(move || echo.incoming().flatten().for_each(answer));
    runtime()?.block_on(async {
        let listener =
            tonic::transport::server::TcpIncoming::bind("127.0.0.1:0".parse().expect("an address"));
        let listener = listener.map_err(|error| failed("listen")(error))?.with_nodelay(Some(true));
        println!("{} {echo_address}", listener.local_addr().map_err(failed("listen"))?);
        let (end, ended) = tokio::sync::oneshot::channel();
        std::thread::spawn(move || {
            // It is closed when whoever started this is gone.
            std::io::stdin().read_to_end(&mut Vec::new()).unwrap_or_default();
            end.send(()).unwrap_or_default();
        });
        let serving = Server::builder().add_service(Bare).serve_with_incoming_shutdown(listener, async {
            ended.await.unwrap_or_default();
        });
        serving.await.map_err(failed("serve"))
    })
}

fn answer(mut stream: TcpStream) {
    let (mut asked, answered) = ([0; ASKED_BYTES], [7; ANSWERED_BYTES]);
    stream.set_nodelay(true).unwrap_or_default();
    while stream.read_exact(&mut asked).is_ok() && stream.write_all(&answered).is_ok() {}
}

#[derive(Clone)]
struct Bare;

impl NamedService for Bare {
    const NAME: &'static str = "bench.Bare";
}

impl Service<http::Request<Body>> for Bare {
    type Response = http::Response<Body>;
    type Error = Infallible;
    type Future = BoxFuture<Self::Response, Infallible>;

    fn poll_ready(&mut self, _context: &mut Context<'_>) -> Poll<std::result::Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: http::Request<Body>) -> Self::Future {
        Box::pin(async { Ok(Grpc::new(ProstCodec::default()).unary(Nothing, request).await) })
    }
}

struct Nothing;

impl UnaryService<Pair> for Nothing {
    type Response = Pair;
    type Future = Ready<std::result::Result<Response<Pair>, Status>>;

    fn call(&mut self, _request: Request<Pair>) -> Self::Future {
        ready(Ok(Response::new(Pair::default())))
    }
}

/// The handle of that process.
pub(super) struct BareService {
    program: Program,
    channel: Channel,
    echo: String,
}

impl BareService {
    pub(super) async fn start() -> Result<Self> {
        let mut program = Program::again(&["cluster-bare"])?;
        let line = program.hear()?;
        let (service, echo) = line.split_once(' ').ok_or_else(|| failed("start")("it says no addresses"))?;
        let channel = channel(service).await?;
        Ok(Self { echo: echo.to_owned(), program, channel })
    }

    /// Unary calls without anything behind them.
    pub(super) async fn unary(&self, load: Load) -> Result<Loaded> {
        let (channel, value) = (self.channel.clone(), load::value());
        load::drive(load, move |key| {
            let (channel, value) = (channel.clone(), value.clone());
            async move {
                let pair = Pair { key: Bytes::copy_from_slice(&key), value };
                let _nothing: Pair = unary(channel, PATH, pair).await?;
                Ok(())
            }
        })
        .await
    }

    /// The times of round trips over the loopback interface, one after the other, as long as a put and its answer.
    pub(super) fn round_trips(&self, limit: Duration) -> Result<Latencies> {
        let mut stream = TcpStream::connect(&self.echo).map_err(failed("connect"))?;
        stream.set_nodelay(true).map_err(failed("connect"))?;
        let (asked, mut answered) = ([1; ASKED_BYTES], [0; ANSWERED_BYTES]);
        timed(limit, || {
            stream.write_all(&asked).and_then(|()| stream.read_exact(&mut answered)).map_err(failed("echo"))
        })
    }

    pub(super) fn processor_time(&self) -> Result<Duration> {
        self.program.processor_time()
    }
}

/// A file whose blocks are there already.
pub(super) fn sync_file(directory: &Path) -> Result<RawFile> {
    RawFile::create(directory, RawKind::Allocated, 64 << 20)
}

/// The times of appends of one record to it, each with its sync.
pub(super) fn syncs(file: &mut RawFile, limit: Duration) -> Result<Latencies> {
    let record = [0x5a; ASKED_BYTES];
    timed(limit, || file.append(&record))
}

fn timed(limit: Duration, mut work: impl FnMut() -> Result<()>) -> Result<Latencies> {
    let (begun, mut times) = (Instant::now(), Latencies::with_capacity(65_536));
    while begun.elapsed() < limit {
        let before = Instant::now();
        work()?;
        times.push(before.elapsed());
    }
    Ok(times)
}

/// A connection to `address`.
pub(super) async fn channel(address: &str) -> Result<Channel> {
    let endpoint = Endpoint::from_shared(format!("http://{address}")).map_err(failed("connect"))?;
    endpoint.tcp_nodelay(true).connect().await.map_err(failed("connect"))
}

/// One unary call.
pub(super) async fn unary<Q, A>(channel: Channel, path: &'static str, question: Q) -> Result<A>
where
    Q: prost::Message + Send + Sync + 'static,
    A: prost::Message + Default + Send + Sync + 'static,
{
    let mut grpc = tonic::client::Grpc::new(channel);
    grpc.ready().await.map_err(failed("call"))?;
    let codec = ProstCodec::<Q, A>::default();
    let answer = grpc.unary(Request::new(question), PathAndQuery::from_static(path), codec).await;
    answer.map(Response::into_inner).map_err(|status| Error::Engine {
        engine: "gRPC",
        doing: path,
        reason: status.to_string(),
    })
}
