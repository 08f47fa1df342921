//! Which requests were applied, so that a repeated one gets the first result and is not applied again.
//!
//! Invariants: the table is a function of the log alone (equal on all nodes that applied the same entries) and of the stored
//! entries alone (equal after a restart). It is bounded in rows and bytes. What no longer fits goes in the order of the log, and
//! leaves a *floor*: of its client no request up to the highest one that went is applied any more, because it may have been. Floors
//! are bounded as well. The results themselves are in the store; memory holds who, when and how long.

mod passing;

use std::collections::BTreeMap;

use bytes::Bytes;

use super::keys::{CLIENT_BYTES, FloorRecord, RequestKey, RequestRecord, floor_of, request_of};
pub(super) use passing::Passing;

/// How much is kept. A node that kept another amount would answer differently: the numbers are part of the format.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Limits {
    pub(super) rows: usize,
    pub(super) bytes: u64,
    /// Clients of which only a floor is known, or a floor beside rows.
    pub(super) floors: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { rows: 100_000, bytes: 64 << 20, floors: 100_000 }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Row {
    /// Of the entry that applied it.
    pub(super) index: u64,
    /// Below which number its client had settled its requests; never above its own.
    pub(super) settled_below: u64,
    /// Of the result.
    pub(super) bytes: u64,
}

/// The id of a client.
type ClientId = [u8; CLIENT_BYTES];

#[derive(Debug, Default, PartialEq, Eq)]
struct Client {
    rows: BTreeMap<u64, Row>,
    /// The highest `settled_below` of the rows, or of one that went and left a floor above it.
    settled_below: u64,
    floor: Option<FloorRecord>,
}

/// What is known of a request before it is applied.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Seen {
    /// Nothing: it is to be applied.
    New,
    /// It was applied, and the store has its result.
    Answered,
    /// Its client had said that it would not repeat it.
    Settled,
    /// It may have been applied; what was known of it had to go.
    Forgotten,
}

#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Requests {
    limits: Limits,
    clients: BTreeMap<ClientId, Client>,
    /// Of each row, by the index of its entry.
    by_index: BTreeMap<u64, RequestKey>,
    /// Whose floor it is, by the index of the entry whose row left it.
    floors: BTreeMap<u64, ClientId>,
    bytes: u64,
}

impl Requests {
    /// The table that the system entries of a store hold: those of requests, and those of floors. What is none of ours is left out.
    pub(super) fn load(
        rows: impl IntoIterator<Item = (Bytes, Bytes)>,
        floors: impl IntoIterator<Item = (Bytes, Bytes)>,
    ) -> Self {
        let mut table = Self::default();
        for (name, value) in rows {
            if let (Some(key), Some(record)) = (request_of(&name), RequestRecord::decode(&value)) {
                let RequestRecord { index, settled_below, result } = record;
                table.insert(key, Row { index, settled_below, bytes: length(&result) });
            }
        }
        for (name, value) in floors {
            if let (Some(client), Some(floor)) = (floor_of(&name), FloorRecord::decode(&value)) {
                table.set_floor(client, floor);
            }
        }
        table
    }

    /// The same with other limits, so that tests reach them.
    #[cfg(test)]
    pub(super) fn limited(self, limits: Limits) -> Self {
        Self { limits, ..self }
    }

    pub(super) fn look(&self, (client, number): &RequestKey) -> Seen {
        let Some(client) = self.clients.get(client) else { return Seen::New };
        if client.rows.contains_key(number) {
            Seen::Answered
        } else if client.floor.is_some_and(|floor| *number < floor.below) {
            Seen::Forgotten
        } else if *number < client.settled_below {
            Seen::Settled
        } else {
            Seen::New
        }
    }

    /// What goes when `key` is applied: what its client has settled, and the oldest of what is too much. It stays in the table
    /// until [`Requests::apply`].
    pub(super) fn make_room(&self, key: &RequestKey, settled_below: u64) -> Passing {
        Passing::new(self, key, settled_below.min(key.1))
    }

    /// Lets go of what was in the way of a request, and takes up the request.
    pub(super) fn apply(&mut self, passing: &Passing, key: RequestKey, row: Row) {
        for key in passing.rows() {
            self.remove(key);
        }
        for (client, floor) in passing.raised() {
            self.set_floor(*client, *floor);
        }
        for client in passing.given_up() {
            self.drop_floor(client);
            // As it would be after a restart: nothing is remembered that no row says.
            if let Some(known) = self.clients.get_mut(client) {
                known.settled_below = known.rows.values().map(|row| row.settled_below).max().unwrap_or(0);
            }
        }
        if passing.is_floor_settled() {
            // The row that is taken up says more than the floor did.
            self.drop_floor(&key.0);
        }
        self.insert(key, row);
        for client in passing.clients() {
            if self.clients.get(client).is_some_and(|known| known.rows.is_empty() && known.floor.is_none()) {
                self.clients.remove(client);
            }
        }
    }

    /// Whether a row with so many bytes fits, without anything having to go for want of bytes.
    pub(super) fn has_bytes_for(&self, bytes: u64) -> bool {
        self.bytes + bytes <= self.limits.bytes
    }

    /// Says how long a result is that was taken up before that was known. Its row may have gone since.
    pub(super) fn set_bytes(&mut self, (client, number): &RequestKey, bytes: u64) {
        let row = self.clients.get_mut(client).and_then(|client| client.rows.get_mut(number));
        if let Some(row) = row {
            self.bytes = self.bytes - row.bytes + bytes;
            row.bytes = bytes;
        }
    }

    fn row(&self, (client, number): &RequestKey) -> Option<Row> {
        self.clients.get(client)?.rows.get(number).copied()
    }

    fn floor(&self, client: &ClientId) -> Option<FloorRecord> {
        self.clients.get(client)?.floor
    }

    fn remove(&mut self, (client, number): &RequestKey) {
        let Some(client) = self.clients.get_mut(client) else { return };
        let Some(row) = client.rows.remove(number) else { return };
        self.by_index.remove(&row.index);
        self.bytes -= row.bytes;
    }

    fn insert(&mut self, key: RequestKey, row: Row) {
        let row = Row { settled_below: row.settled_below.min(key.1), ..row };
        let client = self.clients.entry(key.0).or_default();
        client.settled_below = client.settled_below.max(row.settled_below);
        if client.rows.insert(key.1, row).is_none() {
            self.by_index.insert(row.index, key);
            self.bytes += row.bytes;
        }
    }

    fn set_floor(&mut self, id: ClientId, floor: FloorRecord) {
        let client = self.clients.entry(id).or_default();
        if let Some(lower) = client.floor.replace(floor) {
            self.floors.remove(&lower.index);
        }
        self.floors.insert(floor.index, id);
    }

    fn drop_floor(&mut self, id: &ClientId) {
        if let Some(floor) = self.clients.get_mut(id).and_then(|client| client.floor.take()) {
            self.floors.remove(&floor.index);
        }
    }
}

/// Bytes of a result, as they are counted.
pub(super) fn length(result: &[u8]) -> u64 {
    u64::try_from(result.len()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests;
