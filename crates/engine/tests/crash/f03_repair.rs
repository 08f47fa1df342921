//! F03: what is left of a damaged store. It opens read-only and says what it skips; repair copies what is provably good
//! into a new store, names the rest, and changes no byte of the damaged one.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use pentad_engine::seams::sim::{Part, SimDisk};
use pentad_engine::{Durability, ErrorKind, RepairReport, Sequence, Store, key_hash, repair};

use crate::harness::history::History;
use crate::harness::images::{Image, Written, commit_and_find, edited, refused};
use crate::harness::request::{Change, End, Request};
use crate::harness::world::{Cut, STORE, World};

const NEW: &str = "/new";
const HOUR_NS: u64 = 3_600_000_000_000;

fn put(key: &[u8], value: &[u8]) -> Change {
    Change::Put { key: key.into(), value: value.into(), end: End::Never }
}

fn commit(world: &mut World, changes: Vec<Change>) {
    world.commit(&Request::of(Durability::Disk, changes)).unwrap();
}

/// A store with every kind of entry in it, over several segments.
fn filled() -> World {
    let mut world = World::opened(5);
    commit(&mut world, vec![put(b"a", b"first"), put(b"b", b"one")]);
    commit(&mut world, vec![Change::PutHashed { hash: key_hash(b"both"), value: (*b"hashed").into() }]);
    commit(&mut world, vec![put(b"both", b"keyed"), put(b"", b"")]);
    commit(&mut world, vec![put(b"wide", &[b'w'; 3_000])]);
    commit(&mut world, vec![Change::PutStreamed { key: b"s".to_vec(), value: vec![b's'; 70_000].into() }]);
    commit(
        &mut world,
        vec![Change::Put { key: b"t".to_vec(), value: (*b"ends").into(), end: End::AfterNs(HOUR_NS) }],
    );
    commit(&mut world, vec![Change::Delete { key: b"b".to_vec() }, put(b"c", b"three")]);
    commit(&mut world, vec![put(b"broad", &[b'b'; 3_000])]);
    commit(&mut world, vec![Change::Rename { from: b"a".to_vec(), to: b"z".to_vec() }]);
    commit(&mut world, vec![put(b"c", b"four"), Change::PutHashed { hash: 77, value: (*b"alone").into() }]);
    world
}

/// Repairs the image; demands that no byte of it changes, and that the new store is sound and stays what it is.
pub(crate) fn repaired(world: &World, image: &Image, context: &str) -> (SimDisk, RepairReport) {
    let disk = SimDisk::from_image(0, image);
    let options = world.options_on(&disk);
    let report = repair(Path::new(STORE), Path::new(NEW), &options, &mut |_| {})
        .unwrap_or_else(|error| panic!("{context}: {error}"));
    let old: Image = disk.image().into_iter().filter(|(path, _)| path.starts_with(STORE)).collect();
    assert_eq!(old, *image, "{context}: the damaged store was changed");
    // What is acknowledged is on the disk: a power cut right after it takes nothing.
    let disk = disk.crash_exact(512, &mut |_| false);
    let verified = pentad_engine::verify(Path::new(NEW), &world.options_on(&disk), &mut |_| {}).unwrap();
    assert_eq!(verified.damage, [], "{context}");
    (disk, report)
}

pub(crate) fn open_new(world: &World, disk: &SimDisk) -> Store {
    world.options_on(disk).open(NEW).unwrap()
}

