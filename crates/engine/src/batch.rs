//! What one commit asks for: operations, the conditions they depend on, and how durable it must be.

mod operation;
mod payload;

use std::time::Duration;

use bytes::Bytes;

pub(crate) use self::operation::{Content, Contents, Held, Operation, Span};
pub use self::payload::Payload;
use crate::numbers::{LogOffset, Sequence, Timestamp};
use crate::options::Durability;

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
    pub(crate) contents: Contents,
    pub(crate) durability: Option<Durability>,
    pub(crate) always: bool,
    pub(crate) keys_max: Option<u64>,
}

impl Batch {
    /// An empty batch.
    pub fn new() -> Self {
        Self::default()
    }

    /// An empty batch with room for so many operations, and so many bytes of keys and values: for whoever knows, and fills
    /// large ones often.
    pub fn with_capacity(operations: usize, bytes: usize) -> Self {
        Self { contents: Contents::with_capacity(operations, bytes), ..Self::default() }
    }

    /// Stores `value` under `key`; a deadline that the key had is cleared.
    pub fn put<'v>(&mut self, key: impl AsRef<[u8]>, value: impl Into<Payload<'v>>) -> &mut Self {
        self.put_expiring(key, value, Expiry::Never)
    }

    /// Stores `value` under `key` until `expiry`.
    pub fn put_expiring<'v>(
        &mut self,
        key: impl AsRef<[u8]>,
        value: impl Into<Payload<'v>>,
        expiry: Expiry,
    ) -> &mut Self {
        self.contents.put(key.as_ref(), value.into(), expiry);
        self
    }

    /// Stores `value` under a key hash alone: found by that hash, and by
    /// [`Store::get_with_hashed`](crate::Store::get_with_hashed) for a key with it that has no entry of its own. Such
    /// entries count in `len` and show in no range.
    pub fn put_hashed<'v>(&mut self, hash: u64, value: impl Into<Payload<'v>>) -> &mut Self {
        self.contents.put_hash(hash, value.into());
        self
    }

    /// Deletes `key`, if it is there.
    pub fn delete(&mut self, key: impl AsRef<[u8]>) -> &mut Self {
        self.contents.delete(key.as_ref());
        self
    }

    /// Deletes `key` and the hash-only entry under its hash, as far as they are there.
    pub fn delete_with_hashed(&mut self, key: impl AsRef<[u8]>) -> &mut Self {
        self.contents.delete_any(key.as_ref());
        self
    }

    /// Deletes every entry whose key has this hash, keyed or not.
    pub fn delete_hashed(&mut self, hash: u64) -> &mut Self {
        self.contents.delete_hash(hash);
        self
    }

    /// Moves the entry of `from` to `to`, deadline included, replacing what is there. The commit fails with
    /// [`ErrorKind::KeyNotFound`](crate::ErrorKind::KeyNotFound) when `from` is missing and with
    /// [`ErrorKind::InvalidInput`](crate::ErrorKind::InvalidInput) when both are one key.
    pub fn rename(&mut self, from: impl AsRef<[u8]>, to: impl AsRef<[u8]>) -> &mut Self {
        self.contents.rename(from.as_ref(), to.as_ref());
        self
    }

    /// Adds `delta` to the decimal number at `key` (missing counts as 0, saturating at the ends of `i64`) and
    /// clears its deadline; the result is [`Outcome::counter`]. The commit fails with
    /// [`ErrorKind::WrongType`](crate::ErrorKind::WrongType) when the value is not a number.
    pub fn increment(&mut self, key: impl AsRef<[u8]>, delta: i64) -> &mut Self {
        self.contents.increment(key.as_ref(), delta);
        self
    }

    /// Makes the whole batch depend on the state of `key` before it. Conditions are judged together with the
    /// commit: nothing comes between.
    pub fn require(&mut self, key: impl AsRef<[u8]>, expect: Expect) -> &mut Self {
        self.contents.require(key.as_ref(), expect);
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
        self.contents.operations.len()
    }

    /// Whether there are no operations.
    pub fn is_empty(&self) -> bool {
        self.contents.operations.is_empty()
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
