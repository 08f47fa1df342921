//! The service of keys: each method is one call, put to whatever answers.
//!
//! Invariant: a method says nothing that its call does not; a refusal is a gRPC status with the failure in its details.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use futures_util::Stream;
use pentad_client::wire::keys_server::{Keys, KeysServer};
use pentad_client::wire::{
    BatchRequest, BatchResponse, Call, Calls, CompareAndSwapRequest, Condition, Delete, DeleteRequest,
    DescribeRequest, DescribeResponse, ExtentRequest, ExtentResponse, GetMultiRequest, GetMultiResponse,
    GetRequest, GetResponse, Increment, IncrementRequest, NewestFirstRequest, Nothing, Operation, Put,
    PutRequest, RangeRequest, RangeResponse, Reply, RequestId, WatchRequest, WatchWithinRequest, Write,
    WriteRequest, WriteResult, call, condition, operation, reply,
};
use pentad_client::{Failure, FailureKind, MESSAGE_BYTES_MAX};
use prost::Message;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tonic::{Request, Response, Status, Streaming};

use super::Answers;
use super::exchange::Exchange;
use super::room::Room;

/// Watches of one node that stand at once; each keeps a part of the log from being given up.
const WATCHES_MAX: usize = 1_024;
/// Listings by age of one node that are under way at once; each reads the whole log first, and holds 24 bytes for every entry.
const LISTINGS_MAX: usize = 4;

/// The service over `answers`, with every limit of messages set.
pub(crate) fn keys_server<A: Answers>(answers: A) -> KeysServer<impl Keys> {
    let watches = Arc::new(Semaphore::new(WATCHES_MAX));
    let listings = Arc::new(Semaphore::new(LISTINGS_MAX));
    KeysServer::new(KeysService { answers, watches, listings, room: Room::new() })
        .max_decoding_message_size(MESSAGE_BYTES_MAX)
        .max_encoding_message_size(MESSAGE_BYTES_MAX)
}

struct KeysService<A> {
    answers: A,
    watches: Arc<Semaphore>,
    listings: Arc<Semaphore>,
    room: Room,
}

impl<A: Answers> KeysService<A> {
    /// The answer to one call, which may take as long as its client waits.
    async fn answer<T: Message>(
        &self,
        request: Request<T>,
        kind: impl FnOnce(T) -> call::Kind,
    ) -> Result<reply::Kind, Status> {
        let timeout_ms = timeout_ms(&request);
        let _held = self.room.take(request.get_ref().encoded_len()).await;
        let call = Call { number: 0, timeout_ms, kind: Some(kind(request.into_inner())) };
        match self.answers.call(call).await.kind {
            Some(reply::Kind::Failure(failure)) => Err(failure.into()),
            Some(reply) => Ok(reply),
            None => Err(unfit()),
        }
    }

    async fn watch_in(
        &self,
        namespace: String,
        request: WatchRequest,
    ) -> Result<Response<Told<A::Watching>>, Status> {
        let permit = place(&self.watches, "watches", WATCHES_MAX)?;
        let told = self.answers.watch(namespace, request).await?;
        Ok(Response::new(Told { told: Box::pin(told), _permit: permit }))
    }

    async fn write<T: Message>(
        &self,
        request: Request<T>,
        parts: impl FnOnce(T) -> WriteRequest,
    ) -> Result<Response<WriteResult>, Status> {
        match self.answer(request, |request| call::Kind::Write(parts(request))).await? {
            reply::Kind::Write(result) => Ok(Response::new(result)),
            _ => Err(unfit()),
        }
    }
}

#[tonic::async_trait]
impl<A: Answers> Keys for KeysService<A> {
    type WatchStream = Told<A::Watching>;
    type WatchWithinStream = Told<A::Watching>;
    type NewestFirstStream = Told<A::NewestFirst>;
    type ExchangeStream = Exchange<A>;

