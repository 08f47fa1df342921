//! What one commit asks for: operations, the conditions they depend on, and how durable it must be.

use std::time::Duration;

use bytes::Bytes;

use crate::numbers::{LogOffset, Sequence, Timestamp};
use crate::options::Durability;
use crate::stream::StagedStream;
use crate::value::Value;

/// When a written entry ends.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Expiry {
    /// Never: the plain write.
    #[default]
    Never,
    /// So long after the commit is accepted, in store time; saturates.
    After(Duration),
    /// At this store time.
    At(Timestamp),
}

/// The bytes of a value to be written.
#[derive(Clone, Debug)]
pub struct Payload(pub(crate) PayloadSource);

#[derive(Clone, Debug)]
pub(crate) enum PayloadSource {
    Bytes(Bytes),
    Value(Value),
    Stream(StagedStream),
}

impl From<&[u8]> for Payload {
    /// Copies the bytes.
    fn from(bytes: &[u8]) -> Self {
        Self(PayloadSource::Bytes(Bytes::copy_from_slice(bytes)))
    }
}

impl<const N: usize> From<&[u8; N]> for Payload {
    /// Copies the bytes.
    fn from(bytes: &[u8; N]) -> Self {
        Self(PayloadSource::Bytes(Bytes::copy_from_slice(bytes)))
    }
}

impl From<&str> for Payload {
    /// Copies the text.
    fn from(text: &str) -> Self {
        text.as_bytes().into()
    }
}

impl From<Vec<u8>> for Payload {
    fn from(bytes: Vec<u8>) -> Self {
        Self(PayloadSource::Bytes(bytes.into()))
    }
}

impl From<String> for Payload {
    fn from(text: String) -> Self {
        text.into_bytes().into()
    }
}

impl From<Bytes> for Payload {
    /// Shares the bytes until the commit is done.
    fn from(bytes: Bytes) -> Self {
        Self(PayloadSource::Bytes(bytes))
    }
}

impl From<Value> for Payload {
    /// Reads the value's bytes from the map when they are written.
    fn from(value: Value) -> Self {
        Self(PayloadSource::Value(value))
    }
}

impl From<StagedStream> for Payload {
    /// Refers to the stream's own segment; it must belong to the store that the batch is committed to.
    fn from(stream: StagedStream) -> Self {
        Self(PayloadSource::Stream(stream))
    }
}

/// What a key must be for the commit to take place.
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
    Unmodified(Sequence),
}

#[derive(Clone, Debug)]
pub(crate) struct Condition {
    pub(crate) key: Bytes,
    pub(crate) expect: Expect,
}

#[derive(Clone, Debug)]
pub(crate) enum Operation {
    Put {
        key: Bytes,
        payload: Payload,
        expiry: Expiry,
    },
    PutHash {
        hash: u64,
        payload: Payload,
    },
    Delete {
        key: Bytes,
    },
    /// The keyed entry and the hash-only entry of the key's hash.
    DeleteAny {
        key: Bytes,
    },
    DeleteHash {
        hash: u64,
    },
    Rename {
        from: Bytes,
        to: Bytes,
    },
    Increment {
        key: Bytes,
        delta: i64,
    },
}

/// Operations that are committed together: all of them become visible and durable, in one sequence, or none.
///
/// They are applied in the order given; a later operation on a key wins over an earlier one. A batch whose
/// operations change nothing (deletes of missing keys) is not written and takes no sequence, unless
/// [`Batch::always`] says so.
///
/// ```
/// use pentad_engine::{Batch, Expect};
///
/// let mut batch = Batch::new();
/// batch.require("lock", Expect::Absent).put("lock", "me").delete("request");
/// ```
#[derive(Clone, Debug, Default)]
pub struct Batch {
    pub(crate) conditions: Vec<Condition>,
    pub(crate) operations: Vec<Operation>,
    pub(crate) durability: Option<Durability>,
    pub(crate) always: bool,
    pub(crate) keys_max: Option<u64>,
}

impl Batch {
    /// An empty batch.
    pub fn new() -> Self {
        Self::default()
    }

    /// Stores `value` under `key`; a deadline that the key had is cleared.
    pub fn put(&mut self, key: impl AsRef<[u8]>, value: impl Into<Payload>) -> &mut Self {
        self.put_expiring(key, value, Expiry::Never)
    }

