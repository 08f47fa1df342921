//! Ranges: rows in key order from both ends, on one consistent view.

use std::collections::VecDeque;
use std::ops::{Bound, ControlFlow, RangeBounds};
use std::sync::Arc;

use bytes::Bytes;

use super::read::{Hit, Target};
use super::snapshot::PinnedView;
use crate::error::Result;
use crate::hash::key_hash;
use crate::index::{Direction, Version};
use crate::value::{Value, ValueReader};

/// Rows asked of the index at a time: the first page small, because most ranges are short, then growing.
const PAGE_FIRST: usize = 16;
const PAGE_MAX: usize = 512;

/// The bounds of a range, owned.
type Bounds = (Bound<Vec<u8>>, Bound<Vec<u8>>);

pub(crate) fn bounds_of<K: AsRef<[u8]>>(bounds: &impl RangeBounds<K>) -> Bounds {
    let owned = |bound: Bound<&K>| bound.map(|key| key.as_ref().to_vec());
    (owned(bounds.start_bound()), owned(bounds.end_bound()))
}

/// The keys that start with `prefix`: from it up to the least key that is greater than all of them.
pub(crate) fn prefix_bounds(prefix: &[u8]) -> Bounds {
    let mut end = prefix.to_vec();
    while let Some(last) = end.pop() {
        if let Some(next) = last.checked_add(1) {
            end.push(next);
            return (Bound::Included(prefix.to_vec()), Bound::Excluded(end));
        }
    }
    (Bound::Included(prefix.to_vec()), Bound::Unbounded)
}

/// Rows in key order: ascending with `next`, descending with `next_back` or `rev()`.
///
/// All rows are of one consistent view, taken when the range was made: later writes do not show. The cost follows the rows
/// taken, from either end. A row whose value fails its checksum is an error, and the rows behind it still come.
/// So is a row whose key cannot be read; where nobody can tell which of several rows it is, each of these is an error.
#[derive(Debug)]
pub struct Range {
    pinned: PinnedView,
    /// Of full keys.
    lower: Bound<Vec<u8>>,
    upper: Bound<Vec<u8>>,
    front: VecDeque<(Arc<[u8]>, Version)>,
    back: VecDeque<(Arc<[u8]>, Version)>,
    page: usize,
    /// The index has no rows left between what was fetched from both ends.
    exhausted: bool,
}

impl Range {
    pub(crate) fn new(pinned: PinnedView, bounds: Bounds) -> Self {
        let (front, back) = (VecDeque::new(), VecDeque::new());
        let (lower, upper) = pinned.keyspace.bounds(bounds);
        let exhausted = !pinned.core.namespaces.shows(pinned.keyspace, pinned.view);
        Self { pinned, lower, upper, front, back, page: PAGE_FIRST, exhausted }
    }

    /// The keys alone; values are not touched, so their damage does not show, unless the key is damaged too.
    pub fn keys(self) -> impl DoubleEndedIterator<Item = Result<Bytes>> {
        Rows {
            range: self,
            read: |range: &Range, (key, version): Row| {
                if version.is_readable() {
                    range.checked(range.own_key(key))
                } else {
                    range.row((key, version)).map(|(key, _)| key)
                }
            },
        }
    }

    /// Keys with readers of their values, which verify piece by piece: for values of any length.
    pub fn readers(self) -> impl DoubleEndedIterator<Item = Result<(Bytes, ValueReader)>> {
        Rows {
            range: self,
            read: |range: &Range, row: Row| {
                range.read(row, |hit| Ok(ValueReader::new(range.pinned.core.payload_of(hit)?)))
            },
        }
    }

    /// Calls `visit` with each row that is left, in ascending order and where it lies, until it breaks; returns what it broke
    /// with.
    ///
    /// The fastest way to read many rows: nothing is copied or allocated for a row. `visit` holds back the freeing of what
    /// compaction removes, so let it be short.
    ///
    /// ```
    /// # use std::ops::ControlFlow;
    /// # let dir = tempfile::tempdir()?;
    /// # let store = pentad_engine::Store::open(dir.path())?;
    /// store.put("a", "1")?;
    /// store.put("b", "22")?;
    /// let mut bytes = 0;
    /// store.range::<&str>(..).visit(|key, value| {
    ///     bytes += key.len() + value.len();
    ///     ControlFlow::<()>::Continue(())
    /// })?;
    /// assert_eq!(bytes, 5);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// At the first row whose value fails its checksum, and after the store was closed.
    pub fn visit<B>(self, visit: impl FnMut(&[u8], &[u8]) -> ControlFlow<B>) -> Result<Option<B>> {
        self.visit_from(Direction::Forward, visit)
    }

