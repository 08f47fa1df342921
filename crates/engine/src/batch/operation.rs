//! What a batch holds of its operations: keys and short values lie end to end in one buffer, so that an operation more
//! allocates nothing and the leader of the group reads them in order.
//!
//! Invariant: a [`Span`] is read through the [`Contents`] that gave it.

use std::fmt;
use std::ops::Bound;
use std::sync::Arc;

use bytes::Bytes;

use super::payload::{Payload, PayloadSource};
use super::{Expect, Expiry, Outcome};
use crate::keyspace::Keyspace;
use crate::seams::prefetch_bytes;
use crate::stream::StagedStream;
use crate::value::Value;

/// Values up to so many bytes that are taken over are copied as well: that costs less than to count who holds them.
const COPIED_OWNED_MAX: usize = 512;
/// Borrowed values beyond so many bytes get an allocation of their own, so that the buffer need not move for them.
const COPIED_BORROWED_MAX: usize = 32 << 10;

/// How many rows before its turn a value is fetched into the processor's cache, and how much of it.
const ROWS_AHEAD: usize = 8;
const LINES_AHEAD: usize = 3;

/// Bytes in the buffer of a batch.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Span {
    start: usize,
    length: usize,
}

/// The value of a put.
#[derive(Clone, Debug)]
pub(crate) enum Content {
    Copied(Span),
    Held(Box<Held>),
}

/// A value that is not in the buffer.
#[derive(Clone, Debug)]
pub(crate) enum Held {
    Bytes(Bytes),
    Value(Value),
    Stream(StagedStream),
}

/// What a key must be.
#[derive(Clone, Debug)]
pub(crate) struct Condition {
    /// `None`: that of the handle that commits.
    pub(crate) within: Option<Within>,
    pub(crate) key: Span,
    pub(crate) expect: Expect,
}

#[derive(Clone, Debug)]
pub(crate) enum Operation {
    Put {
        key: Span,
        value: Content,
        expiry: Expiry,
    },
    PutHash {
        hash: u64,
        value: Content,
    },
    Delete {
        key: Span,
    },
    /// The keyed entry and the hash-only entry of the key's hash.
    DeleteAny {
        key: Span,
    },
    DeleteHash {
        hash: u64,
    },
    Rename {
        from: Span,
        to: Span,
    },
    Increment {
        key: Span,
        delta: i64,
    },
    /// All keys between the bounds.
    DeleteRange {
        lower: Bound<Span>,
        upper: Bound<Span>,
    },
    SetExpiry {
        key: Span,
        expiry: Expiry,
    },
    /// What follows is about keys of another keyspace.
    Within(Within),
    DropNamespace {
        name: Span,
    },
}

/// A keyspace of a store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Within {
    /// Of the store.
    pub(crate) incarnation: [u8; 16],
    pub(crate) keyspace: Keyspace,
}

/// What is to become of a system entry.
#[derive(Clone, Debug)]
pub(crate) struct SystemOperation {
    pub(crate) key: Span,
    pub(crate) value: SystemValue,
}

#[derive(Clone, Debug)]
pub(crate) enum SystemValue {
    Given(Content),
    Made(Made),
    Delete,
}

/// A value that is made of what became of its batch.
#[derive(Clone)]
pub(crate) struct Made(Arc<MakeValue>);

type MakeValue = dyn Fn(&Outcome) -> Vec<u8> + Send + Sync;

impl Made {
    pub(crate) fn of(&self, outcome: &Outcome) -> Vec<u8> {
        (self.0)(outcome)
    }
}

impl fmt::Debug for Made {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Made")
    }
}

/// The operations of a batch with their keys and values, and what there is to know of all of them together.
#[derive(Clone, Debug, Default)]
pub(crate) struct Contents {
    buffer: Vec<u8>,
    pub(crate) operations: Vec<Operation>,
    pub(crate) conditions: Vec<Condition>,
    pub(crate) system: Vec<SystemOperation>,
    within: Option<Within>,
    pub(crate) summary: Summary,
}

