//! Single situations that random runs meet rarely or never.

use std::collections::HashMap;
use std::panic::{AssertUnwindSafe, catch_unwind};

use super::super::page::PAGE_SLOTS;
use super::super::{Set, SlotTable};
use super::checks::check;
use super::dice::spread;
use super::hashes::that_fall;
use crate::address::Address;

/// Puts hashes in, each at the address that is its number, counted from 1.
fn insert(table: &SlotTable, hashes: &[u64]) -> Vec<Set> {
    let hash_of = |address: Address| hashes[usize::try_from(address.get()).unwrap() - 1];
    let set = |(hash, number): (&u64, u64)| {
        table.set(*hash, Address::new(number), |at| at.get() == number, hash_of)
    };
    hashes.iter().zip(1..).map(set).collect()
}

fn by_address(hashes: &[u64]) -> HashMap<u64, u64> {
    (1..).zip(hashes.iter().copied()).collect()
}

/// Splits pages until there are so many.
fn grow_to(table: &SlotTable, pages: u64, mut hash_of: impl FnMut(Address) -> u64) {
    while table.state().pages() < pages {
        table.split(table.state(), &mut hash_of).unwrap();
    }
}

fn assert_all_found(table: &SlotTable, hashes: &[u64]) {
    for (hash, number) in hashes.iter().zip(1..) {
        assert_eq!(table.find(*hash, |at| at.get() == number), Some(Address::new(number)));
    }
}

#[test]
fn entries_that_run_out_of_known_bits_are_asked_for_their_hash_again() {
    let table = SlotTable::new(1);
    let hashes: Vec<u64> = (0..300).map(spread).collect();
    insert(&table, &hashes);
    let mut asked = 0;
    for level in 1..14 {
        grow_to(&table, 1 << level, |address| {
            asked += 1;
            hashes[usize::try_from(address.get()).unwrap() - 1]
        });
        assert_all_found(&table, &hashes);
        check(&table, &by_address(&hashes));
        if level <= 11 {
            assert!(asked < 10, "{asked} entries were asked for that still knew enough");
        }
    }
    assert!((300..320).contains(&asked), "{asked} entries were asked for, and each has to be once");
}

#[test]
fn a_page_that_is_full_is_split_before_its_turn() {
    let table = SlotTable::new(2);
    let hashes: Vec<u64> = that_fall(2, None, 17, 5).take(700).collect();
    assert!(insert(&table, &hashes).iter().all(|set| *set == Set::Inserted));
    assert!(table.state().pages() > 32, "there is no need for a page that overflows");
    assert_all_found(&table, &hashes);
    check(&table, &by_address(&hashes));
}

#[test]
fn f15_keys_made_for_one_page_are_refused_and_do_not_make_the_table_large() {
    let table = SlotTable::new(3);
    let hashes: Vec<u64> = that_fall(3, None, 999, 14).take(600).collect();
    let room = usize::try_from(PAGE_SLOTS).unwrap();
    let sets = insert(&table, &hashes);
    assert!(sets[..room].iter().all(|set| *set == Set::Inserted));
    assert!(sets[room..].iter().all(|set| *set == Set::Crowded));
    assert!(table.state().pages() < 100, "{} pages for one that is full", table.state().pages());
    assert_all_found(&table, &hashes[..room]);
    check(&table, &by_address(&hashes[..room]));
    // Lookups end even though every line is closed.
    assert_eq!(table.find(hashes[room], |_| false), None);
    for (hash, number) in hashes[..room].iter().zip(1..) {
        assert!(table.remove(*hash, Address::new(number)));
    }
    check(&table, &HashMap::new());
}

#[test]
fn keys_that_only_look_alike_crowd_no_hash() {
    // Entries as old as can be know one bit, and all have the same.
    let table = SlotTable::new(4);
    let mut hashes: Vec<u64> = that_fall(4, Some(9), 5, 12).take(42).collect();
    let (first, second) = (hashes.pop().unwrap(), hashes.pop().unwrap());
    insert(&table, &hashes);
    let mut asked = 0;
    let mut hash_of = |address: Address| {
        asked += 1;
        hashes[usize::try_from(address.get()).unwrap() - 1]
    };
    grow_to(&table, 1 << 11, &mut hash_of);
    let mut candidates = 0;
    table.candidates(first, |_| candidates += 1);
    assert_eq!(candidates, 40, "they are not alike: the run proves nothing");
    assert_eq!(table.set(first, Address::new(41), |_| false, &mut hash_of), Set::Inserted);
    let mut candidates = 0;
    table.candidates(second, |_| candidates += 1);
    assert!(candidates < 3, "they are alike no longer");
    assert_eq!(table.set(second, Address::new(42), |_| false, &mut hash_of), Set::Inserted);
    assert!(asked < 60, "{asked} times asked");
    hashes.extend([first, second]);
    assert_all_found(&table, &hashes);
    check(&table, &by_address(&hashes));
}

#[test]
fn f04_a_split_that_would_lose_an_entry_that_cannot_be_read_is_not_made() {
    let table = SlotTable::new(5);
    let hashes: Vec<u64> = (0..300).map(spread).collect();
    insert(&table, &hashes);
    let whole = |address: Address| hashes[usize::try_from(address.get()).unwrap() - 1];
    let rotten = |address: Address| (!address.get().is_multiple_of(3)).then(|| whole(address));
    let mut pages = 0;
    while table.split(table.state(), rotten).is_some() {
        pages += 1;
    }
    assert!((1 << 9..1 << 13).contains(&pages), "{pages} splits: the run proves nothing");
    assert_all_found(&table, &hashes);
    check(&table, &by_address(&hashes));
    grow_to(&table, 1 << 13, whole);
    assert_all_found(&table, &hashes);
}

#[test]
fn f25_a_caller_that_panics_in_a_split_leaves_the_table_as_it_was() {
    let table = SlotTable::new(5);
    let hashes: Vec<u64> = (0..300).map(spread).collect();
    insert(&table, &hashes);
    grow_to(&table, 1 << 11, |address| hashes[usize::try_from(address.get()).unwrap() - 1]);
    let mut splits = 0;
    let panic = |_| -> u64 { std::panic::resume_unwind(Box::new("the log cannot be read")) };
    while catch_unwind(AssertUnwindSafe(|| table.split(table.state(), panic))).is_ok() {
        splits += 1;
    }
    assert!(splits < 1000, "nothing panicked: the run proves nothing");
    check(&table, &by_address(&hashes));
    grow_to(&table, 1 << 12, |address| hashes[usize::try_from(address.get()).unwrap() - 1]);
    assert_all_found(&table, &hashes);
    check(&table, &by_address(&hashes));
}