    /// Stores `value` under `key` until `expiry`.
    pub fn put_expiring(
        &mut self,
        key: impl AsRef<[u8]>,
        value: impl Into<Payload>,
        expiry: Expiry,
    ) -> &mut Self {
        let key = Bytes::copy_from_slice(key.as_ref());
        self.operations.push(Operation::Put { key, payload: value.into(), expiry });
        self
    }

    /// Stores `value` under a key hash alone: found by that hash, and by
    /// [`Store::get_with_hashed`](crate::Store::get_with_hashed) for a key with it that has no entry of its own. Such
    /// entries count in `len` and show in no range.
    pub fn put_hashed(&mut self, hash: u64, value: impl Into<Payload>) -> &mut Self {
        self.operations.push(Operation::PutHash { hash, payload: value.into() });
        self
    }

    /// Deletes `key`, if it is there.
    pub fn delete(&mut self, key: impl AsRef<[u8]>) -> &mut Self {
        self.operations.push(Operation::Delete { key: Bytes::copy_from_slice(key.as_ref()) });
        self
    }

    /// Deletes `key` and the hash-only entry under its hash, as far as they are there.
    pub fn delete_with_hashed(&mut self, key: impl AsRef<[u8]>) -> &mut Self {
        self.operations.push(Operation::DeleteAny { key: Bytes::copy_from_slice(key.as_ref()) });
        self
    }

    /// Deletes every entry whose key has this hash, keyed or not.
    pub fn delete_hashed(&mut self, hash: u64) -> &mut Self {
        self.operations.push(Operation::DeleteHash { hash });
        self
    }

    /// Moves the entry of `from` to `to`, deadline included, replacing what is there. The commit fails with
    /// [`ErrorKind::KeyNotFound`](crate::ErrorKind::KeyNotFound) when `from` is missing and with
    /// [`ErrorKind::InvalidInput`](crate::ErrorKind::InvalidInput) when both are one key.
    pub fn rename(&mut self, from: impl AsRef<[u8]>, to: impl AsRef<[u8]>) -> &mut Self {
        self.operations.push(Operation::Rename {
            from: Bytes::copy_from_slice(from.as_ref()),
            to: Bytes::copy_from_slice(to.as_ref()),
        });
        self
    }

    /// Adds `delta` to the decimal number at `key` (missing counts as 0, saturating at the ends of `i64`) and
    /// clears its deadline; the result is [`Outcome::counter`]. The commit fails with
    /// [`ErrorKind::WrongType`](crate::ErrorKind::WrongType) when the value is not a number.
    pub fn increment(&mut self, key: impl AsRef<[u8]>, delta: i64) -> &mut Self {
        self.operations.push(Operation::Increment { key: Bytes::copy_from_slice(key.as_ref()), delta });
        self
    }

    /// Makes the whole batch depend on the state of `key` before it. Conditions are judged together with the
    /// commit: nothing comes between.
    pub fn require(&mut self, key: impl AsRef<[u8]>, expect: Expect) -> &mut Self {
        self.conditions.push(Condition { key: Bytes::copy_from_slice(key.as_ref()), expect });
        self
    }

    /// Fails the commit with [`ErrorKind::LimitExceeded`](crate::ErrorKind::LimitExceeded) if it would add keys and
    /// leave more than `keys` of them live.
    pub fn limit_keys(&mut self, keys: u64) -> &mut Self {
        self.keys_max = Some(keys);
        self
    }

    /// The durability of this commit instead of the store's default.
    pub fn durability(&mut self, durability: Durability) -> &mut Self {
        self.durability = Some(durability);
        self
    }

    /// Takes a sequence and an entry in the batch log even if nothing changes.
    pub fn always(&mut self) -> &mut Self {
        self.always = true;
        self
    }

    /// How many operations there are.
    pub fn len(&self) -> usize {
        self.operations.len()
    }

    /// Whether there are no operations.
    pub fn is_empty(&self) -> bool {
        self.operations.is_empty()
    }
}

/// What became of a batch.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Outcome {
    /// Whether the conditions held. If not, nothing was changed.
    pub applied: bool,
    /// The sequence that the commit took; `None` when it changed nothing.
    pub sequence: Option<Sequence>,
    /// The end of the log after the commit.
    pub tail: LogOffset,
    /// How many live entries the operations deleted (a rename's old key is not counted).
    pub deleted: u64,
    /// The result of the last increment.
    pub counter: Option<i64>,
}
