//! An exchange by itself, without a network: what it holds, and for how long.

use std::task::Waker;

use futures_util::stream::Empty;
use pentad_client::wire::{GetRequest, NewestFirstRequest, NewestFirstResponse, WatchRequest, WatchResponse};

use super::super::room::Room;
use super::*;

/// Never answers.
#[derive(Clone)]
struct Stuck;

impl Answers for Stuck {
    type Watching = Empty<Result<WatchResponse, Failure>>;
    type NewestFirst = Empty<Result<NewestFirstResponse, Failure>>;

    fn call(&self, _: Call) -> impl Future<Output = Reply> + Send + 'static {
        std::future::pending()
    }

    async fn watch(&self, _: String, _: WatchRequest) -> Result<Self::Watching, Failure> {
        Err(Failure::invalid("this is a test"))
    }

    async fn newest_first(&self, _: NewestFirstRequest) -> Result<Self::NewestFirst, Failure> {
        Err(Failure::invalid("this is a test"))
    }

    fn check_stream(&self, _: &[u8], _: u64) -> Result<(), Failure> {
        Ok(())
    }
}

fn work(room: StreamRoom) -> Work<Stuck> {
    Work {
        answers: Stuck,
        incoming: Incoming::Ended,
        room,
        entering: None,
        waiting: Vec::new(),
        held: None,
        running: FuturesUnordered::new(),
        kept: None,
        is_first: true,
        end: None,
        asked: Instant::now(),
    }
}

fn message(bytes: usize) -> Calls {
    let get = GetRequest { key: vec![0; bytes].into(), ..GetRequest::default() };
    Calls {
        calls: vec![Call { number: 1, timeout_ms: 0, kind: Some(call::Kind::Get(get)) }],
        ..Calls::default()
    }
}

const MESSAGE: usize = 40 << 20;

#[tokio::test]
async fn f24_a_message_waits_until_there_is_room_for_it() {
    let room = Room::new().of_stream();
    let held = room.try_take(MESSAGE).unwrap();
    let mut work = work(room);
    let mut context = Context::from_waker(Waker::noop());
    work.take(message(MESSAGE));
    assert!(work.poll_next(&mut context).is_pending() && work.running.is_empty(), "there is no room");
    drop(held);
    assert!(work.poll_next(&mut context).is_pending() && work.running.len() == 1);
    assert!(work.room.try_take(MESSAGE).is_none(), "the call holds what it takes");
}

/// Somebody who sent calls and never read an answer held their room for ever, and everybody else found none.
#[tokio::test]
async fn f24_calls_whose_answers_nobody_reads_give_their_room_back() {
    let mut work = work(Room::new().of_stream());
    let mut context = Context::from_waker(Waker::noop());
    work.take(message(MESSAGE));
    assert!(work.poll_next(&mut context).is_pending());
    work.give_up(UNREAD_MAX);
    assert!(work.room.try_take(MESSAGE).is_none(), "their time is not over");
    std::thread::sleep(Duration::from_millis(2));
    work.give_up(Duration::ZERO);
    assert!(work.room.try_take(MESSAGE).is_some());
    let Poll::Ready(Some(Err(status))) = work.poll_next(&mut context) else { panic!("it goes on") };
    assert_eq!(Failure::from(status).kind(), FailureKind::Overloaded);
    assert!(matches!(work.poll_next(&mut context), Poll::Ready(None)));
}

#[test]
fn f24_an_answer_that_no_message_holds_is_a_failure_of_its_call() {
    let long = |bytes| {
        let value = Some(vec![0; bytes].into());
        reply(7, reply::Kind::Get(pentad_client::wire::GetResponse { value, applied_sequence: 1 }))
    };
    assert!(matches!(fitting(long(1_000), false).kind, Some(reply::Kind::Get(_))));
    for is_write in [false, true] {
        let answer = fitting(long(MESSAGE_BYTES_MAX), is_write);
        let Some(reply::Kind::Failure(failure)) = answer.kind else { panic!("it does not fit") };
        assert_eq!((answer.number, failure.outcome_unknown), (7, is_write));
        assert!(failure.message.contains("67108848"), "{failure}");
    }
}