    async fn get(&self, request: Request<GetRequest>) -> Result<Response<GetResponse>, Status> {
        match self.answer(request, call::Kind::Get).await? {
            reply::Kind::Get(response) => Ok(Response::new(response)),
            _ => Err(unfit()),
        }
    }

    async fn get_multi(
        &self,
        request: Request<GetMultiRequest>,
    ) -> Result<Response<GetMultiResponse>, Status> {
        match self.answer(request, call::Kind::GetMulti).await? {
            reply::Kind::GetMulti(response) => Ok(Response::new(response)),
            _ => Err(unfit()),
        }
    }

    async fn put(&self, request: Request<PutRequest>) -> Result<Response<WriteResult>, Status> {
        self.write(request, |PutRequest { key, value, expiry, request }| {
            operation(operation::Kind::Put(Put { key, value, expiry }), None, request)
        })
        .await
    }

    async fn delete(&self, request: Request<DeleteRequest>) -> Result<Response<WriteResult>, Status> {
        self.write(request, |DeleteRequest { key, request }| {
            operation(operation::Kind::Delete(Delete { key }), None, request)
        })
        .await
    }

    async fn compare_and_swap(
        &self,
        request: Request<CompareAndSwapRequest>,
    ) -> Result<Response<WriteResult>, Status> {
        self.write(request, |CompareAndSwapRequest { key, expected, value, request }| {
            let expect = expected.map_or(condition::Expect::Absent(Nothing {}), condition::Expect::Value);
            let condition = Condition { key: key.clone(), expect: Some(expect) };
            operation(operation::Kind::Put(Put { key, value, expiry: None }), Some(condition), request)
        })
        .await
    }

    async fn increment(&self, request: Request<IncrementRequest>) -> Result<Response<WriteResult>, Status> {
        self.write(request, |IncrementRequest { key, delta, request }| {
            operation(operation::Kind::Increment(Increment { key, delta }), None, request)
        })
        .await
    }

    async fn transact(&self, request: Request<WriteRequest>) -> Result<Response<WriteResult>, Status> {
        self.write(request, |write| write).await
    }

    async fn range(&self, request: Request<RangeRequest>) -> Result<Response<RangeResponse>, Status> {
        match self.answer(request, call::Kind::Range).await? {
            reply::Kind::Range(response) => Ok(Response::new(response)),
            _ => Err(unfit()),
        }
    }

    async fn describe(
        &self,
        request: Request<DescribeRequest>,
    ) -> Result<Response<DescribeResponse>, Status> {
        match self.answer(request, call::Kind::Describe).await? {
            reply::Kind::Describe(response) => Ok(Response::new(response)),
            _ => Err(unfit()),
        }
    }

    async fn watch(&self, request: Request<WatchRequest>) -> Result<Response<Self::WatchStream>, Status> {
        self.watch_in(String::new(), request.into_inner()).await
    }

    async fn watch_within(
        &self,
        request: Request<WatchWithinRequest>,
    ) -> Result<Response<Self::WatchWithinStream>, Status> {
        let WatchWithinRequest { namespace, watch } = request.into_inner();
        self.watch_in(namespace, watch.unwrap_or_default()).await
    }

    async fn newest_first(
        &self,
        request: Request<NewestFirstRequest>,
    ) -> Result<Response<Self::NewestFirstStream>, Status> {
        let permit = place(&self.listings, "listings by age", LISTINGS_MAX)?;
        let told = self.answers.newest_first(request.into_inner()).await?;
        Ok(Response::new(Told { told: Box::pin(told), _permit: permit }))
    }

    async fn ask(&self, request: Request<Call>) -> Result<Response<Reply>, Status> {
        let _held = self.room.take(request.get_ref().encoded_len()).await;
        let waits_ms = timeout_ms(&request);
        let mut call = request.into_inner();
        if call.timeout_ms == 0 {
            call.timeout_ms = waits_ms;
        }
        let reply = self.answers.call(call).await;
        match reply.kind {
            Some(reply::Kind::Failure(failure)) => Err(failure.into()),
            _ => Ok(Response::new(reply)),
        }
    }

