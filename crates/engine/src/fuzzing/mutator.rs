//! Random changes of inputs, for the short run that every `cargo test` makes without a fuzzer.
//!
//! Invariant: the inputs follow from the seed and the corpus alone, so a run that fails fails again. It knows nothing of
//! coverage; finding new ground is left to libFuzzer.

use crate::seams::sim::Rng;

/// No input grows past this many bytes.
const BYTES_MAX: usize = 4096;

/// Changes inputs of a corpus.
#[derive(Debug)]
pub struct Mutator {
    rng: Rng,
}

impl Mutator {
    /// The mutator of a seed.
    pub fn new(seed: u64) -> Self {
        Self { rng: Rng::new(seed) }
    }

    /// An input of `corpus` with a few changes: bytes replaced, inserted, taken out, copied from another input.
    pub fn next_input(&mut self, corpus: &[Vec<u8>]) -> Vec<u8> {
        let rng = &mut self.rng;
        let mut input = corpus.get(rng.index(corpus.len())).cloned().unwrap_or_default();
        for _ in 0..1 + rng.below(4) {
            let at = rng.index(input.len() + 1);
            let longest = if rng.chance(800) { 4 } else { 64 };
            let length = 1 + rng.index(longest);
            let end = (at + length).min(input.len());
            let piece = match rng.below(5) {
                0 => Vec::new(),
                1 => vec![[0, 0xff, 0x7f, 1][rng.index(4)]; length],
                2 => {
                    let other = corpus.get(rng.index(corpus.len())).map_or(&[][..], Vec::as_slice);
                    let from = rng.index(other.len() + 1);
                    other[from..].iter().copied().take(length).collect()
                }
                _ => {
                    let mut piece = vec![0; length];
                    rng.fill(&mut piece);
                    piece
                }
            };
            // Either in the place of what is there or before it.
            let end = if rng.chance(700) { end } else { at };
            input.splice(at..end, piece);
        }
        input.truncate(BYTES_MAX);
        input
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::Mutator;

    #[test]
    fn one_seed_gives_one_series_of_many_inputs() {
        let corpus = [b"first input".to_vec(), b"another one".to_vec()];
        let series = |seed| {
            let mut mutator = Mutator::new(seed);
            (0..100).map(|_| mutator.next_input(&corpus)).collect::<Vec<_>>()
        };
        assert_eq!(series(1), series(1));
        let inputs: BTreeSet<_> = series(1).into_iter().chain(series(2)).collect();
        assert!(inputs.len() > 150, "{}", inputs.len());
        assert!(!Mutator::new(3).next_input(&[]).is_empty() || !Mutator::new(4).next_input(&[]).is_empty());
    }
}
