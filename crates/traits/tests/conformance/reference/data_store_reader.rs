//! `AsyncDataStoreReader` of the reference store.

use std::io::{Error, ErrorKind};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::thread;

use bytes::Bytes;
use pentad_traits::{AsyncDataStoreReader, EntryMetadata, async_trait};

use super::factory::key_hash;
use super::handle::Handle;
use super::state::{ALIGNMENT, Entry, Id, State, place};
use super::store::{Store, yield_once};
use crate::defect::Defect as D;

/// The hash under which an entry is found.
pub(super) fn hash_of(state: &State, id: &Id) -> u64 {
    match id {
        Id::Key(key) if state.has(D::KeysAreHashedByTheirBeginning) => key_hash(&key[..key.len().min(16)]),
        Id::Key(key) => key_hash(key),
        Id::Hash(hash) => *hash,
    }
}

/// The entry that a lookup by hash answers.
pub(super) fn newest_with_hash(state: &State, hash: u64, now_ns: u64) -> Option<(&Id, &Entry)> {
    let now_ns = if state.has(D::HashSeesExpired) { 0 } else { now_ns };
    let with_hash = || state.live_entries(now_ns).filter(|(id, _)| hash_of(state, id) == hash);
    if state.has(D::HashAnswersOldest) {
        return with_hash().min_by_key(|(_, entry)| entry.order);
    }
    if state.has(D::HashPrefersKeyed)
        && let Some(keyed) = with_hash().find(|(id, _)| matches!(id, Id::Key(_)))
    {
        return Some(keyed);
    }
    with_hash().max_by_key(|(_, entry)| entry.order)
}

/// The entry that a lookup by key answers.
fn entry_of<'a>(state: &'a State, key: &[u8], now_ns: u64) -> Option<(&'a Id, &'a Entry)> {
    let id = Id::key(key);
    let hash = hash_of(state, &id);
    if state.has(D::KeysAreNotCompared) {
        return newest_with_hash(state, hash, now_ns);
    }
    let find = |id: &Id| {
        let entry = state.live(id, now_ns)?;
        state.entries.get_key_value(id).map(|(id, _)| (id, entry))
    };
    let (keyed, hash_only) =
        (find(&id), find(&Id::Hash(hash)).filter(|_| !state.has(D::HashOnlyIsNotFoundByKey)));
    match (keyed, hash_only) {
        (Some(keyed), Some(hash_only)) if state.has(D::HashOnlyHidesKeyed) => {
            Some(if hash_only.1.order > keyed.1.order { hash_only } else { keyed })
        }
        (keyed, hash_only) => keyed.or(hash_only),
    }
}

impl Store {
    /// The handle to an entry, unless its payload is damaged.
    fn handle(&self, state: &mut State, id: Option<Id>) -> Result<Option<Handle>, Error> {
        if state.has(D::DamageFailsEveryRead) && state.entries.values().any(|entry| entry.damaged) {
            return Err(Error::new(ErrorKind::InvalidData, "the store is damaged"));
        }
        let Some(id) = id else { return Ok(None) };
        let (once, place_left_out) =
            (state.has(D::DamageIsReportedOnce), state.has(D::DamageIsReportedWithoutItsPlace));
        let returned = state.has(D::DamageIsReturned);
        let entry = state.entries.get_mut(&id).expect("the entry was just found");
        if entry.damaged && !returned {
            entry.damaged = !once;
            let (offset, sequence) = (entry.tail_before, entry.order.0);
            let place = std::path::Path::new("reference").join("segment");
            let message = match place_left_out {
                true => "a checksum is wrong".to_owned(),
                false => format!("{} is damaged at offset {offset}, sequence {sequence}", place.display()),
            };
            return Err(Error::new(ErrorKind::InvalidData, message));
        }
        let entry = entry.clone();
        let bytes = if state.has(D::ReadsCopy) {
            place(&entry.payload, ALIGNMENT)
        } else if state.has(D::PayloadsStartAnywhere) {
            let mut shifted = vec![0; 1];
            shifted.extend_from_slice(&entry.payload);
            place(&shifted, ALIGNMENT).slice(1..)
        } else {
            entry.payload
        };
        Ok(Some(Handle {
            bytes,
            dead: entry.dead,
            copies: state.has(D::HandlesCopyIntoBytes),
            bound_to: state.has(D::HandlesAreBoundToTheirThread).then(|| thread::current().id()),
        }))
    }

    fn read_now(&self, key: &[u8]) -> Result<Option<Handle>, Error> {
        let mut state = self.lock();
        let id = entry_of(&state, cut(&state, key, self), self.now_ns()).map(|(id, _)| id.clone());
        if id.is_none() && state.has(D::MissingReadsEmpty) {
            let dead = Arc::new(AtomicBool::new(false));
            return Ok(Some(Handle { bytes: Bytes::new(), dead, copies: false, bound_to: None }));
        }
        self.handle(&mut state, id)
    }

    fn read_hash_now(&self, hash: u64) -> Result<Option<Handle>, Error> {
        let mut state = self.lock();
        let id = newest_with_hash(&state, hash, self.now_ns()).map(|(id, _)| id.clone());
        self.handle(&mut state, id)
    }
}

/// The key, cut to the limit where a defect says so.
fn cut<'a>(state: &State, key: &'a [u8], store: &Store) -> &'a [u8] {
    let limit = if state.has(D::TooLongKeyIsCut) { store.inner.limits.key_bytes_max } else { usize::MAX };
    &key[..key.len().min(limit)]
}

