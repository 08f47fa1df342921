//! Entries: the fixed part, what its flags add, the key (`docs/format.md` §6). The payload is not touched here.

use super::bytes::{array_at, put_at, u16_at, u32_at, u64_at};
use super::{CHUNK_BYTES, NUMBERS_END, UNIT, align_up};
use crate::keyspace::Keyspace;
use crate::numbers::{SegmentId, Sequence, Timestamp};

const FIXED: usize = 12;
const TOMBSTONE: u16 = 1;
const DEADLINE: u16 = 1 << 1;
const MOVED: u16 = 1 << 2;
const NAMESPACE: u16 = 1 << 3;
const HASH_ONLY: u16 = 1 << 4;
const EXTERNAL: u16 = 1 << 5;
const CHUNKED: u16 = 1 << 6;
const LINEAGE: u16 = 1 << 11;
/// What the flag of moved entries adds, their lineage in the last bytes of it.
const MOVED_BYTES: u64 = 32;
const KNOWN: u16 = TOMBSTONE | DEADLINE | MOVED | NAMESPACE | HASH_ONLY | EXTERNAL | CHUNKED | LINEAGE;

/// Most bytes of an entry before its payload's padding: fixed part, optional fields and key.
pub(crate) const HEAD_BYTES_MAX: u64 = 12 + 8 + 32 + 8 + 16 + 4 + 65_535;

/// Length of a namespace id in bytes.
const NAMESPACE_BYTES: u64 = Keyspace::BYTES as u64;

/// What an entry is stored under.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Subject<'a> {
    /// A key of the user's.
    Key(&'a [u8]),
    /// A key hash alone.
    Hash(u64),
    /// A key of a namespace, in its full form: the id in 4 big-endian bytes and then the key.
    Named(&'a [u8]),
    /// A key hash alone, in a namespace.
    NamedHash(Keyspace, u64),
    /// A key outside every keyspace of the user's.
    System(&'a [u8]),
}

impl<'a> Subject<'a> {
    /// The key, if it is one of this keyspace.
    pub(crate) fn key_in(self, keyspace: Keyspace) -> Option<&'a [u8]> {
        match self {
            Self::Key(key) if keyspace.is_own() => Some(key),
            Self::Named(full) if Keyspace::of_full(full) == keyspace => Some(keyspace.strip(full)),
            _ => None,
        }
    }
}

/// Where a payload is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    /// The entry is a tombstone.
    None,
    /// In the frame, so many bytes.
    Inline { length: u64, checksum: u32 },
    /// In a stream segment of its own.
    External { segment: SegmentId, length: u64, checksum: u32 },
}

/// What an entry took along of its commit when compaction moved it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Moved {
    pub(crate) sequence: Sequence,
    pub(crate) time: Timestamp,
    /// The entry's number within its commit, from 0.
    pub(crate) ordinal: u32,
}

/// Which version of its key an entry is, counted since the key was last absent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Lineage {
    /// The commit that made the key; 0 where that is not known.
    created: Sequence,
    /// How many versions there are with this one; 0 where that is not known.
    versions: u32,
}

impl Lineage {
    /// Its length in bytes.
    pub(crate) const BYTES: u64 = 12;
    /// Nobody noted it: the entry, or one before it, was written by a program that did not.
    pub(crate) const UNKNOWN: Self = Self { created: Sequence(0), versions: 0 };

    /// That of the first version, written by this commit.
    pub(crate) fn first(created: Sequence) -> Self {
        Self { created, versions: 1 }
    }

    /// That of the version behind this one.
    pub(crate) fn next(self) -> Self {
        let versions = if self.versions == 0 { 0 } else { self.versions.saturating_add(1) };
        Self { versions, ..self }
    }

    /// The commit that made the key, and how many versions there are with this one.
    pub(crate) fn known(self) -> Option<(Sequence, u32)> {
        (self != Self::UNKNOWN).then_some((self.created, self.versions))
    }

