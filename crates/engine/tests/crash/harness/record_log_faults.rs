//! What else can befall a record log than a cut: a disk whose calls fail, and bits that flip.

use std::io;

use pentad_engine::seams::sim::{Effect, Fault, Op, Repeat, SimDisk};
use pentad_engine::{ErrorKind, RecordLog};

use super::record_logs::{Call, LOG, LogWorld, shown};

const OPS: [Op; 11] = [
    Op::Write,
    Op::Write,
    Op::Sync,
    Op::Sync,
    Op::SyncDir,
    Op::Allocate,
    Op::Create,
    Op::Rename,
    Op::SetLength,
    Op::Remove,
    Op::Open,
];

/// Calls of the disk that fail, come back short or interrupted, at random. After a failure nothing is taken any more and all
/// can be read; what was acknowledged before is there when it is opened again.
pub(crate) fn failing_disk(seed: u64) {
    let mut world = LogWorld::new(seed);
    for _ in 0..4 {
        let effect = match world.rng.below(4) {
            0 => Effect::Short,
            1 => Effect::Interrupted,
            2 => Effect::Error(io::ErrorKind::StorageFull),
            _ => Effect::Error(io::ErrorKind::Other),
        };
        let repeat = if world.rng.chance(200) { Repeat::Always } else { Repeat::Once };
        let fault =
            Fault { on: OPS[world.rng.index(OPS.len())], nth: 1 + world.rng.below(30), effect, repeat };
        world.disk.inject(fault);
        let mut failed = world.open().err();
        for _ in 0..world.rng.below(40) {
            if failed.is_some() {
                break;
            }
            failed = world.step().err();
        }
        let context = world.context();
        let struck = world.disk.faults_waiting() == 0 || repeat == Repeat::Always;
        world.disk.take_faults();
        if let Some(error) = failed {
            assert!(struck, "{context}: failed on a sound disk: {error}");
            if world.log.is_some() {
                after_failure(&mut world);
            }
        } else if world.log.is_some() {
            world.check();
        }
        let disk = if world.rng.chance(600) {
            let seed = world.rng.bits();
            world.disk.crash(seed)
        } else {
            world.disk.kill()
        };
        world.lose(disk);
        world.open().unwrap_or_else(|error| panic!("{}: {error}", world.context()));
        world.step().unwrap_or_else(|error| panic!("{}: {error}", world.context()));
        world.check();
        let disk = world.disk.kill();
        world.lose(disk);
    }
}

/// A log that has failed takes nothing, although the disk is sound by now, and shows what it showed.
fn after_failure(world: &mut LogWorld) {
    let context = world.context();
    let held = world.held().clone();
    let tried = [
        Call::Append(held.next, vec![b"more".as_slice().into()]),
        Call::Small("vote", b"more".as_slice().into()),
        Call::SmallLater("vote", b"more".as_slice().into()),
        Call::Purge(held.next + 5),
    ];
    for call in tried {
        let error = world.call(&call).expect_err("a log that has failed takes nothing");
        assert_eq!(error.kind(), ErrorKind::Poisoned, "{context}: {call:?}: {error}");
    }
    assert_eq!(shown(world.log(), &context), held, "{context}: after a failure");
    assert!(world.log().stats().poisoned, "{context}");
    assert!(world.log().close().is_err(), "{context}: a failed log was closed as if nothing had been");
}

/// Flips of single bits in the files of a log that was closed in order: each is refused and changes nothing, or makes no difference.
pub(crate) fn rot(seed: u64) {
    let mut world = LogWorld::new(seed);
    world.open().unwrap();
    for _ in 0..world.rng.below(30) {
        world.step().unwrap();
    }
    world.log().close().unwrap();
    let held = world.held().clone();
    let image = world.disk.image();
    let files: Vec<_> = image.iter().filter(|(_, bytes)| !bytes.is_empty()).collect();
    for _ in 0..40 {
        let (path, bytes) = files[world.rng.index(files.len())];
        let at = world.rng.index(bytes.len());
        let bit = world.rng.below(8);
        let disk = SimDisk::from_image(seed, &image);
        let what = format!("seed {seed}: bit {bit} at {at} of {}", path.display());
        disk.edit(path, |bytes| bytes[at] ^= 1 << bit);
        let before = disk.image();
        match world.options(&disk).create(false).open(LOG) {
            Ok(log) => assert_eq!(shown(&log, &what), held, "{what}"),
            Err(error) => {
                assert!(matches!(error.kind(), ErrorKind::Damaged | ErrorKind::NotAStore), "{what}: {error}");
                assert!(error.to_string().contains(LOG), "{what}: {error}");
                assert_eq!(disk.image(), before, "{what}: a refused open changed something");
            }
        }
    }
    let segment = files.iter().find(|(path, _)| path.extension().is_some_and(|e| e == "log")).unwrap().0;
    let gone = SimDisk::from_image(
        seed,
        &image.iter().filter(|(path, _)| *path != segment).map(|(p, b)| (p.clone(), b.clone())).collect(),
    );
    let missing: Result<RecordLog, _> = world.options(&gone).create(false).open(LOG);
    assert_eq!(missing.unwrap_err().kind(), ErrorKind::Damaged, "seed {seed}: {} is gone", segment.display());
}
