//! The point index on a sharded hash table.
//!
//! Invariant: a bucket holds the slots of exactly one hash, because the table's key is a permutation of the hashes.
//! It depends on a secret of the store: key hashes are not keyed, and whoever knows one can make keys that would all
//! fall into one part of the table. A guard into the table never leaves this file, so no other lock is taken under
//! it, and the counter of spilled bytes is all that is shared between shards.

use std::fmt;
use std::hash::{BuildHasherDefault, Hasher};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use dashmap::{DashMap, Entry};

use super::bucket::Bucket;
use super::key::Space;
use super::memory::table_bytes;
use super::point::{Found, PointIndex, Slot};
use super::version::{Version, View};

/// See the module.
pub(super) struct TableIndex {
    secret: u64,
    buckets: DashMap<u64, Bucket, BuildHasherDefault<AlreadyMixed>>,
    /// Heap bytes of the buckets of more than one slot. Written by one thread at a time.
    spilled_bytes: AtomicU64,
}

impl TableIndex {
    pub(super) fn new(secret: u64) -> Self {
        Self { secret, buckets: DashMap::default(), spilled_bytes: AtomicU64::new(0) }
    }

    /// The table key of a hash: MurmurHash3's 64-bit finalizer (Austin Appleby), each step of which can be undone,
    /// with the secret worked in twice.
    fn mix(&self, hash: u64) -> u64 {
        let mut mixed = hash ^ self.secret;
        mixed = (mixed ^ (mixed >> 33)).wrapping_mul(0xff51_afd7_ed55_8ccd);
        mixed ^= self.secret.rotate_left(32);
        mixed = (mixed ^ (mixed >> 33)).wrapping_mul(0xc4ce_b9fe_1a85_ec53);
        mixed ^ (mixed >> 33)
    }

    fn account(&self, before: u64, after: u64) {
        if before != after {
            let held = self.spilled_bytes.load(Ordering::Relaxed);
            self.spilled_bytes.store(held + after - before, Ordering::Relaxed);
        }
    }
}

impl PointIndex for TableIndex {
    fn find(&self, space: Space, key: &[u8], hash: u64) -> Found {
        self.buckets.get(&self.mix(hash)).map_or(Found::Absent, |bucket| bucket.find(space, key))
    }

    fn set(&self, space: Space, key: &Arc<[u8]>, hash: u64, version: Version) {
        let slot = Slot { space, key: Arc::clone(key), version };
        match self.buckets.entry(self.mix(hash)) {
            Entry::Vacant(vacant) => {
                vacant.insert(Bucket::One(slot));
            }
            Entry::Occupied(mut occupied) => {
                let bucket = occupied.get_mut();
                let before = bucket.spilled_bytes();
                bucket.set(slot);
                self.account(before, bucket.spilled_bytes());
            }
        }
    }

    fn remove(&self, space: Space, key: &[u8], hash: u64) {
        if let Entry::Occupied(mut occupied) = self.buckets.entry(self.mix(hash)) {
            let bucket = occupied.get_mut();
            let before = bucket.spilled_bytes();
            let is_empty = bucket.remove(space, key);
            self.account(before, if is_empty { 0 } else { bucket.spilled_bytes() });
            if is_empty {
                occupied.remove();
            }
        }
    }

    fn with_hash(&self, hash: u64) -> Vec<Slot> {
        self.buckets.get(&self.mix(hash)).map_or_else(Vec::new, |bucket| bucket.slots())
    }

    fn candidates(&self, hash: u64, view: View) -> Vec<Slot> {
        self.buckets.get(&self.mix(hash)).map_or_else(Vec::new, |bucket| bucket.candidates(view))
    }

    fn shrink(&self) {
        const SMALL: usize = 4096;
        let capacity = self.buckets.capacity();
        if capacity > SMALL && self.buckets.len() < capacity / 4 {
            self.buckets.shrink_to_fit();
        }
    }

    fn memory_bytes(&self) -> u64 {
        table_bytes(self.buckets.capacity(), size_of::<(u64, Bucket)>())
            + self.spilled_bytes.load(Ordering::Relaxed)
    }
}

// The secret stays out of logs.
impl fmt::Debug for TableIndex {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TableIndex").field("hashes", &self.buckets.len()).finish_non_exhaustive()
    }
}

/// The table's keys are mixed before they get here.
#[derive(Default)]
struct AlreadyMixed(u64);

impl Hasher for AlreadyMixed {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write_u64(&mut self, mixed: u64) {
        self.0 = mixed;
    }

    fn write(&mut self, _: &[u8]) {
        unreachable!("the keys of this table are 64-bit numbers");
    }
}