    /// The same in descending order.
    ///
    /// # Errors
    ///
    /// As [`Range::visit`].
    pub fn visit_back<B>(self, visit: impl FnMut(&[u8], &[u8]) -> ControlFlow<B>) -> Result<Option<B>> {
        self.visit_from(Direction::Backward, visit)
    }

    fn visit_from<B>(
        mut self,
        direction: Direction,
        mut visit: impl FnMut(&[u8], &[u8]) -> ControlFlow<B>,
    ) -> Result<Option<B>> {
        // What was fetched already comes first, or last if it was fetched from the other end.
        let (first, last) = match direction {
            Direction::Forward => (&mut self.front, &mut self.back),
            Direction::Backward => (&mut self.back, &mut self.front),
        };
        let (first, last) = (std::mem::take(first), std::mem::take(last));
        if let Some(end) = self.visit_fetched(first, &mut visit)? {
            return Ok(Some(end));
        }
        if !self.exhausted
            && let Some(end) = self.visit_unfetched(direction, &mut visit)?
        {
            return Ok(Some(end));
        }
        self.visit_fetched(last.into_iter().rev(), &mut visit)
    }

    fn visit_fetched<B>(
        &self,
        rows: impl IntoIterator<Item = Row>,
        visit: &mut impl FnMut(&[u8], &[u8]) -> ControlFlow<B>,
    ) -> Result<Option<B>> {
        for row in rows {
            let (key, value) = self.row(row)?;
            if let ControlFlow::Break(end) = visit(&key, &value) {
                return Ok(Some(end));
            }
        }
        Ok(None)
    }

    fn visit_unfetched<B>(
        &self,
        direction: Direction,
        visit: &mut impl FnMut(&[u8], &[u8]) -> ControlFlow<B>,
    ) -> Result<Option<B>> {
        let core = &self.pinned.core;
        core.check_open()?;
        let bounds = (self.lower.as_ref().map(Vec::as_slice), self.upper.as_ref().map(Vec::as_slice));
        let mut outcome = Ok(None);
        let keyspace = self.pinned.keyspace;
        core.index.scan(keyspace.keys(), bounds, self.pinned.view, direction, |address, entry| {
            let key = keyspace.strip(entry.key);
            let in_place = entry.value.and_then(|value| value.verified(core.options.verify_reads));
            let visited = match in_place {
                Some(value) => Ok(visit(key, value)),
                None if entry.is_damaged => self
                    .row((Arc::from(entry.key), Version::of(address, entry)))
                    .map(|(key, value)| visit(&key, &value)),
                None => self.value_of(key).map(|value| visit(key, &value)),
            };
            match visited {
                Ok(ControlFlow::Continue(())) => return ControlFlow::Continue(()),
                Ok(ControlFlow::Break(end)) => outcome = Ok(Some(end)),
                Err(error) => outcome = Err(error),
            }
            ControlFlow::Break(())
        });
        outcome
    }

    /// The value of a key that the view sees, the long way: a big one, a stream, or one that fails its checksum.
    fn value_of(&self, key: &[u8]) -> Result<Value> {
        let core = &self.pinned.core;
        match core.read_at(Target::Key(key), &self.pinned, |hit| core.value_of(hit))? {
            Some(value) => Ok(value),
            None => unreachable!("a pinned view keeps the rows that it sees"),
        }
    }

