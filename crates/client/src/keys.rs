//! `Keys`: what callers offer beyond the interfaces, with types instead of messages.
//!
//! Invariant: one method is one call, and so one consistent view, but for [`Keys::rows`], which says what it is.

use bytes::Bytes;
use futures_util::Stream;
use futures_util::stream;

use crate::batch::{Batch, bytes};
use crate::caller::Caller;
use crate::wire::{
    BatchRequest, Bounds, Consistency, DescribeRequest, DescribeResponse, Estimate, ExtentRequest,
    ExtentResponse, Failure, FailureKind, GetMultiRequest, GetRequest, NamespacesRequest, NamespacesResponse,
    PruneBatches, PruneBatchesRequest, RangeRequest, RangeResponse, Row, WriteRequest, WriteResult, call,
    reply,
};
use crate::within::Within;

/// Reads and writes of keys over a [`Caller`].
///
/// Reads are linearizable and of the latest commit, unless [`Keys::reading`] or [`Keys::at`] say otherwise; writes are
/// durable on a majority when they answer.
///
/// ```no_run
/// use pentad_client::{Batch, Client, Expect};
///
/// # async fn example(client: Client) -> Result<(), pentad_client::Failure> {
/// let keys = client.keys();
/// let mut sale = Batch::new();
/// sale.require("stock:tea", Expect::Value("3".into())).put("stock:tea", "2").put("order:1", "tea");
/// assert!(keys.commit(sale).await?.applied);
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Keys<C> {
    caller: C,
    consistency: Consistency,
    at: Option<u64>,
}

/// Which page is wanted; [`PageRequest::new`] is the first page of some bounds, ascending, as long as the node makes it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct PageRequest {
    /// Which keys.
    pub bounds: Bounds,
    /// Rows at most; 0 leaves it to the node, which ends a page before it grows beyond 1 MiB anyway.
    pub limit: u32,
    /// From the last key to the first.
    pub descending: bool,
    /// Rows without values.
    pub keys_only: bool,
    /// Where the page before ended; `None` for the first page.
    pub token: Option<Bytes>,
    /// Rows with their deadlines.
    pub deadlines: bool,
    /// Whether the pages behind it are to be of the same view, for as long as that is retained.
    pub one_view: bool,
}

impl PageRequest {
    /// The first page of what is in `bounds`.
    pub fn new(bounds: Bounds) -> Self {
        Self { bounds, ..Self::default() }
    }
}

/// A page of rows.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Page {
    /// In the order asked for.
    pub rows: Vec<Row>,
    /// Where the next page begins; `None` when there is nothing more.
    pub next: Option<Bytes>,
    /// The commit that the page is of.
    pub sequence: u64,
}

impl<C: Caller> Keys<C> {
    /// Keys over `caller`.
    pub fn new(caller: C) -> Self {
        Self { caller, consistency: Consistency::Linearizable, at: None }
    }

    /// The same, with reads that see what `consistency` says.
    #[must_use]
    pub fn reading(mut self, consistency: Consistency) -> Self {
        self.consistency = consistency;
        self
    }

    /// The same, with reads of the store as it was right after the commit `sequence`, while that is retained. What had not
    /// expired at that commit's time is there.
    #[must_use]
    pub fn at(mut self, sequence: u64) -> Self {
        self.at = Some(sequence);
        self
    }