    fn encode(self) -> [u8; 12] {
        let mut bytes = [0; 12];
        put_at(&mut bytes, 0, &self.created.0.to_le_bytes());
        put_at(&mut bytes, 8, &self.versions.to_le_bytes());
        bytes
    }

    /// Reads one; `None` when the two contradict each other.
    #[inline]
    pub(crate) fn decode(bytes: &[u8; 12]) -> Option<Self> {
        let lineage = Self { created: Sequence(u64_at(bytes, 0)), versions: u32_at(bytes, 8) };
        let agrees = (lineage.created.0 == 0) == (lineage.versions == 0);
        (agrees && lineage.created.0 < NUMBERS_END).then_some(lineage)
    }
}

/// An entry but for its payload's bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct EntryHead<'a> {
    pub(crate) subject: Subject<'a>,
    pub(crate) place: Place,
    pub(crate) deadline: Option<Timestamp>,
    pub(crate) moved: Option<Moved>,
    /// What the entry says of the versions before it. Where it says nothing, in the log, it is the first of its key, if its
    /// frame says that lineages are kept. One that was moved always says it.
    pub(crate) lineage: Option<Lineage>,
}

/// Where the parts of an entry lie, as offsets in its segment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Layout {
    pub(crate) start: u64,
    pub(crate) payload: u64,
    pub(crate) payload_length: u64,
    /// The chunk checksums, when the payload is chunked.
    pub(crate) table: Option<u64>,
    pub(crate) end: u64,
}

impl Layout {
    /// The layout of an entry whose head ends at `head_end`.
    fn new(start: u64, head_end: u64, inline: u64, chunked: bool, alignment: u64) -> Self {
        let payload = align_up(head_end, if inline == 0 { UNIT } else { alignment });
        let payload_end = align_up(payload + inline, UNIT);
        let (table, end) = if chunked {
            (Some(payload_end), align_up(payload_end + 4 * inline.div_ceil(CHUNK_BYTES), UNIT))
        } else {
            (None, payload_end)
        };
        Self { start, payload, payload_length: inline, table, end }
    }
}

/// Where the parts of a plain entry lie, as offsets in its segment: a value under a key of the user's, in one piece in the
/// frame and without a deadline, which is what nearly every entry is. Made for readers that have no time: it says nothing
/// that [`EntryHead::decode`] does not say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Plain {
    pub(crate) key: u64,
    pub(crate) key_length: u64,
    pub(crate) payload: u64,
    pub(crate) payload_length: u64,
    pub(crate) checksum: u32,
    /// Compaction has moved it here: where the sequence of its commit stands.
    pub(crate) sequence: Option<u64>,
    /// Where its lineage stands, if it says that.
    pub(crate) lineage: Option<u64>,
}

impl Plain {
    /// How many bytes the next function looks at.
    pub(crate) const BYTES: u64 = FIXED as u64;

    /// The layout of the entry that starts at `start` of its segment with these bytes, if it is a plain one.
    #[inline]
    pub(crate) fn decode(fixed: &[u8], start: u64, alignment: u64) -> Option<Self> {
        let fixed = fixed.first_chunk::<FIXED>()?;
        let flags = u16_at(fixed, 0);
        let payload_length = u64::from(u32_at(fixed, 4));
        let optional = start + FIXED as u64;
        let (key, sequence, lineage) = match flags {
            0 => (optional, None, None),
            LINEAGE => (optional + Lineage::BYTES, None, Some(optional)),
            MOVED => (optional + MOVED_BYTES, Some(optional), Some(optional + MOVED_BYTES - Lineage::BYTES)),
            _ => return None,
        };
        if payload_length > super::CHUNKED_ABOVE {
            return None;
        }
        let key_length = u64::from(u16_at(fixed, 2));
        let payload = align_up(key + key_length, if payload_length == 0 { UNIT } else { alignment });
        Some(Self { key, key_length, payload, payload_length, checksum: u32_at(fixed, 8), sequence, lineage })
    }

