//! F06: one writer, or any number of readers, across handles and processes; a lock goes with its holder, however the
//! holder ends.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use pentad_engine::seams::sim::SimDisk;
use pentad_engine::{Durability, ErrorKind, Store};

use crate::harness::request::Request;
use crate::harness::world::{Cut, STORE, World};

fn locked(world: &World, disk: &SimDisk) -> bool {
    match world.options_on(disk).create(false).open(STORE) {
        Ok(_) => false,
        Err(error) => {
            assert_eq!(error.kind(), ErrorKind::Locked, "{error}");
            assert!(error.to_string().contains("store"), "the message names the directory: {error}");
            true
        }
    }
}

#[test]
fn f06_second_writer_is_refused_until_the_first_closes() {
    let mut world = World::opened(1);
    let before = world.disk.image();
    assert!(locked(&world, &world.disk));
    assert_eq!(world.disk.image(), before, "the refused open changed a file");
    world.commit(&Request::put(Durability::Disk, "a", b"still the first")).unwrap();
    world.close().unwrap();
    assert!(!locked(&world, &world.disk));
}

#[test]
fn f06_readers_share_and_exclude_writers() {
    let mut world = World::opened(1);
    world.commit(&Request::put(Durability::Disk, "a", b"v")).unwrap();
    let error = world.options_on(&world.disk).open_read_only(STORE).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Locked, "a reader beside a writer: {error}");
    world.close().unwrap();
    let open = || world.options_on(&world.disk).open_read_only(STORE).unwrap();
    let (first, second) = (open(), open());
    assert!(locked(&world, &world.disk));
    for reader in [&first, &second] {
        assert_eq!(reader.get("a").unwrap().as_deref(), Some(&b"v"[..]));
        assert_eq!(reader.put("a", "w").unwrap_err().kind(), ErrorKind::ReadOnly);
    }
    drop(first);
    assert!(locked(&world, &world.disk));
    drop(second);
    assert!(!locked(&world, &world.disk));
}

#[test]
fn f06_lock_goes_with_the_last_clone_of_a_handle_that_was_not_closed() {
    let mut world = World::opened(1);
    let clone = world.store().clone();
    world.abandon();
    assert!(locked(&world, &world.disk), "a clone still holds the store");
    drop(clone);
    assert!(!locked(&world, &world.disk));
}

#[test]
fn f06_lock_is_stale_after_a_crash_and_a_kill() {
    for cut in [Cut::Power, Cut::Kill] {
        let mut world = World::opened(1);
        world.commit(&Request::put(Durability::Disk, "a", b"v")).unwrap();
        world.cut(cut);
        world.open().unwrap();
        assert_eq!(world.past.sequence(), 1);
    }
}

const CHILD_DIR: &str = "PENTAD_F06_CHILD_DIR";

/// Not a test by itself: the process that [`f06_second_process_is_refused_until_the_first_is_killed`] starts and
/// kills. Without its variable it does nothing.
#[test]
fn child_process_that_holds_a_store() {
    let Some(dir) = std::env::var_os(CHILD_DIR).map(PathBuf::from) else { return };
    let store = Store::open(&dir).unwrap();
    store.put("from", "child").unwrap();
    println!("\nready");
    // The parent kills this process; if the parent dies, its end of the pipe closes.
    let mut line = String::new();
    std::io::stdin().read_line(&mut line).unwrap();
}

fn child(dir: &Path) -> Child {
    Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "f06_locks::child_process_that_holds_a_store", "--nocapture"])
        .env(CHILD_DIR, dir)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap()
}

#[test]
fn f06_second_process_is_refused_until_the_first_is_killed() {
    let root = tempfile::tempdir().unwrap();
    let dir = root.path().join("store");
    let mut child = child(&dir);
    let lines = BufReader::new(child.stdout.take().unwrap()).lines();
    assert!(lines.map_while(Result::ok).any(|line| line == "ready"), "the child opened the store");
    for result in [Store::open(&dir), Store::open_read_only(&dir)] {
        let error = result.expect_err("another process has the store");
        assert_eq!(error.kind(), ErrorKind::Locked, "{error}");
    }
    child.kill().unwrap();
    child.wait().unwrap();
    let store = Store::open(&dir).unwrap();
    assert_eq!(store.get("from").unwrap().as_deref(), Some(&b"child"[..]));
}
