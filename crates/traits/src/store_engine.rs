//! `StoreEngine`: an ordered store with numbered, atomic batches that can be read again by their number.
//!
//! The invariant of this interface: the sequence that [`StoreEngine::current_sequence`] answers is readable, and
//! every number up to it was given to exactly one commit.

use bytes::Bytes;

/// An ordered store with a batch log. Synchronous and dyn-compatible: `Arc<dyn StoreEngine>` is the usual holder.
///
/// Source: the trait of the same name of exoware server 2026.4.1. The crate's front page gives the rules common to
/// all interfaces.
///
/// Methods may block on the disk; an asynchronous caller calls them from a thread that may block. All of them may
/// be called from any number of threads at once. `Bytes` that are handed in are copied: a large buffer of the
/// caller that a key or value is a slice of is not kept alive after the call.
///
/// # Errors
///
/// Errors are text for an operator, the same that the other interfaces give: what failed, which key or file, which
/// limit and what the actual size was. After an error nothing of the call is visible, and no sequence was taken.
///
/// # Where this differs from exoware
///
/// There an engine may keep no batch log, and the view of a call that reads several keys is unspecified. Here
/// every commit of every interface is in the log, and each call reads one consistent view.
pub trait StoreEngine: Send + Sync + 'static {
    /// Writes all pairs of `kvs` in one commit and answers its sequence, once it is durable.
    ///
    /// Of a key that is given more than once the last value counts, while the batch log keeps every pair in the
    /// order given. An empty slice takes a sequence too and is logged with no pairs. Empty keys and values are
    /// ordinary. Keys that had a deadline lose it.
    ///
    /// # Errors
    ///
    /// Key above 65,535 bytes, value above 1 GiB, more than 1,048,576 pairs or 1 GiB in all; a full disk; a store
    /// that is closed, read-only, or shut to writes after a failed one.
    fn put_batch(&self, kvs: &[(Bytes, Bytes)]) -> Result<u64, String>;

    /// The value of `key`, or `None` when it is absent or expired.
    ///
    /// # Errors
    ///
    /// A value that fails its checksum, or a failed read.
    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, String>;

    /// The pairs from `start` to `end`, both included, at most `limit` of them, in one consistent view.
    ///
    /// An empty `end` means no upper bound. With `forward` the rows ascend from `start`; without, they descend from
    /// `end`, and `limit` keeps the highest ones. A `start` above `end` and a `limit` of 0 give no rows. The cost
    /// follows the number of rows answered, not the size of the range, in both directions.
    ///
    /// # Errors
    ///
    /// A value in the answer that fails its checksum, or a failed read.
    fn range_scan(
        &self,
        start: &[u8],
        end: &[u8],
        limit: usize,
        forward: bool,
    ) -> Result<Vec<(Bytes, Bytes)>, String>;

    /// Deletes `keys` in one commit and answers its sequence, once it is durable.
    ///
    /// It always takes a sequence: for missing or repeated keys and for an empty slice as well. It is logged with
    /// no pairs.
    ///
    /// # Errors
    ///
    /// As [`put_batch`](Self::put_batch).
    fn delete_batch(&self, keys: &[&[u8]]) -> Result<u64, String>;

    /// The sequence of the last commit, of any interface, that readers see; 0 in an empty store.
    fn current_sequence(&self) -> u64;

    /// The pairs of the commit `sequence_number` in the order they were given, `Some` of an empty list when it wrote
    /// none.
    ///
    /// They stay readable while retained, also after their keys are overwritten, deleted or compacted. `None` for 0,
    /// for a number not yet given, and for a commit that is no longer retained; ask
    /// [`oldest_retained_batch`](Self::oldest_retained_batch) where to go on.
    ///
    /// # Errors
    ///
    /// A value that fails its checksum, or a failed read.
    fn get_batch(&self, sequence_number: u64) -> Result<Option<Vec<(Bytes, Bytes)>>, String>;

    /// The lowest sequence in the batch log, `None` when the log is empty.
    ///
    /// # Errors
    ///
    /// A failed read.
    fn oldest_retained_batch(&self) -> Result<Option<u64>, String>;

    /// Drops the commits below `cutoff_exclusive` from the batch log and answers how many it dropped.
    ///
    /// The keys and values of the store are not touched. Repeating the call drops 0; a cutoff beyond the end
    /// empties the log, and the next commit is numbered as if nothing had happened, also after the store was opened
    /// again. The space comes back by compaction.
    ///
    /// # Errors
    ///
    /// As [`put_batch`](Self::put_batch), the limits excepted.
    fn prune_batch_log(&self, cutoff_exclusive: u64) -> Result<u64, String>;

    /// Each of `keys`, in their order, duplicates included, with its value or `None`, in one consistent view.
    ///
    /// The method provided here calls [`get`](Self::get) for each key, which is a consistent view only while nobody
    /// writes. Implementations with concurrent writers override it.
    ///
    /// # Errors
    ///
    /// As [`get`](Self::get); one failing key fails the call.
    #[expect(clippy::type_complexity, reason = "the signature is that of the system the trait comes from")]
    fn get_many(&self, keys: &[&[u8]]) -> Result<Vec<(Vec<u8>, Option<Vec<u8>>)>, String> {
        keys.iter().map(|key| Ok((key.to_vec(), self.get(key)?))).collect()
    }
}
