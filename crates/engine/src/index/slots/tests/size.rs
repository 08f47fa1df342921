//! What the table costs: bytes, looks at the log, work in one call.

use super::super::{First, Set, SlotTable};
use super::dice::spread;
use crate::address::Address;

#[test]
fn memory_and_looks_at_the_log_stay_small_while_a_million_keys_come() {
    const KEYS: u64 = 1_000_000;
    let table = SlotTable::new(6);
    let (mut asked, mut asked_at_once, mut looked) = (0_u64, 0, 0_u64);
    for number in 1..=KEYS {
        let before = asked;
        let set = table.set(
            spread(number),
            Address::new(number),
            |_| {
                looked += 1;
                false
            },
            |address| {
                asked += 1;
                spread(address.get())
            },
        );
        assert_eq!(set, Set::Inserted);
        asked_at_once = asked_at_once.max(asked - before);
        if number >= 100_000 && number % 1000 == 0 {
            let each = table.memory_bytes() / number;
            assert!((8..=20).contains(&each), "{each} bytes a key at {number}");
        }
    }
    assert!(asked < KEYS / 200, "{asked} hashes were asked for");
    assert!(asked_at_once < 60, "{asked_at_once} hashes were asked for in one call");
    assert!(looked < KEYS / 40, "{looked} entries were looked at that were others'");
    // In the two passes in which many keys are read at once.
    for number in (1..=KEYS).step_by(7) {
        let first = table.first_from(&table.start_ahead(spread(number)));
        assert!(first != First::Nowhere && first != First::Unsure);
    }
}

#[test]
fn no_insertion_splits_more_than_one_page() {
    let table = SlotTable::new(7);
    for number in 1..=200_000 {
        let before = table.state().pages();
        table.set(spread(number), Address::new(number), |_| false, |address| spread(address.get()));
        assert!(table.state().pages() <= before + 1, "at {number}");
    }
    assert!(table.state().pages() > 500, "nothing was split: the run proves nothing");
}

#[test]
fn f15_keys_that_come_and_go_leave_lookups_as_short_as_they_were() {
    const LIVE: u64 = 40_000;
    let table = SlotTable::new(8);
    let set = |number| table.set(spread(number), Address::new(number), |_| false, |at| spread(at.get()));
    let closed = || {
        let lines =
            table.pages().flat_map(|(_, page)| (0..super::super::page::LINES).map(|line| page.line(line)));
        lines.filter(super::super::page::is_closed).count()
    };
    (1..=LIVE).for_each(|number| {
        set(number);
    });
    let before = closed();
    for number in LIVE + 1..=LIVE * 20 {
        assert!(table.remove(spread(number - LIVE), Address::new(number - LIVE)));
        assert_eq!(set(number), Set::Inserted);
    }
    assert!(closed() < before * 2 + 100, "{before} closed lines have become {}", closed());
}
