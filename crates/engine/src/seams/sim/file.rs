//! One file: what programs see, what the medium holds, and the changes in between.
//!
//! Invariant: `live` is `durable` with all changes since applied, except where a failed sync dropped some. Those
//! are in `live` alone and no later sync writes them out, as in a kernel that marks a page clean after it failed to
//! write it.

use crate::seams::{LockMode, Region};

use super::content::{Content, PAGE, pieces, size};
use super::random::Rng;

/// A change that is not known to be on the medium.
#[derive(Clone, Debug)]
pub(super) enum Change {
    Write {
        offset: u64,
        bytes: Vec<u8>,
    },
    /// The length became at least this.
    Grow {
        to: u64,
    },
    /// The length became this, shorter or longer.
    SetLength {
        to: u64,
    },
}

#[derive(Clone, Debug)]
pub(super) struct Pending {
    /// The number of the disk operation that made the change.
    pub(super) operation: u64,
    pub(super) change: Change,
}

/// Who holds a lock on the file.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Holders {
    #[default]
    None,
    Shared(u32),
    Exclusive,
}

#[derive(Debug, Default)]
pub(super) struct FileNode {
    pub(super) live: Content,
    pub(super) durable: Content,
    pub(super) pending: Vec<Pending>,
    /// Blocks are reserved for this many bytes.
    pub(super) allocated: u64,
    /// Memory that was handed out as maps, one region per length asked for; every write goes there as well.
    maps: Vec<Region>,
    pub(super) handles: u32,
    pub(super) holders: Holders,
}

impl FileNode {
    /// A file that is on the medium as it is.
    pub(super) fn settled(content: Content) -> Self {
        let allocated = content.length();
        Self { live: content.clone(), durable: content, allocated, ..Self::default() }
    }

    /// The same file for another process: no maps, handles or locks, but everything that is pending.
    pub(super) fn inherited(&self) -> Self {
        Self {
            live: self.live.clone(),
            durable: self.durable.clone(),
            pending: self.pending.clone(),
            allocated: self.allocated,
            ..Self::default()
        }
    }

    pub(super) fn write(&mut self, operation: u64, bytes: &[u8], offset: u64) {
        let end = offset + bytes.len() as u64;
        if end > self.live.length() {
            self.pending.push(Pending { operation, change: Change::Grow { to: end } });
        }
        self.live.write(bytes, offset);
        self.live.grow(end);
        self.pending.push(Pending { operation, change: Change::Write { offset, bytes: bytes.to_vec() } });
        self.show(bytes, offset);
    }

    pub(super) fn allocate(&mut self, operation: u64, length: u64) {
        if length > self.live.length() {
            self.pending.push(Pending { operation, change: Change::Grow { to: length } });
            self.live.grow(length);
        }
        self.allocated = self.allocated.max(length);
    }

    pub(super) fn set_length(&mut self, operation: u64, length: u64) {
        let before = self.live.length();
        self.live.set_length(length);
        self.allocated = self.allocated.min(length);
        self.pending.push(Pending { operation, change: Change::SetLength { to: length } });
        if length < before {
            self.clear_maps(length);
        }
    }

    /// Everything that is pending is on the medium, in the order in which it was done.
    pub(super) fn sync(&mut self) {
        for pending in self.pending.drain(..) {
            match pending.change {
                Change::Write { offset, bytes } => self.durable.write(&bytes, offset),
                Change::Grow { to } => self.durable.grow(to),
                Change::SetLength { to } => self.durable.set_length(to),
            }
        }
        // The length goes out whole with every sync, also after one that failed.
        self.durable.set_length(self.live.length());
    }

    /// The sync failed: some of what was pending is on the medium, the rest never will be by itself.
    pub(super) fn fail_sync(&mut self, rng: &mut Rng) {
        let kept_per_mille = [0, 500, 1000][rng.index(3)];
        for pending in self.pending.drain(..) {
            match pending.change {
                Change::Write { offset, bytes } => {
                    for (start, length) in pieces(offset, bytes.len() as u64, 512) {
                        if rng.chance(kept_per_mille) {
                            let from = size(start - offset);
                            let to = from + size(length);
                            self.durable.write(&bytes[from..to], start);
                        }
                    }
                }
                Change::Grow { to } if rng.chance(kept_per_mille) => self.durable.grow(to),
                Change::SetLength { to } if rng.chance(kept_per_mille) => self.durable.set_length(to),
                Change::Grow { .. } | Change::SetLength { .. } => {}
            }
        }
        self.durable.cut();
    }

    /// Memory that shows the first `length` bytes from now on.
    pub(super) fn map(&mut self, length: u64) -> std::io::Result<Region> {
        if let Some(region) = self.maps.iter().find(|region| region.length() == length) {
            return Ok(region.clone());
        }
        let region = Region::new(length)?;
        for (offset, bytes) in self.live.pages() {
            show(&region, bytes, offset);
        }
        self.maps.push(region.clone());
        Ok(region)
    }

    /// Replaces the content on the medium and in every view, as rot or another program does.
    pub(super) fn replace(&mut self, bytes: &[u8]) {
        self.live = Content::of(bytes);
        self.durable = self.live.clone();
        self.pending.clear();
        self.clear_maps(0);
        self.show(bytes, 0);
    }

    pub(super) fn take_lock(&mut self, mode: LockMode) -> bool {
        self.holders = match (self.holders, mode) {
            (Holders::None, LockMode::Exclusive) => Holders::Exclusive,
            (Holders::None, LockMode::Shared) => Holders::Shared(1),
            (Holders::Shared(n), LockMode::Shared) => Holders::Shared(n + 1),
            _ => return false,
        };
        true
    }

    pub(super) fn release_lock(&mut self) {
        self.holders = match self.holders {
            Holders::Shared(n) if n > 1 => Holders::Shared(n - 1),
            _ => Holders::None,
        };
    }

    fn show(&self, bytes: &[u8], offset: u64) {
        for region in &self.maps {
            show(region, bytes, offset);
        }
    }

    /// Zeros in every map from `from` on.
    fn clear_maps(&self, from: u64) {
        for region in &self.maps {
            for (offset, length) in pieces(from, region.length().saturating_sub(from), PAGE) {
                region.write(&vec![0; size(length)], offset);
            }
        }
    }
}

/// Writes as much as lies in the region.
fn show(region: &Region, bytes: &[u8], offset: u64) {
    let there = region.length().saturating_sub(offset).min(bytes.len() as u64);
    if there > 0 {
        region.write(&bytes[..size(there)], offset);
    }
}