    /// The same, if it has no fields beside the fixed ones, which could contradict each other: the first version of a key.
    #[inline]
    pub(crate) fn decode_first(fixed: &[u8], start: u64, alignment: u64) -> Option<Self> {
        Self::decode(fixed, start, alignment)
            .filter(|plain| plain.lineage.is_none() && plain.sequence.is_none())
    }

    /// As the layout of any entry, which starts at `start`.
    #[inline]
    pub(crate) fn layout(&self, start: u64) -> Layout {
        let Self { payload, payload_length, .. } = *self;
        Layout { start, payload, payload_length, table: None, end: self.end() }
    }

    /// Puts down what comes before the key in an entry whose key and payload have these lengths, and which was not moved.
    /// Returns its layout.
    #[inline]
    pub(crate) fn encode(
        (start, alignment): (u64, u64),
        lineage: Option<Lineage>,
        (key_length, payload_length, checksum): (u16, u32, u32),
        buffer: &mut Vec<u8>,
    ) -> Self {
        let mut fixed = [0; FIXED];
        put_at(&mut fixed, 0, &(if lineage.is_some() { LINEAGE } else { 0 }).to_le_bytes());
        put_at(&mut fixed, 2, &key_length.to_le_bytes());
        put_at(&mut fixed, 4, &payload_length.to_le_bytes());
        put_at(&mut fixed, 8, &checksum.to_le_bytes());
        let plain = Self::decode(&fixed, start, alignment).expect("it was made one");
        buffer.reserve(usize::try_from(plain.end() - start).expect("it fits a buffer"));
        buffer.extend_from_slice(&fixed);
        if let Some(lineage) = lineage {
            buffer.extend_from_slice(&lineage.encode());
        }
        plain
    }

    /// Where the payload ends, without the zeros behind it.
    #[inline]
    pub(crate) fn payload_end(&self) -> u64 {
        self.payload + self.payload_length
    }

    /// Where the entry ends.
    #[inline]
    pub(crate) fn end(&self) -> u64 {
        align_up(self.payload_end(), UNIT)
    }
}

/// Why bytes are not an entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum EntryFault {
    /// They end before the head does.
    Short,
    /// They contradict themselves.
    Malformed,
    /// They use flags that this version does not know.
    Unknown,
}

impl<'a> EntryHead<'a> {
    fn flags(&self, chunked: bool) -> u16 {
        let mut flags = 0;
        let mut set = |condition: bool, flag: u16| {
            if condition {
                flags |= flag;
            }
        };
        set(self.place == Place::None, TOMBSTONE);
        set(self.deadline.is_some(), DEADLINE);
        set(self.moved.is_some(), MOVED);
        let (has_namespace, has_hash) = match self.subject {
            Subject::Key(_) => (false, false),
            Subject::Hash(_) => (false, true),
            Subject::NamedHash(..) => (true, true),
            Subject::Named(_) | Subject::System(_) => (true, false),
        };
        set(has_namespace, NAMESPACE);
        set(has_hash, HASH_ONLY);
        set(matches!(self.place, Place::External { .. }), EXTERNAL);
        set(chunked, CHUNKED);
        set(self.lineage.is_some() && self.moved.is_none(), LINEAGE);
        flags
    }

    /// Length of the head in bytes: fixed part, optional fields and key.
    pub(crate) fn head_length(&self) -> u64 {
        let key = match self.subject {
            Subject::Key(key) => key.len() as u64,
            Subject::Hash(_) => 8,
            Subject::Named(full) => full.len() as u64,
            Subject::NamedHash(..) => 8 + NAMESPACE_BYTES,
            Subject::System(key) => NAMESPACE_BYTES + key.len() as u64,
        };
        FIXED as u64
            + if self.deadline.is_some() { 8 } else { 0 }
            + match (self.moved, self.lineage) {
                (Some(_), _) => MOVED_BYTES,
                (None, Some(_)) => Lineage::BYTES,
                (None, None) => 0,
            }
            + if matches!(self.place, Place::External { .. }) { 16 } else { 0 }
            + key
    }

