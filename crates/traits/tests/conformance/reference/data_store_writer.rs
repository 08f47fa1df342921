//! `AsyncDataStoreWriter` of the reference store.

use std::io::{Error, ErrorKind, Read, Result};
use std::pin::Pin;
use std::sync::Arc;

use bytes::Bytes;
use pentad_traits::{AsyncDataStoreWriter, async_trait};

use super::data_store_reader::{hash_of, newest_with_hash};
use super::state::{Change, Id, State};
use super::store::{Store, yield_once};
use crate::defect::Defect as D;

/// Bytes that are asked of a reader at a time.
const PIECE_BYTES: usize = 64 << 10;

impl Store {
    fn tail(&self) -> u64 {
        self.lock().tail
    }

    fn commit_io(&self, changes: Vec<Change>) -> Result<u64> {
        self.commit(changes).map_err(|message| self.invalid(message))?;
        Ok(self.tail())
    }

    fn put_all(&self, entries: Vec<(Id, &[u8])>) -> Result<u64> {
        if entries.is_empty() {
            if self.has(D::EmptyBatchMovesTheTail) {
                self.lock().grow(1);
            }
            return Ok(self.tail());
        }
        let empty = entries.iter().position(|(_, payload)| payload.is_empty());
        if let Some(place) = empty.filter(|_| !self.has(D::EmptyPayloadIsAccepted)) {
            if self.has(D::BadBatchWritesItsBeginning) {
                self.put_all(entries[..place].to_vec())?;
            }
            return Err(self.invalid("an empty payload cannot be written"));
        }
        let mut left_behind = std::mem::take(&mut self.lock().left_behind);
        let changes = entries.into_iter().map(|(id, payload)| {
            left_behind.extend_from_slice(payload);
            Change::put(id, &std::mem::take(&mut left_behind))
        });
        self.commit_io(changes.collect())
    }

    /// Reads all that the reader gives.
    fn drain(&self, reader: &mut impl Read) -> Result<Vec<u8>> {
        let holding = self.has(D::StreamHoldsUpWriters).then(|| self.inner.state.lock());
        let has = |defect| holding.is_none() && self.has(defect);
        let mut payload = Vec::new();
        let mut piece = vec![0; if has(D::StreamIsReadInOneGo) { 4 << 20 } else { PIECE_BYTES }];
        loop {
            match reader.read(&mut piece) {
                Ok(0) => break,
                Ok(length) => payload.extend_from_slice(&piece[..length]),
                Err(error)
                    if error.kind() == ErrorKind::Interrupted && !has(D::InterruptionFailsTheStream) => {}
                Err(_) if has(D::FailedStreamIsAcknowledged) => break,
                Err(error) => {
                    if has(D::FailedStreamLeavesBytesBehind) {
                        self.lock().left_behind = payload;
                    } else if has(D::FailedStreamIsVisible) {
                        self.commit_io(vec![Change::put(Id::key(b"new"), &payload)])?;
                    }
                    return Err(error);
                }
            }
            if has(D::StreamLeavesTheRest) {
                break;
            }
        }
        if has(D::StreamLosesItsEnd) {
            payload.truncate(payload.len().div_ceil(PIECE_BYTES).saturating_sub(1).max(1) * PIECE_BYTES);
        }
        Ok(payload)
    }