    fn fetch(&mut self, direction: Direction) {
        if self.exhausted {
            return;
        }
        let borrowed = |bound: &'_ Bound<Vec<u8>>| bound.as_ref().map(|key| key.to_vec());
        let (lower, upper) = (borrowed(&self.lower), borrowed(&self.upper));
        let rows = self.pinned.core.index.page_in(
            self.pinned.keyspace.keys(),
            (lower.as_ref().map(Vec::as_slice), upper.as_ref().map(Vec::as_slice)),
            self.pinned.view,
            self.page,
            direction,
        );
        let is_end = rows.last().is_none_or(|(_, last)| !last.is_readable());
        self.exhausted = is_end || rows.len() < self.page;
        self.page = (self.page * 4).min(PAGE_MAX);
        if let Some((last, _)) = rows.last() {
            let bound = Bound::Excluded(last.to_vec());
            match direction {
                Direction::Forward => self.lower = bound,
                Direction::Backward => self.upper = bound,
            }
        }
        match direction {
            Direction::Forward => self.front.extend(rows),
            Direction::Backward => self.back.extend(rows),
        }
    }

    fn take_front(&mut self) -> Option<Row> {
        if self.front.is_empty() {
            self.fetch(Direction::Forward);
        }
        // What the other end fetched last is the next in this direction.
        self.front.pop_front().or_else(|| self.back.pop_back())
    }

    fn take_back(&mut self) -> Option<Row> {
        if self.back.is_empty() {
            self.fetch(Direction::Backward);
        }
        self.back.pop_front().or_else(|| self.front.pop_back())
    }

    fn checked<T>(&self, item: T) -> Result<T> {
        self.pinned.core.check_open().map(|()| item)
    }

    fn read<T>(&self, (key, version): Row, read: impl Fn(&Hit) -> Result<T>) -> Result<(Bytes, T)> {
        let core = &self.pinned.core;
        core.check_open()?;
        let keyspace = self.pinned.keyspace;
        let own = keyspace.strip(&key);
        let hit = Hit { version, subject: keyspace.keys().draft_subject(&key), hash: key_hash(own) };
        let item = match core.try_read(&hit, &read) {
            ControlFlow::Break(result) => result?,
            // Compaction has moved the entry since the page was fetched; at this view it is still there.
            ControlFlow::Continue(()) => match core.read_at(Target::Key(own), &self.pinned, &read)? {
                Some(item) => item,
                None => unreachable!("a pinned view keeps the rows that it sees"),
            },
        };
        Ok((self.own_key(key), item))
    }

    /// The key of a full one.
    fn own_key(&self, full: Arc<[u8]>) -> Bytes {
        let start = full.len() - self.pinned.keyspace.strip(&full).len();
        Bytes::from_owner(full).slice(start..)
    }

    fn row(&self, row: Row) -> Result<(Bytes, Value)> {
        self.read(row, |hit| self.pinned.core.value_of(hit))
    }
}

/// A key and its version.
type Row = (Arc<[u8]>, Version);

impl Iterator for Range {
    type Item = Result<(Bytes, Value)>;

    fn next(&mut self) -> Option<Self::Item> {
        let row = self.take_front()?;
        Some(self.row(row))
    }
}

impl DoubleEndedIterator for Range {
    fn next_back(&mut self) -> Option<Self::Item> {
        let row = self.take_back()?;
        Some(self.row(row))
    }
}

/// The rows of a range, each read in a way of its own.
struct Rows<F> {
    range: Range,
    read: F,
}

impl<T, F: Fn(&Range, Row) -> Result<T>> Iterator for Rows<F> {
    type Item = Result<T>;

    fn next(&mut self) -> Option<Self::Item> {
        let row = self.range.take_front()?;
        Some((self.read)(&self.range, row))
    }
}

impl<T, F: Fn(&Range, Row) -> Result<T>> DoubleEndedIterator for Rows<F> {
    fn next_back(&mut self) -> Option<Self::Item> {
        let row = self.range.take_back()?;
        Some((self.read)(&self.range, row))
    }
}

#[cfg(test)]
mod tests {
    use std::ops::Bound;

    use super::prefix_bounds;

    #[test]
    fn f16_prefixes_of_the_greatest_bytes_have_no_upper_bound() {
        assert_eq!(prefix_bounds(b"ab").1, Bound::Excluded(b"ac".to_vec()));
        assert_eq!(prefix_bounds(b"a\xff\xff").1, Bound::Excluded(b"b".to_vec()));
        assert_eq!(prefix_bounds(b"\xff\xff").1, Bound::Unbounded);
        assert_eq!(prefix_bounds(b"").1, Bound::Unbounded);
    }
}