/// The keys, and as 8 bytes behind `#` the hashes, of which the store does not show the newest entry.
fn missing(store: &Store, past: &History) -> BTreeSet<Vec<u8>> {
    let now = store.now().0;
    let mut missing = BTreeSet::new();
    let mut keys: BTreeSet<Vec<u8>> = past.state().keyed.keys().cloned().collect();
    keys.extend(past.commits.iter().flat_map(|commit| commit.state.keyed.keys().cloned()));
    for key in keys {
        let expected = past.state().get(&key, now);
        let seen = store.get(&key).unwrap();
        if seen.as_deref() != expected.map(|entry| &entry.value[..]) {
            let was_there = |value: &[u8]| {
                past.commits
                    .iter()
                    .any(|commit| commit.state.keyed.get(&key).is_some_and(|entry| entry.value[..] == *value))
            };
            assert!(seen.as_deref().is_none_or(was_there), "{key:?} is {seen:?}, which it never was");
            missing.insert(key);
        } else if let Some(info) = store.entry_info(&key).unwrap() {
            let deadline = expected.and_then(|entry| entry.deadline);
            assert_eq!(info.deadline.map(u64::from), deadline, "deadline of {key:?}");
        }
    }
    for &hash in past.state().hashed.keys() {
        let expected = past.state().get_hashed(hash, now).map(|entry| &entry.value[..]);
        if store.get_hashed(hash).unwrap().as_deref() != expected {
            missing.insert([&b"#"[..], &hash.to_be_bytes()].concat());
        }
    }
    missing
}

/// What commit `sequence` changed, under the names that [`missing`] gives.
fn touched(past: &History, sequence: usize) -> BTreeSet<Vec<u8>> {
    let after = &past.commits[sequence - 1].state;
    let before = sequence.checked_sub(2).map(|at| &past.commits[at].state);
    let stamp = |key: &Vec<u8>| {
        (
            after.keyed.get(key).map(|entry| entry.stamp),
            before.and_then(|state| state.keyed.get(key)).map(|entry| entry.stamp),
        )
    };
    let keys = after.keyed.keys().chain(before.into_iter().flat_map(|state| state.keyed.keys()));
    let mut touched: BTreeSet<Vec<u8>> =
        keys.filter(|key| matches!(stamp(key), (now, then) if now != then)).cloned().collect();
    let hashes = after.hashed.keys().filter(|hash| {
        before.and_then(|state| state.hashed.get(hash)).map(|entry| entry.stamp)
            != after.hashed.get(hash).map(|entry| entry.stamp)
    });
    let named: Vec<Vec<u8>> = hashes.map(|hash| [&b"#"[..], &hash.to_be_bytes()].concat()).collect();
    // A lookup by hash finds whichever entry is the newer one, so it is touched through either.
    let keyed: Vec<Vec<u8>> =
        touched.iter().map(|key| [&b"#"[..], &key_hash(key).to_be_bytes()].concat()).collect();
    touched.extend(named);
    touched.extend(keyed);
    touched
}

#[test]
fn f03_repair_of_a_sound_store_gives_an_equal_one() {
    let mut world = filled();
    world.close().unwrap();
    let image = world.disk.image();
    let (disk, report) = repaired(&world, &image, "sound");
    assert!(report.is_complete() && report.skipped.is_empty(), "{report:?}");
    let store = open_new(&world, &disk);
    assert_eq!(missing(&store, &world.past), BTreeSet::new());
    let now = store.now().0;
    assert_eq!((store.len(), report.entries, report.streams), (world.state().len(now), store.len(), 1));
    let last = world.state().last(now).map(|entry| entry.value.to_vec());
    assert_eq!(
        store.last_entry().unwrap().map(|value| value.to_vec()),
        last,
        "the newest is still the newest"
    );
    assert_eq!(store.oldest_batch(), Some(Sequence(1)), "sequences begin anew");
    assert!(store.sequence().0 < world.past.sequence());
    // Store id and incarnation.
    let identity = |path: &str| disk.image()[&Path::new(path).join("identity")][48..80].to_vec();
    assert_ne!(identity(STORE)[..16], identity(NEW)[..16]);
    assert_ne!(identity(STORE)[16..], identity(NEW)[16..]);
}

