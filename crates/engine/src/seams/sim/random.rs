//! Random numbers from a seed: the same seed, the same numbers, on every machine.

use std::io;
use std::sync::{Arc, PoisonError};

use crate::seams::Random;
use crate::seams::lock::Mutex;

/// A small, fast generator with 64 bits of state, for tests only.
///
/// Source: Steele, Lea and Flood, "Fast splittable pseudorandom number generators" (OOPSLA 2014), SplitMix64.
#[derive(Clone, Debug)]
pub struct Rng {
    state: u64,
    script: Script,
}

/// Draws that are laid down: as long as there are bytes left, they decide.
#[derive(Clone, Debug, Default)]
struct Script {
    bytes: Arc<[u8]>,
    at: usize,
}

impl Script {
    /// The next `count` bytes as a number, the first highest; `None` when nothing is left.
    fn take(&mut self, count: usize) -> Option<u64> {
        let rest = self.bytes.get(self.at..).filter(|rest| !rest.is_empty())?;
        let taken = &rest[..count.min(rest.len())];
        self.at += taken.len();
        Some(taken.iter().fold(0, |number, &byte| number << 8 | u64::from(byte)))
    }
}

impl Rng {
    /// The generator of `seed`; any seed is as good as any other.
    pub fn new(seed: u64) -> Self {
        // Neighbouring seeds are common (0, 1, 2 …); one step through the mixer sets them apart.
        Self { state: mix(seed.wrapping_add(0x9e37_79b9_7f4a_7c15)), script: Script::default() }
    }

    /// A generator whose draws follow `bytes`, each draw as few of them as its bound needs, and then a seed. So a fuzzer
    /// that changes a byte changes a draw, and leaves those before it as they are.
    pub fn scripted(bytes: &[u8]) -> Self {
        Self { script: Script { bytes: bytes.into(), at: 0 }, ..Self::new(0) }
    }

    /// Whether the script, if there ever was one, is used up.
    pub fn is_spent(&self) -> bool {
        self.script.at >= self.script.bytes.len()
    }

    /// The next 64 bits.
    pub fn bits(&mut self) -> u64 {
        self.script.take(8).unwrap_or_else(|| self.mixed())
    }

    /// 64 bits that follow from the seed and the draws before.
    fn mixed(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        mix(self.state)
    }

    /// A number in `0..bound`; 0 when `bound` is 0.
    pub fn below(&mut self, bound: u64) -> u64 {
        if bound == 0 {
            return 0;
        }
        let scripted = match bound {
            1 => None,
            2..=0x100 => self.script.take(1),
            0x101..=0x1_0000 => self.script.take(2),
            _ => self.script.take(8),
        };
        scripted.unwrap_or_else(|| self.mixed()) % bound
    }

    /// An index into something of `length` elements; 0 when it is empty.
    pub fn index(&mut self, length: usize) -> usize {
        usize::try_from(self.below(length as u64)).expect("less than a usize")
    }

    /// True `per_mille` times in a thousand.
    pub fn chance(&mut self, per_mille: u64) -> bool {
        self.below(1000) < per_mille
    }

    /// Fills `buffer`; a script has no say in what is only filling.
    pub fn fill(&mut self, buffer: &mut [u8]) {
        for chunk in buffer.chunks_mut(8) {
            let bytes = self.mixed().to_le_bytes();
            chunk.copy_from_slice(&bytes[..chunk.len()]);
        }
    }

    /// Puts `items` into a random order.
    pub fn shuffle<T>(&mut self, items: &mut [T]) {
        for last in (1..items.len()).rev() {
            items.swap(last, self.index(last + 1));
        }
    }
}

fn mix(state: u64) -> u64 {
    let mut bits = state;
    bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    bits ^ (bits >> 31)
}

/// The engine's randomness, repeatable.
#[derive(Debug)]
pub struct SimRandom {
    rng: Mutex<Rng>,
}

impl SimRandom {
    /// The source of `seed`.
    pub fn new(seed: u64) -> Self {
        Self { rng: Mutex::new(Rng::new(seed)) }
    }
}

impl Random for SimRandom {
    fn fill(&self, buffer: &mut [u8]) -> io::Result<()> {
        // The generator has no state that a panic elsewhere could leave half-changed.
        self.rng.lock().unwrap_or_else(PoisonError::into_inner).fill(buffer);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::Rng;

    #[test]
    fn a_script_decides_draw_by_draw_until_it_is_spent() {
        let mut rng = Rng::scripted(&[5, 1, 2, 0, 0, 0, 0, 0, 0, 0, 9, 0xff]);
        assert_eq!(rng.below(4), 1);
        assert_eq!(rng.below(1), 0);
        assert_eq!(rng.below(1000), 0x0102);
        assert_eq!(rng.bits(), 9);
        rng.fill(&mut [0; 100]);
        assert!(!rng.is_spent());
        assert_eq!(rng.below(0x1_0000), 0xff, "the last byte alone");
        assert!(rng.is_spent());
        assert_eq!(rng.below(0), 0);
        assert_ne!(rng.bits(), rng.bits(), "the seed goes on");
    }

    #[test]
    fn a_seed_draws_what_it_always_drew() {
        // Seeds are written into reports of failures; these numbers must not change.
        let mut rng = Rng::new(1);
        let drawn = (rng.bits(), rng.below(1000), rng.chance(500));
        assert_eq!(drawn, (0x5e41_ab08_7439_611e, 846, false));
    }
}
