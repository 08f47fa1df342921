//! Changes of a store's files, as an input asks for them.

use std::path::{Path, PathBuf};

use super::seeds::{Image, STORE};
use super::source::Source;
use crate::format::{NUMBERS_END, names};

/// No edit makes a file longer than this many bytes, so an input cannot ask for more memory than it is worth.
const FILE_BYTES_MAX: usize = 64 << 10;
/// Names that a file may get: those of a store, one of no meaning, and segments that the seeds do not have.
const NAMES: [&str; 14] = [
    names::IDENTITY,
    names::IDENTITY_NEW,
    names::LOCK,
    names::CREATING,
    names::RESERVE,
    names::CATALOGS[0],
    names::CATALOGS[1],
    names::CATALOGS_NEW[0],
    "stranger",
    "0000000000000001.log",
    "0000000000000002.log",
    "0000000000000004.log",
    "0000000000000001.compacted",
    "ffffffffffffffff.stream",
];
/// Numbers at which something ends.
const NUMBERS: [u64; 10] = [0, 1, 2, 8, 64, 128, u32::MAX as u64, NUMBERS_END - 1, NUMBERS_END, u64::MAX];

/// Changes one file of `image`; nothing when there is none.
pub(super) fn edit(image: &mut Image, source: &mut Source<'_>) {
    let Some(path) = image.keys().nth(source.below(image.len())).cloned() else { return };
    let action = source.byte() % 12;
    match action {
        0 => {
            image.remove(&path);
        }
        1 => {
            let bytes = image[&path].clone();
            image.insert(named(source), bytes);
        }
        2 => {
            let to = named(source);
            let bytes = image.remove(&path).unwrap_or_default();
            image.insert(to, bytes);
        }
        3 => {
            // Two files change places.
            let other = image.keys().nth(source.below(image.len())).cloned().unwrap_or_else(|| path.clone());
            let bytes = image[&path].clone();
            let theirs = image.insert(other, bytes).unwrap_or_default();
            image.insert(path, theirs);
        }
        _ => {
            let donor = image.values().nth(source.below(image.len())).cloned().unwrap_or_default();
            if let Some(bytes) = image.get_mut(&path) {
                within(bytes, &donor, action, source);
                bytes.truncate(FILE_BYTES_MAX);
            }
        }
    }
}

fn named(source: &mut Source<'_>) -> PathBuf {
    Path::new(STORE).join(NAMES[source.below(NAMES.len())])
}

/// Changes bytes of one file; `donor` is a file to copy from.
fn within(bytes: &mut Vec<u8>, donor: &[u8], action: u8, source: &mut Source<'_>) {
    let at = source.below(bytes.len() + 1);
    // Fields stand on multiples of four and eight.
    let aligned = at & !7;
    match action {
        4 => bytes.truncate(at),
        5 => bytes.resize((bytes.len() + source.below(FILE_BYTES_MAX)).min(FILE_BYTES_MAX), 0),
        6 => overwrite(bytes, aligned, &source.number().to_le_bytes()),
        7 => overwrite(bytes, aligned, &NUMBERS[source.below(NUMBERS.len())].to_le_bytes()),
        8 => {
            let number = bytes.get(aligned..aligned + 8).map_or(0, |field| {
                u64::from_le_bytes(field.try_into().expect("the slice has the array's length"))
            });
            let by = u64::from(source.byte());
            let number = if source.byte().is_multiple_of(2) {
                number.wrapping_add(by)
            } else {
                number.wrapping_sub(by)
            };
            overwrite(bytes, aligned, &number.to_le_bytes());
        }
        9 => {
            let from = source.below(donor.len() + 1);
            let piece: Vec<u8> = donor[from..].iter().copied().take(1 + source.below(1024)).collect();
            if source.byte().is_multiple_of(2) {
                overwrite(bytes, aligned, &piece);
            } else {
                bytes.splice(aligned..aligned, piece);
            }
        }
        10 => {
            let length = source.below(256);
            let end = (at + length).min(bytes.len());
            bytes.drain(at..end);
        }
        _ => {
            let length = 1 + source.below(16);
            let piece = source.take(length);
            overwrite(bytes, at, piece);
        }
    }
}

/// Puts `piece` at `at`, as far as the file goes.
fn overwrite(bytes: &mut [u8], at: usize, piece: &[u8]) {
    let there = piece.len().min(bytes.len() - at);
    bytes[at..at + there].copy_from_slice(&piece[..there]);
}

#[cfg(test)]
mod tests {
    use super::super::seeds;
    use super::{FILE_BYTES_MAX, edit};
    use crate::fuzzing::{Mutator, Source};

    #[test]
    fn edits_change_most_images_and_never_make_a_big_one() {
        let mut mutator = Mutator::new(1);
        let mut changed = 0;
        for number in 0..1_000 {
            let before = seeds::image(number % seeds::COUNT);
            let mut after = before.clone();
            let input = mutator.next_input(&[vec![0; 16]]);
            edit(&mut after, &mut Source::new(&input));
            changed += usize::from(before != after);
            assert!(after.values().all(|bytes| bytes.len() <= FILE_BYTES_MAX), "{input:?}");
        }
        assert!(changed > 500, "{changed}");
    }
}
