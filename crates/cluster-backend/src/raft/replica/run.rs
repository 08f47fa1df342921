//! Entries that are applied together: each is a commit of its own, and all of them are one write of the store.
//!
//! Invariant: what comes of them is what comes of applying one after the other. So together are only writes whose batches do not depend on
//! what became of those before, because nothing in them can be refused: puts and deletes without a condition, each of a request that is
//! new. Whatever else comes is applied alone.

use std::io;

use openraft::EntryPayload;
use pentad_client::wire::{self, command::Kind, operation};
use pentad_engine::Batch;
use prost::Message;

use super::keys::RequestKey;
use super::machine::{Machine, Request, add_entry, fatal, request_of, written};
use super::requests::{Row, Seen};
use crate::command::batch_of;
use crate::error::{Error, ErrorKind};
use crate::raft::types::{CommandResult, Entry, LogId};

/// How many bytes of commands go together, if there is more than one.
const RUN_BYTES_MAX: usize = 4 << 20;
/// A write with more operations than this is applied alone.
const OPERATIONS_MAX: usize = 10_000;
/// More than the result of such a write takes: it holds numbers alone.
const RESULT_BYTES_MAX: u64 = 128;

/// One of them, until its outcome is known.
struct Planned {
    log_id: LogId,
    request: Option<RequestKey>,
}

impl Machine {
    /// Applies the next of these entries, at least one, and returns the results of those that it has applied.
    ///
    /// # Errors
    ///
    /// As [`Machine::apply`]. How many of them were applied shows when the store is opened again.
    pub(super) fn apply_some<'e>(
        &mut self,
        entries: impl IntoIterator<Item = &'e Entry>,
    ) -> io::Result<Vec<CommandResult>> {
        let (mut planned, mut batches, mut bytes) = (Vec::new(), Vec::new(), 0);
        for entry in entries {
            let next = planned.last().map_or(self.applied, |before: &Planned| Some(before.log_id));
            let follows = entry.log_id.index == next.map_or(0, |next| next.index + 1);
            let batch = match &entry.payload {
                EntryPayload::Normal(command) if follows && bytes <= RUN_BYTES_MAX => {
                    bytes += command.0.encoded_len();
                    self.plan(entry, &command.0)
                }
                _ => None,
            };
            match batch {
                Some((batch, request)) => {
                    planned.push(Planned { log_id: entry.log_id, request });
                    batches.push(batch);
                }
                None if planned.is_empty() => return Ok(vec![self.apply(entry)?]),
                None => break,
            }
        }
        let outcomes = self.store.commit_all(batches).map_err(|error| fatal(error.into()))?;
        let mut results = Vec::with_capacity(planned.len());
        for (Planned { log_id, request }, outcome) in planned.into_iter().zip(outcomes) {
            let outcome = outcome.map_err(|error| fatal(error.into()))?;
            if !outcome.applied {
                let text = "a write without a condition was not carried out";
                return Err(fatal(Error::new(ErrorKind::Damaged, text)));
            }
            let result = written(&outcome);
            if let Some(request) = request {
                let bytes = u64::try_from(result.encoded_len()).unwrap_or(u64::MAX);
                debug_assert!(bytes <= RESULT_BYTES_MAX, "{bytes} bytes");
                self.requests.set_bytes(&request, bytes);
            }
            self.applied = Some(log_id);
            results.push(CommandResult(result));
        }
        Ok(results)
    }

    /// The commit of an entry, if that does not depend on what becomes of the entries before it.
    fn plan(&mut self, entry: &Entry, command: &wire::Command) -> Option<(Batch, Option<RequestKey>)> {
        let Some(Kind::Write(write)) = &command.kind else { return None };
        let request = request_of(command).ok()?;
        let is_new = |(key, _): &(RequestKey, u64)| {
            // What goes for want of bytes would depend on how long the results before are.
            self.requests.look(key) == Seen::New && self.requests.has_bytes_for(RESULT_BYTES_MAX)
        };
        if !is_plain(write) || !request.as_ref().is_none_or(is_new) {
            return None;
        }
        // It stays within the keys of the store itself, so there is no namespace to find.
        let mut batch = batch_of(write, &|_| Ok(None)).ok()?;
        let request = request.map(|(key, settled_below)| Request {
            key,
            settled_below,
            passing: self.requests.make_room(&key, settled_below),
        });
        add_entry(&mut batch, entry, command, request.as_ref());
        if let Some(Request { key, settled_below, passing }) = &request {
            let row =
                Row { index: entry.log_id.index, settled_below: *settled_below, bytes: RESULT_BYTES_MAX };
            self.requests.apply(passing, *key, row);
        }
        Some((batch, request.map(|request| request.key)))
    }
}

/// Whether nothing in a write can be refused, and its result holds numbers alone.
fn is_plain(write: &wire::Write) -> bool {
    let is_plain = |operation: &wire::Operation| {
        matches!(operation.kind, Some(operation::Kind::Put(_) | operation::Kind::Delete(_)))
    };
    write.conditions.is_empty()
        && !write.previous
        && write.keys_max.is_none()
        // Far from what a commit may hold, whatever goes from the table of requests with it.
        && write.operations.len() <= OPERATIONS_MAX
        && write.encoded_len() <= RUN_BYTES_MAX
        && write.operations.iter().all(is_plain)
        && write.check_limits().is_ok()
}