/// What is asked of a batch as a whole, kept up to date so that nobody goes through it for the answers.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Summary {
    /// Bytes of the keys and values of the operations, streams not counted.
    pub(crate) bytes: u64,
    /// Bytes of the keys of the conditions, and of the values that these are compared with.
    pub(crate) condition_bytes: u64,
    /// The longest key of an operation, in bytes.
    pub(crate) longest_key: usize,
    /// The longest value, in bytes.
    pub(crate) longest_value: u64,
    /// How many operations only say which keyspace the next ones are about.
    pub(crate) turns: usize,
    /// How many operations delete.
    pub(crate) deletes: usize,
    /// Whether a system entry has a key that only the store gives.
    pub(crate) is_reserved: bool,
    /// Whether a value is a stream.
    pub(crate) has_stream: bool,
    /// Whether some operation, or a condition, asks what is there.
    pub(crate) looks: bool,
}

impl Contents {
    pub(super) fn with_capacity(operations: usize, bytes: usize) -> Self {
        Self {
            buffer: Vec::with_capacity(bytes),
            operations: Vec::with_capacity(operations),
            ..Self::default()
        }
    }

    /// The bytes of a span.
    #[inline]
    pub(crate) fn bytes(&self, span: Span) -> &[u8] {
        &self.buffer[span.start..span.start + span.length]
    }

    pub(super) fn put(&mut self, key: &[u8], value: Payload<'_>, expiry: Expiry) {
        let (key, value) = (self.key(key), self.value(value));
        self.operations.push(Operation::Put { key, value, expiry });
    }

    pub(super) fn put_all<K: AsRef<[u8]>, V: AsRef<[u8]>>(&mut self, rows: &[(K, V)]) {
        let copied = |value: &V| Some(value.as_ref().len()).filter(|length| *length <= COPIED_BORROWED_MAX);
        self.buffer
            .reserve(rows.iter().map(|(key, value)| key.as_ref().len() + copied(value).unwrap_or(0)).sum());
        self.operations.reserve(rows.len());
        for (at, (key, value)) in rows.iter().enumerate() {
            if let Some((_, ahead)) = rows.get(at + ROWS_AHEAD) {
                prefetch_bytes::<LINES_AHEAD>(ahead.as_ref());
            }
            self.put(key.as_ref(), value.as_ref().into(), Expiry::Never);
        }
    }

    pub(super) fn put_hash(&mut self, hash: u64, value: Payload<'_>) {
        let value = self.value(value);
        self.summary.bytes += 8;
        self.operations.push(Operation::PutHash { hash, value });
    }

    pub(super) fn delete(&mut self, key: &[u8]) {
        let key = self.key(key);
        self.note_delete();
        self.operations.push(Operation::Delete { key });
    }

    pub(super) fn delete_any(&mut self, key: &[u8]) {
        let key = self.key(key);
        self.note_delete();
        self.operations.push(Operation::DeleteAny { key });
    }

    pub(super) fn delete_hash(&mut self, hash: u64) {
        self.summary.bytes += 8;
        self.note_delete();
        self.operations.push(Operation::DeleteHash { hash });
    }

    pub(super) fn rename(&mut self, from: &[u8], to: &[u8]) {
        let (from, to) = (self.key(from), self.key(to));
        self.summary.looks = true;
        self.operations.push(Operation::Rename { from, to });
    }

    pub(super) fn increment(&mut self, key: &[u8], delta: i64) {
        let key = self.key(key);
        self.summary.looks = true;
        self.operations.push(Operation::Increment { key, delta });
    }

    pub(super) fn delete_range(&mut self, lower: Bound<&[u8]>, upper: Bound<&[u8]>) {
        let (lower, upper) = (lower.map(|key| self.bound(key)), upper.map(|key| self.bound(key)));
        self.note_delete();
        self.operations.push(Operation::DeleteRange { lower, upper });
    }

    pub(super) fn set_expiry(&mut self, key: &[u8], expiry: Expiry) {
        let key = self.key(key);
        self.summary.looks = true;
        self.operations.push(Operation::SetExpiry { key, expiry });
    }

    pub(super) fn require(&mut self, key: &[u8], expect: Expect) {
        let compared = match &expect {
            Expect::Value(value) => value.len(),
            Expect::Absent | Expect::Present | Expect::Unmodified(_) => 0,
        };
        self.summary.condition_bytes += (key.len() + compared) as u64;
        self.summary.looks = true;
        let key = self.copy(key);
        self.conditions.push(Condition { within: self.within, key, expect });
    }

    /// Notes that a system entry of the user's is to have this key.
    pub(super) fn note_system_key(&mut self, key: &[u8]) {
        self.summary.is_reserved |= key.starts_with(b"pentad/");
    }