    /// The same in a namespace, which must be there; for an empty name in the store's own keyspace. The batch log, and how much of it there is, stay those of the whole store.
    ///
    /// ```no_run
    /// # async fn example(client: pentad_client::Client) -> Result<(), pentad_client::Failure> {
    /// client.keys().make_namespace("orders").await?;
    /// let orders = client.keys().in_namespace("orders");
    /// let mut batch = pentad_client::Batch::new();
    /// batch.put("17", "tea");
    /// orders.commit(batch).await?;
    /// assert!(client.keys().get("17").await?.is_none() && orders.get("17").await?.is_some());
    /// # Ok(())
    /// # }
    /// ```
    pub fn in_namespace(self, name: &str) -> Keys<Within<'_, C>> {
        let Self { caller, consistency, at } = self;
        Keys { caller: Within::new(caller, name), consistency, at }
    }

    /// Makes a namespace, if it is not there.
    ///
    /// # Errors
    ///
    /// As [`Keys::commit`]; `INVALID_INPUT` for an empty name, or one of more than 255 bytes.
    pub async fn make_namespace(&self, name: &str) -> Result<(), Failure> {
        let mut batch = Batch::new();
        batch.make_namespace(name);
        self.commit(batch).await.map(drop)
    }

    /// Drops a namespace with all that is in it, in one commit whose cost does not depend on how much that is; whether it was there.
    ///
    /// # Errors
    ///
    /// As [`Keys::commit`].
    pub async fn drop_namespace(&self, name: &str) -> Result<bool, Failure> {
        let mut batch = Batch::new();
        batch.drop_namespace(name);
        Ok(self.commit(batch).await?.deleted > 0)
    }

    /// Which namespaces there are.
    ///
    /// # Errors
    ///
    /// As [`Keys::get`]; `UNSUPPORTED` when the node is too old to know.
    pub async fn namespaces(&self) -> Result<NamespacesResponse, Failure> {
        let request = NamespacesRequest { consistency: self.consistency.into() };
        match self.caller.call(call::Kind::Namespaces(request)).await? {
            reply::Kind::Namespaces(answer) => Ok(answer),
            other => Err(unfit(&other)),
        }
    }

    /// The value of `key`.
    ///
    /// # Errors
    ///
    /// What the caller answers, as all methods here.
    pub async fn get(&self, key: impl AsRef<[u8]>) -> Result<Option<Bytes>, Failure> {
        let consistency = self.consistency.into();
        let get = GetRequest { key: bytes(key), consistency, at_sequence: self.at };
        match self.caller.call(call::Kind::Get(get)).await? {
            reply::Kind::Get(answer) => Ok(answer.value),
            other => Err(unfit(&other)),
        }
    }

    /// The values of `keys`, in their order, all of one view.
    ///
    /// # Errors
    ///
    /// As [`Keys::get`].
    pub async fn get_many(&self, keys: Vec<Bytes>) -> Result<Vec<Option<Bytes>>, Failure> {
        let asked = keys.len();
        let consistency = self.consistency.into();
        let get = GetMultiRequest { keys, consistency, at_sequence: self.at };
        match self.caller.call(call::Kind::GetMulti(get)).await? {
            reply::Kind::GetMulti(answer) if answer.values.len() == asked => {
                Ok(answer.values.into_iter().map(|value| value.value).collect())
            }
            reply::Kind::GetMulti(answer) => {
                let text = format!("{} values were answered for {asked} keys", answer.values.len());
                Err(Failure::malformed(text))
            }
            other => Err(unfit(&other)),
        }
    }

    /// Commits a batch; `applied` of the result says whether its conditions held.
    ///
    /// # Errors
    ///
    /// As [`Keys::get`]; nothing was changed then, unless `outcome_unknown`.
    pub async fn commit(&self, batch: Batch) -> Result<WriteResult, Failure> {
        let write = WriteRequest { write: Some(batch.into()), request: None };
        match self.caller.call(call::Kind::Write(write)).await? {
            reply::Kind::Write(result) => Ok(result),
            other => Err(unfit_write(&other)),
        }
    }

    /// One page of rows.
    ///
    /// # Errors
    ///
    /// As [`Keys::get`]; `PRUNED` when a view that is to be read again is no longer retained.
    pub async fn page(&self, request: PageRequest) -> Result<Page, Failure> {
        let PageRequest { bounds, limit, descending, keys_only, deadlines, token, one_view } = request;
        let range = RangeRequest {
            bounds: Some(bounds),
            limit,
            descending,
            keys_only,
            deadlines,
            token: token.unwrap_or_default(),
            one_view,
            ..self.range_request()
        };
        let answer = self.range(range).await?;
        let next = (!answer.token.is_empty()).then_some(answer.token);
        Ok(Page { rows: answer.rows, next, sequence: answer.applied_sequence })
    }

    /// The rows of `request`, fetched page by page as they are taken, each page of a view of its own unless
    /// [`PageRequest::one_view`] is set. The stream ends after an error.
    pub fn rows(&self, request: PageRequest) -> impl Stream<Item = Result<Row, Failure>> + Send + '_ {
        let pages = stream::try_unfold(Some(request), async move |request| {
            let Some(request) = request else { return Ok::<_, Failure>(None) };
            let page = self.page(request.clone()).await?;
            let next = page.next.map(|token| PageRequest { token: Some(token), ..request });
            Ok(Some((stream::iter(page.rows.into_iter().map(Ok)), next)))
        });
        futures_util::TryStreamExt::try_flatten(pages)
    }

    /// How many keys are in `bounds`.
    ///
    /// # Errors
    ///
    /// As [`Keys::get`].
    pub async fn count(&self, bounds: Bounds) -> Result<u64, Failure> {
        let range = RangeRequest { bounds: Some(bounds), count_only: true, ..self.range_request() };
        Ok(self.range(range).await?.count)
    }

    /// About how much lies in `bounds`: keys, and bytes on the disk of the node that answers. It costs a few searches, whatever lies
    /// there.
    ///
    /// # Errors
    ///
    /// As [`Keys::get`]; `UNSUPPORTED` when the node is too old to know.
    pub async fn estimate(&self, bounds: Bounds) -> Result<Estimate, Failure> {
        // One that is too old lists a row.
        let asked = RangeRequest { estimate_only: true, keys_only: true, limit: 1, ..self.range_request() };
        let answer = self.range(RangeRequest { bounds: Some(bounds), ..asked }).await?;
        answer.estimate.ok_or_else(|| {
            Failure::new(FailureKind::Unsupported, "the node is too old to say about how much there is")
        })
    }

    /// What `key` is: length, version, deadline; `None` when it is not there.
    ///
    /// # Errors
    ///
    /// As [`Keys::get`].
    pub async fn describe(&self, key: impl AsRef<[u8]>) -> Result<Option<DescribeResponse>, Failure> {
        let consistency = self.consistency.into();
        let describe = DescribeRequest { key: bytes(key), consistency, at_sequence: self.at };
        match self.caller.call(call::Kind::Describe(describe)).await? {
            reply::Kind::Describe(answer) => Ok(answer.found.then_some(answer)),
            other => Err(unfit(&other)),
        }
    }

    /// How many keys there are, and which commits are retained.
    ///
    /// # Errors
    ///
    /// As [`Keys::get`].
    pub async fn extent(&self) -> Result<ExtentResponse, Failure> {
        let extent = ExtentRequest { consistency: self.consistency.into() };
        match self.caller.call(call::Kind::Extent(extent)).await? {
            reply::Kind::Extent(answer) => Ok(answer),
            other => Err(unfit(&other)),
        }
    }

    /// The pairs that the commit `sequence` put, in the caller's order; `None` when it is not retained.
    ///
    /// # Errors
    ///
    /// As [`Keys::get`].
    pub async fn batch(&self, sequence: u64) -> Result<Option<Vec<(Bytes, Bytes)>>, Failure> {
        let batch = BatchRequest { sequence, consistency: self.consistency.into() };
        match self.caller.call(call::Kind::Batch(batch)).await? {
            reply::Kind::Batch(answer) => {
                let pairs = answer.pairs.into_iter().map(|row| (row.key, row.value)).collect();
                Ok(answer.found.then_some(pairs))
            }
            other => Err(unfit(&other)),
        }
    }

    /// Drops the commits before `before` from the batch log, on all nodes; how many those were.
    ///
    /// # Errors
    ///
    /// As [`Keys::commit`].
    pub async fn prune(&self, before: u64) -> Result<u64, Failure> {
        let prune = PruneBatchesRequest { prune: Some(PruneBatches { before }), request: None };
        match self.caller.call(call::Kind::PruneBatches(prune)).await? {
            reply::Kind::PruneBatches(answer) => Ok(answer.dropped),
            other => Err(unfit_write(&other)),
        }
    }

    fn range_request(&self) -> RangeRequest {
        RangeRequest { consistency: self.consistency.into(), at_sequence: self.at, ..RangeRequest::default() }
    }

    async fn range(&self, range: RangeRequest) -> Result<RangeResponse, Failure> {
        match self.caller.call(call::Kind::Range(range)).await? {
            reply::Kind::Range(answer) => Ok(answer),
            other => Err(unfit(&other)),
        }
    }
}

/// The failure of a reply that is of another kind than its call.
fn unfit(reply: &reply::Kind) -> Failure {
    match reply {
        reply::Kind::Failure(failure) => failure.clone(),
        _ => Failure::malformed("the reply is of another kind than the call"),
    }
}

/// The same of a write, which was answered, and so may have been applied.
fn unfit_write(reply: &reply::Kind) -> Failure {
    let is_refused = matches!(reply, reply::Kind::Failure(_));
    let failure = unfit(reply);
    Failure { outcome_unknown: failure.outcome_unknown || !is_refused, ..failure }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn f19_a_write_that_is_answered_with_something_else_is_of_unknown_outcome() {
        assert!(unfit_write(&reply::Kind::Get(Default::default())).outcome_unknown);
        let refused = reply::Kind::Failure(Failure::invalid("too long"));
        assert!(!unfit_write(&refused).outcome_unknown);
    }
}
