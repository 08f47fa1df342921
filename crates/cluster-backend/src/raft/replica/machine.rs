//! One entry of the Raft log after the other becomes a commit of the store.
//!
//! Invariants:
//! - What an entry changes, and that it was applied, is one commit. After a crash the log is replayed from what the store says.
//!   Only the namespaces that it makes are there before; a replay finds them, and makes no others.
//! - The result of an entry, and the store after it, depend on the entries up to it and on nothing else: not on a clock,
//!   not on the disk. What the disk refuses is therefore an error that ends the node and never a result.

use std::io;

use openraft::EntryPayload;
use pentad_client::wire::{self, command::Kind, command_result};
use pentad_engine::{Batch, Durability, Outcome, Sequence, Store, Timestamp};
use prost::Message;

use super::keys::{self, CLIENT_BYTES, RequestKey, RequestRecord};
use super::previous;
use super::requests::{Passing, Requests, Row, Seen};
use super::spaces;
use crate::command::{batch_of, write_result};
use crate::error::{Error, ErrorKind, Result};
use crate::raft::convert::Wire;
use crate::raft::types::{CommandResult, Entry, LogId, SnapshotMeta, StoredMembership};

/// The state machine, but for its thread.
pub(super) struct Machine {
    pub(super) store: Store,
    pub(super) applied: Option<LogId>,
    membership: StoredMembership,
    highest_id: u64,
    batch_floor: u64,
    pub(super) requests: Requests,
}

impl Machine {
    /// The state machine that `store` holds.
    pub(super) fn load(store: Store) -> Result<Self> {
        let number = |key| -> Result<u64> {
            match store.get_system(key)? {
                None => Ok(0),
                Some(bytes) => keys::number_of(&bytes)
                    .ok_or_else(|| damaged(&store, "a number of the state machine is not one")),
            }
        };
        let SnapshotMeta { last_log_id: applied, last_membership: membership } = meta_of(&store)?;
        let (highest_id, batch_floor) = (number(keys::HIGHEST_ID)?, number(keys::BATCH_FLOOR)?);
        let requests =
            Requests::load(store.system_entries(keys::REQUESTS)?, store.system_entries(keys::FLOORS)?);
        let machine = Self { store, applied, membership, highest_id, batch_floor, requests };
        // It is given up after the commit that says so, which may have been the last thing that happened.
        machine.prune()?;
        Ok(machine)
    }

    pub(super) fn store(&self) -> &Store {
        &self.store
    }

    pub(super) fn applied(&self) -> Option<LogId> {
        self.applied
    }

    pub(super) fn membership(&self) -> &StoredMembership {
        &self.membership
    }

    /// The highest id that a member ever had.
    pub(super) fn highest_id(&self) -> u64 {
        self.highest_id
    }

    /// Applies the next entry.
    ///
    /// # Errors
    ///
    /// What keeps the store from being written, and an entry that does not follow the last one. It was not applied, and no
    /// later one may be.
    pub(super) fn apply(&mut self, entry: &Entry) -> io::Result<CommandResult> {
        let next = self.applied.map_or(0, |applied| applied.index + 1);
        if entry.log_id.index != next {
            let text = format!("entry {} came, and entry {next} is to be applied next", entry.log_id.index);
            return Err(io::Error::new(io::ErrorKind::InvalidData, text));
        }
        let result = match &entry.payload {
            EntryPayload::Blank => {
                self.commit_system(entry, Batch::new())?;
                CommandResult::default()
            }
            EntryPayload::Membership(membership) => {
                let stored = StoredMembership::new(Some(entry.log_id), membership.clone());
                let highest =
                    stored.nodes().map(|(id, _)| u64::from(id.0)).max().unwrap_or(0).max(self.highest_id);
                let meta = SnapshotMeta { last_log_id: None, last_membership: stored };
                let mut batch = Batch::new();
                batch.put_system(keys::MEMBERSHIP, meta.to_wire().encode_to_vec());
                batch.put_system(keys::HIGHEST_ID, highest.to_be_bytes());
                self.commit_system(entry, batch)?;
                self.membership = meta.last_membership;
                self.highest_id = highest;
                CommandResult::default()
            }
            EntryPayload::Normal(command) => {
                CommandResult(wire::CommandResult { result: Some(self.command(entry, &command.0)?) })
            }
        };
        self.applied = Some(entry.log_id);
        Ok(result)
    }