#[test]
fn f03_repair_after_a_flip_in_every_byte_loses_one_commit_at_most() {
    let mut world = filled();
    world.close().unwrap();
    let image = world.disk.image();
    let whole = world.past.commits.len();
    let (mut complete, mut skipped, mut left_out) = (0, 0, 0);
    for (file, bytes) in &image {
        let used = bytes.iter().rposition(|&byte| byte != 0).map_or(0, |last| last + 1);
        // One byte in the middle of a long value is like the next.
        let is_filler = |at: usize| {
            let end = (at + 64).min(used);
            at >= 64
                && !at.is_multiple_of(1_021)
                && bytes[at - 64..end].iter().all(|&byte| byte == bytes[at] && byte != 0)
        };
        for at in (0..used).filter(|&at| !is_filler(at)) {
            let context = format!("byte {at} of {}", file.display());
            let rotten = edited(&image, file, |bytes| bytes[at] ^= 0x20);
            let (disk, report) = repaired(&world, &rotten, &context);
            let store = open_new(&world, &disk);
            let missing = missing(&store, &world.past);
            if report.is_complete() {
                assert_eq!(missing, BTreeSet::new(), "{context}: nothing is said to be missing");
                complete += 1;
                continue;
            }
            let one = (1..=whole).any(|sequence| missing.is_subset(&touched(&world.past, sequence)));
            assert!(one, "{context}: more than one commit is missing: {missing:?}, {report:?}");
            let places = report.skipped.iter().map(|place| &place.file);
            let mut places = places.chain(report.left_out.iter().map(|place| &place.file));
            assert!(places.any(|place| place == file), "{context}: the place is not named: {report:?}");
            skipped += report.skipped.iter().filter(|place| !place.made_up_for).count();
            for place in &report.left_out {
                let key = place.key.as_deref().map(<[u8]>::to_vec);
                assert!(key.is_none_or(|key| missing.contains(&key)), "{context}: {place:?} is not missing");
                left_out += 1;
            }
        }
    }
    assert!(complete > 500, "identity, catalogs, headers of segments, dead values: {complete}");
    assert!(skipped > 500, "headers and keys of frames: {skipped}");
    assert!(left_out > 100, "values: {left_out}");
}

/// Commits to "k" three times, between others, and says where the second is.
fn overwritten() -> (World, Written) {
    let mut world = World::opened(9);
    commit(&mut world, vec![put(b"before", b"1")]);
    commit(&mut world, vec![put(b"key-that-rots", b"older")]);
    let request = Request::put(Durability::Disk, "key-that-rots", b"newer");
    let written = commit_and_find(&mut world, &request).expect("one file");
    commit(&mut world, vec![put(b"after", b"2")]);
    (world, written)
}

fn position(image: &Image, written: &Written, needle: &[u8]) -> usize {
    let bytes = &image[&written.file][written.range.clone()];
    written.range.start
        + bytes.windows(needle.len()).position(|window| window == needle).expect("it is there")
}

#[test]
fn f03_a_rotten_frame_uncovers_an_older_value_and_the_handle_says_so() {
    for (name, closed) in [("header", true), ("header", false), ("key", true), ("key", false)] {
        let (mut world, written) = overwritten();
        if closed {
            world.close().unwrap();
        } else {
            world.cut(Cut::Kill);
        }
        let image = world.disk.image();
        let at = match name {
            "header" => written.range.start + 16,
            _ => position(&image, &written, b"key-that-rots"),
        };
        let rotten = edited(&image, &written.file, |bytes| bytes[at] ^= 1);
        let context = format!("{name}, closed {closed}");
        let error = refused(&world, &rotten, &[ErrorKind::Damaged], &context);
        assert!(error.to_string().contains("`pentad repair`"), "{context}: {error}");

        let disk = SimDisk::from_image(0, &rotten);
        let store = world.options_on(&disk).open_damaged(STORE).unwrap();
        assert!(store.is_damaged() && store.is_read_only(), "{context}");
        let [skipped] = store.skipped() else { panic!("{context}: {:?}", store.skipped()) };
        assert_eq!((&skipped.file, skipped.sequence), (&written.file, Some(Sequence(3))), "{context}");
        assert!(
            skipped.offset <= written.range.start as u64 && skipped.offset + 8 > written.range.start as u64
        );
        let frames = skipped.frames.as_ref().unwrap_or_else(|| panic!("{context}: {skipped:?}"));
        assert_eq!(frames.start(), frames.end(), "{context}");
        assert_eq!(store.get("key-that-rots").unwrap().unwrap(), b"older", "{context}");
        assert_eq!(store.get("before").unwrap().unwrap(), b"1", "{context}");
        assert_eq!(store.get("after").unwrap().unwrap(), b"2", "{context}");
        assert_eq!((store.oldest_batch(), store.len()), (None, 3), "{context}: a log with a hole is no log");
        assert_eq!(store.put("x", "y").unwrap_err().kind(), ErrorKind::ReadOnly, "{context}");
        store.close().unwrap();
        assert_eq!(disk.image(), rotten, "{context}: the damaged open changed a file");

        let (disk, report) = repaired(&world, &rotten, &context);
        assert_eq!(report.skipped.len(), 1, "{context}");
        let store = open_new(&world, &disk);
        assert_eq!(missing(&store, &world.past), BTreeSet::from([b"key-that-rots".to_vec()]), "{context}");
    }
}

