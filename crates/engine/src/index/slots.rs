//! TEMP
use std::collections::HashMap;
use std::sync::RwLock;

use crate::address::Address;

pub(super) const CROWD: usize = 16;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Placed {
    Replaced(Address),
    Inserted,
    Crowded,
}
#[derive(Debug)]
pub(super) struct SlotTable(RwLock<HashMap<u64, Vec<Address>>>);

impl SlotTable {
    pub(super) fn new(_: u64) -> Self {
        Self(RwLock::default())
    }
    pub(super) fn find(&self, hash: u64, mut is_it: impl FnMut(Address) -> bool) -> Option<Address> {
        let v = self.0.read().unwrap().get(&hash).cloned().unwrap_or_default();
        v.into_iter().find(|a| is_it(*a))
    }
    pub(super) fn candidates(&self, hash: u64, each: impl FnMut(Address)) {
        let v = self.0.read().unwrap().get(&hash).cloned().unwrap_or_default();
        v.into_iter().for_each(each)
    }
    pub(super) fn set(
        &self,
        hash: u64,
        address: Address,
        mut is_it: impl FnMut(Address) -> bool,
        _: impl FnMut(Address) -> u64,
    ) -> Placed {
        let mut t = self.0.write().unwrap();
        let v = t.entry(hash).or_default();
        for a in v.iter_mut() {
            if is_it(*a) {
                let old = *a;
                *a = address;
                return Placed::Replaced(old);
            }
        }
        if v.len() >= CROWD {
            return Placed::Crowded;
        }
        v.push(address);
        Placed::Inserted
    }
    pub(super) fn replace(&self, hash: u64, from: Address, to: Address) -> bool {
        let mut t = self.0.write().unwrap();
        let Some(v) = t.get_mut(&hash) else { return false };
        for a in v {
            if *a == from {
                *a = to;
                return true;
            }
        }
        false
    }
    pub(super) fn remove(&self, hash: u64, address: Address) -> bool {
        let mut t = self.0.write().unwrap();
        let Some(v) = t.get_mut(&hash) else { return false };
        let n = v.len();
        v.retain(|a| *a != address);
        v.len() < n
    }
    pub(super) fn agree(&self, hash: u64, other: u64) -> bool {
        hash == other
    }
    pub(super) fn memory_bytes(&self) -> u64 {
        0
    }
}
