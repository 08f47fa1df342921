//! Numbers from a seed.

/// A stream of numbers that a seed gives, the same every time.
#[derive(Clone, Debug)]
pub(crate) struct Random(u64);

impl Random {
    /// The stream of `seed`.
    pub(crate) fn new(seed: u64) -> Self {
        // Neighbouring seeds must not begin alike, and zero would stay zero: SplitMix64 (Steele, Lea and Flood, "Fast
        // splittable pseudorandom number generators") spreads them.
        let mut z = seed.wrapping_add(0x9e37_79b9_7f4a_7c15);
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        Self((z ^ (z >> 31)) | 1)
    }

    /// A stream of its own for each list of numbers.
    pub(crate) fn of(numbers: &[u64]) -> Self {
        numbers.iter().fold(Self::new(0), |random, number| Self::new(random.0 ^ number.wrapping_mul(3)))
    }

    /// The next number.
    pub(crate) fn next(&mut self) -> u64 {
        // xorshift64* (Vigna, "An experimental exploration of Marsaglia's xorshift generators").
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }

    /// A number below `limit`.
    pub(crate) fn below(&mut self, limit: u64) -> u64 {
        (self.next() >> 33) % limit
    }

    /// The same as an index or a length.
    pub(crate) fn below_usize(&mut self, limit: usize) -> usize {
        let limit = u64::try_from(limit).expect("no length is longer than 64 bits");
        usize::try_from(self.below(limit)).expect("it is below a length")
    }

    /// Whether something happens that happens so many times in a hundred.
    pub(crate) fn percent(&mut self, chance: u64) -> bool {
        self.below(100) < chance
    }

    /// Bytes without a pattern.
    pub(crate) fn bytes(&mut self, length: usize) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(length + 8);
        while bytes.len() < length {
            bytes.extend_from_slice(&self.next().to_le_bytes());
        }
        bytes.truncate(length);
        bytes
    }
}
