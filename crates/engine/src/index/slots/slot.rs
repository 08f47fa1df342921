//! The 64 bits of a slot.
//!
//! | bits | what |
//! | --- | --- |
//! | 51 to 63 | the field: the hash bits known, the next one that the page will consume on top, a one behind the last of them, zeros below |
//! | 48 to 50 | how many lines from home the entry stands, 7 for "that many or more" |
//! | 0 to 47 | the address |
//!
//! Invariant: the field of an entry is never 0, so it is told from the words 0 (empty) and 1 (deleted), and says itself
//! how many bits it knows. A split takes the first off with one shift; what is known goes down from 12 and is asked for
//! again before the last is gone.

use super::page::LINE_SLOTS;
use super::secret::Mixed;
use crate::address::Address;
#[cfg(not(loom))]
use crate::seams::agreeing;

const FIELD_SHIFT: u32 = 51;
const FIELD_BITS: u32 = 64 - FIELD_SHIFT;
const FIELD_MASK: u64 = ((1 << FIELD_BITS) - 1) << FIELD_SHIFT;
const DISTANCE_MASK: u64 = 7 << Address::BITS;
const ADDRESS_MASK: u64 = (1 << Address::BITS) - 1;

/// How many hash bits a new entry knows.
pub(super) const KNOWN_MAX: u32 = FIELD_BITS - 1;
/// An entry that knows fewer than this gets its field anew at the next split. Entries that go through so many splits
/// are one in two to the power of `KNOWN_MAX` or so, and the rest costs a lookup little: half as many entries are a split
/// older, and each is a candidate twice as often.
pub(super) const KNOWN_MIN: u32 = 2;
/// The distance that stands for itself and all above.
pub(super) const FAR: usize = 7;

/// What a slot holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Slot(pub(super) u64);

/// The field that a new entry of some hash would have, which is what the fields of older ones are compared with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Field(u64);

impl Field {
    /// The field of a hash in a page that consumes so many bits.
    #[inline]
    pub(super) fn new(mixed: Mixed, consumed: u32) -> Self {
        Self(((mixed.0 << consumed) >> FIELD_SHIFT) | 1)
    }

    /// Whether a slot holds an entry whose known bits are those of this field.
    #[inline]
    pub(super) fn matches(self, slot: Slot) -> bool {
        let field = slot.0 >> FIELD_SHIFT;
        (field ^ self.0) < 2 * (field & field.wrapping_neg())
    }

    /// Which slots of a line hold an entry whose known bits are those of this field.
    #[inline]
    pub(super) fn among(self, slots: &[Slot; LINE_SLOTS]) -> Numbers {
        #[cfg(not(loom))]
        {
            let wanted = u16::try_from(self.0).expect("a field has 13 bits");
            // Of the two bits for each slot one will do.
            Numbers(u32::from(agreeing(&slots.map(|slot| slot.0), wanted)) & 0x5555)
        }
        #[cfg(loom)]
        {
            let matching = slots.iter().enumerate().filter(|(_, slot)| self.matches(**slot));
            Numbers(matching.fold(0, |bits, (number, _)| bits | 1 << (2 * number)))
        }
    }
}

/// Some of the slots of a line: every other bit stands for one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Numbers(u32);

impl Numbers {
    #[inline]
    pub(super) fn or(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}

impl Iterator for Numbers {
    type Item = usize;

    #[inline]
    fn next(&mut self) -> Option<usize> {
        let bit = self.0.trailing_zeros() as usize;
        (self.0 != 0).then(|| {
            self.0 &= self.0 - 1;
            bit / 2
        })
    }
}

impl Slot {
    pub(super) const EMPTY: Self = Self(0);
    /// Holds nothing, and tells a lookup to go on.
    pub(super) const DELETED: Self = Self(1);

    /// The entry that a word is; `None` when it is none.
    pub(super) fn of_entry(word: u64) -> Option<Self> {
        let is_entry = word & FIELD_MASK != 0 && word & ADDRESS_MASK != 0;
        is_entry.then_some(Self(word))
    }

    pub(super) fn new(field: Field, distance: usize, address: Address) -> Self {
        let distance = u64::try_from(distance.min(FAR)).expect("a distance is small");
        Self((field.0 << FIELD_SHIFT) | (distance << Address::BITS) | address.get())
    }

    #[inline]
    pub(super) fn is_empty(self) -> bool {
        self == Self::EMPTY
    }

    #[inline]
    pub(super) fn is_entry(self) -> bool {
        self.0 & FIELD_MASK != 0
    }

    /// The address of an entry.
    #[inline]
    pub(super) fn address(self) -> Address {
        Address::new(self.0 & ADDRESS_MASK)
    }

    /// How many lines from home an entry stands, [`FAR`] for that many or more.
    pub(super) fn distance(self) -> usize {
        usize::try_from((self.0 & DISTANCE_MASK) >> Address::BITS).expect("a distance is small")
    }

    /// How many hash bits an entry knows.
    pub(super) fn known(self) -> u32 {
        KNOWN_MAX - (self.0 >> FIELD_SHIFT).trailing_zeros()
    }

    /// The first known bit of an entry: whether the next split of its page moves it.
    pub(super) fn moves(self) -> bool {
        self.0 >> 63 == 1
    }

    /// The entry after the split of its page: without the first known bit.
    pub(super) fn shifted(self) -> Self {
        debug_assert!(self.known() > 1, "an entry keeps a bit to be compared by");
        Self(((self.0 & FIELD_MASK) << 1) | (self.0 & !FIELD_MASK))
    }

    /// The same entry with other known bits.
    pub(super) fn with_field(self, field: Field) -> Self {
        Self((field.0 << FIELD_SHIFT) | (self.0 & !FIELD_MASK))
    }

    /// The same entry at another distance from its home.
    pub(super) fn at_distance(self, distance: usize) -> Self {
        Self::new(Field(self.0 >> FIELD_SHIFT), distance, self.address())
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::super::secret::Mixed;
    use super::super::tests::dice::{Dice, spread};
    use super::{Field, KNOWN_MAX, Slot};
    use crate::address::Address;

    #[test]
    fn slots_looked_at_together_are_those_that_match_one_by_one() {
        let mut dice = Dice(7);
        for number in 0..20_000 {
            let wanted = Field::new(Mixed(spread(number)), 3);
            let slots: [Slot; 8] = std::array::from_fn(|_| match dice.roll(5) {
                0 => Slot::EMPTY,
                1 => Slot::DELETED,
                2 => Slot::new(
                    Field::new(Mixed(dice.roll(u64::MAX)), 3),
                    9,
                    Address::new(1 + dice.roll(1 << 40)),
                ),
                _ => {
                    // An entry that knows fewer bits, all of which are those of the field.
                    let dropped = u32::try_from(dice.roll(u64::from(KNOWN_MAX))).unwrap();
                    let field = Field((wanted.0 >> 1 >> dropped << 1 | 1) << dropped);
                    Slot::new(field, 0, Address::new(1 + dice.roll(1 << 47)))
                }
            });
            let one_by_one: Vec<usize> = (0..8).filter(|at| wanted.matches(slots[*at])).collect();
            let together: Vec<usize> = wanted.among(&slots).collect();
            assert_eq!(together, one_by_one, "{wanted:?} {slots:?}");
        }
    }
}