    fn command(&mut self, entry: &Entry, command: &wire::Command) -> io::Result<command_result::Result> {
        let request = match request_of(command) {
            Ok(request) => request,
            Err(error) => return self.refuse(entry, command, None, error),
        };
        let passing = match &request {
            None => Passing::default(),
            Some((key, settled_below)) => match self.requests.look(key) {
                Seen::New => self.requests.make_room(key, *settled_below),
                Seen::Answered => {
                    let first = self.first_result(key)?;
                    self.commit_system(entry, at(command))?;
                    return Ok(first);
                }
                Seen::Settled => {
                    let text =
                        "the request was answered before, and its client said that it would not repeat it";
                    return self.forgotten(entry, command, text);
                }
                Seen::Forgotten => {
                    let text = "so many requests came since that it cannot be told whether this one was applied before";
                    return self.forgotten(entry, command, text);
                }
            },
        };
        let request = request.map(|(key, settled_below)| Request { key, settled_below, passing });
        match command.kind.as_ref() {
            Some(Kind::Write(write)) => self.write(entry, command, request, write),
            Some(Kind::Clock(_)) => {
                let result = command_result::Result::Clock(wire::Nothing {});
                self.answer(entry, at(command), request, result)
            }
            Some(Kind::PruneBatches(prune)) => {
                let floor = self.batch_floor.max(1);
                let end = self.store.sequence().0.saturating_add(1);
                let before = prune.before.clamp(floor, end.max(floor));
                let result = command_result::Result::PruneBatches(wire::PruneBatchesResult {
                    dropped: before - floor,
                });
                let mut batch = at(command);
                batch.put_system(keys::BATCH_FLOOR, before.to_be_bytes());
                let result = self.answer(entry, batch, request, result)?;
                self.batch_floor = before;
                self.prune().map_err(fatal)?;
                Ok(result)
            }
            None => {
                let text = "the entry holds a command of no known kind: the leader is newer than this node";
                // Whoever knows it changes the store by it: to go on without would be another state.
                Err(io::Error::new(io::ErrorKind::Unsupported, text))
            }
        }
    }

    fn write(
        &mut self,
        entry: &Entry,
        command: &wire::Command,
        request: Option<Request>,
        write: &wire::Write,
    ) -> io::Result<command_result::Result> {
        let made = spaces::make(&self.store, write);
        let batch = made.and_then(|()| batch_of(write, &|name| spaces::find(&self.store, name)));
        let mut batch = match batch {
            Ok(batch) => batch,
            Err(error) if spaces::is_of_the_command(&error) => {
                return self.refuse(entry, command, request, error);
            }
            Err(error) => return Err(fatal(error)),
        };
        if let Some(error) = previous::refusal(&self.store, write).map_err(|error| fatal(error.into()))? {
            return self.refuse(entry, command, request, error);
        }
        add_entry(&mut batch, entry, command, request.as_ref());
        match self.store.commit(batch) {
            Ok(outcome) if outcome.applied => {
                let result = written(&outcome);
                if let Some(request) = request {
                    self.settle(request, entry.log_id.index, result.encoded_len());
                }
                Ok(result.result.expect("made just now"))
            }
            // The conditions did not hold: the batch was not written, and what it knew of the entry neither.
            Ok(outcome) => {
                let result = command_result::Result::Write(write_result(&outcome));
                self.answer(entry, at(command), request, result)
            }
            Err(error) if is_of_the_command(&error) => self.refuse(entry, command, request, error.into()),
            Err(error) => Err(fatal(error.into())),
        }
    }

    /// Answers a command that changes nothing by a failure.
    fn refuse(
        &mut self,
        entry: &Entry,
        command: &wire::Command,
        request: Option<Request>,
        error: Error,
    ) -> io::Result<command_result::Result> {
        self.answer(entry, at(command), request, command_result::Result::Failure(error.into()))
    }

    /// Answers a repeated request of which too little is known.
    fn forgotten(
        &mut self,
        entry: &Entry,
        command: &wire::Command,
        text: &str,
    ) -> io::Result<command_result::Result> {
        self.commit_system(entry, at(command))?;
        let error = Error::new(ErrorKind::RequestForgotten, text);
        Ok(command_result::Result::Failure(error.into()))
    }

    /// Commits a batch of system entries alone, with a result that is known beforehand.
    fn answer(
        &mut self,
        entry: &Entry,
        mut batch: Batch,
        request: Option<Request>,
        result: command_result::Result,
    ) -> io::Result<command_result::Result> {
        let message = wire::CommandResult { result: Some(result) };
        if let Some(request) = &request {
            let record = RequestRecord::encode(entry.log_id.index, request.settled_below, &message);
            batch.put_system(keys::request_entry(&request.key), record);
            request.passing.add_to(&mut batch);
        }
        self.commit_system(entry, batch)?;
        if let Some(request) = request {
            self.settle(request, entry.log_id.index, message.encoded_len());
        }
        Ok(message.result.expect("made just now"))
    }

    fn commit_system(&mut self, entry: &Entry, mut batch: Batch) -> io::Result<()> {
        batch.durability(Durability::Os);
        batch.put_system(keys::APPLIED, keys::applied_bytes(&entry.log_id));
        self.store.commit(batch).map(drop).map_err(|error| fatal(error.into()))
    }

