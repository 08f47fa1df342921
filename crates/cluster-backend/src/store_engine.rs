//! `StoreEngine` over a node: synchronous, callable from any thread.
//!
//! Invariants: a write is decided by the cluster, and returns when this replica has applied it, so that the same thread reads it; reads
//! are those of this replica, at its current sequence. The caller's thread waits, a worker of its runtime too, and not for longer
//! than a call lasts at most, twice: once for the cluster, once for this replica. The threads of the node never do. An error says
//! whether the write took place: what was decided is not undone by a replica that is behind.

use std::ops::Bound;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use pentad_client::wire::{self, call, operation, reply};
use pentad_engine::{Sequence, Store, Value};
use pentad_traits::StoreEngine;

use crate::error::{Error, ErrorKind};
use crate::node::Node;

/// How long this replica may take to show what the cluster has decided.
const SEEN_MAX: Duration = Duration::from_secs(10);

impl Node {
    /// Has a call decided by the cluster, and waits until its commit is here.
    fn decide(&self, kind: call::Kind) -> Result<reply::Kind, String> {
        let shared = Arc::clone(self.shared());
        let decided = self.wait_for(async move {
            let reply = shared.answer(wire::Call { number: 0, timeout_ms: 0, kind: Some(kind) }).await;
            match reply.kind {
                Some(reply::Kind::Failure(failure)) => Err(Error::from(failure)),
                Some(reply::Kind::Write(written)) => {
                    if let Some(sequence) = written.sequence {
                        let seen = async { shared.group()?.view().sequence(sequence).await };
                        see(SEEN_MAX, seen, &format!("the write took place, as commit {sequence}")).await?;
                    }
                    Ok(reply::Kind::Write(written))
                }
                Some(reply::Kind::PruneBatches(pruned)) => {
                    // It has no sequence to wait for; what a linearizable read sees here was applied here.
                    let consistency = wire::Consistency::Linearizable.into();
                    let kind = call::Kind::Extent(wire::ExtentRequest { consistency });
                    let seen = async {
                        let call = wire::Call { number: 0, timeout_ms: 0, kind: Some(kind) };
                        match shared.answer(call).await.kind {
                            Some(reply::Kind::Failure(failure)) => Err(Error::from(failure)),
                            _ => Ok(()),
                        }
                    };
                    see(SEEN_MAX, seen, &format!("the prune took place, of {} batches", pruned.dropped))
                        .await?;
                    Ok(reply::Kind::PruneBatches(pruned))
                }
                Some(kind) => Ok(kind),
                None => {
                    let error = Error::new(ErrorKind::Unsupported, "the call got no answer");
                    Err(error.with_unknown_outcome())
                }
            }
        });
        decided.map_err(String::from)
    }

    /// Commits operations, which take a sequence whatever they change, and answers the sequence.
    fn decide_numbered(&self, operations: Vec<operation::Kind>) -> Result<u64, String> {
        let operations = operations.into_iter().map(|kind| wire::Operation { kind: Some(kind) }).collect();
        let write = wire::Write { operations, always: true, ..wire::Write::default() };
        let decided =
            self.decide(call::Kind::Write(wire::WriteRequest { write: Some(write), request: None }))?;
        match decided {
            reply::Kind::Write(wire::WriteResult { sequence: Some(sequence), .. }) => Ok(sequence),
            _ => Err("a commit was acknowledged without a sequence".to_owned()),
        }
    }

    fn replica(&self) -> Result<Arc<Store>, String> {
        self.store().map_err(String::from)
    }
}

/// Waits until this replica shows what the cluster has decided. An error says first that it is decided: `done`.
async fn see(
    limit: Duration,
    seen: impl Future<Output = Result<(), Error>>,
    done: &str,
) -> Result<(), Error> {
    let late = || Error::new(ErrorKind::TimedOut, "it is behind the cluster; what it reads catches up");
    let seen = tokio::time::timeout(limit, seen).await.unwrap_or_else(|_| Err(late()));
    seen.map_err(|error| {
        Error::new(error.kind(), format!("{done}, but this replica does not show it yet: {error}"))
    })
}

fn text(error: pentad_engine::Error) -> String {
    error.to_string()
}

