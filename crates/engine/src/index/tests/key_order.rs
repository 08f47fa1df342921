//! Sorting addresses by the keys behind them, against a plain sort.

use proptest::prelude::*;

use crate::address::Address;
use crate::index::KeyPiece;
use crate::index::key_order::sort;
use crate::index::runs::{Keys, Missing};

/// Keys by their place in a list.
#[derive(Debug)]
struct List(Vec<Vec<u8>>);

impl Keys for List {
    fn key<R>(&self, address: Address, read: impl FnOnce(&[u8]) -> R) -> Result<R, Missing> {
        let place = usize::try_from(address.get()).unwrap() - 1;
        self.0.get(place).map(|key| read(key)).ok_or(Missing::Gone)
    }
}

/// The keys in the order that is found, and whether each is said to be that of the one before.
fn sorted(keys: Vec<Vec<u8>>) -> Vec<(Vec<u8>, bool)> {
    let mut entries: Vec<(Address, KeyPiece)> =
        keys.iter().zip(1..).map(|(key, place)| (Address::new(place), KeyPiece::of(key))).collect();
    let list = List(keys);
    sort(&mut entries, &list, |entry| entry.0, |entry| &mut entry.1);
    let key = |address| list.key(address, <[u8]>::to_vec).expect("it is in the list");
    entries.into_iter().map(|(address, piece)| (key(address), piece.is_same_key())).collect()
}

fn check(keys: Vec<Vec<u8>>) {
    let mut plain = keys.clone();
    plain.sort();
    let same = |at: usize| at > 0 && plain[at - 1] == plain[at];
    let expected: Vec<_> = (0..plain.len()).map(|at| (plain[at].clone(), same(at))).collect();
    assert_eq!(sorted(keys), expected);
}

#[test]
fn keys_that_are_others_with_zeros_behind_them_come_after_those() {
    let mut keys: Vec<Vec<u8>> = Vec::new();
    for stem in [&b""[..], b"a", b"seven..", b"eight...", b"nine.....", b"sixteen bytes..."] {
        for zeros in [0, 1, 2, 7, 8, 9, 16, 17] {
            keys.push([stem, &vec![0; zeros]].concat());
        }
    }
    check(keys.iter().rev().chain(&keys).cloned().collect());
}

#[test]
fn nothing_and_one_key_are_sorted() {
    check(Vec::new());
    check(vec![b"alone".to_vec()]);
    check(vec![Vec::new(); 3]);
}

/// Few bytes and many of the same, so that keys share prefixes of all lengths, are prefixes of each other and come twice.
fn key() -> impl Strategy<Value = Vec<u8>> {
    let stem = prop_oneof![Just(0), Just(1), Just(7), Just(8), Just(9), Just(16), Just(40)];
    let byte = prop_oneof![4 => Just(0u8), 2 => Just(1u8), 1 => any::<u8>()];
    (stem, any::<bool>(), prop::collection::vec(byte, 0..20)).prop_map(|(length, is_zero, rest)| {
        let mut key = vec![if is_zero { 0 } else { b's' }; length];
        key.extend(rest);
        key
    })
}

proptest! {
    #[test]
    fn any_keys_come_in_the_order_of_a_plain_sort(keys in prop::collection::vec(key(), 0..200)) {
        check(keys);
    }
}
