//! Which requests were applied, so that a repeated one gets the first result and is not applied again.
//!
//! Invariants: the table is a function of the log alone (equal on all nodes that applied the same entries) and of the stored
//! entries alone (equal after a restart). It is bounded in rows and bytes; what no longer fits goes in the order of the log.
//! The results themselves are in the store; memory holds who, when and how long.

use std::collections::BTreeMap;

use bytes::Bytes;

use super::keys::{CLIENT_BYTES, RequestKey, RequestRecord, request_of};

/// How much is kept. A node that kept another amount would answer differently: the numbers are part of the format.
#[derive(Clone, Copy, Debug)]
pub(super) struct Limits {
    pub(super) rows: usize,
    pub(super) bytes: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self { rows: 100_000, bytes: 64 << 20 }
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

#[derive(Debug, Default)]
struct Client {
    rows: BTreeMap<u64, Row>,
    /// The highest `settled_below` of the rows.
    settled_below: u64,
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
}

#[derive(Debug, Default)]
pub(super) struct Requests {
    limits: Limits,
    clients: BTreeMap<[u8; CLIENT_BYTES], Client>,
    /// Of each row, by the index of its entry.
    by_index: BTreeMap<u64, RequestKey>,
    bytes: u64,
}

impl Requests {
    /// The table that the system entries of a store hold. Those that are none of ours are left out.
    pub(super) fn load(entries: impl IntoIterator<Item = (Bytes, Bytes)>) -> Self {
        let mut table = Self::default();
        for (name, value) in entries {
            if let (Some(key), Some(record)) = (request_of(&name), RequestRecord::decode(&value)) {
                let RequestRecord { index, settled_below, result } = record;
                table.insert(key, Row { index, settled_below, bytes: length(&result) });
            }
        }
        table
    }

    pub(super) fn look(&self, (client, number): &RequestKey) -> Seen {
        match self.clients.get(client) {
            Some(client) if client.rows.contains_key(number) => Seen::Answered,
            Some(client) if *number < client.settled_below => Seen::Settled,
            _ => Seen::New,
        }
    }

    /// The rows that have to go when `key` is applied: those that its client has settled, and the oldest of those that are too
    /// many. They stay in the table until [`Requests::remove`].
    pub(super) fn to_remove(&self, (client, number): &RequestKey, settled_below: u64) -> Vec<RequestKey> {
        let settled_below = settled_below.min(*number);
        let known = self.clients.get(client);
        let mut removed: Vec<RequestKey> = known
            .into_iter()
            .flat_map(|known| known.rows.range(..settled_below).map(|(number, _)| (*client, *number)))
            .collect();
        let (mut rows_left, mut bytes_left) = (self.by_index.len() - removed.len(), self.bytes);
        for key in &removed {
            bytes_left -= self.row(key).map_or(0, |row| row.bytes);
        }
        for key in self.by_index.values() {
            if rows_left < self.limits.rows && bytes_left <= self.limits.bytes {
                break;
            }
            if key.0 == *client && key.1 < settled_below {
                continue;
            }
            removed.push(*key);
            rows_left -= 1;
            bytes_left -= self.row(key).map_or(0, |row| row.bytes);
        }
        removed
    }

    fn row(&self, (client, number): &RequestKey) -> Option<Row> {
        self.clients.get(client)?.rows.get(number).copied()
    }

    pub(super) fn remove(&mut self, keys: &[RequestKey]) {
        for (id, number) in keys {
            let Some(client) = self.clients.get_mut(id) else { continue };
            let Some(row) = client.rows.remove(number) else { continue };
            self.by_index.remove(&row.index);
            self.bytes -= row.bytes;
            if client.rows.is_empty() {
                self.clients.remove(id);
            } else if row.settled_below == client.settled_below {
                // As it would be after a restart: nothing is remembered that no row says.
                client.settled_below = client.rows.values().map(|row| row.settled_below).max().unwrap_or(0);
            }
        }
    }

    /// Takes up a request that was applied.
    pub(super) fn insert(&mut self, key: RequestKey, row: Row) {
        let row = Row { settled_below: row.settled_below.min(key.1), ..row };
        let client = self.clients.entry(key.0).or_default();
        client.settled_below = client.settled_below.max(row.settled_below);
        if client.rows.insert(key.1, row).is_none() {
            self.by_index.insert(row.index, key);
            self.bytes += row.bytes;
        }
    }

    #[cfg(test)]
    fn len(&self) -> usize {
        self.by_index.len()
    }
}

/// Bytes of a result, as they are counted.
pub(super) fn length(result: &[u8]) -> u64 {
    u64::try_from(result.len()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(rows: usize, bytes: u64) -> Requests {
        Requests { limits: Limits { rows, bytes }, ..Requests::default() }
    }

    fn apply(table: &mut Requests, key: RequestKey, index: u64, settled_below: u64, bytes: usize) {
        let removed = table.to_remove(&key, settled_below);
        table.remove(&removed);
        let bytes = bytes.try_into().unwrap();
        table.insert(key, Row { index, settled_below, bytes });
    }

    const A: [u8; 16] = [1; 16];
    const B: [u8; 16] = [2; 16];

    #[test]
    fn f19_an_applied_request_is_known_until_it_is_settled() {
        let mut table = table(100, 1 << 20);
        apply(&mut table, (A, 1), 10, 1, 5);
        apply(&mut table, (A, 2), 11, 1, 5);
        assert_eq!(table.look(&(A, 1)), Seen::Answered);
        assert_eq!(table.look(&(A, 3)), Seen::New);
        assert_eq!(table.look(&(B, 1)), Seen::New);
        apply(&mut table, (A, 3), 12, 3, 5);
        assert_eq!(table.look(&(A, 1)), Seen::Settled);
        assert_eq!(table.look(&(A, 3)), Seen::Answered);
        assert_eq!(table.len(), 1);
    }

    #[test]
    fn a_request_that_settles_itself_is_still_taken_up() {
        let mut table = table(100, 1 << 20);
        apply(&mut table, (A, 1), 10, 9, 5);
        assert_eq!(table.look(&(A, 1)), Seen::Answered);
    }

    #[test]
    fn f19_requests_under_way_together_are_applied_in_any_order() {
        let mut table = table(100, 1 << 20);
        apply(&mut table, (A, 3), 10, 2, 5);
        assert_eq!(table.look(&(A, 2)), Seen::New);
        assert_eq!(table.look(&(A, 1)), Seen::Settled);
    }

    #[test]
    fn what_does_not_fit_goes_in_the_order_of_the_log() {
        let mut by_rows = table(3, 1 << 20);
        for number in 1..=5 {
            apply(&mut by_rows, (A, number), number * 10, 0, 5);
        }
        assert_eq!(by_rows.len(), 3);
        assert_eq!(by_rows.look(&(A, 2)), Seen::New);
        assert_eq!(by_rows.look(&(A, 3)), Seen::Answered);

        let mut by_bytes = table(100, 20);
        for number in 1..=9 {
            apply(&mut by_bytes, (B, number), number, 0, 10);
        }
        assert_eq!(by_bytes.len(), 3);
        assert_eq!(by_bytes.bytes, 30);
    }
}
