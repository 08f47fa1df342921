//! The upper bits of eight words looked at together: what a lookup in the slot table spends its instructions on.
//!
//! Invariant: both ways give the same answer; which one is compiled hangs on the processor alone.

/// How many bits of each word are a field: the upper ones.
const FIELD_BITS: u32 = 13;

/// Which of eight words have a field that agrees with `wanted` in all bits above its own lowest one: two bits of the result for
/// each word, both the same. A field of 0 agrees with nothing. `wanted` has at most 13 bits.
#[inline]
pub(crate) fn agreeing(words: &[u64; 8], wanted: u16) -> u16 {
    #[cfg(target_arch = "x86_64")]
    {
        // SAFETY: the function needs SSE2 and nothing else, which is a part of this architecture.
        #[expect(unsafe_code, reason = "vector instructions, where the processor is sure to have them")]
        unsafe {
            together(words, wanted)
        }
    }
    #[cfg(not(target_arch = "x86_64"))]
    one_by_one(words, wanted)
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "sse2")]
#[inline]
fn together(words: &[u64; 8], wanted: u16) -> u16 {
    use std::arch::x86_64::{
        __m128i, _mm_add_epi16, _mm_and_si128, _mm_castps_si128, _mm_castsi128_ps, _mm_cmpgt_epi16,
        _mm_movemask_epi8, _mm_packs_epi32, _mm_set_epi64x, _mm_set1_epi16, _mm_setzero_si128,
        _mm_shuffle_ps, _mm_srli_epi32, _mm_sub_epi16, _mm_xor_si128,
    };
    /// The odd halves of two pairs of words.
    const UPPER: i32 = 0b11_01_11_01;
    const SHIFT: i32 = (32 - FIELD_BITS).cast_signed();
    let [a, b, c, d, e, f, g, h] = words.map(u64::cast_signed);
    let pair = |low, high| _mm_castsi128_ps(_mm_set_epi64x(high, low));
    let four = |one, other| _mm_srli_epi32::<SHIFT>(_mm_castps_si128(_mm_shuffle_ps::<UPPER>(one, other)));
    let fields: __m128i = _mm_packs_epi32(four(pair(a, b), pair(c, d)), four(pair(e, f), pair(g, h)));
    let differing = _mm_xor_si128(fields, _mm_set1_epi16(wanted.cast_signed()));
    let lowest = _mm_and_si128(fields, _mm_sub_epi16(_mm_setzero_si128(), fields));
    // Twice a field is a positive number of 16 bits, so the comparison of signed ones will do.
    let agree = _mm_cmpgt_epi16(_mm_add_epi16(lowest, lowest), differing);
    u16::try_from(_mm_movemask_epi8(agree)).expect("sixteen bits, one for each byte")
}

#[cfg(any(test, not(target_arch = "x86_64")))]
fn one_by_one(words: &[u64; 8], wanted: u16) -> u16 {
    let agrees = |word: &u64| {
        let field = u16::try_from(word >> (u64::BITS - FIELD_BITS)).expect("thirteen bits");
        field ^ wanted < 2 * (field & field.wrapping_neg())
    };
    words.iter().rev().fold(0, |all, word| all << 2 | if agrees(word) { 0b11 } else { 0 })
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::{agreeing, one_by_one};

    #[test]
    fn words_looked_at_together_agree_like_one_by_one() {
        let mut random = 1_u64;
        let mut next = || {
            random ^= random << 13;
            random ^= random >> 7;
            random ^= random << 17;
            random
        };
        let mut agreed = 0;
        for _ in 0..20_000 {
            let wanted = u16::try_from(next() >> 51).unwrap() | 1;
            let words: [u64; 8] = std::array::from_fn(|_| match next() % 4 {
                0 => next() % 2,
                1 => next(),
                // The upper bits of what is wanted, and a one behind them.
                _ => {
                    let dropped = next() % 13;
                    ((u64::from(wanted) >> dropped | 1) << dropped) << 51 | next() >> 13
                }
            });
            agreed += agreeing(&words, wanted).count_ones();
            assert_eq!(agreeing(&words, wanted), one_by_one(&words, wanted), "{wanted:#x} {words:x?}");
        }
        assert!(agreed > 20_000, "hardly anything agreed: {agreed}");
    }
}
