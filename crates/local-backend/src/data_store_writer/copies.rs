//! From one store into another: `copy`, and `transfer`, which deletes here what is durable there.
//!
//! The invariant: at every moment of a transfer the entry is in one of the two stores, and an overwrite that comes
//! between copying and deleting is not lost: the delete depends on the sequence that was copied.

use std::io::{self, ErrorKind, Write};

use pentad_engine::{Batch, Durability, EntryInfo, Error, Expect, Expiry, Payload, Store, escape_key};

use super::handoff::{Caller, on_thread};
use super::streams::{PIECE_BYTES, in_words, read_piece};
use super::tail_after;
use crate::backend::LocalBackend;
use crate::errors::io_error;

/// Longest value, in bytes, that is looked at on the thread that polls: verifying a longer one takes a while.
const POLLED_BYTES_MAX: u64 = 1 << 20;

/// An entry on its way: its payload, with what was known of it when it was read.
type Staged = (Payload<'static>, EntryInfo);

/// The parts of a copy that are the same whatever thread they are done on.
#[derive(Clone, Debug)]
struct Route {
    source: Store,
    target: Store,
    key: Vec<u8>,
    /// Longer values go as streams.
    value_bytes_max: u64,
    attempted: String,
}

impl LocalBackend {
    pub(super) async fn copy_entry(&self, key: &[u8], target: &Self) -> io::Result<u64> {
        let route = self.route("copy", key, target)?;
        let (payload, info) = route.stage().await?.ok_or_else(|| route.missing())?;
        tail_after(target.store.submit(route.put(payload, info)), &route.attempted).await
    }

    pub(super) async fn transfer_entry(&self, key: &[u8], target: &Self) -> io::Result<u64> {
        let route = self.route("transfer", key, target)?;
        let mut copied = None;
        loop {
            let Some((payload, info)) = route.stage().await? else {
                // If it went after it was copied, deleted by someone else or expired, then the entry is where it was
                // to go, and no longer here.
                return copied.ok_or_else(|| route.missing());
            };
            let mut put = route.put(payload, info);
            // Whatever the target's level is: the entry is deleted here on the strength of this.
            put.durability(Durability::Disk);
            let tail = tail_after(target.store.submit(put), &route.attempted).await?;
            copied = Some(tail);

            let delete = self.commit(|batch| {
                batch.require(key, Expect::Unmodified(info.sequence)).delete(key);
            });
            let outcome = delete.await.map_err(|error| route.failed(error))?;
            if outcome.applied {
                return Ok(tail);
            }
        }
    }

    fn route(&self, verb: &str, key: &[u8], target: &Self) -> io::Result<Route> {
        let path = target.store.path().display();
        let attempted = format!("cannot {verb} {} to {path}", escape_key(key));
        if self.store.same_keyspace(&target.store) {
            let text = format!("{attempted}: that is the store that it is in; nothing was written");
            return Err(io::Error::new(ErrorKind::InvalidInput, text));
        }
        Ok(Route {
            source: self.store.clone(),
            target: target.store.clone(),
            key: key.to_vec(),
            value_bytes_max: target.limits.value_bytes_max,
            attempted,
        })
    }
}

impl Route {
    /// Gets the entry ready for the target, in a way that fits its length; `None` when it is not there.
    async fn stage(&self) -> io::Result<Option<Staged>> {
        let Some(info) = self.info()? else { return Ok(None) };
        if info.length <= POLLED_BYTES_MAX.min(self.value_bytes_max) {
            return self.stage_value();
        }
        let route = self.clone();
        on_thread("pentad-copy", move |caller| route.stage_long(caller))?.await?
    }

    /// A payload that borrows the source's map; the target's commit reads it.
    fn stage_value(&self) -> io::Result<Option<Staged>> {
        self.unchanged(|| self.source.get(&self.key).map_err(|error| self.failed(error)))
            .map(|found| found.map(|(value, info)| (value.into(), info)))
    }

    /// Blocks: verifies the payload and, if it is too long for a commit, writes it into a stream of the target.
    fn stage_long(&self, caller: &Caller<io::Result<Option<Staged>>>) -> io::Result<Option<Staged>> {
        // It may have been overwritten since its length was looked at.
        let Some(info) = self.info()? else { return Ok(None) };
        if info.length <= self.value_bytes_max {
            return self.stage_value();
        }
        let reader = self.unchanged(|| self.source.reader(&self.key).map_err(|error| self.failed(error)))?;
        let Some((mut reader, info)) = reader else { return Ok(None) };
        let mut stream = self.target.stream().map_err(|error| self.failed(error))?;
        let mut piece = vec![0; PIECE_BYTES];
        loop {
            if caller.is_gone() {
                return Err(io::Error::new(
                    ErrorKind::Interrupted,
                    format!("{}: nobody waits for it", self.attempted),
                ));
            }
            let length =
                read_piece(&mut reader, &mut piece).map_err(|error| in_words(&self.attempted, &error))?;
            if length == 0 {
                break;
            }
            stream.write_all(&piece[..length]).map_err(|error| in_words(&self.attempted, &error))?;
        }
        let staged = stream.finish().map_err(|error| self.failed(error))?;
        Ok(Some((staged.into(), info)))
    }

    /// What `read` finds together with what is known of the entry, both of one version of it.
    fn unchanged<T>(&self, read: impl Fn() -> io::Result<Option<T>>) -> io::Result<Option<(T, EntryInfo)>> {
        loop {
            let Some(before) = self.info()? else { return Ok(None) };
            let Some(found) = read()? else { continue };
            // No version of a key comes back, so the same one on both sides is the one in between.
            match self.info()? {
                Some(after) if after.sequence == before.sequence => return Ok(Some((found, after))),
                _ => {}
            }
        }
    }

    fn info(&self) -> io::Result<Option<EntryInfo>> {
        self.source.entry_info(&self.key).map_err(|error| self.failed(error))
    }

    fn put(&self, payload: Payload<'_>, info: EntryInfo) -> Batch {
        let mut batch = Batch::new();
        batch.put_expiring(&self.key, payload, info.deadline.map_or(Expiry::Never, Expiry::At));
        batch
    }

    fn missing(&self) -> io::Error {
        let path = self.source.path().display();
        io::Error::new(ErrorKind::NotFound, format!("{}: there is no such key in {path}", self.attempted))
    }

    fn failed(&self, error: Error) -> io::Error {
        io_error(&self.attempted, error)
    }
}
