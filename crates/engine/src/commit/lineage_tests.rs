//! Which entries of a group are taken for entries of the same key.

use super::Seen;

#[test]
fn the_last_entry_of_a_key_is_found_whatever_else_has_its_hash() {
    // Hashes that agree in all bits, in the place alone, in the upper bits alone, and not at all.
    let hashes = [7, 7, 7 | 1 << 40, 7 | 1 << 41, 8, 8 | 1 << 40, 0, u64::MAX];
    let keys: Vec<(u64, u32)> =
        (0..64).map(|n| (hashes[n % hashes.len()], u32::try_from(n / 16).unwrap())).collect();
    let mut seen = Seen::of(keys.len());
    for (number, (hash, _)) in keys.iter().enumerate() {
        let expected = (0..number).rev().find(|&earlier| keys[earlier] == keys[number]);
        let is_same = |other: usize| keys[other] == keys[number];
        assert_eq!(seen.replace(*hash, number, is_same), expected, "entry {number}");
    }
}

#[test]
fn an_entry_alone_has_none_before_it() {
    assert_eq!(Seen::of(1).replace(5, 0, |_| panic!("there is nothing to compare with")), None);
}
