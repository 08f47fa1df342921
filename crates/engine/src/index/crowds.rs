//! The keys of hashes that very many keys share.
//!
//! Someone can make keys that collide on all 64 bits of their hash. Beyond [`CROWD`](super::slots::CROWD) of them the slot table would compare
//! them one by one, so all keys of such a hash live here instead, in trees: a lookup stays logarithmic, and the highest
//! rank is found without a look at the rest.
//!
//! Invariant: a key of a crowded hash is here and not in the slot table from the moment that the hash is listed; before
//! that it is in the slot table alone. A hash stays crowded while the store is open.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use dashmap::DashMap;

use super::entries::Rank;
use super::image::Crowded;
use super::key::Space;
use super::memory::{bytes_of, shared_key_bytes, tree_bytes};
use crate::address::Address;

type Name = (Space, Arc<[u8]>);

/// See the module.
#[derive(Debug, Default)]
pub(super) struct Crowds {
    /// Whether there is one: what every lookup asks first.
    any: AtomicBool,
    by_hash: DashMap<u64, Crowd>,
}

/// The keys of one hash.
#[derive(Debug, Default)]
pub(super) struct Crowd {
    by_name: BTreeMap<Name, (Address, Rank)>,
    by_rank: BTreeMap<(Rank, Name), Address>,
}

impl Crowds {
    /// Whether there is any crowd.
    #[inline]
    pub(super) fn are_there(&self) -> bool {
        self.any.load(Ordering::Acquire)
    }

    /// Calls `read` with the crowd of a hash, if it is a crowded one.
    pub(super) fn read<R>(&self, hash: u64, read: impl FnOnce(&Crowd) -> R) -> Option<R> {
        if !self.are_there() {
            return None;
        }
        self.by_hash.get(&hash).map(|crowd| read(&crowd))
    }

    /// Whether a hash is a crowded one.
    pub(super) fn has(&self, hash: u64) -> bool {
        self.read(hash, |_| ()).is_some()
    }

    /// Calls `change` with the crowd of a hash, if it is a crowded one.
    pub(super) fn change<R>(&self, hash: u64, change: impl FnOnce(&mut Crowd) -> R) -> Option<R> {
        if !self.are_there() {
            return None;
        }
        self.by_hash.get_mut(&hash).map(|mut crowd| change(&mut crowd))
    }

    /// Lists a hash with its keys.
    pub(super) fn list(&self, hash: u64, crowd: Crowd) {
        self.by_hash.insert(hash, crowd);
        self.any.store(true, Ordering::Release);
    }

    /// Every key, with its hash.
    pub(super) fn all(&self) -> Vec<Crowded> {
        if !self.any.load(Ordering::Acquire) {
            return Vec::new();
        }
        let mut all = Vec::new();
        for crowd in &self.by_hash {
            let hash = *crowd.key();
            let of_crowd = crowd.by_rank.iter();
            all.extend(of_crowd.map(|((rank, _), address)| Crowded { hash, address: *address, rank: *rank }));
        }
        all.sort_unstable_by_key(|crowded| (crowded.hash, crowded.rank));
        all
    }

    /// An estimate of the bytes held.
    pub(super) fn memory_bytes(&self) -> u64 {
        if !self.are_there() {
            return 0;
        }
        self.by_hash.iter().map(|crowd| crowd.memory_bytes()).sum()
    }
}

impl Crowd {
    /// Makes `address` the newest version of a key; returns the one before.
    pub(super) fn set(&mut self, space: Space, key: &[u8], address: Address, rank: Rank) -> Option<Address> {
        let name = (space, Arc::from(key));
        let before = self.remove_name(&name);
        self.by_rank.insert((rank, name.clone()), address);
        self.by_name.insert(name, (address, rank));
        before
    }

    /// The newest version of a key.
    pub(super) fn find(&self, space: Space, key: &[u8]) -> Option<Address> {
        self.by_name.get(&(space, Arc::from(key))).map(|(address, _)| *address)
    }

    /// Takes out a key if its newest version stands at `address`.
    pub(super) fn remove(&mut self, space: Space, key: &[u8], address: Address) -> bool {
        self.find(space, key) == Some(address) && self.remove_name(&(space, Arc::from(key))).is_some()
    }

    /// Takes out the key whose newest version stands at `address`, where nobody can say which one that is. Looks at every key.
    pub(super) fn search_and_remove(&mut self, address: Address) -> bool {
        let name = self.by_name.iter().find(|(_, (at, _))| *at == address).map(|(name, _)| name.clone());
        name.is_some_and(|name| self.remove_name(&name).is_some())
    }

    /// Notes that the newest version of a key stands elsewhere now.
    pub(super) fn replace(&mut self, space: Space, key: &[u8], to: Address) -> bool {
        let name = (space, Arc::from(key));
        let Some((address, rank)) = self.by_name.get_mut(&name) else { return false };
        *address = to;
        self.by_rank.insert((*rank, name), to);
        true
    }

    /// Every key's newest version, those of highest rank first.
    pub(super) fn by_rank(&self) -> impl Iterator<Item = (&Name, Address)> {
        self.by_rank.iter().rev().map(|((_, name), address)| (name, *address))
    }

    fn remove_name(&mut self, name: &Name) -> Option<Address> {
        let (address, rank) = self.by_name.remove(name)?;
        self.by_rank.remove(&(rank, name.clone()));
        Some(address)
    }

    fn memory_bytes(&self) -> u64 {
        let keys: u64 = self.by_name.keys().map(|(_, key)| shared_key_bytes(key.len())).sum();
        keys + tree_bytes(self.by_name.len(), size_of::<(Name, Address, Rank)>())
            + tree_bytes(self.by_rank.len(), size_of::<(Rank, Name, Address)>())
            + bytes_of(1, size_of::<Self>())
    }
}
