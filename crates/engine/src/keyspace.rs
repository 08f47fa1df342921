//! Keyspaces: the store's own, and namespaces, which have a number each.
//!
//! Invariant: a key of a namespace is told from every other by its *full* form, the number in 4 big-endian bytes and then the key;
//! keys of the store's own keyspace are what they are. So the order of full keys is that of keys within each namespace.

use std::borrow::Cow;
use std::ops::Bound;

use crate::batch::Bounds;
use crate::hash::key_hash;

/// Which keyspace.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Keyspace(u32);

impl Keyspace {
    /// The store's own.
    pub(crate) const OWN: Self = Self(0);
    /// Where system entries are, which no handle leads to.
    pub(crate) const SYSTEM: Self = Self(u32::MAX);
    /// The bytes that a full key of a namespace has before the key.
    pub(crate) const BYTES: usize = 4;

    /// A namespace by its number, which is neither that of the store's own keyspace nor that of system entries.
    pub(crate) fn numbered(number: u32) -> Option<Self> {
        let keyspace = Self(number);
        (keyspace != Self::OWN && keyspace != Self::SYSTEM).then_some(keyspace)
    }

    pub(crate) fn number(self) -> u32 {
        self.0
    }

    #[inline]
    pub(crate) fn is_own(self) -> bool {
        self == Self::OWN
    }

    /// The namespace of a full key.
    pub(crate) fn of_full(full: &[u8]) -> Self {
        full.first_chunk().map_or(Self::OWN, |number| Self(u32::from_be_bytes(*number)))
    }

    /// What is mixed into the hashes of its keys, so that equal keys of several keyspaces do not compete for one place.
    #[inline]
    fn mix(self) -> u64 {
        u64::from(self.0).wrapping_mul(0x9e37_79b9_7f4a_7c15)
    }

    /// The hash by which the index finds what is stored under a key with this hash; and back again.
    #[inline]
    pub(crate) fn mixed(self, hash: u64) -> u64 {
        hash ^ self.mix()
    }

    /// The hash by which the index finds a key.
    #[inline]
    pub(crate) fn hash(self, key: &[u8]) -> u64 {
        self.mixed(key_hash(key))
    }

    /// The full form of a key.
    pub(crate) fn full(self, key: &[u8]) -> Cow<'_, [u8]> {
        if self.is_own() { Cow::Borrowed(key) } else { Cow::Owned(self.prefixed(key)) }
    }

    /// The key of a full form.
    #[inline]
    pub(crate) fn strip(self, full: &[u8]) -> &[u8] {
        if self.is_own() { full } else { full.get(Self::BYTES..).unwrap_or_default() }
    }

    /// Bounds of full keys.
    pub(crate) fn bounds(self, (lower, upper): Bounds) -> Bounds {
        if self.is_own() {
            return (lower, upper);
        }
        let lower = match lower {
            Bound::Unbounded => Bound::Included(self.prefixed(&[])),
            bound => bound.map(|key| self.prefixed(&key)),
        };
        let upper = match upper {
            // That of no namespace is the greatest.
            Bound::Unbounded => Bound::Excluded(Self(self.0.saturating_add(1)).prefixed(&[])),
            bound => bound.map(|key| self.prefixed(&key)),
        };
        (lower, upper)
    }

    fn prefixed(self, key: &[u8]) -> Vec<u8> {
        [&self.0.to_be_bytes(), key].concat()
    }
}

#[cfg(test)]
mod tests {
    use std::ops::Bound;

    use super::Keyspace;

    #[test]
    fn f16_bounds_of_a_namespace_hold_its_keys_and_no_others() {
        let one = Keyspace::numbered(1).unwrap();
        let (lower, upper) = one.bounds((Bound::Unbounded, Bound::Unbounded));
        assert_eq!(lower, Bound::Included(vec![0, 0, 0, 1]));
        assert_eq!(upper, Bound::Excluded(vec![0, 0, 0, 2]));
        let last = Keyspace::numbered(u32::MAX - 1).unwrap();
        let (_, upper) = last.bounds((Bound::Unbounded, Bound::Unbounded));
        assert_eq!(upper, Bound::Excluded(vec![0xff; 4]));
        assert_eq!(Keyspace::numbered(0), None);
        assert_eq!(Keyspace::numbered(u32::MAX), None);
        assert_eq!(one.strip(&one.full(b"key")), b"key");
        assert_eq!(Keyspace::of_full(&one.full(b"")), one);
        assert_ne!(one.hash(b"key"), Keyspace::OWN.hash(b"key"));
    }
}
