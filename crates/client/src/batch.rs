//! `Batch`: a conditional transaction, put together step by step.

use std::time::Duration;

use bytes::Bytes;

use crate::wire::{self, Condition, Operation, Write, condition, operation};

/// What a key must be for a batch to take place.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Expect {
    /// Not there, or expired.
    Absent,
    /// There.
    Present,
    /// There with exactly this value.
    Value(Bytes),
    /// There, and last written by the commit with this sequence.
    Unmodified(u64),
}

/// When a written entry ends.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Expiry {
    /// Never: the plain write.
    #[default]
    Never,
    /// So long after the write is accepted; saturates.
    After(Duration),
    /// At this store time, in nanoseconds since 1970-01-01 UTC.
    AtNs(u64),
}

impl Expiry {
    fn to_wire(self) -> Option<wire::Expiry> {
        use wire::expiry::When;
        let when = match self {
            Self::Never => return None,
            Self::After(time) => When::AfterNs(u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)),
            Self::AtNs(time) => When::AtNs(time),
        };
        Some(wire::Expiry { when: Some(when) })
    }
}

/// Operations that happen together, or none of them, and what they depend on.
///
/// They are applied in the order given; a later one on a key wins. All conditions are judged at the same instant.
///
/// ```
/// use pentad_client::{Batch, Expect};
///
/// let mut batch = Batch::new();
/// batch.require("lock", Expect::Absent).put("lock", "me").delete("request");
/// ```
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Batch {
    write: Write,
}

impl Batch {
    /// An empty batch.
    pub fn new() -> Self {
        Self::default()
    }

    /// The compare-and-swap: `key` becomes `new` if its value is `expected`, or if it is absent and that is expected.
    pub fn swapping(key: &[u8], expected: Option<&[u8]>, new: &[u8]) -> Self {
        let expect = expected.map_or(Expect::Absent, |value| Expect::Value(bytes(value)));
        let mut batch = Self::new();
        batch.require(key, expect).put(key, new);
        batch
    }

    /// Stores `value` under `key`; a deadline that the key had is cleared.
    pub fn put(&mut self, key: impl AsRef<[u8]>, value: impl AsRef<[u8]>) -> &mut Self {
        self.put_expiring(key, value, Expiry::Never)
    }

    /// Stores `value` under `key` until `expiry`.
    pub fn put_expiring(
        &mut self,
        key: impl AsRef<[u8]>,
        value: impl AsRef<[u8]>,
        expiry: Expiry,
    ) -> &mut Self {
        let put = wire::Put { key: bytes(key), value: bytes(value), expiry: expiry.to_wire() };
        self.operation(operation::Kind::Put(put))
    }

    /// Deletes `key`, if it is there.
    pub fn delete(&mut self, key: impl AsRef<[u8]>) -> &mut Self {
        self.operation(operation::Kind::Delete(wire::Delete { key: bytes(key) }))
    }

    /// Deletes every key in `bounds`, 1,048,576 at most.
    pub fn delete_range(&mut self, bounds: wire::Bounds) -> &mut Self {
        self.operation(operation::Kind::DeleteRange(wire::DeleteRange { bounds: Some(bounds) }))
    }

    /// Deletes every key that starts with `prefix`.
    pub fn delete_prefix(&mut self, prefix: impl AsRef<[u8]>) -> &mut Self {
        self.delete_range(wire::Bounds::prefix(prefix))
    }

    /// Adds `delta` to the decimal number at `key`, saturating; missing counts as 0. The sum is the `counter` of the result.
    pub fn increment(&mut self, key: impl AsRef<[u8]>, delta: i64) -> &mut Self {
        self.operation(operation::Kind::Increment(wire::Increment { key: bytes(key), delta }))
    }

    /// Sets when the entry of `key` ends, and leaves its value.
    pub fn set_expiry(&mut self, key: impl AsRef<[u8]>, expiry: Expiry) -> &mut Self {
        let set = wire::SetExpiry { key: bytes(key), expiry: expiry.to_wire() };
        self.operation(operation::Kind::SetExpiry(set))
    }