fn row(row: Result<(Bytes, Value), pentad_engine::Error>) -> Result<(Bytes, Bytes), String> {
    row.map(|(key, value)| (key, value.into())).map_err(text)
}

impl StoreEngine for Node {
    fn put_batch(&self, kvs: &[(Bytes, Bytes)]) -> Result<u64, String> {
        let put = |(key, value): &(Bytes, Bytes)| {
            operation::Kind::Put(wire::Put { key: key.clone(), value: value.clone(), expiry: None })
        };
        self.decide_numbered(kvs.iter().map(put).collect())
    }

    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, String> {
        Ok(self.replica()?.get(key).map_err(text)?.map(|value| value.to_vec()))
    }

    fn range_scan(
        &self,
        start: &[u8],
        end: &[u8],
        limit: usize,
        forward: bool,
    ) -> Result<Vec<(Bytes, Bytes)>, String> {
        // An empty end is no bound, so that it is not below any start.
        if limit == 0 || (!end.is_empty() && start > end) {
            return Ok(Vec::new());
        }
        let upper = if end.is_empty() { Bound::Unbounded } else { Bound::Included(end) };
        let rows = self.replica()?.range::<&[u8]>((Bound::Included(start), upper));
        if forward { rows.take(limit).map(row).collect() } else { rows.rev().take(limit).map(row).collect() }
    }

    fn delete_batch(&self, keys: &[&[u8]]) -> Result<u64, String> {
        let delete = |key: &&[u8]| operation::Kind::Delete(wire::Delete { key: Bytes::copy_from_slice(key) });
        self.decide_numbered(keys.iter().map(delete).collect())
    }

    fn current_sequence(&self) -> u64 {
        self.store().map_or(0, |store| store.sequence().0)
    }

    fn get_batch(&self, sequence_number: u64) -> Result<Option<Vec<(Bytes, Bytes)>>, String> {
        let pairs = self.replica()?.batch(Sequence(sequence_number)).map_err(text)?;
        Ok(pairs.map(|pairs| pairs.into_iter().map(|(key, value)| (key, value.into())).collect()))
    }

    fn oldest_retained_batch(&self) -> Result<Option<u64>, String> {
        Ok(self.replica()?.oldest_batch().map(|sequence| sequence.0))
    }

    fn prune_batch_log(&self, cutoff_exclusive: u64) -> Result<u64, String> {
        let prune = Some(wire::PruneBatches { before: cutoff_exclusive });
        match self.decide(call::Kind::PruneBatches(wire::PruneBatchesRequest { prune, request: None }))? {
            reply::Kind::PruneBatches(pruned) => Ok(pruned.dropped),
            _ => Err("a prune got an answer of another kind".to_owned()),
        }
    }

    fn get_many(&self, keys: &[&[u8]]) -> Result<Vec<(Vec<u8>, Option<Vec<u8>>)>, String> {
        let values = self.replica()?.get_many(keys).map_err(text)?;
        let pairs = keys.iter().zip(values);
        Ok(pairs.map(|(key, value)| (key.to_vec(), value.map(|value| value.to_vec()))).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A batch that was decided, but not shown in time, used to wait for ever; and when the replica had stopped, its error read as if
    /// nothing had been written.
    #[tokio::test]
    async fn f19_f21_what_is_decided_and_not_seen_is_told_as_that_in_time() {
        let limit = Duration::from_millis(50);
        let late = see(limit, std::future::pending(), "the write took place, as commit 7").await.unwrap_err();
        assert_eq!(late.kind(), ErrorKind::TimedOut);
        assert!(
            late.to_string().starts_with("the write took place, as commit 7, but this replica"),
            "{late}"
        );

        let stopped = async { Err(Error::new(ErrorKind::Stopped, "the node has stopped")) };
        let stopped = see(limit, stopped, "the prune took place, of 3 batches").await.unwrap_err();
        assert_eq!(stopped.kind(), ErrorKind::Stopped);
        let text = stopped.to_string();
        assert!(text.contains("took place") && text.contains("the node has stopped"), "{text}");
        assert!(!text.contains("not known"), "{text}");

        see(limit, async { Ok(()) }, "done").await.unwrap();
    }
}