    fn settle(&mut self, request: Request, index: u64, result_bytes: usize) {
        let bytes = u64::try_from(result_bytes).unwrap_or(u64::MAX);
        let row = Row { index, settled_below: request.settled_below, bytes };
        self.requests.apply(&request.passing, request.key, row);
    }

    /// What a request got when it was applied.
    fn first_result(&self, key: &RequestKey) -> io::Result<command_result::Result> {
        let lost = || {
            let text =
                format!("{}: the result of a request is not what was written", self.store.path().display());
            io::Error::new(io::ErrorKind::InvalidData, text)
        };
        let value = self.store.get_system(keys::request_entry(key)).map_err(|error| fatal(error.into()))?;
        let record = RequestRecord::decode(&value.ok_or_else(lost)?.into()).ok_or_else(lost)?;
        let message = wire::CommandResult::decode(record.result).map_err(|_| lost())?;
        message.result.ok_or_else(lost)
    }

    /// Gives up the batches before the floor.
    fn prune(&self) -> Result<()> {
        if self.store.oldest_batch().is_some_and(|oldest| oldest.0 < self.batch_floor) {
            self.store.prune(Sequence(self.batch_floor))?;
        }
        Ok(())
    }
}

/// Adds to the batch of a write what else its commit holds: the time, that it was applied, and what its request got.
pub(super) fn add_entry(
    batch: &mut Batch,
    entry: &Entry,
    command: &wire::Command,
    request: Option<&Request>,
) {
    batch.at(Timestamp(command.time_ns)).durability(Durability::Os);
    batch.put_system(keys::APPLIED, keys::applied_bytes(&entry.log_id));
    if let Some(request) = request {
        let (index, settled_below) = (entry.log_id.index, request.settled_below);
        batch.put_system_with(keys::request_entry(&request.key), move |outcome| {
            RequestRecord::encode(index, settled_below, &written(outcome))
        });
        request.passing.add_to(batch);
    }
}

/// Which entry a store is of, and which members there were then. In a moment between two commits it is exactly what they say.
pub(super) fn meta_of(store: &Store) -> Result<SnapshotMeta> {
    let last_log_id = match store.get_system(keys::APPLIED)? {
        None => None,
        Some(bytes) => {
            let id = wire::LogId::decode(&*bytes)
                .map_err(|_| damaged(store, "what was applied last cannot be told"))?;
            Some(LogId::from_wire(id).map_err(|error| damaged(store, error.0))?)
        }
    };
    let last_membership = match store.get_system(keys::MEMBERSHIP)? {
        None => StoredMembership::default(),
        Some(bytes) => {
            let meta = wire::SnapshotMeta::decode(&*bytes)
                .map_err(|_| damaged(store, "the membership cannot be read"))?;
            SnapshotMeta::from_wire(meta).map_err(|error| damaged(store, error.0))?.last_membership
        }
    };
    Ok(SnapshotMeta { last_log_id, last_membership })
}

fn damaged(store: &Store, what: &str) -> Error {
    Error::new(ErrorKind::Damaged, format!("{}: {what}", store.path().display()))
}

/// A request that is applied for the first time.
pub(super) struct Request {
    pub(super) key: RequestKey,
    pub(super) settled_below: u64,
    pub(super) passing: Passing,
}

/// The request of a command and what its client settled, if it has one.
pub(super) fn request_of(command: &wire::Command) -> Result<Option<(RequestKey, u64)>> {
    let Some(request) = &command.request else {
        return Ok(None);
    };
    let client: [u8; CLIENT_BYTES] = request.client.as_ref().try_into().map_err(|_| {
        let text = format!("the id of a client has {CLIENT_BYTES} bytes, not {}", request.client.len());
        Error::new(ErrorKind::InvalidInput, text)
    })?;
    Ok(Some(((client, request.number), request.settled_below.min(request.number))))
}

/// An empty batch at the time of the command.
fn at(command: &wire::Command) -> Batch {
    let mut batch = Batch::new();
    batch.at(Timestamp(command.time_ns));
    batch
}

pub(super) fn written(outcome: &Outcome) -> wire::CommandResult {
    wire::CommandResult { result: Some(command_result::Result::Write(write_result(outcome))) }
}

/// Whether every node gets this error for the command: it lies in the command and the state, not in the disk.
fn is_of_the_command(error: &pentad_engine::Error) -> bool {
    use pentad_engine::ErrorKind as Engine;
    matches!(
        error.kind(),
        Engine::InvalidInput | Engine::KeyNotFound | Engine::LimitExceeded | Engine::WrongType
    )
}

pub(super) fn fatal(error: Error) -> io::Error {
    io::Error::other(error)
}

#[cfg(test)]
#[path = "machine_tests.rs"]
mod tests;