    /// Moves the entry of `from` to `to`, deadline included, replacing what is there.
    pub fn rename(&mut self, from: impl AsRef<[u8]>, to: impl AsRef<[u8]>) -> &mut Self {
        self.operation(operation::Kind::Rename(wire::Rename { from: bytes(from), to: bytes(to) }))
    }

    /// Has the operations and conditions that follow be about keys of this namespace, which must be there; of the store's own keyspace
    /// for an empty name. Those before the first call are about the latter, or about the namespace that [`Keys::in_namespace`](crate::Keys::in_namespace)
    /// names where the batch is committed through that.
    pub fn in_namespace(&mut self, name: &str) -> &mut Self {
        let namespace = wire::Namespace { name: name.to_owned() };
        let within = condition::Expect::Within(namespace.clone());
        self.write.conditions.push(Condition { key: Bytes::new(), expect: Some(within) });
        self.operation(operation::Kind::Within(namespace))
    }

    /// Makes a namespace if it is not there: before all else, and whether or not the conditions hold. That takes no sequence.
    pub fn make_namespace(&mut self, name: &str) -> &mut Self {
        self.operation(operation::Kind::MakeNamespace(wire::Namespace { name: name.to_owned() }))
    }

    /// Drops a namespace with all that is in it; it counts as one in `deleted` of the result if it is there. What follows must not be
    /// about it.
    pub fn drop_namespace(&mut self, name: &str) -> &mut Self {
        self.operation(operation::Kind::DropNamespace(wire::Namespace { name: name.to_owned() }))
    }

    /// Makes the whole batch depend on the state of `key` before it.
    pub fn require(&mut self, key: impl AsRef<[u8]>, expect: Expect) -> &mut Self {
        let expect = match expect {
            Expect::Absent => condition::Expect::Absent(wire::Nothing {}),
            Expect::Present => condition::Expect::Present(wire::Nothing {}),
            Expect::Value(value) => condition::Expect::Value(value),
            Expect::Unmodified(sequence) => condition::Expect::UnmodifiedSince(sequence),
        };
        self.write.conditions.push(Condition { key: bytes(key), expect: Some(expect) });
        self
    }

    /// Asks for the values that puts and deletes replace: `previous` of the result.
    pub fn with_previous(&mut self) -> &mut Self {
        self.write.previous = true;
        self
    }

    /// Takes a sequence, and a place in the batch log, even if nothing changes.
    pub fn always(&mut self) -> &mut Self {
        self.write.always = true;
        self
    }

    /// Refuses the batch if it would add keys and leave more than `keys` of them live.
    pub fn limit_keys(&mut self, keys: u64) -> &mut Self {
        self.write.keys_max = Some(keys);
        self
    }

    /// How many operations there are; what says which namespace they are about is none.
    pub fn len(&self) -> usize {
        let is_one = |operation: &&Operation| !matches!(operation.kind, Some(operation::Kind::Within(_)));
        self.write.operations.iter().filter(is_one).count()
    }

    /// Whether there are no operations.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    fn operation(&mut self, kind: operation::Kind) -> &mut Self {
        self.write.operations.push(Operation { kind: Some(kind) });
        self
    }
}

impl From<Batch> for Write {
    fn from(batch: Batch) -> Self {
        batch.write
    }
}

impl wire::Bounds {
    /// Every key.
    pub fn all() -> Self {
        Self::default()
    }

    /// Every key that starts so.
    pub fn prefix(prefix: impl AsRef<[u8]>) -> Self {
        Self { start: bytes(prefix), prefix: true, ..Self::default() }
    }

    /// From `start` up to `end`, both included; without `end` there is no upper bound.
    pub fn inclusive(start: impl AsRef<[u8]>, end: Option<impl AsRef<[u8]>>) -> Self {
        let end_inclusive = end.is_some();
        Self {
            start: bytes(start),
            end: end.map(bytes).unwrap_or_default(),
            end_inclusive,
            ..Self::default()
        }
    }
}

pub(crate) fn bytes(bytes: impl AsRef<[u8]>) -> Bytes {
    Bytes::copy_from_slice(bytes.as_ref())
}
