//! How the bare limit lays out an entry: four bytes of lengths, key, value, and zeros up to a multiple of eight.
//!
//! Nothing is checked: no checksum, no sequence, no kind. That is the point of it.

/// Entries begin on multiples of this many bytes.
pub(super) const UNIT: usize = 8;

/// Two bytes of key length, two of value length.
const HEAD: usize = 4;
/// In place of a value length: eight bytes of it follow the head.
const LONG: u16 = u16::MAX;
/// In place of a value length: the key was deleted.
const DELETED: u16 = u16::MAX - 1;

/// An entry in the log.
#[derive(Clone, Copy, Debug)]
pub(super) struct Record<'a> {
    pub(super) key: &'a [u8],
    /// `None` where the key was deleted.
    pub(super) value: Option<&'a [u8]>,
    /// Where the next one begins, from the start of this one.
    pub(super) length: usize,
}

/// Appends an entry to `to`, which ends on a unit.
pub(super) fn write(key: &[u8], value: Option<&[u8]>, to: &mut Vec<u8>) {
    let key_length = u16::try_from(key.len()).expect("keys of the data sets are short");
    let short = |value: &[u8]| u16::try_from(value.len()).ok().filter(|length| *length < DELETED);
    let value_length = value.map_or(DELETED, |value| short(value).unwrap_or(LONG));
    to.extend_from_slice(&key_length.to_le_bytes());
    to.extend_from_slice(&value_length.to_le_bytes());
    if value_length == LONG {
        to.extend_from_slice(&(value.unwrap_or_default().len() as u64).to_le_bytes());
    }
    to.extend_from_slice(key);
    to.extend_from_slice(value.unwrap_or_default());
    to.resize(to.len().next_multiple_of(UNIT), 0);
}

/// The entry that begins at `at`.
#[inline]
pub(super) fn read(log: &[u8], at: usize) -> Record<'_> {
    let number = |at: usize| u16::from_le_bytes([log[at], log[at + 1]]);
    let (key_length, value_length) = (usize::from(number(at)), number(at + 2));
    let mut start = at + HEAD;
    let length = match value_length {
        LONG => {
            let bytes = log[start..start + 8].try_into().expect("eight bytes");
            start += 8;
            usize::try_from(u64::from_le_bytes(bytes)).expect("written on this machine")
        }
        DELETED => 0,
        length => usize::from(length),
    };
    let (key, rest) = log[start..start + key_length + length].split_at(key_length);
    let end = start + key_length + length;
    let value = (value_length != DELETED).then_some(rest);
    Record { key, value, length: (end - at).next_multiple_of(UNIT) }
}

#[cfg(test)]
mod tests {
    use super::{UNIT, read, write};

    #[test]
    fn entries_of_every_kind_are_read_as_they_were_written() {
        let long = vec![7; 100_000];
        let entries: [(&[u8], Option<&[u8]>); 4] =
            [(b"key", Some(b"value")), (b"", Some(b"")), (b"gone", None), (b"long", Some(&long))];
        let mut log = Vec::new();
        for (key, value) in entries {
            write(key, value, &mut log);
        }
        let mut at = 0;
        for (key, value) in entries {
            let record = read(&log, at);
            assert_eq!((record.key, record.value), (key, value));
            at += record.length;
            assert_eq!(at % UNIT, 0);
        }
        assert_eq!(at, log.len());
    }
}