    /// Where the parts go when the entry starts at `start` of its segment.
    pub(crate) fn layout(&self, start: u64, alignment: u64) -> Layout {
        let inline = match self.place {
            Place::Inline { length, .. } => length,
            Place::None | Place::External { .. } => 0,
        };
        Layout::new(start, start + self.head_length(), inline, inline > super::CHUNKED_ABOVE, alignment)
    }

    /// Appends the head to `buffer`.
    pub(crate) fn encode(&self, buffer: &mut Vec<u8>) {
        let (inline, checksum) = match self.place {
            Place::None => (0, 0),
            Place::Inline { length, checksum } => (length, checksum),
            Place::External { checksum, .. } => (0, checksum),
        };
        let key: &[u8] = match self.subject {
            Subject::Key(key) | Subject::System(key) => key,
            Subject::Named(full) => full.get(Keyspace::BYTES..).unwrap_or_default(),
            Subject::Hash(_) | Subject::NamedHash(..) => b"",
        };
        let mut fixed = [0; FIXED];
        put_at(&mut fixed, 0, &self.flags(inline > super::CHUNKED_ABOVE).to_le_bytes());
        put_at(&mut fixed, 2, &u16::try_from(key.len()).expect("key lengths are checked").to_le_bytes());
        put_at(&mut fixed, 4, &u32::try_from(inline).expect("value lengths are checked").to_le_bytes());
        put_at(&mut fixed, 8, &checksum.to_le_bytes());
        buffer.extend_from_slice(&fixed);
        if let Some(deadline) = self.deadline {
            buffer.extend_from_slice(&deadline.0.to_le_bytes());
        }
        if let Some(moved) = self.moved {
            buffer.extend_from_slice(&moved.sequence.0.to_le_bytes());
            buffer.extend_from_slice(&moved.time.0.to_le_bytes());
            buffer.extend_from_slice(&moved.ordinal.to_le_bytes());
            buffer.extend_from_slice(&self.lineage.unwrap_or(Lineage::UNKNOWN).encode());
        } else if let Some(lineage) = self.lineage {
            buffer.extend_from_slice(&lineage.encode());
        }
        if let Subject::Hash(hash) | Subject::NamedHash(_, hash) = self.subject {
            buffer.extend_from_slice(&hash.to_le_bytes());
        }
        if let Place::External { segment, length, .. } = self.place {
            buffer.extend_from_slice(&segment.0.to_le_bytes());
            buffer.extend_from_slice(&length.to_le_bytes());
        }
        match self.subject {
            Subject::Key(_) | Subject::Hash(_) => {}
            Subject::Named(full) => buffer.extend_from_slice(&full[..Keyspace::BYTES.min(full.len())]),
            Subject::NamedHash(namespace, _) => buffer.extend_from_slice(&namespace.number().to_be_bytes()),
            Subject::System(_) => buffer.extend_from_slice(&Keyspace::SYSTEM.number().to_be_bytes()),
        }
        buffer.extend_from_slice(key);
    }

    /// How many bytes the head takes, from its first [`FIXED_BYTES`] bytes.
    pub(crate) fn head_length_of(fixed: &[u8]) -> Result<u64, EntryFault> {
        if fixed.len() < FIXED {
            return Err(EntryFault::Short);
        }
        let flags = u16_at(fixed, 0);
        if flags & !KNOWN != 0 {
            return Err(EntryFault::Unknown);
        }
        let has = |flag: u16, length: u64| if flags & flag != 0 { length } else { 0 };
        let key = u64::from(u16_at(fixed, 2));
        Ok(FIXED as u64
            + has(DEADLINE, 8)
            + has(MOVED, MOVED_BYTES)
            + has(LINEAGE, Lineage::BYTES)
            + has(HASH_ONLY, 8)
            + has(EXTERNAL, 16)
            + has(NAMESPACE, NAMESPACE_BYTES)
            + key)
    }

