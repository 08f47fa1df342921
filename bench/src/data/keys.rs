//! Keys of the three shapes, made before the clock starts and laid out in the order in which they will be used.
//!
//! Laying them out in that order keeps the benchmark's own cache misses out of the figures: walking over the keys is
//! walking over memory.

use std::io::Write;

use super::dataset::Shape;
use super::random::mix;

/// Many keys in one buffer.
#[derive(Debug, Default)]
pub(crate) struct Keys {
    bytes: Vec<u8>,
    /// Where each key ends; a key begins where the one before it ends.
    ends: Vec<u32>,
}

impl Keys {
    /// The keys of the entries `indexes`, in that order.
    pub(crate) fn of(shape: Shape, indexes: impl IntoIterator<Item = u64>) -> Self {
        let mut keys = Self::default();
        for index in indexes {
            write_key(shape, index * 2, &mut keys.bytes);
            keys.end();
        }
        keys
    }

    /// Keys that no entry has, each a close neighbour of one that exists.
    pub(crate) fn absent(shape: Shape, indexes: impl IntoIterator<Item = u64>) -> Self {
        let mut keys = Self::default();
        for index in indexes {
            write_key(shape, index * 2 + 1, &mut keys.bytes);
            keys.end();
        }
        keys
    }

    fn end(&mut self) {
        self.ends.push(u32::try_from(self.bytes.len()).expect("less than 4 GiB of keys"));
    }

    /// How many there are.
    pub(crate) fn len(&self) -> usize {
        self.ends.len()
    }

    /// The key at a place.
    #[inline]
    pub(crate) fn get(&self, at: usize) -> &[u8] {
        let start = if at == 0 { 0 } else { self.ends[at - 1] as usize };
        &self.bytes[start..self.ends[at] as usize]
    }

    /// All of them in order.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &[u8]> {
        (0..self.len()).map(|at| self.get(at))
    }

    /// The bytes of all of them.
    pub(crate) fn total_bytes(&self) -> u64 {
        self.bytes.len() as u64
    }
}

/// Appends the key with a number; different numbers have different keys.
fn write_key(shape: Shape, number: u64, to: &mut Vec<u8>) {
    match shape {
        Shape::Random16 => {
            // `mix` is a bijection, so no two numbers share even the first half.
            to.extend_from_slice(&mix(number.wrapping_add(0x5eed)).to_be_bytes());
            to.extend_from_slice(&mix(number ^ 0xfeed_0000_0000).to_be_bytes());
        }
        Shape::User => write!(to, "user:{number:012}").expect("memory takes every write"),
        Shape::Path => write_path(number, to),
    }
}

/// A path of 60 to 120 bytes, as a file server or an object store would hold: a few hundred directories, and names
/// that share long beginnings with their neighbours. The number at the end makes it unique.
fn write_path(number: u64, to: &mut Vec<u8>) {
    const TOPS: [&str; 4] = ["archive", "customers", "media", "projects"];
    const KINDS: [&str; 8] = [
        "contracts",
        "correspondence",
        "drawings",
        "invoices-outgoing",
        "measurements",
        "photographs",
        "reports",
        "specifications",
    ];
    // Neighbouring numbers, an entry and the absent key beside it, lie in one directory.
    let draw = mix(number / 2);
    let pick = |from: &[&'static str], bits: u64| from[usize::try_from(bits).expect("few bits") % from.len()];
    let top = pick(&TOPS, draw & 0x3);
    let kind = pick(&KINDS, (draw >> 2) & 0x7);
    let owner = (draw >> 5) % 97;
    let year = 2010 + (draw >> 12) % 16;
    let month = 1 + (draw >> 16) % 12;
    let long = if draw >> 63 == 1 { "/attachments-and-supplements" } else { "" };
    write!(to, "/srv/{top}/owner-{owner:05}/{kind}/{year}/{month:02}{long}/document-{number:012}.dat")
        .expect("memory takes every write");
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::{Keys, Shape};

    #[test]
    fn keys_are_unique_and_absent_ones_are_absent() {
        for shape in Shape::ALL {
            let (present, absent) = (Keys::of(shape, 0..20_000), Keys::absent(shape, 0..20_000));
            let all: HashSet<&[u8]> = present.iter().chain(absent.iter()).collect();
            assert_eq!(all.len(), 40_000, "{shape:?}");
        }
    }

    #[test]
    fn keys_have_the_lengths_that_their_shape_promises() {
        for (shape, lengths) in [(Shape::Random16, 16..=16), (Shape::User, 17..=17), (Shape::Path, 60..=120)]
        {
            for key in Keys::of(shape, 0..20_000).iter() {
                assert!(lengths.contains(&key.len()), "{shape:?}: {}", String::from_utf8_lossy(key));
            }
        }
    }
}
