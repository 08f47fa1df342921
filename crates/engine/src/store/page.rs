//! Pages: a listing that goes on where it stopped, over calls, handles and processes.
//!
//! Invariant: the pages of one listing together hold every key once that was there all the while, in order. A token is
//! believed only if this store made it for the same bounds and direction; it holds no promise about what is there.

use std::fmt;
use std::ops::{Bound, RangeBounds};

use bytes::Bytes;
use xxhash_rust::xxh3::Xxh3;

use super::core::Core;
use super::handle::Store;
use super::range::{Range, bounds_of};
use crate::error::{Error, ErrorKind, Result};
use crate::format::bytes::{length_u64, u64_at};
use crate::keyspace::Keyspace;
use crate::value::Value;

/// From which end a listing goes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Order {
    /// Ascending.
    #[default]
    Forward,
    /// Descending.
    Backward,
}

/// A page of rows.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Page {
    /// The rows, in the order of the listing.
    pub rows: Vec<(Bytes, Value)>,
    /// Where the next page begins; `None` when there was nothing more.
    pub next: Option<PageToken>,
}

/// Where a listing goes on.
///
/// It is made by the store and means something to that store alone, also after it was opened again; [`PageToken::to_bytes`]
/// and [`PageToken::from_bytes`] carry it through the world.
#[derive(Clone, PartialEq, Eq)]
pub struct PageToken {
    /// The last key that was given.
    key: Vec<u8>,
    seal: u64,
}

/// Bytes before the key.
const HEAD: usize = 9;
const TOKEN_VERSION: u8 = 1;

impl PageToken {
    /// The token as bytes: 9 and those of the last key.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = vec![TOKEN_VERSION];
        bytes.extend_from_slice(&self.seal.to_le_bytes());
        bytes.extend_from_slice(&self.key);
        bytes
    }

    /// A token from bytes. Whether they were made by the store is seen when the page is read.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::InvalidInput`] when they are not the bytes of a token.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self> {
        if bytes.len() < HEAD || bytes[0] != TOKEN_VERSION {
            return Err(Error::new(ErrorKind::InvalidInput, "these bytes are no page token"));
        }
        Ok(Self { key: bytes[HEAD..].to_vec(), seal: u64_at(bytes, 1) })
    }
}

// The key is the user's, and can be long.
impl fmt::Debug for PageToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PageToken").finish_non_exhaustive()
    }
}

impl Store {
    /// At most `limit` rows with keys in `bounds`, from one end or the other, and where to go on. Without a token the
    /// listing begins; with that of the page before it goes on behind that, whatever was written meanwhile.
    ///
    /// Each page is of one consistent view, of the moment of its call; for one view over all pages take a
    /// [`Snapshot`](crate::Snapshot), or the sequence of one.
    ///
    /// ```
    /// use pentad_engine::{Order, Store};
    /// # let dir = tempfile::tempdir()?;
    /// # let store = Store::open(dir.path())?;
    /// for key in ["a", "b", "c"] {
    ///     store.put(key, "")?;
    /// }
    /// let first = store.page::<&str>(.., Order::Forward, 2, None)?;
    /// let second = store.page::<&str>(.., Order::Forward, 2, first.next.as_ref())?;
    /// assert_eq!((first.rows.len(), second.rows.len(), second.next), (2, 1, None));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`ErrorKind::InvalidInput`] when this store did not make the token, or made it for other bounds or the other direction;
    /// as [`Store::get`].
    pub fn page<K: AsRef<[u8]>>(
        &self,
        bounds: impl RangeBounds<K>,
        order: Order,
        limit: usize,
        token: Option<&PageToken>,
    ) -> Result<Page> {
        let core = self.core();
        let bounds = bounds_of(&bounds);
        let rest = match token {
            None => bounds.clone(),
            Some(token) => core.bounds_behind(self.keyspace(), &bounds, order, token)?,
        };
        if limit == 0 {
            // Nothing was given, so there is nothing new to say of where to go on.
            return Ok(Page { rows: Vec::new(), next: token.cloned() });
        }
        let mut range = Range::new(self.snapshot()?.pinned, rest);
        let next_row = |range: &mut Range| match order {
            Order::Forward => range.next(),
            Order::Backward => range.next_back(),
        };
        let mut rows = Vec::new();
        while rows.len() < limit {
            let Some(row) = next_row(&mut range) else { return Ok(Page { rows, next: None }) };
            rows.push(row?);
        }
        // One key further, so that the last page says that it is the last.
        let mut keys = range.keys();
        let is_more = match order {
            Order::Forward => keys.next(),
            Order::Backward => keys.next_back(),
        };
        let next = match (is_more.transpose()?, rows.last()) {
            (Some(_), Some((key, _))) => {
                let key = key.to_vec();
                let seal = core.seal(self.keyspace(), &bounds, order, &key);
                Some(PageToken { key, seal })
            }
            _ => None,
        };
        Ok(Page { rows, next })
    }
}

type Bounds = (Bound<Vec<u8>>, Bound<Vec<u8>>);

impl Core {
    /// What is left of the bounds behind a token.
    fn bounds_behind(
        &self,
        keyspace: Keyspace,
        bounds: &Bounds,
        order: Order,
        token: &PageToken,
    ) -> Result<Bounds> {
        if self.seal(keyspace, bounds, order, &token.key) != token.seal {
            let text = format!(
                "the page token was not made by {} for these bounds and this direction; begin the listing anew",
                self.dir.display()
            );
            return Err(Error::new(ErrorKind::InvalidInput, text));
        }
        let behind = Bound::Excluded(token.key.clone());
        Ok(match order {
            Order::Forward => (behind, bounds.1.clone()),
            Order::Backward => (bounds.0.clone(), behind),
        })
    }

    /// A hash that nobody comes to who does not know the secret of the store. It keeps mistakes out, tokens of another
    /// listing above all; whoever forged one would gain no more than a page of the bounds that he may read anyway.
    fn seal(&self, keyspace: Keyspace, (lower, upper): &Bounds, order: Order, key: &[u8]) -> u64 {
        let mut seal = Xxh3::with_seed(u64_at(&self.identity.secret, 8));
        seal.update(&self.identity.store_id);
        seal.update(&[u8::from(order == Order::Backward)]);
        let mut part = |kind: u8, bytes: &[u8]| {
            seal.update(&[kind]);
            seal.update(&length_u64(bytes.len()).to_le_bytes());
            seal.update(bytes);
        };
        for bound in [lower, upper] {
            match bound {
                Bound::Unbounded => part(0, &[]),
                Bound::Included(key) => part(1, key),
                Bound::Excluded(key) => part(2, key),
            }
        }
        part(3, key);
        if !keyspace.is_own() {
            part(4, &keyspace.number().to_le_bytes());
        }
        seal.digest()
    }
}
