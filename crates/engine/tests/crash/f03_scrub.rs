//! F03, F04 and F10: what rots under an open store is found by its scrub and named; what is sound is not.

use std::path::{Path, PathBuf};

use bytes::Bytes;
use pentad_engine::seams::sim::{Fault, Op};
use pentad_engine::{Batch, Durability, Retention, ScrubStats, Sequence, Store};
use std::io::Write as _;

use crate::harness::world::{STORE, World};
use crate::seeds::each_seed;

const HOUR_NS: u64 = 3_600_000_000_000;
const VALUE: &[u8] = b"a value that is nowhere else in the files";

/// A store with several segments and a stream, which scrubs when it is told to.
fn store(world: &World) -> Store {
    let store = world
        .options_on(&world.disk)
        .auto_compact(false)
        .retention(Retention::Commits(1))
        .scrub(1 << 20)
        .open(STORE)
        .unwrap();
    for number in 0..20 {
        store.put(format!("before {number}"), vec![b'x'; 1000]).unwrap();
    }
    store.put("marked", VALUE).unwrap();
    let mut stream = store.stream().unwrap();
    stream.write_all(&[b's'; 200_000]).unwrap();
    store.put("streamed", stream.finish().unwrap()).unwrap();
    for number in 0..20 {
        store.put(format!("behind {number}"), vec![b'y'; 1000]).unwrap();
    }
    store
}

/// The scrub after one more whole pass.
fn scrubbed(world: &World, store: &Store) -> ScrubStats {
    let before = store.stats().scrub.unwrap().passes;
    world.clock.advance(HOUR_NS);
    for _ in 0..1000 {
        store.maintain().unwrap();
        let stats = store.stats().scrub.unwrap();
        if stats.passes > before {
            assert_eq!(stats.last_pass, Some(store.now()), "a pass has just ended");
            return stats;
        }
        world.clock.advance(1_000_000_000);
    }
    panic!("no pass came to its end: {:?}", store.stats().scrub);
}

fn files(world: &World, extension: &str) -> Vec<PathBuf> {
    let image = world.disk.image();
    image.into_keys().filter(|path| path.extension().is_some_and(|found| found == extension)).collect()
}

/// Turns a bit of a file over, as the medium does it: no map and no open file is asked.
fn flip(world: &World, file: &Path, at: usize) {
    world.disk.edit(file, |bytes| bytes[at] ^= 1);
}

#[test]
fn f03_a_bit_that_flips_under_an_open_store_is_found_by_its_scrub_and_named() {
    let world = World::new(1);
    let store = store(&world);
    let sound = scrubbed(&world, &store);
    assert_eq!((sound.found, sound.findings), (0, Vec::new()));
    let place = |(path, bytes): (PathBuf, Vec<u8>)| {
        Some((path, bytes.windows(VALUE.len()).position(|window| window == VALUE)?))
    };
    let (file, at) = world.disk.image().into_iter().find_map(place).unwrap();
    flip(&world, &file, at + 3);
    assert_eq!(store.stats().scrub.unwrap().found, 0, "nobody has looked yet");
    let stats = scrubbed(&world, &store);
    assert_eq!(stats.found, 1, "{stats:?}");
    let [damage] = &stats.findings[..] else { panic!("one place: {stats:?}") };
    assert_eq!((&damage.file, damage.offset), (&file, at as u64));
    assert_eq!(damage.sequence, Some(Sequence(21)));
    assert_eq!(damage.key, Some(Bytes::from_static(b"marked")));

    flip(&world, &file, at + 3);
    assert_eq!(scrubbed(&world, &store).found, 0, "a finding stands until the place is read again");
}

#[test]
fn f03_f04_the_scrub_reads_headers_catalogs_the_identity_streams_and_every_segment() {
    let places: [(&str, usize); 6] = [
        ("identity", 40),
        ("catalog.0", 60),
        ("catalog.1", 60),
        ("log", 20),
        ("log", 400),
        ("stream", 190_000),
    ];
    for (name, at) in places {
        let world = World::new(1);
        let store = store(&world);
        let file = match name {
            "log" | "stream" => files(&world, name).remove(0),
            _ => Path::new(STORE).join(name),
        };
        flip(&world, &file, at);
        let stats = scrubbed(&world, &store);
        assert!(stats.found > 0, "byte {at} of {name}");
        assert!(stats.findings.iter().all(|damage| damage.file == file), "byte {at} of {name}: {stats:?}");
    }
}

#[test]
fn f04_a_copy_of_the_catalog_that_is_gone_is_found_by_scrub_and_verify() {
    let mut world = World::opened(1);
    let kept = store(&World::new(2));
    drop(kept);
    world.close().unwrap();
    let copy = Path::new(STORE).join("catalog.0");
    use pentad_engine::seams::Disk as _;
    world.disk.remove_file(&copy).unwrap();
    let options = world.options_on(&world.disk).auto_compact(false).scrub(1 << 20).create(false);
    let report = pentad_engine::verify(Path::new(STORE), &options, &mut |_| {}).unwrap();
    let [damage] = &report.damage[..] else { panic!("one place: {report:?}") };
    assert!(damage.file == copy && damage.what.contains("missing"), "{damage:?}");
    let store = options.open(STORE).unwrap();
    assert_eq!(scrubbed(&world, &store).found, 0, "opening for writing made it anew");
    world.disk.remove_file(&copy).unwrap();
    let stats = scrubbed(&world, &store);
    assert!(stats.found == 1 && stats.findings[0].file == copy, "{stats:?}");
}

