//! Random numbers from a seed: the same seed, the same numbers, on every machine.

use std::io;
use std::sync::PoisonError;

use crate::seams::Random;
use crate::seams::lock::Mutex;

/// A small, fast generator with 64 bits of state, for tests only.
///
/// Source: Steele, Lea and Flood, "Fast splittable pseudorandom number generators" (OOPSLA 2014), SplitMix64.
#[derive(Clone, Debug)]
pub struct Rng {
    state: u64,
}

impl Rng {
    /// The generator of `seed`; any seed is as good as any other.
    pub fn new(seed: u64) -> Self {
        // Neighbouring seeds are common (0, 1, 2 …); one step through the mixer sets them apart.
        Self { state: mix(seed.wrapping_add(0x9e37_79b9_7f4a_7c15)) }
    }

    /// The next 64 bits.
    pub fn bits(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        mix(self.state)
    }

    /// A number in `0..bound`; 0 when `bound` is 0.
    pub fn below(&mut self, bound: u64) -> u64 {
        if bound == 0 { 0 } else { self.bits() % bound }
    }

    /// An index into something of `length` elements; 0 when it is empty.
    pub fn index(&mut self, length: usize) -> usize {
        usize::try_from(self.below(length as u64)).expect("less than a usize")
    }

    /// True `per_mille` times in a thousand.
    pub fn chance(&mut self, per_mille: u64) -> bool {
        self.below(1000) < per_mille
    }

    /// Fills `buffer`.
    pub fn fill(&mut self, buffer: &mut [u8]) {
        for chunk in buffer.chunks_mut(8) {
            let bytes = self.bits().to_le_bytes();
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