    /// Both stream methods: the reader is drained here, the future commits.
    fn stream<'a>(
        &'a self,
        id: Id,
        reader: &mut impl Read,
    ) -> Pin<Box<dyn Future<Output = Result<u64>> + Send + 'a>> {
        let staged = self.drain(reader);
        let written = self.has(D::StreamIsVisibleWhenCalled).then(|| match &staged {
            Ok(payload) => self.put_all(vec![(id.clone(), payload)]),
            Err(error) => Err(Error::new(error.kind(), error.to_string())),
        });
        Box::pin(async move {
            if let Some(result) = written {
                return result;
            }
            yield_once().await;
            self.put_all(vec![(id, &staged?)])
        })
    }

    /// The changes that delete what `keys` find, and only what is there.
    fn deletes<'a>(&self, keys: impl Iterator<Item = &'a [u8]>) -> Vec<Change> {
        let state = self.lock();
        let now_ns = if state.has(D::DeleteSeesExpired) { 0 } else { self.now_ns() };
        let mut changes: Vec<Change> = Vec::new();
        for key in keys {
            let before = changes.len();
            let id = Id::key(key);
            let hash = hash_of(&state, &id);
            let mut ids = vec![id, Id::Hash(hash)];
            if state.has(D::DeleteLeavesHashOnly) {
                ids.truncate(1);
            }
            if state.has(D::DeleteTakesTheWholeHash) {
                ids = state
                    .live_entries(now_ns)
                    .map(|(id, _)| id)
                    .filter(|id| hash_of(&state, id) == hash)
                    .cloned()
                    .collect();
            }
            changes.extend(ids.into_iter().filter(|id| state.live(id, now_ns).is_some()).map(Change::delete));
            if changes.len() == before && state.has(D::BatchDeleteStopsAtMissing) {
                break;
            }
        }
        changes
    }

    fn delete_all(&self, changes: Vec<Change>) -> Result<u64> {
        if changes.is_empty() {
            if self.has(D::DeleteOfMissingMovesTheTail) {
                self.lock().grow(1);
            }
            return Ok(self.tail());
        }
        self.commit_io(changes)
    }

    fn check_count(&self, number: usize) -> Result<()> {
        // Only the number of operations counts here, so any change stands for all.
        let changes = vec![Change::delete(Id::Hash(0)); number];
        self.lock()
            .check(&changes, &self.inner.limits)
            .map_err(|message| Error::new(ErrorKind::InvalidInput, message))
    }

    fn missing(&self, key: &[u8]) -> Error {
        Error::new(ErrorKind::NotFound, format!("there is no entry with the key \"{}\"", self.shown(key)))
    }

    fn rename_now(&self, old_key: &[u8], new_key: &[u8]) -> Result<u64> {
        let now_ns = self.now_ns();
        let (old, new) = (Id::key(old_key), Id::key(new_key));
        if old == new && !self.has(D::RenameToItselfIsOk) {
            return Err(self.invalid(format!("\"{}\" cannot be renamed to itself", self.shown(old_key))));
        }
        let Some(entry) = self.lock().live(&old, now_ns).cloned() else {
            return if self.has(D::RenameOfMissingIsOk) {
                Ok(self.tail())
            } else {
                Err(self.missing(old_key))
            };
        };
        if self.has(D::RenameRefusesExisting) && self.lock().live(&new, now_ns).is_some() {
            return Err(Error::new(ErrorKind::AlreadyExists, "the new key is there"));
        }
        let logged = vec![(Bytes::copy_from_slice(new_key), entry.payload.clone())];
        let deadline = entry.deadline.filter(|_| !self.has(D::RenameClearsTheDeadline));
        let mut changes =
            vec![Change::delete(old), Change { id: new, payload: Some(entry.payload), deadline }];
        if self.has(D::RenameKeepsTheOldKey) {
            changes.remove(0);
        }
        let mut state = self.lock();
        state
            .check(&changes, &self.inner.limits)
            .map_err(|message| Error::new(ErrorKind::InvalidInput, message))?;
        let tail = state.tail;
        state.commit_logging(changes, logged, now_ns);
        if state.has(D::RenameLeavesTheTail) {
            state.tail = tail;
        }
        Ok(state.tail)
    }

    /// Writes the entry of `key` into `target`; answers its order here.
    fn copy_now(&self, key: &[u8], target: &Self) -> Result<(u64, usize)> {
        if Arc::ptr_eq(&self.inner, &target.inner) && !self.has(D::CopyIntoItselfIsOk) {
            return Err(self.invalid(format!("\"{}\" would be copied into its own store", self.shown(key))));
        }
        let Some(entry) = self.lock().live(&Id::key(key), self.now_ns()).cloned() else {
            return if self.has(D::CopyOfMissingIsOk) { Ok((0, 0)) } else { Err(self.missing(key)) };
        };
        let deadline = entry.deadline.filter(|_| !self.has(D::CopyDropsTheDeadline));
        target.commit_io(vec![Change { deadline, ..Change::put(Id::key(key), &entry.payload) }])?;
        Ok(entry.order)
    }
}

fn order_of(state: &State, id: &Id) -> Option<(u64, usize)> {
    state.entries.get(id).map(|entry| entry.order)
}

#[async_trait]
impl AsyncDataStoreWriter for Store {
    type DataStoreType = Self;

    fn write_stream<'life0, 'life1, 'life2, 'async_trait, R>(
        &'life0 self,
        key: &'life1 [u8],
        reader: &'life2 mut R,
    ) -> Pin<Box<dyn Future<Output = Result<u64>> + Send + 'async_trait>>
    where
        R: 'async_trait + Read,
        Self: 'async_trait,
        'life0: 'async_trait,
        'life1: 'async_trait,
        'life2: 'async_trait,
    {
        self.stream(Id::key(key), reader)
    }

