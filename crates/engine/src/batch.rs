//! What one commit asks for: operations, the conditions they depend on, and how durable it must be.

mod operation;
mod payload;
mod reads;

use std::ops::RangeBounds;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;

pub(crate) use self::operation::{Content, Contents, Held, Operation, Span, SystemValue, Within};
pub use self::payload::Payload;
pub(crate) use self::reads::{Bounds, Reads, is_between};
use crate::keyspace::Keyspace;
use crate::numbers::{LogOffset, Sequence, Timestamp};
use crate::options::Durability;
use crate::store::Store;

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
    /// The keyspace of the handle that commits it.
    pub(crate) keyspace: Keyspace,
    /// The earliest store time at which it takes place.
    pub(crate) at: Option<Timestamp>,
    pub(crate) always: bool,
    pub(crate) keys_max: Option<u64>,
    /// Whether the values before are wanted.
    pub(crate) previous: bool,
    /// What must not have changed for the batch to be applied.
    pub(crate) reads: Option<Box<Reads>>,
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

    /// Stores every value under the key beside it, as [`Batch::put`] does one after the other, and waits less for rows that are
    /// not in the processor's cache.
    pub fn put_all<K: AsRef<[u8]>, V: AsRef<[u8]>>(&mut self, rows: &[(K, V)]) -> &mut Self {
        self.contents.put_all(rows);
        self
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

    /// Deletes every key in `bounds`, as the store is when the batch is committed; hash-only entries stay. Each key counts in
    /// [`Outcome::deleted`], and as an entry of the commit: more than 1,048,576 of them are refused, and nothing is deleted.
    pub fn delete_range<K: AsRef<[u8]>>(&mut self, bounds: impl RangeBounds<K>) -> &mut Self {
        let lower = bounds.start_bound().map(AsRef::as_ref);
        self.contents.delete_range(lower, bounds.end_bound().map(AsRef::as_ref));
        self
    }

    /// Deletes every key that starts with `prefix`; see [`Batch::delete_range`].
    pub fn delete_prefix(&mut self, prefix: impl AsRef<[u8]>) -> &mut Self {
        self.delete_range(crate::store::prefix_bounds(prefix.as_ref()))
    }

    /// Sets when the entry of `key` ends, or with [`Expiry::Never`] that it does not, and leaves its value as it is; a key
    /// that is not there stays absent. [`Outcome::renewed`] counts those that were there. The entry is written anew, with its
    /// value unless that is a stream.
    pub fn set_expiry(&mut self, key: impl AsRef<[u8]>, expiry: Expiry) -> &mut Self {
        self.contents.set_expiry(key.as_ref(), expiry);
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

    /// Asks for the values that the puts and deletes of this batch replace: [`Outcome::previous`].
    pub fn with_previous(&mut self) -> &mut Self {
        self.previous = true;
        self.contents.summary.looks = true;
        self
    }

    /// Makes the batch depend on what was read.
    pub(crate) fn require_unchanged(&mut self, reads: Reads) -> &mut Self {
        self.contents.summary.looks = true;
        self.contents.summary.condition_bytes += reads.bytes();
        self.reads = Some(Box::new(reads));
        self
    }

    /// Has the operations and conditions that follow be about keys of the keyspace of this handle, a
    /// [namespace](crate::Store::namespace) or the store's own. Those before the first call are about that of the handle
    /// which commits. The commit fails with [`ErrorKind::InvalidInput`](crate::ErrorKind::InvalidInput) in another store
    /// than that of the handle, and with [`ErrorKind::KeyNotFound`](crate::ErrorKind::KeyNotFound) when the namespace was dropped.
    pub fn within(&mut self, handle: &Store) -> &mut Self {
        let within = Within { incarnation: handle.core().identity.incarnation, keyspace: handle.keyspace() };
        self.contents.within(within);
        self
    }

    /// Drops the namespace `name` and all that is in it, together with the rest of the batch; see
    /// [`Store::drop_namespace`](crate::Store::drop_namespace). It counts as one in [`Outcome::deleted`] if it is there. Conditions may be
    /// about it, and what the batch has written to it before is dropped as well. Behind this the batch must do nothing in it, also under
    /// the handle of it which commits: otherwise the commit fails with [`ErrorKind::KeyNotFound`](crate::ErrorKind::KeyNotFound), and
    /// nothing is written. A name that may be that of a namespace whose registration has rotted is refused with `Damaged`.
    pub fn drop_namespace(&mut self, name: &str) -> &mut Self {
        self.contents.drop_namespace(name);
        self
    }

    /// Puts a *system entry*: something that whoever builds on the store keeps about it, outside every keyspace. It is written and
    /// recovered with the commit that it is part of, and is in no range, count, batch log, watch or sequence, and it has no older
    /// versions and no deadline. [`Store::get_system`](crate::Store::get_system) reads it.
    ///
    /// When the batch is refused or fails, its system entries are not written. A batch that changes no key of the user's
    /// and has system entries is written without a sequence, unless [`Batch::always`] says otherwise. The store opens with
    /// versions of Pentad that know of system entries only, from the first of them on. Of one key the last operation in
    /// the batch counts. Key and value count towards the limits like those of any put; keys that
    /// begin with `pentad/` are the store's own, and refused.
    pub fn put_system(&mut self, key: impl AsRef<[u8]>, value: impl AsRef<[u8]>) -> &mut Self {
        self.contents.note_system_key(key.as_ref());
        self.contents.put_system(key.as_ref(), value.as_ref().into());
        self
    }

    /// Puts a system entry whose value is made of what becomes of the batch, when that is decided and before it is written.
    /// [`Outcome::tail`] is then the end of the log before the commit. `make` may be called again with another outcome if the
    /// disk had no room for the first; it holds up every commit, and a panic in it closes the store for writing.
    pub fn put_system_with(
        &mut self,
        key: impl AsRef<[u8]>,
        make: impl Fn(&Outcome) -> Vec<u8> + Send + Sync + 'static,
    ) -> &mut Self {
        self.contents.note_system_key(key.as_ref());
        self.contents.put_system_with(key.as_ref(), Arc::new(make));
        self
    }

    /// Deletes a system entry. It is written whether or not the entry is there.
    pub fn delete_system(&mut self, key: impl AsRef<[u8]>) -> &mut Self {
        self.contents.note_system_key(key.as_ref());
        self.contents.delete_system(key.as_ref());
        self
    }

    /// The commit takes place at this store time, or at the greatest that there was if that is later: conditions and expiries are
    /// judged, deadlines counted and the commit stamped at it, and store time goes on from there. On a
    /// [`StoppedClock`](crate::seams::StoppedClock) commits alone move it. A batch that is not written does not move it.
    pub fn at(&mut self, time: Timestamp) -> &mut Self {
        self.at = Some(time);
        self
    }

    /// Takes a sequence and an entry in the batch log even if nothing changes.
    pub fn always(&mut self) -> &mut Self {
        self.always = true;
        self
    }

    /// How many operations there are, those on system entries not counted.
    pub fn len(&self) -> usize {
        self.contents.operations.len() - self.contents.summary.turns
    }

    /// Whether there are no operations, and no system entries.
    pub fn is_empty(&self) -> bool {
        self.contents.entries() == 0
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
    /// How many live entries got another expiry by [`Batch::set_expiry`].
    pub renewed: u64,
    /// For each put and each delete by key of the batch, in their order, the value that the key had before it, if it was there;
    /// empty unless [`Batch::with_previous`] asked for it. A value in the store is not copied.
    pub previous: Vec<Option<Bytes>>,
}
