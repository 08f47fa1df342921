//! A plain store that answers calls as a node does: it remembers the results of requests, and can be told to misbehave.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use pentad_client::wire::{
    self, Call, NewestFirstRequest, Reply, RequestId, WatchRequest, Write, WriteResult, call, condition,
    expiry, operation, reply,
};
use pentad_client::{Failure, FailureKind};
use pentad_engine::{Batch, Expect, Expiry, Sequence, Store, Timestamp};

use crate::requests::{NewestFirst, Watching, answer, engine_bounds, failure_of, keyspace};
use crate::server::Answers;
use crate::server::{reply, unknown_kind};

/// By client and number.
type Results = HashMap<(Vec<u8>, u64), WriteResult>;

/// The store, and what it does to calls.
#[derive(Clone, Debug)]
pub(super) struct Local {
    pub(super) store: Store,
    results: Arc<Mutex<Results>>,
    pub(super) manners: Arc<Manners>,
}

/// How it misbehaves.
#[derive(Debug, Default)]
pub(super) struct Manners {
    /// Never answers.
    pub(super) is_silent: bool,
    /// So many writes are applied without an answer in time.
    pub(super) swallows: AtomicU32,
    /// So many calls are refused by one that does not lead.
    pub(super) refuses: AtomicU32,
    /// So many watches are refused as those that ask for what this replica does not have yet.
    pub(super) is_behind: AtomicU32,
    /// Takes streams of calls for those of another cluster.
    pub(super) is_foreign: AtomicBool,
    /// How many writes came, repeated ones too.
    pub(super) writes: AtomicU32,
}

impl Local {
    pub(super) fn new(store: Store, manners: Manners) -> Self {
        Self { store, results: Arc::default(), manners: Arc::new(manners) }
    }

    async fn write(self, write: Write, request: Option<RequestId>) -> Result<WriteResult, Failure> {
        self.manners.writes.fetch_add(1, Ordering::Relaxed);
        let name = request.map(|request| (request.client.to_vec(), request.number));
        let first = name.as_ref().and_then(|name| self.results.lock().unwrap().get(name).cloned());
        let result = match first {
            Some(first) => first,
            None => {
                let outcome = self
                    .store
                    .submit(batch_of(&self.store, &write)?)
                    .await
                    .map_err(|error| failure_of(&error))?;
                let previous = outcome.previous.into_iter().map(|value| wire::Previous { value }).collect();
                WriteResult {
                    applied: outcome.applied,
                    sequence: outcome.sequence.map(u64::from),
                    deleted: outcome.deleted,
                    counter: outcome.counter,
                    renewed: outcome.renewed,
                    previous,
                }
            }
        };
        if let Some(name) = name {
            self.results.lock().unwrap().insert(name, result.clone());
        }
        if takes_one(&self.manners.swallows) {
            tokio::time::sleep(Duration::from_secs(3_600)).await;
        }
        Ok(result)
    }

    async fn kind(self, kind: call::Kind) -> Result<reply::Kind, Failure> {
        if self.manners.is_silent {
            std::future::pending::<()>().await;
        }
        if takes_one(&self.manners.refuses) {
            return Err(Failure::new(FailureKind::NotLeader, "this node does not lead"));
        }
        match kind {
            call::Kind::Write(request) => {
                let write = request.write.unwrap_or_default();
                Ok(reply::Kind::Write(self.write(write, request.request).await?))
            }
            call::Kind::PruneBatches(request) => {
                let before = Sequence(request.prune.unwrap_or_default().before);
                let dropped = self.store.prune(before).map_err(|error| failure_of(&error))?;
                Ok(reply::Kind::PruneBatches(wire::PruneBatchesResult { dropped }))
            }
            read => Ok(answer(&self.store, &read)),
        }
    }
}

impl Answers for Local {
    type Watching = Watching;
    type NewestFirst = NewestFirst;

    fn call(&self, call: Call) -> impl Future<Output = Reply> + Send + 'static {
        let local = self.clone();
        async move {
            let Some(kind) = call.kind else { return unknown_kind(call.number) };
            reply(call.number, local.kind(kind).await.unwrap_or_else(reply::Kind::Failure))
        }
    }

    async fn watch(&self, namespace: String, request: WatchRequest) -> Result<Watching, Failure> {
        if takes_one(&self.manners.is_behind) {
            return Err(Failure::new(FailureKind::Pruned, "the commit is not there yet"));
        }
        Watching::new(&keyspace(&self.store, &namespace)?, request)
    }

    async fn newest_first(&self, request: NewestFirstRequest) -> Result<NewestFirst, Failure> {
        NewestFirst::new(&self.store, &request)
    }

    fn check_stream(&self, cluster_id: &[u8], group_id: u64) -> Result<(), Failure> {
        let is_foreign = self.manners.is_foreign.load(Ordering::Relaxed);
        if is_foreign || group_id != 0 || !(cluster_id.is_empty() || cluster_id == super::server::CLUSTER_ID)
        {
            return Err(Failure::new(FailureKind::Mismatch, "this node is of another cluster"));
        }
        Ok(())
    }
}

/// Takes one from a count that is above 0.
fn takes_one(count: &AtomicU32) -> bool {
    count.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |count| count.checked_sub(1)).is_ok()
}

fn batch_of(store: &Store, write: &Write) -> Result<Batch, Failure> {
    let missing = || Failure::invalid("a part of the write is of no known kind");
    let expiry_of = |expiry: &Option<wire::Expiry>| {
        let Some(expiry) = expiry else { return Ok(Expiry::Never) };
        Ok::<_, Failure>(match expiry.when.ok_or_else(missing)? {
            expiry::When::AfterNs(after) => Expiry::After(Duration::from_nanos(after)),
            expiry::When::AtNs(at) => Expiry::At(Timestamp(at)),
        })
    };
    let mut batch = Batch::new();
    for condition in &write.conditions {
        let expect = match condition.expect.clone().ok_or_else(missing)? {
            condition::Expect::Absent(_) => Expect::Absent,
            condition::Expect::Present(_) => Expect::Present,
            condition::Expect::Value(value) => Expect::Value(value),
            condition::Expect::UnmodifiedSince(sequence) => Expect::Unmodified(Sequence(sequence)),
            condition::Expect::Within(namespace) => {
                batch.within(&keyspace(store, &namespace.name)?);
                continue;
            }
        };
        batch.require(&condition.key, expect);
    }
    for operation in &write.operations {
        use operation::Kind;
        match operation.kind.as_ref().ok_or_else(missing)? {
            Kind::Put(put) => batch.put_expiring(&put.key, put.value.clone(), expiry_of(&put.expiry)?),
            Kind::Delete(delete) => batch.delete(&delete.key),
            Kind::DeleteRange(range) => batch.delete_range(engine_bounds(range.bounds.as_ref())?),
            Kind::Increment(increment) => batch.increment(&increment.key, increment.delta),
            Kind::SetExpiry(set) => batch.set_expiry(&set.key, expiry_of(&set.expiry)?),
            Kind::Rename(rename) => batch.rename(&rename.from, &rename.to),
            Kind::Within(namespace) => batch.within(&keyspace(store, &namespace.name)?),
            Kind::MakeNamespace(namespace) => {
                store.namespace(&namespace.name).map_err(|error| failure_of(&error))?;
                &mut batch
            }
            Kind::DropNamespace(namespace) => batch.drop_namespace(&namespace.name),
        };
    }
    if write.previous {
        batch.with_previous();
    }
    if write.always {
        batch.always();
    }
    if let Some(keys) = write.keys_max {
        batch.limit_keys(keys);
    }
    Ok(batch)
}
