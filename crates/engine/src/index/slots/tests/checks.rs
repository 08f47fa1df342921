//! What is true of every page whenever the writer is at rest.

use std::collections::HashMap;

use super::super::SlotTable;
use super::super::page::{LAST, LINES, Page, behind, home, is_closed};
use super::super::slot::{FAR, Field, Slot};

/// Checks every slot of a table that holds these addresses, each with its hash.
pub(super) fn check(table: &SlotTable, hashes: &HashMap<u64, u64>) {
    let mut entries = 0;
    for (number, page) in table.pages() {
        let mut passed = [false; LINES];
        for line in 0..LINES {
            for (at, slot) in page.line(line).into_iter().enumerate() {
                if slot.is_entry() {
                    check_entry(table, number, page, line, slot, hashes, &mut passed);
                    entries += 1;
                } else {
                    assert!(slot.is_empty() || at == LAST, "a deleted slot that closes nothing");
                }
            }
            let words = page.line(line);
            let has_room = words[..LAST].iter().any(|slot| slot.is_empty());
            assert!(
                !has_room || !words[LAST].is_entry(),
                "a line is closed by an entry that has room elsewhere"
            );
        }
        // Where an entry is far from home, the lines that it may have passed need not be those that it passed.
        let is_far = (0..LINES).any(|line| page.line(line).iter().any(|slot| slot.distance() == FAR));
        for (line, passed) in passed.into_iter().enumerate() {
            let is_deleted = page.line(line)[LAST] == Slot::DELETED;
            assert!(!is_deleted || passed || is_far, "line {line} of page {number} is closed for nobody");
        }
    }
    assert_eq!(entries, hashes.len());
    assert_eq!(table.len(), u64::try_from(entries).unwrap());
}

fn check_entry(
    table: &SlotTable,
    number: u64,
    page: &Page,
    line: usize,
    slot: Slot,
    hashes: &HashMap<u64, u64>,
    passed: &mut [bool; LINES],
) {
    let mixed = table.mixed(hashes[&slot.address().get()]);
    let place = table.state().place(mixed);
    assert_eq!(place.page, number, "an entry in the wrong page");
    assert!(!place.is_rewritten, "a split has not ended");
    assert!(Field::new(mixed, place.consumed).matches(slot), "an entry with wrong bits");
    assert!((1..=12).contains(&slot.known()), "an entry that knows {} bits", slot.known());
    let mut distance = 0;
    while behind(home(mixed), distance) != line {
        let on_the_way = behind(home(mixed), distance);
        assert!(is_closed(&page.line(on_the_way)), "an entry behind an open line");
        passed[on_the_way] = true;
        distance += 1;
    }
    assert_eq!(slot.distance(), distance.min(FAR), "an entry that does not know how far it is from home");
}
