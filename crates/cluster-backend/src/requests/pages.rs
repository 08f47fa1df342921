//! Ranges, page by page.
//!
//! Invariants: a page is of one view; it ends before its rows grow beyond 1 MiB, but has a row if there is one; the
//! pages of one listing together hold every key once that was there all the while, in order. With `one_view` they are all of the
//! view of the first, its time included: what had expired then is left out, though the commit was before.

use std::ops::Bound;

use bytes::Bytes;
use pentad_client::wire::{Estimate, RangeRequest, RangeResponse, Row};
use pentad_client::{Failure, PAGE_BYTES_MAX};
use pentad_engine::{Snapshot, Store, Timestamp};
use prost::Message;

use super::token::Token;
use super::view::{bytes_of, check_answer, view};
use super::{engine_bounds, failure_of};

type EngineBounds = (Bound<Bytes>, Bound<Bytes>);

pub(super) fn range(store: &Store, request: &RangeRequest) -> Result<RangeResponse, Failure> {
    let bounds = engine_bounds(request.bounds.as_ref())?;
    let token = Token::of(request)?;
    let goes_on_at = token.as_ref().and_then(|token| token.sequence);
    let view = view(store, goes_on_at.or(request.at_sequence))?;
    let applied_sequence = view.sequence().0;
    if request.count_only {
        let count = view.count(bounds).map_err(|error| failure_of(&error))?;
        return Ok(RangeResponse { count, applied_sequence, ..RangeResponse::default() });
    }
    if request.estimate_only {
        let estimate = view.estimate(bounds).map_err(|error| failure_of(&error))?;
        let estimate = Some(Estimate { keys: estimate.keys, bytes: estimate.bytes });
        return Ok(RangeResponse { estimate, applied_sequence, ..RangeResponse::default() });
    }
    let expired_at = goes_on_at.and(token.as_ref()).map(|token| Timestamp(token.time_ns));
    let rest = match &token {
        Some(token) => behind(bounds, token, request.descending),
        None => bounds,
    };
    let mut page = Page { view: &view, request, expired_at, rows: Vec::new(), bytes: 0 };
    let is_more = if request.keys_only {
        page.fill(
            ends(view.range(rest).keys(), request.descending).map(|key| key.map(|key| (key, Bytes::new()))),
        )?
    } else {
        let rows = ends(view.range(rest), request.descending);
        page.fill(rows.map(|row| row.map(|(key, value)| (key, Bytes::from(value)))))?
    };
    let token = match page.rows.last() {
        Some(row) if is_more => {
            let time_ns = expired_at.unwrap_or_else(|| view.time()).0;
            let shared_view = request.one_view.then_some((applied_sequence, time_ns));
            Token::new(request, row.key.clone(), shared_view).encode_to_vec().into()
        }
        _ => Bytes::new(),
    };
    Ok(RangeResponse { rows: page.rows, token, applied_sequence, ..RangeResponse::default() })
}

/// What is left of the bounds behind a token.
fn behind(bounds: EngineBounds, token: &Token, descending: bool) -> EngineBounds {
    let end = Bound::Excluded(token.key.clone());
    if descending { (bounds.0, end) } else { (end, bounds.1) }
}

/// The rows in the order that was asked for.
fn ends<I: DoubleEndedIterator>(mut rows: I, descending: bool) -> impl Iterator<Item = I::Item> {
    std::iter::from_fn(move || if descending { rows.next_back() } else { rows.next() })
}

struct Page<'p> {
    view: &'p Snapshot,
    request: &'p RangeRequest,
    expired_at: Option<Timestamp>,
    rows: Vec<Row>,
    bytes: usize,
}

impl Page<'_> {
    /// Takes rows until the page is full; whether there are more.
    fn fill(
        &mut self,
        rows: impl Iterator<Item = pentad_engine::Result<(Bytes, Bytes)>>,
    ) -> Result<bool, Failure> {
        let limit = usize::try_from(self.request.limit).unwrap_or(usize::MAX);
        for row in rows {
            let (key, value) = row.map_err(|error| failure_of(&error))?;
            let deadline = self.deadline(&key)?;
            if self.expired_at.is_some_and(|time| deadline.is_some_and(|deadline| deadline <= time)) {
                continue;
            }
            let deadline_ns = deadline.filter(|_| self.request.deadlines).map(|deadline| deadline.0);
            let row = Row { key, value, deadline_ns };
            let bytes = bytes_of(&row);
            let is_full = !self.rows.is_empty() && self.bytes + bytes > PAGE_BYTES_MAX;
            if is_full || (limit > 0 && self.rows.len() == limit) {
                return Ok(true);
            }
            check_answer("a row", bytes)?;
            self.bytes += bytes;
            self.rows.push(row);
        }
        Ok(false)
    }

    /// When a row ends, if that is wanted, or decides whether it is there: a row of a page behind the first may have ended
    /// before the first was made.
    fn deadline(&self, key: &[u8]) -> Result<Option<Timestamp>, Failure> {
        if self.expired_at.is_none() && !self.request.deadlines {
            return Ok(None);
        }
        let info = self.view.entry_info(key).map_err(|error| failure_of(&error))?;
        Ok(info.and_then(|info| info.deadline))
    }
}

#[cfg(test)]
#[path = "pages_tests.rs"]
mod tests;
