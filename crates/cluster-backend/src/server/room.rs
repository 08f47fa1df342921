//! Room for what clients have sent and what is not answered yet, counted in bytes, for each stream and for the whole node.
//!
//! Invariant: what a node holds of calls is bounded by the node's room and, for each stream, one message that is being received. Who
//! finds no room waits, in the order of coming; the sender is held up by flow control meanwhile.

use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Bytes of calls that a node holds.
const NODE_BYTES_MAX: u32 = 256 << 20;

/// Bytes of calls of one stream among them: as many as the longest message has.
const STREAM_BYTES_MAX: u32 = 64 << 20;

/// The room of a node. Clones share it.
#[derive(Clone, Debug)]
pub(super) struct Room {
    node: Arc<Semaphore>,
}

/// The room of a stream, within that of the node.
#[derive(Clone, Debug)]
pub(super) struct StreamRoom {
    stream: Arc<Semaphore>,
    room: Room,
}

/// Room that is taken, until this goes.
#[derive(Debug)]
pub(super) struct Held {
    _stream: Option<OwnedSemaphorePermit>,
    _node: OwnedSemaphorePermit,
}

impl Room {
    pub(super) fn new() -> Self {
        Self { node: semaphore(NODE_BYTES_MAX) }
    }

    /// The room of a new stream.
    pub(super) fn of_stream(&self) -> StreamRoom {
        StreamRoom { stream: semaphore(STREAM_BYTES_MAX), room: self.clone() }
    }

    /// Takes room for a call that comes alone.
    pub(super) async fn take(&self, bytes: usize) -> Held {
        Held { _stream: None, _node: permits(&self.node, bytes, NODE_BYTES_MAX).await }
    }
}

impl StreamRoom {
    /// Takes room for a message, if there is some at once.
    pub(super) fn try_take(&self, bytes: usize) -> Option<Held> {
        let stream =
            Arc::clone(&self.stream).try_acquire_many_owned(bounded(bytes, STREAM_BYTES_MAX)).ok()?;
        let node = Arc::clone(&self.room.node).try_acquire_many_owned(bounded(bytes, NODE_BYTES_MAX)).ok()?;
        Some(Held { _stream: Some(stream), _node: node })
    }

    /// The same, when there is.
    pub(super) async fn take(self, bytes: usize) -> Held {
        let stream = permits(&self.stream, bytes, STREAM_BYTES_MAX).await;
        let held = self.room.take(bytes).await;
        Held { _stream: Some(stream), ..held }
    }
}

fn semaphore(bytes: u32) -> Arc<Semaphore> {
    Arc::new(Semaphore::new(usize::try_from(bytes).unwrap_or(Semaphore::MAX_PERMITS)))
}

fn bounded(bytes: usize, max: u32) -> u32 {
    u32::try_from(bytes).unwrap_or(u32::MAX).clamp(1, max)
}

async fn permits(semaphore: &Arc<Semaphore>, bytes: usize, max: u32) -> OwnedSemaphorePermit {
    let acquired = Arc::clone(semaphore).acquire_many_owned(bounded(bytes, max)).await;
    acquired.expect("room is never closed")
}

#[cfg(test)]
mod tests {
    use super::*;

    const STREAM: usize = STREAM_BYTES_MAX as usize;

    #[tokio::test]
    async fn f24_a_stream_and_a_node_hold_so_much_and_no_more() {
        let room = Room::new();
        let streams: Vec<StreamRoom> = (0..5).map(|_| room.of_stream()).collect();
        let held = streams[0].try_take(STREAM).expect("a message of the greatest length fits");
        assert!(streams[0].try_take(1).is_none(), "the stream is full");
        let others: Vec<_> = streams[1..4].iter().map(|stream| stream.try_take(STREAM).unwrap()).collect();
        assert!(streams[4].try_take(1).is_none(), "the node is full");
        let waiting = tokio::spawn(streams[4].clone().take(1));
        let alone = tokio::spawn({
            let room = room.clone();
            async move { room.take(STREAM).await }
        });
        tokio::task::yield_now().await;
        assert!(!waiting.is_finished());
        drop((held, others));
        waiting.await.unwrap();
        alone.await.unwrap();
    }
}
