//! Sorting the pieces of keys of one group: numbers that are spread evenly more often than not.
//!
//! They are dealt out by their upper bits to about as many places as there are numbers, which leaves next to nothing to be sorted
//! (E. J. Isaac and R. C. Singleton, "Sorting by Address Calculation", 1956). Numbers that crowd in few places are sorted by
//! comparisons instead.

/// Fewer are sorted by comparisons.
const LENGTH_MIN: usize = 64;
/// Most numbers in one place.
const CROWD_MAX: u32 = 12;

/// Sorts by number; items of one number keep their order.
pub(super) fn sort<T: Copy>(items: &mut Vec<(u64, T)>) {
    if items.len() < LENGTH_MIN || !deal_out(items) {
        items.sort_by_key(|(number, _)| *number);
    }
}

/// The same, unless too many would come to lie in one place.
fn deal_out<T: Copy>(items: &mut Vec<(u64, T)>) -> bool {
    let numbers = || items.iter().map(|(number, _)| *number);
    let least = numbers().min().unwrap_or_default();
    let range = numbers().max().unwrap_or_default() - least;
    // So many bits of the range that there are one or two places for each item.
    let bits = items.len().ilog2() + 1;
    let shift = (u64::BITS - range.leading_zeros()).saturating_sub(bits);
    let place = |number: u64| usize::try_from((number - least) >> shift).expect("so many places fit memory");
    let mut starts = vec![0_u32; (1 << bits) + 1];
    for number in numbers() {
        starts[place(number) + 1] += 1;
    }
    if starts.iter().any(|count| *count > CROWD_MAX) {
        return false;
    }
    let mut start = 0;
    for count in &mut starts {
        start += *count;
        *count = start;
    }
    let mut dealt = items.clone();
    for item in &*items {
        let next = &mut starts[place(item.0)];
        dealt[usize::try_from(*next).expect("it is below the length")] = *item;
        *next += 1;
    }
    // Each is a few steps from where it belongs.
    for at in 1..dealt.len() {
        let item = dealt[at];
        let mut to = at;
        while to > 0 && dealt[to - 1].0 > item.0 {
            dealt[to] = dealt[to - 1];
            to -= 1;
        }
        dealt[to] = item;
    }
    *items = dealt;
    true
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::sort;

    fn assert_sorts(numbers: impl Iterator<Item = u64>) {
        let mut items: Vec<(u64, usize)> = numbers.enumerate().map(|(at, number)| (number, at)).collect();
        let mut expected = items.clone();
        expected.sort();
        sort(&mut items);
        assert_eq!(items, expected);
    }

    #[test]
    fn numbers_of_any_distribution_are_sorted_and_equal_ones_keep_their_order() {
        let mut random = 1_u64;
        let mut next = move || {
            random ^= random << 13;
            random ^= random >> 7;
            random ^= random << 17;
            random
        };
        for length in [0, 1, 2, 63, 64, 65, 127, 128, 1000, 5000] {
            let spread: Vec<u64> = (0..length).map(|_| next()).collect();
            assert_sorts(spread.iter().copied());
            // Few different ones, one far from all others, all the same, in order and against it.
            assert_sorts(spread.iter().map(|number| number % 7));
            assert_sorts(spread.iter().map(|number| number % 300).chain([u64::MAX]));
            assert_sorts(spread.iter().map(|_| 5));
            assert_sorts(0..length);
            assert_sorts((0..length).rev().map(|number| number << 40));
        }
        assert_sorts((0..200).map(|number| if number % 2 == 0 { 0 } else { u64::MAX }));
    }
}