#[async_trait]
impl AsyncDataStoreReader for Store {
    type EntryHandleType = Handle;

    async fn exists(&self, key: &[u8]) -> Result<bool, Error> {
        yield_once().await;
        let state = self.lock();
        Ok(entry_of(&state, cut(&state, key, self), self.now_ns()).is_some())
    }

    async fn exists_with_key_hash(&self, prehashed_key: u64) -> Result<bool, Error> {
        yield_once().await;
        Ok(newest_with_hash(&self.lock(), prehashed_key, self.now_ns()).is_some())
    }

    async fn read(&self, key: &[u8]) -> Result<Option<Handle>, Error> {
        yield_once().await;
        self.read_now(key)
    }

    async fn read_with_key_hash(&self, prehashed_key: u64) -> Result<Option<Handle>, Error> {
        yield_once().await;
        self.read_hash_now(prehashed_key)
    }

    async fn read_last_entry(&self) -> Result<Option<Handle>, Error> {
        yield_once().await;
        let now_ns = self.now_ns();
        let mut state = self.lock();
        let last = match state.has(D::LastIsTheGreatestKey) {
            true => state.live_entries(now_ns).next_back(),
            false => state.live_entries(now_ns).max_by_key(|(_, entry)| entry.order),
        };
        let forgotten = state.has(D::LastIsForgottenWhenDeleted) && !state.graves.is_empty();
        let id = last.filter(|_| !forgotten).map(|(id, _)| id.clone());
        self.handle(&mut state, id)
    }

    async fn batch_read(&self, keys: &[&[u8]]) -> Result<Vec<Option<Handle>>, Error> {
        yield_once().await;
        let (torn, leaves_out) = (self.has(D::BatchReadIsTorn), self.has(D::BatchReadLeavesOutMissing));
        let mut handles = Vec::new();
        for key in keys {
            // Without the yields nothing comes between: the suites poll all futures of one store on one thread.
            handles.push(self.read_now(key)?);
            if torn {
                for _ in 0..3 {
                    yield_once().await;
                }
            }
        }
        handles.retain(|handle| handle.is_some() || !leaves_out);
        Ok(handles)
    }

    async fn batch_read_hashed_keys(
        &self,
        prehashed_keys: &[u64],
        non_hashed_keys: Option<&[&[u8]]>,
    ) -> Result<Vec<Option<Handle>>, Error> {
        yield_once().await;
        let keys = non_hashed_keys.filter(|_| !self.has(D::HashedBatchIgnoresKeys));
        let Some(keys) = keys else {
            return prehashed_keys.iter().map(|hash| self.read_hash_now(*hash)).collect();
        };
        if keys.len() != prehashed_keys.len() && !self.has(D::HashedBatchTakesTheShorter) {
            let lengths = (prehashed_keys.len(), keys.len());
            return Err(self.invalid(format!("{} hashes were given with {} keys", lengths.0, lengths.1)));
        }
        let verified =
            |(hash, key): (&u64, &&[u8])| if key_hash(key) == *hash { self.read_now(key) } else { Ok(None) };
        prehashed_keys.iter().zip(keys).map(verified).collect()
    }

    async fn read_metadata(&self, key: &[u8]) -> Result<Option<EntryMetadata>, Error> {
        yield_once().await;
        let state = self.lock();
        let Some((id, entry)) = entry_of(&state, key, self.now_ns()) else {
            let nothing = EntryMetadata { key_hash: 0, prev_offset: 0, checksum: [0; 4] };
            return Ok(state.has(D::MissingHasMetadata).then_some(nothing));
        };
        let checksum = match state.has(D::ChecksumIsOfTheLength) {
            true => u64::try_from(entry.payload.len()).expect("a length fits u64"),
            false => key_hash(&entry.payload),
        };
        let behind = if state.has(D::MetadataPointsBehindTheEntry) { 1 << 20 } else { 0 };
        let [a, b, c, d, ..] = checksum.to_le_bytes();
        Ok(Some(EntryMetadata {
            key_hash: if state.has(D::MetadataHasNoHash) { 0 } else { hash_of(&state, id) },
            prev_offset: entry.tail_before + behind,
            checksum: [a, b, c, d],
        }))
    }

    async fn len(&self) -> Result<usize, Error> {
        yield_once().await;
        let state = self.lock();
        if state.has(D::OverwritesCountTwice) {
            return Ok(state.puts);
        }
        let now_ns = if state.has(D::ExpiredCount) { 0 } else { self.now_ns() };
        let hash_only_count = !state.has(D::HashOnlyDoesNotCount);
        Ok(state.live_entries(now_ns).filter(|(id, _)| matches!(id, Id::Key(_)) || hash_only_count).count())
    }

    async fn is_empty(&self) -> Result<bool, Error> {
        Ok(self.len().await? == 0)
    }

    async fn file_size(&self) -> Result<u64, Error> {
        yield_once().await;
        let state = self.lock();
        let live: usize = state.live_entries(self.now_ns()).map(|(_, entry)| entry.payload.len()).sum();
        let live = u64::try_from(live).expect("a length fits u64");
        Ok(if state.has(D::FileSizeIsOfLiveEntries) { live } else { state.disk_bytes })
    }
}
