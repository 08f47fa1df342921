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

#[cfg(test)]
mod tests {
    use super::{Salt, combine, finish_salted, plain};
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
}
