//! Eight bytes of a key, and how much of the key they are: what a record holds of its key.
//!
//! Invariant: two windows at the same place of two keys with the same bytes before it order as the keys do, unless
//! both are equal and open-ended; only then are there bytes that neither shows. A [`Lens`] moves windows between
//! places without a look at the key.

use super::stem::Stem;

/// Bytes in a window.
pub(super) const WIDTH: usize = 8;

/// The key goes on behind the window.
const OPEN: u8 = 9;

/// Some bytes of a key from a given place on. The derived order is the order of keys, see the module.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Window {
    /// The bytes, the first in the highest place, zeros where the key has ended.
    pub(super) piece: u64,
    /// The bytes that the key has from the place on if they all are in the window (0 to 8), else 9.
    tail: u8,
}

impl Window {
    /// The window of a key of which `rest` is what lies behind the place.
    #[inline]
    pub(super) fn of(rest: &[u8]) -> Self {
        match rest.first_chunk::<WIDTH>() {
            Some(bytes) if rest.len() > WIDTH => Self { piece: u64::from_be_bytes(*bytes), tail: OPEN },
            Some(bytes) => Self { piece: u64::from_be_bytes(*bytes), tail: 8 },
            None => {
                let piece = rest.iter().fold(0, |piece, byte| piece << 8 | u64::from(*byte));
                let tail = u8::try_from(rest.len()).expect("fewer than eight");
                Self { piece: piece.unbounded_shl(64 - 8 * u32::from(tail)), tail }
            }
        }
    }

    /// A window as a record holds it: the piece, and the tail as [`Window::tail`] gave it.
    #[inline]
    pub(super) fn of_parts(piece: u64, tail: u8) -> Self {
        Self { piece, tail: tail.min(OPEN) }
    }

    /// Four bits: the bytes left of the key where it ends within the window, else 9.
    #[inline]
    pub(super) fn tail(self) -> u8 {
        self.tail
    }

    /// Whether the key ends within the window, so that nothing of it is unknown.
    #[inline]
    pub(super) fn is_whole(self) -> bool {
        self.tail < OPEN
    }

    /// The bytes of the key that the window holds.
    pub(super) fn len(self) -> usize {
        usize::from(self.tail).min(WIDTH)
    }

    /// The leading bytes that two windows share, which tells nothing about where the keys end.
    pub(super) fn shared(self, other: Self) -> usize {
        let bytes = (self.piece ^ other.piece).leading_zeros() / 8;
        usize::try_from(bytes).expect("eight at most").min(self.len()).min(other.len())
    }
}

/// Turns the windows of one block into windows at another place of the same keys.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Lens {
    /// The bytes of the stem from the new place on.
    front: u64,
    /// How many bytes the new place lies before the old one.
    before: usize,
    /// How many bytes it lies behind it; one of the two is 0.
    behind: usize,
}

impl Lens {
    /// From behind `stem` to `place`, counted from the start of the key.
    pub(super) fn new(stem: Stem<'_>, place: usize) -> Self {
        let length = stem.len();
        let front = if place < length { stem.front(place) } else { 0 };
        Self { front, before: length.saturating_sub(place), behind: place.saturating_sub(length) }
    }

    /// The window at the new place. Where that lies behind the old one, what the window lacks must be known: the
    /// old window is whole.
    #[inline]
    pub(super) fn apply(self, window: Window) -> Window {
        let Window { piece, tail } = window;
        if self.before > 0 {
            let known = self.before + usize::from(tail);
            let tail = if window.is_whole() && known <= WIDTH { known } else { usize::from(OPEN) };
            let shifted = if self.before < WIDTH { piece >> (8 * self.before) } else { 0 };
            #[expect(clippy::cast_possible_truncation, reason = "nine at most")]
            Window { piece: self.front | shifted, tail: tail as u8 }
        } else if self.behind > 0 {
            let shifted = if self.behind < WIDTH { piece << (8 * self.behind) } else { 0 };
            #[expect(clippy::cast_possible_truncation, reason = "nine at most")]
            Window { piece: shifted, tail: usize::from(tail).saturating_sub(self.behind) as u8 }
        } else {
            window
        }
    }
}