#[test]
fn f10_a_segment_that_is_gone_or_cannot_be_read_is_a_finding_of_the_scrub() {
    use pentad_engine::seams::Disk as _;
    let world = World::new(1);
    let store = store(&world);
    world.disk.inject(Fault::error(Op::Read, 8, std::io::ErrorKind::InvalidInput));
    let stats = scrubbed(&world, &store);
    assert!(world.disk.take_faults().is_empty(), "the read failed");
    assert!(stats.found == 1 && stats.findings[0].what.contains("could not be read"), "{stats:?}");
    assert_eq!(scrubbed(&world, &store).found, 0, "the next pass reads it");
    let gone = files(&world, "log").remove(1);
    world.disk.remove_file(&gone).unwrap();
    let stats = scrubbed(&world, &store);
    assert!(stats.found == 1 && stats.findings[0].file == gone, "{stats:?}");
}

#[test]
fn what_a_scrub_found_goes_with_the_file() {
    let world = World::new(1);
    let store = store(&world);
    let file = files(&world, "log").remove(0);
    flip(&world, &file, 1500);
    let stats = scrubbed(&world, &store);
    assert_eq!(stats.found, 1, "{stats:?}");
    for number in 0..20 {
        store.delete(format!("before {number}")).unwrap();
    }
    store.compact().unwrap();
    assert!(!files(&world, "log").contains(&file), "nothing in it was wanted any more");
    assert_eq!(store.stats().scrub.unwrap().found, 0);
}

#[test]
fn a_scrub_reads_no_faster_than_it_may_and_once_an_hour() {
    let world = World::new(1);
    let store = store(&world);
    drop(store);
    let rate = 10_000;
    let store =
        world.options_on(&world.disk).auto_compact(false).create(false).scrub(rate).open(STORE).unwrap();
    // Whoever has no threads gets a segment at a time, and the time that it takes is waited for before the next one.
    let longest = 210_000;
    let mut seconds = 0;
    loop {
        store.maintain().unwrap();
        let stats = store.stats().scrub.unwrap();
        assert!(stats.done_bytes <= seconds * rate + longest, "{} bytes in {seconds} s", stats.done_bytes);
        if stats.passes > 0 {
            break;
        }
        world.clock.advance(1_000_000_000);
        seconds += 1;
    }
    let total = store.stats().scrub.unwrap().total_bytes;
    assert!(seconds >= (total - longest) / rate, "{total} bytes in {seconds} s");
    for _ in 0..10 {
        world.clock.advance(HOUR_NS / 100);
        store.maintain().unwrap();
    }
    assert_eq!(store.stats().scrub.unwrap().passes, 1, "the next one begins an hour after the first began");
}

#[test]
fn without_the_option_there_is_no_scrub() {
    let world = World::opened(1);
    world.clock.advance(HOUR_NS);
    world.store().maintain().unwrap();
    assert_eq!(world.store().stats().scrub, None);
}

/// Commits, deletes, streams, prunes and compactions between the segments of each pass.
#[test]
fn a_sound_store_is_scrubbed_without_a_finding_while_all_goes_on() {
    each_seed("f03_scrub::a_sound_store_is_scrubbed_without_a_finding_while_all_goes_on", 60, |seed| {
        let mut world = World::new(seed);
        let options =
            world.options_on(&world.disk).auto_compact(false).retention(Retention::Commits(5)).scrub(1 << 30);
        let store = options.open(STORE).unwrap();
        for _ in 0..400 {
            let key = format!("{}", world.rng.below(30));
            match world.rng.below(12) {
                0 => assert!(store.delete(key).unwrap().applied),
                1 => assert_eq!(store.compact().unwrap().damaged_segments, 0),
                2 => assert!(store.prune(store.sequence()).unwrap() <= store.sequence().0),
                3 => {
                    let mut stream = store.stream().unwrap();
                    stream.write_all(&vec![7; world.rng.index(100_000)]).unwrap();
                    store.put(key, stream.finish().unwrap()).unwrap();
                }
                4..8 => {
                    let mut batch = Batch::new();
                    batch.put(key, vec![1; world.rng.index(3000)]).durability(Durability::Os);
                    store.commit(batch).unwrap();
                }
                _ => {
                    world.clock.advance(HOUR_NS / 20);
                    store.maintain().unwrap();
                    let stats = store.stats().scrub.unwrap();
                    assert_eq!(stats.findings, [], "seed {seed}");
                }
            }
        }
        let stats = scrubbed(&world, &store);
        assert!(stats.passes > 1 && stats.found == 0, "seed {seed}: {stats:?}");
    });
}
