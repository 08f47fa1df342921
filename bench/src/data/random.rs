//! Random numbers that are the same in every run: the splitmix64 generator of Steele, Lea and Flood (2014).

/// A generator; its whole state is the seed and how often it was asked.
#[derive(Clone, Debug)]
pub(crate) struct Random {
    state: u64,
}

impl Random {
    /// Different seeds give unrelated sequences.
    pub(crate) fn new(seed: u64) -> Self {
        Self { state: mix(seed) }
    }

    /// The next 64 bits.
    pub(crate) fn next(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        mix(self.state)
    }

    /// A number below `bound`, which is not 0.
    pub(crate) fn below(&mut self, bound: u64) -> u64 {
        u64::try_from((u128::from(self.next()) * u128::from(bound)) >> 64)
            .expect("the upper half of a product")
    }

    /// The numbers below `count` in random order.
    pub(crate) fn permutation(&mut self, count: u64) -> Vec<u64> {
        let mut numbers: Vec<u64> = (0..count).collect();
        for at in (1..numbers.len()).rev() {
            let other = self.below(at as u64 + 1);
            numbers.swap(at, usize::try_from(other).expect("below a length"));
        }
        numbers
    }

    /// `count` numbers below `bound`, with repetitions.
    pub(crate) fn draws(&mut self, count: u64, bound: u64) -> Vec<u64> {
        (0..count).map(|_| self.below(bound)).collect()
    }
}

/// A bijection on 64 bits that leaves no visible pattern.
pub(crate) fn mix(number: u64) -> u64 {
    let number = (number ^ (number >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let number = (number ^ (number >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    number ^ (number >> 31)
}

#[cfg(test)]
mod tests {
    use super::Random;

    #[test]
    fn a_permutation_has_every_number_once_and_is_not_the_identity() {
        let mut numbers = Random::new(1).permutation(1000);
        assert_ne!(numbers, (0..1000).collect::<Vec<_>>());
        numbers.sort_unstable();
        assert_eq!(numbers, (0..1000).collect::<Vec<_>>());
    }
}
