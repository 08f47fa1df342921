//! A log of keys for tests: addresses are numbers given out in order, and can be made to go. Also the dice and the
//! shapes of keys.

use std::collections::BTreeSet;
use std::sync::RwLock;
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::address::Address;
use crate::index::runs::{Keys, Missing};

/// See the module.
#[derive(Debug, Default)]
pub(super) struct Log {
    keys: RwLock<Vec<Option<Box<[u8]>>>>,
    damaged: RwLock<BTreeSet<Address>>,
    reads: AtomicUsize,
}

impl Log {
    /// Writes an entry with this key.
    pub(super) fn append(&self, key: &[u8]) -> Address {
        let mut keys = self.keys.write().unwrap();
        keys.push(Some(key.into()));
        Address::new(keys.len() as u64)
    }

    /// Removes the segment of an entry.
    pub(super) fn remove(&self, address: Address) {
        self.keys.write().unwrap()[index(address)] = None;
    }

    /// Makes an entry unreadable.
    pub(super) fn damage(&self, address: Address) {
        self.damaged.write().unwrap().insert(address);
    }

    /// The key of an entry.
    pub(super) fn key_at(&self, address: Address) -> Option<Vec<u8>> {
        self.keys.read().unwrap()[index(address)].as_deref().map(<[u8]>::to_vec)
    }

    /// Keys read through [`Keys`] since the last call.
    pub(super) fn take_reads(&self) -> usize {
        self.reads.swap(0, Ordering::Relaxed)
    }
}

fn index(address: Address) -> usize {
    usize::try_from(address.get()).unwrap() - 1
}

impl Keys for Log {
    fn key<R>(&self, address: Address, read: impl FnOnce(&[u8]) -> R) -> Result<R, Missing> {
        self.reads.fetch_add(1, Ordering::Relaxed);
        // The callback may read another key: a waiting writer must not come between.
        if self.damaged.read().unwrap().contains(&address) {
            return Err(Missing::Damaged);
        }
        let key = self.key_at(address).ok_or(Missing::Gone)?;
        Ok(read(&key))
    }
}

/// A small generator (splitmix64, Sebastiano Vigna).
#[derive(Debug)]
pub(super) struct Dice(pub(super) u64);

impl Dice {
    pub(super) fn roll(&mut self, sides: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        usize::try_from((mixed ^ (mixed >> 31)) % sides as u64).unwrap()
    }

    fn bytes_of(&mut self, count: usize, from: &[u8]) -> Vec<u8> {
        (0..count).map(|_| from[self.roll(from.len())]).collect()
    }
}

/// What keys look like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Shape {
    /// Short, of few different bytes: the empty key, keys that begin with each other, zeros and 0xFF.
    Tiny,
    /// Sixteen random bytes.
    Random,
    /// `user:` and twelve digits.
    User,
    /// A path of several levels.
    Path,
    /// Forty bytes in common, then a few of two kinds.
    Shared,
    /// More bytes in common than a stem holds.
    Far,
    /// As long as keys may be.
    Longest,
    /// Any of these.
    Any,
}

pub(super) const SHAPES: [Shape; 8] = [
    Shape::Tiny,
    Shape::Random,
    Shape::User,
    Shape::Path,
    Shape::Shared,
    Shape::Far,
    Shape::Longest,
    Shape::Any,
];

impl Shape {
    /// A key of this shape, one of about `variety`.
    pub(super) fn key(self, dice: &mut Dice, variety: usize) -> Vec<u8> {
        match self {
            Self::Tiny => {
                let length = dice.roll(7);
                dice.bytes_of(length, &[0, 1, b'a', 0xFF])
            }
            Self::Random => {
                let mut seeded = Dice(dice.roll(variety) as u64);
                (0..16).map(|_| u8::try_from(seeded.roll(256)).unwrap()).collect()
            }
            Self::User => format!("user:{:012}", dice.roll(variety)).into_bytes(),
            Self::Path => {
                let number = dice.roll(variety);
                let (tenant, project, file) = (number % 7, number / 7 % 11, number / 77);
                format!(
                    "/srv/objects/tenant-{tenant:06}/projects/project-{project:04}/reports/{file:08}.parquet"
                )
                .into_bytes()
            }
            Self::Shared => {
                let length = dice.roll(20);
                [vec![b'x'; 40], dice.bytes_of(length, &[0, 0xFF])].concat()
            }
            Self::Far => {
                let (length, fork) = (dice.roll(4), dice.roll(3));
                let stem = [vec![b'y'; 10 + fork], vec![b'z'; 600]].concat();
                [stem, dice.bytes_of(length, &[0, 7, 9, 0xFF])].concat()
            }
            Self::Longest => {
                let number = dice.roll(variety.min(9));
                let mut key = vec![b'l'; 65_535];
                key[65_535 - number * 7 - 1] = b'k' + u8::try_from(number % 3).unwrap();
                key
            }
            Self::Any => {
                let shapes = [Self::Tiny, Self::Random, Self::User, Self::Path, Self::Shared, Self::Far];
                let shape = if dice.roll(200) == 0 { Self::Longest } else { shapes[dice.roll(6)] };
                shape.key(dice, variety)
            }
        }
    }
}
