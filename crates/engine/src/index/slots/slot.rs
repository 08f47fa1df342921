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

use super::secret::Mixed;
use crate::address::Address;

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
        self.among(&[slot]).next().is_some()
    }

    /// Which of some slots hold an entry whose known bits are those of this field. Written so that a compiler makes
    /// vector instructions of it.
    #[inline]
    pub(super) fn among<const N: usize>(self, slots: &[Slot; N]) -> Numbers {
        let wanted = narrow(self.0);
        let fields = slots.map(|slot| narrow(slot.0 >> FIELD_SHIFT));
        // All bits above the terminator are equal; without an entry there is no terminator, and nothing is below 0.
        Numbers::of(fields.map(|field| (field ^ wanted) < 2 * (field & field.wrapping_neg())))
    }
}

/// Some of the slots of a line by their numbers, lowest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Numbers(u16);

impl Numbers {
    /// Those for which it is true. A number is a bit in a lane of its own until the lanes are put together, which is
    /// what processors do well.
    #[inline]
    fn of<const N: usize>(are_in: [bool; N]) -> Self {
        let mut lanes = [0_u16; N];
        for (number, lane) in lanes.iter_mut().enumerate() {
            *lane = if are_in[number] { 1 << number } else { 0 };
        }
        Self(lanes.into_iter().fold(0, |all, lane| all | lane))
    }

    #[inline]
    pub(super) fn or(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}

impl Iterator for Numbers {
    type Item = usize;

    #[inline]
    fn next(&mut self) -> Option<usize> {
        let number = self.0.trailing_zeros() as usize;
        (self.0 != 0).then(|| {
            self.0 &= self.0 - 1;
            number
        })
    }
}

/// A field in as few bits as are compared together. Signed, because that is what processors compare.
#[inline]
fn narrow(field: u64) -> i16 {
    i16::try_from(field).expect("a field has 13 bits")
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

    /// Which of some slots an entry can be put into.
    #[inline]
    pub(super) fn free<const N: usize>(slots: &[Self; N]) -> Numbers {
        Numbers::of(slots.map(|slot| narrow(slot.0 >> FIELD_SHIFT) == 0))
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