    async fn batch(&self, request: Request<BatchRequest>) -> Result<Response<BatchResponse>, Status> {
        match self.answer(request, call::Kind::Batch).await? {
            reply::Kind::Batch(response) => Ok(Response::new(response)),
            _ => Err(unfit()),
        }
    }

    async fn extent(&self, request: Request<ExtentRequest>) -> Result<Response<ExtentResponse>, Status> {
        match self.answer(request, call::Kind::Extent).await? {
            reply::Kind::Extent(response) => Ok(Response::new(response)),
            _ => Err(unfit()),
        }
    }

    async fn exchange(
        &self,
        request: Request<Streaming<Calls>>,
    ) -> Result<Response<Self::ExchangeStream>, Status> {
        Ok(Response::new(Exchange::new(self.answers.clone(), request.into_inner(), self.room.of_stream())))
    }
}

/// A place among the streams of this kind that the node has at once.
fn place(places: &Arc<Semaphore>, what: &str, limit: usize) -> Result<OwnedSemaphorePermit, Status> {
    Arc::clone(places).try_acquire_owned().map_err(|_| {
        let text = format!("this node has {limit} {what}, and takes no more");
        Failure::new(FailureKind::Overloaded, text).into()
    })
}

/// What a stream tells, and its place among those that the node has.
pub(crate) struct Told<S> {
    told: Pin<Box<S>>,
    _permit: OwnedSemaphorePermit,
}

impl<T, S: Stream<Item = Result<T, Failure>>> Stream for Told<S> {
    type Item = Result<T, Status>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.told
            .as_mut()
            .poll_next(context)
            .map(|message| message.map(|message| message.map_err(Status::from)))
    }
}

fn operation(
    kind: operation::Kind,
    condition: Option<Condition>,
    request: Option<RequestId>,
) -> WriteRequest {
    let operations = vec![Operation { kind: Some(kind) }];
    let conditions = condition.into_iter().collect();
    WriteRequest { write: Some(Write { conditions, operations, ..Write::default() }), request }
}

fn unfit() -> Status {
    Failure::malformed(
        "the node answered with another kind of reply than it was asked for; this is a defect of the node",
    )
    .into()
}

/// The time that a client waits, from the header that gRPC has for it; 0 when it does not say.
fn timeout_ms<T>(request: &Request<T>) -> u32 {
    let header = request.metadata().get("grpc-timeout").and_then(|value| value.to_str().ok());
    let time = header.and_then(|header| {
        let (number, unit) = header.split_at_checked(header.len().checked_sub(1)?)?;
        let number: u64 = number.parse().ok()?;
        Some(match unit {
            "H" => Duration::from_secs(number.saturating_mul(3_600)),
            "M" => Duration::from_secs(number.saturating_mul(60)),
            "S" => Duration::from_secs(number),
            "m" => Duration::from_millis(number),
            "u" => Duration::from_micros(number),
            "n" => Duration::from_nanos(number),
            _ => return None,
        })
    });
    time.map_or(0, |time| u32::try_from(time.as_millis().max(1)).unwrap_or(u32::MAX))
}

#[cfg(test)]
mod unit_tests {
    use super::*;

    #[test]
    fn f24_the_time_that_a_client_waits_is_read_from_its_header_or_not_at_all() {
        let read = |header: &str| {
            let mut request = Request::new(());
            request.metadata_mut().insert("grpc-timeout", header.parse().unwrap());
            timeout_ms(&request)
        };
        assert_eq!([read("2S"), read("150m"), read("1u"), read("1H")], [2_000, 150, 1, 3_600_000]);
        assert_eq!(read("99999999H"), u32::MAX);
        for header in ["", "S", "x", "12", "-1S", "1.5S", "18446744073709551616n"] {
            assert_eq!(read(header), 0, "{header}");
        }
        assert_eq!(timeout_ms(&Request::new(())), 0);
    }
}
