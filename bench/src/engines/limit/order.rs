//! The order of the bare limit: positions sorted by key, made in one go when the loading is over.
//!
//! The first eight bytes after what all keys share are kept beside the positions, so that most comparisons do not touch the log.

use std::ops::ControlFlow;

use super::record;
use crate::engines::Direction;
use crate::mapped::prefetch;

/// Rows that are fetched ahead of the one that is read.
const AHEAD: usize = 16;

/// All entries in order of their keys.
#[derive(Debug, Default)]
pub(super) struct Order {
    /// What all keys begin with.
    shared: Vec<u8>,
    pieces: Vec<u64>,
    /// In units.
    positions: Vec<u64>,
}

/// The first eight bytes of what is left of a key, as a number that compares like them.
fn piece(key: &[u8], shared: usize) -> u64 {
    let rest = key.get(shared..).unwrap_or_default();
    let mut bytes = [0; 8];
    let length = rest.len().min(8);
    bytes[..length].copy_from_slice(&rest[..length]);
    u64::from_be_bytes(bytes)
}

fn key_at(log: &[u8], position: u64) -> &[u8] {
    record::read(log, start(position)).key
}

fn start(position: u64) -> usize {
    usize::try_from(position).expect("the log fits in memory") * record::UNIT
}

impl Order {
    /// Sorts the entries at `positions`.
    pub(super) fn of(log: &[u8], mut positions: Vec<u64>) -> Self {
        // In order of position, reading the keys is reading the log from front to back.
        positions.sort_unstable();
        let Some(first) = positions.first() else { return Self::default() };
        let mut shared = key_at(log, *first).to_vec();
        for position in &positions {
            let key = key_at(log, *position);
            let alike = shared.iter().zip(key).take_while(|(a, b)| a == b).count();
            shared.truncate(alike);
        }
        let mut rows: Vec<(u64, u64)> =
            positions.iter().map(|at| (piece(key_at(log, *at), shared.len()), *at)).collect();
        rows.sort_unstable_by(|a, b| a.0.cmp(&b.0).then_with(|| key_at(log, a.1).cmp(key_at(log, b.1))));
        let (pieces, positions) = rows.into_iter().unzip();
        Self { shared, pieces, positions }
    }

    /// How many rows have keys below `key`, or up to it when it is `included`.
    fn rank(&self, log: &[u8], key: &[u8], included: bool) -> usize {
        let start = key.len().min(self.shared.len());
        match key[..start].cmp(&self.shared[..start]) {
            std::cmp::Ordering::Less => return 0,
            std::cmp::Ordering::Greater => return self.positions.len(),
            std::cmp::Ordering::Equal => {}
        }
        let wanted = piece(key, self.shared.len());
        let low = self.pieces.partition_point(|piece| *piece < wanted);
        let alike = self.pieces[low..].partition_point(|piece| *piece == wanted);
        low + self.positions[low..low + alike].partition_point(|position| {
            let at = key_at(log, *position);
            if included { at <= key } else { at < key }
        })
    }

    /// Hands out rows from `from` on, until `row` breaks.
    pub(super) fn walk<'a>(
        &self,
        log: &'a [u8],
        from: Option<&[u8]>,
        direction: Direction,
        rows_max: usize,
        row: &mut impl FnMut(record::Record<'a>) -> ControlFlow<()>,
    ) {
        let slice = match direction {
            Direction::Forward => {
                let first = from.map_or(0, |key| self.rank(log, key, false));
                let rows = (self.positions.len() - first).min(rows_max);
                &self.positions[first..first + rows]
            }
            Direction::Backward => {
                let end = from.map_or(self.positions.len(), |key| self.rank(log, key, true));
                &self.positions[end - end.min(rows_max)..end]
            }
        };
        let count = slice.len();
        let place = |at: usize| if direction == Direction::Forward { at } else { count - 1 - at };
        for at in 0..count.min(AHEAD) {
            fetch(log, slice[place(at)]);
        }
        for at in 0..count {
            if at + AHEAD < count {
                fetch(log, slice[place(at + AHEAD)]);
            }
            if row(record::read(log, start(slice[place(at)]))).is_break() {
                return;
            }
        }
    }
}

/// Fetches the first two lines of an entry, which is all of most entries.
fn fetch(log: &[u8], position: u64) {
    prefetch(log, start(position));
    prefetch(log, start(position) + 64);
}

#[cfg(test)]
mod tests {
    use std::ops::ControlFlow;

    use super::{Direction, Order, record};

    fn keys(from: Option<&str>, direction: Direction, rows: usize) -> Vec<String> {
        let mut log = Vec::new();
        let mut positions = Vec::new();
        for number in [5, 1, 4, 2, 3] {
            positions.push((log.len() / record::UNIT) as u64);
            record::write(format!("a shared beginning {number}").as_bytes(), Some(b"v"), &mut log);
        }
        let order = Order::of(&log, positions);
        let mut found = Vec::new();
        order.walk(&log, from.map(str::as_bytes), direction, rows, &mut |row| {
            found.push(String::from_utf8_lossy(&row.key[row.key.len() - 1..]).into_owned());
            ControlFlow::Continue(())
        });
        found
    }

    #[test]
    fn rows_come_in_order_both_ways_from_the_key_on() {
        use Direction::{Backward, Forward};
        assert_eq!(keys(None, Forward, 9), ["1", "2", "3", "4", "5"]);
        assert_eq!(keys(None, Backward, 2), ["5", "4"]);
        assert_eq!(keys(Some("a shared beginning 3"), Forward, 2), ["3", "4"]);
        assert_eq!(keys(Some("a shared beginning 3"), Backward, 9), ["3", "2", "1"]);
        assert_eq!(keys(Some("a"), Forward, 1), ["1"]);
        assert_eq!(keys(Some("b"), Backward, 1), ["5"]);
        assert!(keys(Some("b"), Forward, 1).is_empty());
    }
}