#[test]
fn f03_a_rotten_value_is_left_out_by_name() {
    let (mut world, written) = overwritten();
    world.close().unwrap();
    let image = world.disk.image();
    let at = position(&image, &written, b"newer");
    let rotten = edited(&image, &written.file, |bytes| bytes[at] ^= 1);
    let (disk, report) = repaired(&world, &rotten, "value");
    assert_eq!(report.skipped, []);
    let [left] = &report.left_out[..] else { panic!("{report:?}") };
    assert_eq!((&left.file, left.offset, left.sequence), (&written.file, at as u64, Some(Sequence(3))));
    assert_eq!(left.key.as_deref(), Some(&b"key-that-rots"[..]));
    assert!(left.what.starts_with("the value of \"key-that-rots\""), "{}", left.what);
    // It is known to be the newest, so the older one does not stand in for it.
    assert!(!open_new(&world, &disk).contains_key("key-that-rots").unwrap());
}

#[test]
fn f03_what_follows_a_hole_at_the_end_of_a_killed_store_is_as_it_would_be_without() {
    let (mut world, written) = overwritten();
    world.commit(&Request::put(Durability::Os, "unsynced", b"3")).unwrap();
    world.cut(Cut::Kill);
    let mut image = world.disk.image();
    image = edited(&image, &written.file, |bytes| bytes[written.range.start + 16] ^= 1);
    let (disk, report) = repaired(&world, &image, "killed");
    assert_eq!(report.skipped.len(), 1, "{report:?}");
    let store = open_new(&world, &disk);
    assert_eq!(store.get("unsynced").unwrap().unwrap(), b"3");
}

/// Thirty commits over many segments; returns the log segments in order.
fn segmented() -> (World, Vec<PathBuf>) {
    let mut world = World::opened(11);
    for at in 0..30 {
        commit(&mut world, vec![put(format!("key {at:02}").as_bytes(), &[b'0' + at % 10; 500])]);
    }
    world.close().unwrap();
    let logs = world.disk.image().into_keys().filter(|path| path.extension().is_some_and(|it| it == "log"));
    let logs: Vec<PathBuf> = logs.collect();
    assert!(logs.len() > 3, "{logs:?}");
    (world, logs)
}

fn keys_in(image: &Image, file: &Path) -> BTreeSet<Vec<u8>> {
    let keys = (0..30).map(|at| format!("key {at:02}").into_bytes());
    keys.filter(|key| image[file].windows(key.len()).any(|window| window == key)).collect()
}

#[test]
fn f03_a_missing_segment_costs_its_own_entries_and_is_named() {
    let (world, logs) = segmented();
    let image = world.disk.image();
    for file in &logs {
        let context = format!("without {}", file.display());
        let mut without = image.clone();
        without.remove(file);
        refused(&world, &without, &[ErrorKind::Damaged], &context);
        let (disk, report) = repaired(&world, &without, &context);
        assert!(report.skipped.iter().any(|skipped| skipped.file == *file), "{context}: {report:?}");
        assert_eq!(missing(&open_new(&world, &disk), &world.past), keys_in(&image, file), "{context}");
    }
}

#[test]
fn f03_a_segment_that_was_cut_short_serves_what_it_has() {
    let (world, logs) = segmented();
    let image = world.disk.image();
    let file = &logs[1];
    for length in (0..image[file].len()).step_by(97) {
        let context = format!("{} cut at {length}", file.display());
        let cut = edited(&image, file, |bytes| bytes.truncate(length));
        let (disk, report) = repaired(&world, &cut, &context);
        let missing = missing(&open_new(&world, &disk), &world.past);
        assert!(missing.is_subset(&keys_in(&image, file)), "{context}: {missing:?}");
        assert_eq!(missing.is_empty(), report.is_complete(), "{context}: {report:?}");
        if length > 1_000 {
            assert!(missing.len() < keys_in(&image, file).len(), "{context}: what is whole is served");
        }
    }
}

