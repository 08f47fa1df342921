//! F10: compaction meets files that somebody else has taken away or changed. The segment that it is about is left alone and
//! counted; nothing is given up on the strength of what cannot be read.

use std::io::Write as _;
use std::path::{Path, PathBuf};

use pentad_engine::seams::Disk as _;
use pentad_engine::{ErrorKind, Retention, Store};

use crate::harness::world::{STORE, World};

fn open(world: &World) -> Store {
    world.options_on(&world.disk).retention(Retention::Commits(1)).open(STORE).unwrap()
}

fn files(world: &World, extension: &str) -> Vec<PathBuf> {
    let image = world.disk.image();
    image.into_keys().filter(|path| path.extension().is_some_and(|found| found == extension)).collect()
}

fn fill(store: &Store, prefix: &str) {
    for number in 0..10 {
        store.put(format!("{prefix}{number}"), vec![7; 1000]).unwrap();
    }
}

#[test]
fn f10_a_stream_that_is_gone_is_damage_and_keeps_compaction_from_no_other_segment() {
    let world = World::new(1);
    let store = open(&world);
    fill(&store, "before ");
    let mut stream = store.stream().unwrap();
    stream.write_all(&[b's'; 100_000]).unwrap();
    store.put("streamed", stream.finish().unwrap()).unwrap();
    fill(&store, "behind ");
    let [stream] = &files(&world, "stream")[..] else { panic!("one stream") };
    world.disk.remove_file(stream).unwrap();
    let error = store.get("streamed").unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Damaged, "{error}");
    assert!(error.to_string().contains(&*stream.to_string_lossy()), "{error}");
    let logs = files(&world, "log").len();
    let report = store.compact().unwrap();
    assert_eq!(report.damaged_segments, 1, "{report:?}");
    assert!(report.segments_before > 0 && files(&world, "log").len() < logs, "{report:?}");
    assert_eq!(store.get("streamed").unwrap_err().kind(), ErrorKind::Damaged, "it is not given up");
    for number in 0..10 {
        assert!(store.contains_key(format!("behind {number}")).unwrap());
    }
}

/// The header of a frame is not needed to move its entries, but for the time of its commit; and what stands behind it may hide
/// older entries.
#[test]
fn f10_a_segment_with_a_header_that_cannot_be_read_any_more_is_left_alone() {
    let world = World::new(1);
    let store = open(&world);
    fill(&store, "");
    let victim = files(&world, "log")[1].clone();
    // Behind the segment's header stands a frame's.
    world.disk.edit(&victim, |bytes| bytes[128 + 20] ^= 1);
    let report = store.compact().unwrap();
    assert_eq!(report.damaged_segments, 1, "{report:?}");
    let logs = files(&world, "log");
    assert!(logs.contains(&victim));
    // The log has no hole: what stands behind waits, but for the segment that is being written, and it is said.
    let behind = logs.iter().filter(|log| **log > victim).count() as u64;
    assert!(
        report.held_back_segments > 0 && report.held_back_segments + 2 > behind,
        "{report:?}, {behind} behind"
    );

    store.close().unwrap();
    let verified =
        pentad_engine::verify(Path::new(STORE), &world.options_on(&world.disk), &mut |_| {}).unwrap();
    assert!(verified.damage.iter().all(|damage| damage.file == victim), "{verified:?}");
    assert!(!verified.damage.is_empty());
}