    fn write_stream_with_key_hash<'life0, 'life1, 'async_trait, R>(
        &'life0 self,
        key_hash: u64,
        reader: &'life1 mut R,
    ) -> Pin<Box<dyn Future<Output = Result<u64>> + Send + 'async_trait>>
    where
        R: 'async_trait + Read,
        Self: 'async_trait,
        'life0: 'async_trait,
        'life1: 'async_trait,
    {
        self.stream(Id::Hash(key_hash), reader)
    }

    // Written out for the defect that does not wait for the first poll.
    fn write<'life0, 'life1, 'life2, 'async_trait>(
        &'life0 self,
        key: &'life1 [u8],
        payload: &'life2 [u8],
    ) -> Pin<Box<dyn Future<Output = Result<u64>> + Send + 'async_trait>>
    where
        Self: 'async_trait,
        'life0: 'async_trait,
        'life1: 'async_trait,
        'life2: 'async_trait,
    {
        let written = self.has(D::WritesWhenCalled).then(|| self.put_all(vec![(Id::key(key), payload)]));
        Box::pin(async move {
            if let Some(result) = written {
                return result;
            }
            yield_once().await;
            self.put_all(vec![(Id::key(key), payload)])
        })
    }

    async fn write_with_key_hash(&self, key_hash: u64, payload: &[u8]) -> Result<u64> {
        yield_once().await;
        self.put_all(vec![(Id::Hash(key_hash), payload)])
    }

    async fn batch_write(&self, entries: &[(&[u8], &[u8])]) -> Result<u64> {
        let entries: Vec<(Id, &[u8])> =
            entries.iter().map(|(key, payload)| (Id::key(key), *payload)).collect();
        if self.has(D::TornWhenDropped) && entries.len() > 1 {
            self.put_all(entries[..1].to_vec())?;
        }
        yield_once().await;
        self.put_all(entries)
    }

    async fn batch_write_with_key_hashes(
        &self,
        prehashed_keys: Vec<(u64, &[u8])>,
        allow_null_bytes: bool,
    ) -> Result<u64> {
        yield_once().await;
        let allow =
            (allow_null_bytes || self.has(D::OneNulIsAlwaysAllowed)) && !self.has(D::OneNulIsNeverAllowed);
        if !allow && prehashed_keys.iter().any(|(_, payload)| *payload == b"\0") {
            return Err(self.invalid("a payload of one NUL byte was not to be written"));
        }
        self.put_all(prehashed_keys.into_iter().map(|(hash, payload)| (Id::Hash(hash), payload)).collect())
    }

    async fn rename(&self, old_key: &[u8], new_key: &[u8]) -> Result<u64> {
        yield_once().await;
        if self.has(D::RenameIsInTwoSteps) {
            let payload =
                self.lock().live(&Id::key(old_key), self.now_ns()).map(|entry| entry.payload.clone());
            if let Some(payload) = payload {
                self.commit_io(vec![Change::put(Id::key(new_key), &payload)])?;
                yield_once().await;
                yield_once().await;
            }
        }
        self.rename_now(old_key, new_key)
    }

    async fn copy(&self, key: &[u8], target: &Self) -> Result<u64> {
        yield_once().await;
        self.copy_now(key, target)?;
        Ok(if self.has(D::CopyAnswersTheOwnTail) { self.tail() } else { target.tail() })
    }

    async fn transfer(&self, key: &[u8], target: &Self) -> Result<u64> {
        let id = Id::key(key);
        loop {
            yield_once().await;
            let copied = self.copy_now(key, target)?;
            yield_once().await;
            let unchanged = order_of(&self.lock(), &id) == Some(copied);
            let blind = [D::TransferDeletesBlindly, D::CopyOfMissingIsOk, D::CopyIntoItselfIsOk];
            if unchanged || blind.into_iter().any(|defect| self.has(defect)) {
                break;
            }
        }
        if !self.has(D::TransferKeepsTheSource) {
            self.delete_all(vec![Change::delete(id)])?;
        }
        Ok(target.tail())
    }

    async fn delete(&self, key: &[u8]) -> Result<u64> {
        yield_once().await;
        self.delete_all(self.deletes([key].into_iter()))
    }

    async fn batch_delete(&self, keys: &[&[u8]]) -> Result<u64> {
        yield_once().await;
        self.check_count(keys.len())?;
        self.delete_all(self.deletes(keys.iter().copied()))
    }

    async fn batch_delete_key_hashes(&self, prehashed_keys: &[u64]) -> Result<u64> {
        yield_once().await;
        self.check_count(prehashed_keys.len())?;
        let now_ns = self.now_ns();
        let changes = {
            let state = self.lock();
            let newest_only = state.has(D::DeleteByHashTakesTheNewest);
            let found = prehashed_keys.iter().flat_map(|hash| {
                let newest = newest_with_hash(&state, *hash, now_ns).map(|(id, _)| id);
                let all = state.live_entries(now_ns).map(|(id, _)| id);
                let all =
                    all.filter(|id| hash_of(&state, id) == *hash && (!newest_only || Some(*id) == newest));
                all.cloned().collect::<Vec<_>>()
            });
            found.map(Change::delete).collect()
        };
        self.delete_all(changes)
    }
}