#[test]
fn f03_without_any_catalog_segments_are_found_by_their_headers() {
    let mut world = filled();
    world.prune(9).unwrap();
    world.compact().unwrap();
    commit(&mut world, vec![put(b"c", b"five")]);
    world.close().unwrap();
    let image = world.disk.image();
    let is_of = |path: &Path, kind: &str| path.extension().is_some_and(|extension| extension == kind);
    assert!(image.keys().any(|path| is_of(path, "compacted")), "something was moved");
    let catalogs = [Path::new("/store/catalog.0"), Path::new("/store/catalog.1")];
    let mut gone = image.clone();
    catalogs.iter().for_each(|path| drop(gone.remove(*path)));
    let rotten =
        edited(&edited(&image, catalogs[0], |bytes| bytes[30] ^= 1), catalogs[1], |bytes| bytes[40] ^= 1);
    for (name, image) in [("gone", &gone), ("rotten", &rotten)] {
        let error = refused(&world, image, &[ErrorKind::Damaged], name);
        assert!(error.to_string().contains("`pentad repair`"), "{name}: {error}");
        let (disk, report) = repaired(&world, image, name);
        let [skipped] = &report.skipped[..] else { panic!("{name}: {report:?}") };
        assert!(skipped.what.contains("both copies") && !report.is_complete(), "{name}: {report:?}");
        let store = open_new(&world, &disk);
        assert_eq!(missing(&store, &world.past), BTreeSet::new(), "{name}");
        assert_eq!(store.len(), world.state().len(store.now().0), "{name}: nothing deleted is back");
    }
    // What was moved is served without the log as well, though its sequences are then the newest.
    let mut moved = gone.clone();
    moved.retain(|path, _| !is_of(path, "log"));
    let (disk, _) = repaired(&world, &moved, "moved");
    assert_eq!(open_new(&world, &disk).get("wide").unwrap().unwrap(), [b'w'; 3_000]);
    // One copy is enough.
    let one = edited(&image, catalogs[0], |bytes| bytes[30] ^= 1);
    let (_, report) = repaired(&world, &one, "one");
    assert!(report.is_complete() && report.skipped[0].made_up_for, "{report:?}");
}

#[test]
fn f03_without_any_catalog_a_killed_store_is_read_to_its_end() {
    let mut world = filled();
    world.commit(&Request::put(Durability::Os, "unsynced", b"3")).unwrap();
    world.cut(Cut::Kill);
    world.open().unwrap();
    commit(&mut world, vec![put(b"c", b"after the kill")]);
    // The old segment is not cut yet: what was written again stands there as well.
    let after = world.disk.crash_exact(512, &mut |part| matches!(part.part, Part::Data { .. }));
    let mut image = after.image();
    let copies = image.values().filter(|bytes| bytes.windows(8).any(|window| window == b"unsynced")).count();
    assert_eq!(copies, 2);
    image.retain(|path, _| !path.to_string_lossy().contains("catalog"));
    let (disk, report) = repaired(&world, &image, "killed without a catalog");
    assert_eq!(report.skipped.len(), 1, "{report:?}");
    assert_eq!(missing(&open_new(&world, &disk), &world.past), BTreeSet::new());
}

#[test]
fn f03_an_identity_that_cannot_be_read_is_taken_from_the_catalog() {
    let mut world = filled();
    world.close().unwrap();
    let image = world.disk.image();
    let identity = Path::new("/store/identity");
    let mut gone = image.clone();
    gone.remove(identity);
    let flipped = (0..128).map(|at| edited(&image, identity, |bytes| bytes[at] ^= 1));
    for (at, image) in flipped.chain([gone]).enumerate() {
        let context = format!("identity {at}");
        refused(&world, &image, &[ErrorKind::Damaged, ErrorKind::NotAStore], &context);
        let (disk, report) = repaired(&world, &image, &context);
        assert!(report.is_complete() && report.skipped[0].file == *identity, "{context}: {report:?}");
        assert_eq!(missing(&open_new(&world, &disk), &world.past), BTreeSet::new(), "{context}");
    }
    let mut nothing = image.clone();
    nothing.retain(|path, _| path != identity && !path.to_string_lossy().contains("catalog"));
    let disk = SimDisk::from_image(0, &nothing);
    let error = world.options_on(&disk).open_damaged(STORE).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotAStore, "{error}");
    assert_eq!(disk.image(), nothing);
}

