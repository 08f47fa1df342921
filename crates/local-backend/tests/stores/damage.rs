//! Damage to a closed store, as rot does it.

use std::fs;
use std::path::Path;

/// Flips one bit of the only place in the files of the store at `path` that holds `payload`.
pub(crate) fn flip_a_bit(path: &Path, payload: &[u8]) {
    let mut places = Vec::new();
    for entry in fs::read_dir(path).expect("the store's directory") {
        let file = entry.expect("a directory entry").path();
        let bytes = fs::read(&file).expect("a file of the store");
        let found = bytes.windows(payload.len()).enumerate().filter(|(_, window)| *window == payload);
        places.extend(found.map(|(place, _)| (file.clone(), place)));
    }
    let [(file, place)] = &places[..] else { panic!("the payload is in {} places", places.len()) };
    let mut bytes = fs::read(file).expect("the file");
    bytes[place + payload.len() / 2] ^= 0x10;
    fs::write(file, bytes).expect("the file with a flipped bit");
}