    /// Reads the entry that starts at `start` of its segment; `bytes` begin there and hold at least the head.
    pub(crate) fn decode(bytes: &'a [u8], start: u64, alignment: u64) -> Result<(Self, Layout), EntryFault> {
        let head_length = Self::head_length_of(bytes)?;
        if (bytes.len() as u64) < head_length {
            return Err(EntryFault::Short);
        }
        let flags = u16_at(bytes, 0);
        let has = |flag: u16| flags & flag != 0;
        let key_length = usize::from(u16_at(bytes, 2));
        let inline = u64::from(u32_at(bytes, 4));
        let checksum = u32_at(bytes, 8);
        let head_end = usize::try_from(head_length).map_err(|_| EntryFault::Malformed)?;
        let mut at = FIXED;
        let mut field = |length: usize| {
            let here = at;
            at += length;
            here
        };
        let deadline = has(DEADLINE).then(|| Timestamp(u64_at(bytes, field(8))));
        let moved = has(MOVED).then(|| {
            let here = field(20);
            Moved {
                sequence: Sequence(u64_at(bytes, here)),
                time: Timestamp(u64_at(bytes, here + 8)),
                ordinal: u32_at(bytes, here + 16),
            }
        });
        let lineage = (has(MOVED) || has(LINEAGE)).then(|| Lineage::decode(&array_at(bytes, field(12))));
        let hash = has(HASH_ONLY).then(|| u64_at(bytes, field(8)));
        let external = has(EXTERNAL).then(|| {
            let here = field(16);
            (SegmentId(u64_at(bytes, here)), u64_at(bytes, here + 8))
        });
        let full = &bytes[at..head_end];
        let namespace = has(NAMESPACE).then(|| Keyspace::of_full(full));
        let key = &bytes[head_end - key_length..head_end];
        let chunked = inline > super::CHUNKED_ABOVE;
        let contradicts = has(CHUNKED) != chunked
            || (has(TOMBSTONE) && (inline != 0 || checksum != 0 || external.is_some() || deadline.is_some()))
            || (external.is_some() && inline != 0)
            || (hash.is_some() && key_length != 0)
            || (namespace == Some(Keyspace::OWN))
            || (namespace == Some(Keyspace::SYSTEM)
                && (hash.is_some() || deadline.is_some() || external.is_some() || has(LINEAGE)))
            || (has(LINEAGE) && (has(MOVED) || has(TOMBSTONE)))
            || lineage == Some(None)
            || moved.is_some_and(|moved| moved.sequence.0 >= NUMBERS_END)
            || external.is_some_and(|(segment, length)| segment.0 >= NUMBERS_END || length >= NUMBERS_END);
        if contradicts {
            return Err(EntryFault::Malformed);
        }
        let place = match external {
            _ if has(TOMBSTONE) => Place::None,
            Some((segment, length)) => Place::External { segment, length, checksum },
            None => Place::Inline { length: inline, checksum },
        };
        let subject = match (namespace, hash) {
            (None, None) => Subject::Key(key),
            (None, Some(hash)) => Subject::Hash(hash),
            (Some(Keyspace::SYSTEM), _) => Subject::System(key),
            (Some(_), None) => Subject::Named(full),
            (Some(namespace), Some(hash)) => Subject::NamedHash(namespace, hash),
        };
        let layout = Layout::new(start, start + head_length, inline, chunked, alignment);
        let lineage = lineage.flatten();
        Ok((Self { subject, place, deadline, moved, lineage }, layout))
    }

    /// Whether the entry deletes.
    pub(crate) fn is_tombstone(&self) -> bool {
        self.place == Place::None
    }
}

#[cfg(test)]
#[path = "entry_tests.rs"]
mod tests;
