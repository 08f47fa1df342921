//! F12: readers that are still there when the store is closed, or when the file that they read is given up.

use std::io::{Read as _, Write as _};

use pentad_engine::{ErrorKind, Options, Retention, Sequence, Store, Value};

use crate::harness::world::{STORE, World};

fn filled(store: &Store) {
    for number in 0..10 {
        store.put(format!("{number}"), format!("{number}").repeat(1000)).unwrap();
    }
    let mut stream = store.stream().unwrap();
    stream.write_all(&[b's'; 200_000]).unwrap();
    store.put("streamed", stream.finish().unwrap()).unwrap();
}

#[test]
fn f12_over_close_values_stay_and_every_view_says_closed() {
    let world = World::new(1);
    let store = world.options_on(&world.disk).open(STORE).unwrap();
    filled(&store);
    let value = store.get("3").unwrap().unwrap();
    let streamed = store.get("streamed").unwrap().unwrap();
    let mut reader = store.reader("streamed").unwrap().unwrap();
    let mut first = [0; 100];
    reader.read_exact(&mut first).unwrap();
    let snapshot = store.snapshot().unwrap();
    let mut range = store.range::<&[u8]>(..);
    range.next().unwrap().unwrap();
    let mut commits = store.commits(Sequence(1)).unwrap();
    commits.next().unwrap().unwrap();
    let record = store.commits(Sequence(1)).unwrap().next().unwrap().unwrap();
    store.close().unwrap();

    assert_eq!(snapshot.get("3").unwrap_err().kind(), ErrorKind::Closed);
    assert_eq!(range.next().unwrap().unwrap_err().kind(), ErrorKind::Closed);
    assert_eq!(commits.next().unwrap().unwrap_err().kind(), ErrorKind::Closed);
    assert_eq!(store.snapshot().unwrap_err().kind(), ErrorKind::Closed);

    // Somebody else goes on with the store, and gives up all that is held here.
    let other =
        world.options_on(&world.disk).create(false).retention(Retention::Commits(1)).open(STORE).unwrap();
    for number in 0..10 {
        other.put(format!("{number}"), vec![0; 1000]).unwrap();
    }
    other.delete("streamed").unwrap();
    other.prune(other.sequence().next()).unwrap();
    assert!(other.compact().unwrap().segments_before > 0);
    assert_eq!(&*value, "3".repeat(1000).as_bytes());
    assert!(streamed.len() == 200_000 && streamed.iter().all(|byte| *byte == b's'));
    assert!(record.changes.iter().all(|(_, value)| value.as_deref() == Some("0".repeat(1000).as_bytes())));
    let mut rest = Vec::new();
    reader.read_to_end(&mut rest).unwrap();
    assert!(rest.len() == 199_900 && rest.iter().all(|byte| *byte == b's'), "a reader half-way goes on");
}

/// How many maps of files that are gone this process has under `dir`.
#[cfg(target_os = "linux")]
#[expect(clippy::disallowed_methods, reason = "the maps of this process are no file of the store's")]
fn maps_of_removed_files(dir: &std::path::Path) -> usize {
    let maps = String::from_utf8(std::fs::read("/proc/self/maps").unwrap()).unwrap();
    let dir = dir.to_string_lossy();
    maps.lines().filter(|line| line.contains(&*dir) && line.ends_with("(deleted)")).count()
}

/// The space of a file comes back when its last map goes, which nothing but the system's own account shows.
#[cfg(target_os = "linux")]
#[test]
fn f12_the_file_under_a_value_goes_with_the_last_handle_of_it() {
    let root = tempfile::tempdir().unwrap();
    let dir = root.path().canonicalize().unwrap().join("store");
    let options = Options::new().segment_bytes(4096).retention(Retention::Commits(1)).auto_compact(false);
    let store = options.open(&dir).unwrap();
    filled(&store);
    let hold = |key: &str| -> Value { store.get(key).unwrap().unwrap() };
    for key in ["3", "streamed"] {
        let value = hold(key);
        let copy = value.clone();
        store.delete(key).unwrap();
        store.prune(store.sequence().next()).unwrap();
        store.compact().unwrap();
        assert_eq!(maps_of_removed_files(&dir), 1, "{key}: the file is gone, and its bytes are held");
        drop(value);
        assert_eq!(maps_of_removed_files(&dir), 1, "{key}: a copy holds them as well");
        assert!(copy.iter().all(|byte| *byte == copy[0]));
        drop(copy);
        assert_eq!(maps_of_removed_files(&dir), 0, "{key}: nobody holds them");
    }
    store.close().unwrap();
}
