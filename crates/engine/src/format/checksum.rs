//! Checksums: plain ones for payloads and fixed files, salted ones for frames.
//!
//! The salt binds a frame to its place: to the segment by its random nonce, to the open that wrote it by the epoch, to the
//! order by the frame number, and to its offset. The same bytes anywhere else do not verify.

use crc32fast::Hasher;

use crate::numbers::FrameNumber;
use crate::planted::{Bug, planted};

/// A random value of a segment, copied in the catalog.
pub(crate) type Nonce = [u8; 16];

/// Where a frame stands.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Salt {
    pub(crate) nonce: Nonce,
    pub(crate) epoch: u32,
    pub(crate) number: FrameNumber,
    pub(crate) offset: u64,
}

impl Salt {
    /// A hasher that has seen the salt.
    pub(crate) fn hasher(&self) -> Hasher {
        let mut hasher = Hasher::new();
        if planted(Bug::UnsaltedChecksum) {
            return hasher;
        }
        let mut salt = [0; 36];
        salt[..16].copy_from_slice(&self.nonce);
        salt[16..20].copy_from_slice(&self.epoch.to_le_bytes());
        salt[20..28].copy_from_slice(&self.number.0.to_le_bytes());
        salt[28..].copy_from_slice(&self.offset.to_le_bytes());
        hasher.update(&salt);
        hasher
    }
}

/// The stored form of a salted checksum: never 0, so that zeros never verify.
pub(crate) fn finish_salted(hasher: Hasher) -> u32 {
    match hasher.finalize() {
        0 => u32::MAX,
        sum => sum,
    }
}

/// The checksum of a payload, a chunk or a fixed file.
pub(crate) fn plain(bytes: &[u8]) -> u32 {
    crc32fast::hash(bytes)
}

/// The checksum of a payload from those of its chunks, each with its length in bytes.
pub(crate) fn combine(chunks: impl IntoIterator<Item = (u32, u64)>) -> u32 {
    let mut all = Hasher::new();
    for (sum, length) in chunks {
        all.combine(&Hasher::new_with_initial_len(sum, length));
    }
    all.finalize()
}

/// Sums up many short pieces at the price of a few long ones: below some hundred bytes, a sum costs more to begin than to make.
pub(crate) struct Gathered {
    hasher: crc32fast::Hasher,
    waiting: [u8; Self::BYTES],
    count: usize,
}

impl Gathered {
    const BYTES: usize = 512;

    /// Goes on from `hasher`.
    pub(crate) fn new(hasher: crc32fast::Hasher) -> Self {
        Self { hasher, waiting: [0; Self::BYTES], count: 0 }
    }

    /// Adds a piece.
    #[inline]
    pub(crate) fn update(&mut self, piece: &[u8]) {
        if piece.len() > Self::BYTES - self.count {
            self.hasher.update(&self.waiting[..self.count]);
            self.count = 0;
            if piece.len() > Self::BYTES / 2 {
                self.hasher.update(piece);
                return;
            }
        }
        self.waiting[self.count..self.count + piece.len()].copy_from_slice(piece);
        self.count += piece.len();
    }

    /// All of it.
    pub(crate) fn finish(mut self) -> crc32fast::Hasher {
        self.hasher.update(&self.waiting[..self.count]);
        self.hasher
    }
}

#[cfg(test)]
mod tests {
    use super::{Gathered, Salt, combine, finish_salted, plain};
    use crate::numbers::FrameNumber;

    #[test]
    fn chunk_checksums_combine_to_that_of_the_whole() {
        let bytes: Vec<u8> = (0..200_000u32).map(|i| (i * 7).to_le_bytes()[0]).collect();
        let chunks = bytes.chunks(65_536).map(|c| (plain(c), c.len() as u64));
        assert_eq!(combine(chunks), plain(&bytes));
        assert_eq!(combine([]), plain(b""));
    }

    #[test]
    fn every_part_of_the_salt_counts() {
        let salt = Salt { nonce: [1; 16], epoch: 2, number: FrameNumber(3), offset: 128 };
        let sum = |salt: Salt| finish_salted(salt.hasher());
        let others = [
            Salt { nonce: [2; 16], ..salt },
            Salt { epoch: 3, ..salt },
            Salt { number: FrameNumber(4), ..salt },
            Salt { offset: 136, ..salt },
        ];
        for other in others {
            assert_ne!(sum(salt), sum(other), "{other:?}");
        }
    }

    #[test]
    fn pieces_that_are_gathered_have_the_sum_of_all() {
        let bytes: Vec<u8> = (0..20_000u32).map(|n| u8::try_from(n * n % 251).unwrap()).collect();
        for lengths in [[1, 4, 28], [0, 255, 256], [257, 511, 512], [513, 3, 5_000]] {
            let mut gathered = Gathered::new(crc32fast::Hasher::new());
            let (mut rest, mut lengths) = (&bytes[..], lengths.iter().cycle());
            while !rest.is_empty() {
                let (piece, behind) = rest.split_at(rest.len().min(*lengths.next().unwrap()));
                gathered.update(piece);
                rest = behind;
            }
            assert_eq!(gathered.finish().finalize(), crc32fast::hash(&bytes));
        }
    }
}