#[test]
fn f03_a_lost_stream_is_left_out_and_the_rest_is_there() {
    let mut world = filled();
    world.close().unwrap();
    let image = world.disk.image();
    let stream = image.keys().find(|path| path.extension().is_some_and(|it| it == "stream")).unwrap().clone();
    let mut gone = image.clone();
    gone.remove(&stream);
    let rotten = edited(&image, &stream, |bytes| bytes[128 + 65_536 + 9] ^= 1);
    for (name, image) in [("gone", gone), ("rotten", rotten)] {
        let (disk, report) = repaired(&world, &image, name);
        let [left] = &report.left_out[..] else { panic!("{name}: {report:?}") };
        assert_eq!((left.key.as_deref(), left.sequence), (Some(&b"s"[..]), Some(Sequence(5))), "{name}");
        if name == "rotten" {
            assert_eq!((&left.file, left.offset), (&stream, 128 + 65_536), "the piece that fails");
        }
        assert_eq!(missing(&open_new(&world, &disk), &world.past), BTreeSet::from([b"s".to_vec()]), "{name}");
    }
}

#[test]
fn f03_repair_refuses_a_target_that_it_could_harm() {
    let mut world = filled();
    world.close().unwrap();
    let image = world.disk.image();
    let disk = SimDisk::from_image(0, &image);
    let options = world.options_on(&disk);
    for to in [STORE, "/store/new", "/store/identity", "/no/such/parent"] {
        let error = repair(Path::new(STORE), Path::new(to), &options, &mut |_| {}).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidInput, "{to}: {error}");
        assert_eq!(disk.image(), image, "{to}");
    }
    let writer = options.open(STORE).unwrap();
    let error = repair(Path::new(STORE), Path::new(NEW), &options, &mut |_| {}).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Locked, "{error}");
    writer.close().unwrap();
}

#[test]
fn f03_a_repair_that_fails_leaves_nothing_at_its_target() {
    let mut world = filled();
    world.close().unwrap();
    let image = world.disk.image();
    let calls = {
        let disk = SimDisk::from_image(0, &image);
        repair(Path::new(STORE), Path::new(NEW), &world.options_on(&disk), &mut |_| {}).unwrap();
        disk.operations()
    };
    for after in 0..calls {
        let disk = SimDisk::from_image(0, &image);
        disk.fail_after(after);
        let result = repair(Path::new(STORE), Path::new(NEW), &world.options_on(&disk), &mut |_| {});
        let disk = disk.crash_exact(512, &mut |_| false);
        let old: Image = disk.image().into_iter().filter(|(path, _)| path.starts_with(STORE)).collect();
        assert_eq!(old, image, "off after {after} operations");
        if result.is_ok() || disk.image().keys().any(|path| path.starts_with(NEW)) {
            let store = open_new(&world, &disk);
            assert_eq!(missing(&store, &world.past), BTreeSet::new(), "off after {after} operations");
        }
    }
}

#[test]
fn f09_repair_onto_a_full_disk_removes_what_it_made() {
    let mut world = filled();
    world.close().unwrap();
    let image = world.disk.image();
    let disk = SimDisk::from_image(0, &image);
    disk.set_capacity(Some(disk.used_bytes() + (64 << 10)));
    let error = repair(Path::new(STORE), Path::new(NEW), &world.options_on(&disk), &mut |_| {}).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::DiskFull, "{error}");
    assert_eq!(disk.image(), image, "something is left of the copy");
    disk.set_capacity(None);
    repair(Path::new(STORE), Path::new(NEW), &world.options_on(&disk), &mut |_| {}).unwrap();
}