    pub(crate) fn within(&mut self, within: Within) {
        if self.within != Some(within) {
            self.within = Some(within);
            self.summary.turns += 1;
            self.operations.push(Operation::Within(within));
        }
    }

    pub(super) fn drop_namespace(&mut self, name: &str) {
        let name = self.key(name.as_bytes());
        self.note_delete();
        self.operations.push(Operation::DropNamespace { name });
    }

    pub(crate) fn put_system(&mut self, key: &[u8], value: Payload<'_>) {
        let (key, value) = (self.key(key), SystemValue::Given(self.value(value)));
        self.system.push(SystemOperation { key, value });
    }

    pub(super) fn put_system_with(&mut self, key: &[u8], make: Arc<MakeValue>) {
        let (key, value) = (self.key(key), SystemValue::Made(Made(make)));
        self.system.push(SystemOperation { key, value });
    }

    pub(super) fn delete_system(&mut self, key: &[u8]) {
        let (key, value) = (self.key(key), SystemValue::Delete);
        self.system.push(SystemOperation { key, value });
    }

    /// How many operations there are of both kinds.
    pub(crate) fn entries(&self) -> usize {
        self.operations.len() - self.summary.turns + self.system.len()
    }

    fn note_delete(&mut self) {
        self.summary.deletes += 1;
        self.summary.looks = true;
    }

    /// A bound is no key: it may be longer than one.
    fn bound(&mut self, bound: &[u8]) -> Span {
        self.summary.bytes += bound.len() as u64;
        self.copy(bound)
    }

    fn key(&mut self, key: &[u8]) -> Span {
        self.summary.bytes += key.len() as u64;
        self.summary.longest_key = self.summary.longest_key.max(key.len());
        self.copy(key)
    }

    fn value(&mut self, value: Payload<'_>) -> Content {
        let (length, content) = match value.0 {
            PayloadSource::Borrowed(bytes) if bytes.len() <= COPIED_BORROWED_MAX => {
                (bytes.len(), Content::Copied(self.copy(bytes)))
            }
            PayloadSource::Borrowed(bytes) => {
                (bytes.len(), Content::Held(Box::new(Held::Bytes(Bytes::copy_from_slice(bytes)))))
            }
            PayloadSource::Bytes(bytes) if bytes.len() <= COPIED_OWNED_MAX => {
                (bytes.len(), Content::Copied(self.copy(&bytes)))
            }
            PayloadSource::Bytes(bytes) => (bytes.len(), Content::Held(Box::new(Held::Bytes(bytes)))),
            PayloadSource::Value(value) => (value.len(), Content::Held(Box::new(Held::Value(value)))),
            PayloadSource::Stream(stream) => {
                self.summary.has_stream = true;
                (0, Content::Held(Box::new(Held::Stream(stream))))
            }
        };
        self.summary.bytes += length as u64;
        self.summary.longest_value = self.summary.longest_value.max(length as u64);
        content
    }

    fn copy(&mut self, bytes: &[u8]) -> Span {
        let start = self.buffer.len();
        self.buffer.extend_from_slice(bytes);
        Span { start, length: bytes.len() }
    }
}

#[cfg(test)]
mod tests {
    use super::{COPIED_BORROWED_MAX, Contents, Expiry, ROWS_AHEAD};

    #[test]
    fn rows_put_together_are_what_they_are_one_by_one() {
        // Around the number that is looked ahead, with values that are copied and one that is not, and a key that comes twice.
        for count in [0, 1, ROWS_AHEAD, ROWS_AHEAD + 1, 3 * ROWS_AHEAD] {
            let value = |at: usize| vec![7; if at == 5 { COPIED_BORROWED_MAX + 1 } else { 40 * at }];
            let rows: Vec<(String, Vec<u8>)> =
                (0..count).map(|at| (format!("k{}", at % 9), value(at))).collect();
            let (mut together, mut one_by_one) = (Contents::default(), Contents::default());
            together.put_all(&rows);
            for (key, value) in &rows {
                one_by_one.put(key.as_bytes(), value.as_slice().into(), Expiry::Never);
            }
            assert_eq!(together.operations.len(), count);
            assert_eq!(format!("{together:?}"), format!("{one_by_one:?}"));
        }
    }
}
