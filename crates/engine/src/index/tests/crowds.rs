//! The trees in which the keys of a crowded hash live.

use crate::address::Address;
use crate::index::Space;
use crate::index::crowds::{Crowd, Crowds};
use crate::numbers::Sequence;

fn at(place: u64) -> Address {
    Address::new(place)
}

/// A crowd of three keys; the newest is neither the first nor the last.
fn crowd() -> Crowd {
    let mut crowd = Crowd::default();
    for (key, sequence, ordinal, place) in [(b"a", 1, 0, 1), (b"b", 2, 1, 2), (b"c", 2, 0, 3)] {
        assert_eq!(crowd.set(Space::Keys, key, at(place), (Sequence(sequence), ordinal)), None);
    }
    crowd
}

fn order(crowd: &Crowd) -> Vec<(Vec<u8>, Address)> {
    crowd.by_rank().map(|((_, key), address)| (key.to_vec(), address)).collect()
}

#[test]
fn f15_a_crowd_is_known_by_name_and_by_rank() {
    let mut crowd = crowd();
    assert_eq!(order(&crowd), [(b"b".to_vec(), at(2)), (b"c".to_vec(), at(3)), (b"a".to_vec(), at(1))]);
    assert_eq!(crowd.find(Space::Hashes, b"a"), None);
    assert_eq!(crowd.set(Space::Keys, b"a", at(4), (Sequence(3), 0)), Some(at(1)));
    assert_eq!(order(&crowd), [(b"a".to_vec(), at(4)), (b"b".to_vec(), at(2)), (b"c".to_vec(), at(3))]);
    assert!(crowd.replace(Space::Keys, b"b", at(5)));
    assert!(!crowd.replace(Space::Keys, b"d", at(6)));
    assert_eq!(order(&crowd), [(b"a".to_vec(), at(4)), (b"b".to_vec(), at(5)), (b"c".to_vec(), at(3))]);
    assert_eq!(crowd.find(Space::Keys, b"b"), Some(at(5)));
}

#[test]
fn f15_a_key_leaves_a_crowd_only_with_the_version_that_is_its_newest() {
    let mut crowd = crowd();
    assert!(!crowd.remove(Space::Keys, b"a", at(2)), "that is another key's");
    assert!(!crowd.remove(Space::Hashes, b"a", at(1)), "that is the other space's");
    assert!(crowd.remove(Space::Keys, b"a", at(1)));
    assert!(!crowd.remove(Space::Keys, b"a", at(1)));
    assert!(!crowd.search_and_remove(at(1)));
    assert!(crowd.search_and_remove(at(2)));
    assert_eq!(order(&crowd), [(b"c".to_vec(), at(3))]);
}

#[test]
fn f15_only_a_listed_hash_has_a_crowd() {
    let crowds = Crowds::default();
    assert!(!crowds.has(7));
    assert_eq!(crowds.memory_bytes(), 0);
    crowds.list(7, crowd());
    assert!(crowds.has(7) && !crowds.has(8));
    assert_eq!(crowds.read(7, |crowd| crowd.find(Space::Keys, b"c")), Some(Some(at(3))));
    assert_eq!(crowds.change(8, |_| ()), None);
    assert!(crowds.memory_bytes() > 3 * 2 * 24);
}
