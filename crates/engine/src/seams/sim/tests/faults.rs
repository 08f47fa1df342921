//! Injected faults, a full disk, and a machine that goes off.

use std::io;
use std::path::Path;

use super::super::{Effect, Fault, Op, Repeat, SimDisk};
use super::shorthand::{content, create, settle};
use crate::seams::{Access, Disk, LockMode};

#[test]
fn a_fault_strikes_the_nth_operation_once() {
    let disk = SimDisk::new(1);
    let file = create(&disk, "/a", b"");
    disk.inject(Fault::error(Op::Write, 2, io::ErrorKind::Other));
    file.write_at(b"a", 0).unwrap();
    assert_eq!(file.write_at(b"b", 1).unwrap_err().kind(), io::ErrorKind::Other);
    assert_eq!(content(&disk, "/a").unwrap(), b"a", "a failed write changed nothing");
    file.write_at(b"c", 1).unwrap();
    assert_eq!(content(&disk, "/a").unwrap(), b"ac");
}

#[test]
fn a_lasting_fault_strikes_until_it_is_cleared() {
    let disk = SimDisk::new(1);
    disk.inject(Fault::error(Op::Create, 1, io::ErrorKind::PermissionDenied).always());
    for _ in 0..3 {
        let error = disk.open(Path::new("/a"), Access::CreateNew).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::PermissionDenied);
    }
    disk.take_faults();
    create(&disk, "/a", b"");
}

#[test]
fn short_and_interrupted_writes_are_completed_by_the_loop_of_the_seam() {
    let disk = SimDisk::new(1);
    let file = create(&disk, "/a", b"");
    for (nth, effect) in [(1, Effect::Short), (2, Effect::Interrupted), (3, Effect::Short)] {
        disk.inject(Fault { on: Op::Write, nth, effect, repeat: Repeat::Once });
    }
    file.write_all_at(b"0123456789", 0).unwrap();
    assert_eq!(content(&disk, "/a").unwrap(), b"0123456789");
    assert_eq!(disk.trace().iter().filter(|traced| traced.op == Op::Write).count(), 4);
    disk.inject(Fault { on: Op::Read, nth: 1, effect: Effect::Short, repeat: Repeat::Once });
    assert_eq!(file.read_at(&mut [0; 10], 0).unwrap(), 5);
}

#[test]
fn an_interrupted_sync_can_be_repeated() {
    let disk = SimDisk::new(1);
    let file = settle(&disk, "/a", b"old");
    file.write_all_at(b"new", 0).unwrap();
    disk.inject(Fault { on: Op::Sync, nth: 1, effect: Effect::Interrupted, repeat: Repeat::Once });
    assert_eq!(file.sync().unwrap_err().kind(), io::ErrorKind::Interrupted);
    file.sync().unwrap();
    assert_eq!(content(&disk.crash_exact(512, &mut |_| false), "/a").unwrap(), b"new");
}

#[test]
fn after_the_machine_is_off_everything_fails() {
    let disk = SimDisk::new(1);
    let file = settle(&disk, "/a", b"x");
    let done = disk.operations();
    assert_eq!(done, 4, "create, write, sync, directory sync");
    disk.fail_after(done + 1);
    file.write_at(b"y", 0).unwrap();
    assert!(file.write_at(b"z", 0).is_err());
    assert!(file.read_at(&mut [0], 0).is_err());
    assert!(file.sync().is_err());
    assert!(file.map(1).is_err());
    assert!(disk.sync_dir(Path::new("/")).is_err());
    assert!(disk.kind(Path::new("/a")).is_err());
    assert!(disk.lock(Path::new("/a"), LockMode::Shared).is_err());
    assert_eq!(disk.operations(), done + 1);
    assert_eq!(content(&disk, "/a").unwrap(), b"y");
    assert!(disk.crash(1).kind(Path::new("/a")).unwrap().is_some(), "the next boot works");
}

#[test]
fn a_full_disk_refuses_blocks_and_takes_them_again_when_there_is_room() {
    let disk = SimDisk::new(1);
    disk.set_capacity(Some(16_384));
    let file = create(&disk, "/a", &[1; 8192]);
    let error = file.allocate(20_000).unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::StorageFull);
    assert_eq!(file.length().unwrap(), 8192, "a refused allocation changed nothing");
    file.allocate(12_288).unwrap();
    let other = create(&disk, "/b", b"");
    let taken = other.write_at(&[2; 8192], 0).unwrap();
    assert!(taken > 0 && taken <= 4096, "a short write of what fits: {taken}");
    assert_eq!(other.write_at(&[2; 8192], 4096).unwrap_err().kind(), io::ErrorKind::StorageFull);
    file.write_all_at(&[3; 4096], 8192).unwrap();
    disk.remove_file(Path::new("/a")).unwrap();
    assert_eq!(disk.used_bytes(), 16_384, "an open file keeps its blocks");
    drop(file);
    assert_eq!(disk.used_bytes(), 4096);
    other.write_all_at(&[2; 8192], 4096).unwrap();
}

#[test]
fn a_lock_excludes_as_flock_does_and_goes_with_its_holder() {
    let disk = SimDisk::new(1);
    settle(&disk, "/lock", b"");
    let path = Path::new("/lock");
    let first = disk.lock(path, LockMode::Shared).unwrap().unwrap();
    let second = disk.lock(path, LockMode::Shared).unwrap().unwrap();
    assert!(disk.lock(path, LockMode::Exclusive).unwrap().is_none());
    drop((first, second));
    let sole = disk.lock(path, LockMode::Exclusive).unwrap().unwrap();
    assert!(disk.lock(path, LockMode::Shared).unwrap().is_none());
    assert!(disk.lock(path, LockMode::Exclusive).unwrap().is_none());
    assert!(disk.crash(1).lock(path, LockMode::Exclusive).unwrap().is_some(), "not after a crash");
    assert!(disk.kill().lock(path, LockMode::Exclusive).unwrap().is_some(), "nor after a kill");
    drop(sole);
    assert!(disk.lock(path, LockMode::Exclusive).unwrap().is_some());
}
