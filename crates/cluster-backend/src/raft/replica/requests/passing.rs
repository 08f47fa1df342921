//! What goes from the table of requests, and from the store, with the request that is applied next.
//!
//! Invariant: a row that goes for want of room leaves a floor above its number, in the same commit; one that its client has settled
//! needs none, because the row that is taken up says so.

use std::collections::BTreeMap;

use pentad_engine::Batch;

use super::{ClientId, Requests};
use crate::raft::replica::keys::{FloorRecord, RequestKey, floor_entry, request_entry};

#[derive(Debug, Default)]
pub(in crate::raft::replica) struct Passing {
    rows: Vec<RequestKey>,
    raised: BTreeMap<ClientId, FloorRecord>,
    /// Clients whose floors there is no room for.
    given_up: Vec<ClientId>,
    /// Whose request is applied, if its floor is below what it has settled.
    settled: Option<ClientId>,
}

impl Passing {
    pub(super) fn new(table: &Requests, (client, number): &RequestKey, settled_below: u64) -> Self {
        debug_assert!(settled_below <= *number, "a request settles those before it");
        let known = table.clients.get(client);
        let settled_rows = known.into_iter().flat_map(|known| known.rows.range(..settled_below));
        let rows: Vec<RequestKey> = settled_rows.map(|(number, _)| (*client, *number)).collect();
        let mut passing = Self { rows, ..Self::default() };
        passing.evict(table, |key| key.0 == *client && key.1 < settled_below);
        let floor = table.floor(client).filter(|_| !passing.raised.contains_key(client));
        passing.settled = floor.filter(|floor| floor.below <= settled_below).map(|_| *client);
        passing.give_up_floors(table);
        passing
    }

    /// Takes the oldest rows until the rest and one more fit. Those that go anyway do not count.
    fn evict(&mut self, table: &Requests, goes_anyway: impl Fn(&RequestKey) -> bool) {
        let bytes_of = |key: &RequestKey| table.row(key).map_or(0, |row| row.bytes);
        let mut rows_left = table.by_index.len() - self.rows.len();
        let mut bytes_left = table.bytes - self.rows.iter().map(bytes_of).sum::<u64>();
        for (index, key) in &table.by_index {
            if rows_left < table.limits.rows && bytes_left <= table.limits.bytes {
                break;
            }
            if goes_anyway(key) {
                continue;
            }
            self.rows.push(*key);
            rows_left -= 1;
            bytes_left -= bytes_of(key);
            let (client, number) = *key;
            let before = self.raised.get(&client).copied().or(table.floor(&client));
            let below = number.saturating_add(1).max(before.map_or(0, |floor| floor.below));
            self.raised.insert(client, FloorRecord { index: *index, below });
        }
    }

    /// Takes the oldest floors until the rest fit. Those that are raised are newer than all others.
    fn give_up_floors(&mut self, table: &Requests) {
        let is_new = |client: &&ClientId| table.floor(client).is_none();
        let mut count = table.floors.len() + self.raised.keys().filter(is_new).count();
        count -= usize::from(self.settled.is_some());
        for client in table.floors.values() {
            if count <= table.limits.floors {
                return;
            }
            if !self.raised.contains_key(client) && self.settled != Some(*client) {
                self.given_up.push(*client);
                count -= 1;
            }
        }
        let mut newest: Vec<(u64, ClientId)> =
            self.raised.iter().map(|(client, floor)| (floor.index, *client)).collect();
        newest.sort_unstable();
        for (_, client) in newest.into_iter().take(count.saturating_sub(table.limits.floors)) {
            self.raised.remove(&client);
            self.given_up.push(client);
        }
    }

    pub(super) fn rows(&self) -> &[RequestKey] {
        &self.rows
    }

    pub(super) fn raised(&self) -> impl Iterator<Item = (&ClientId, &FloorRecord)> {
        self.raised.iter()
    }

    pub(super) fn given_up(&self) -> &[ClientId] {
        &self.given_up
    }

    pub(super) fn is_floor_settled(&self) -> bool {
        self.settled.is_some()
    }

    /// Everybody of whom something goes.
    pub(super) fn clients(&self) -> impl Iterator<Item = &ClientId> {
        self.rows.iter().map(|(client, _)| client).chain(&self.given_up)
    }

    /// The system entries that change: their names, and what they become, which is nothing for those that go.
    pub(super) fn entries(&self) -> impl Iterator<Item = (Vec<u8>, Option<Vec<u8>>)> + '_ {
        let rows = self.rows.iter().map(|key| (request_entry(key), None));
        let raised = self.raised.iter().map(|(client, floor)| (floor_entry(client), Some(floor.encode())));
        let gone = self.given_up.iter().chain(&self.settled).map(|client| (floor_entry(client), None));
        rows.chain(raised).chain(gone)
    }

    /// Has a commit take all of it away.
    pub(in crate::raft::replica) fn add_to(&self, batch: &mut Batch) {
        for (name, value) in self.entries() {
            match value {
                Some(value) => batch.put_system(name, value),
                None => batch.delete_system(name),
            };
        }
    }
}
