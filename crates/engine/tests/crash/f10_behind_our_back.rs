//! F10: somebody else cuts, replaces or cannot read the files of an open store. A read gives what was stored, an error,
//! or ends the process; `verify` reads the files anew and reports what is wrong with them.
#![expect(clippy::disallowed_methods, reason = "the files are changed behind the engine's back")]

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use pentad_engine::seams::sim::{Fault, Op};
use pentad_engine::{Durability, ErrorKind, Options, Store, VerifyReads, verify};

use crate::harness::request::Request;
use crate::harness::world::{STORE, World};

/// Enough values for several pages of any machine.
const COUNT: usize = 2000;

fn value(number: usize) -> String {
    format!("<{number:05} {}>", "v".repeat(100))
}

/// A closed store on the real disk, and its one log segment.
fn closed_store(root: &Path) -> (PathBuf, PathBuf) {
    let dir = root.join("store");
    let store = Options::new().durability(Durability::Os).open(&dir).unwrap();
    for number in 0..COUNT {
        store.put(number.to_be_bytes(), value(number)).unwrap();
    }
    store.close().unwrap();
    let logs: Vec<PathBuf> = fs::read_dir(&dir)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "log"))
        .collect();
    let [log] = &*logs else { panic!("one segment holds it all: {logs:?}") };
    (dir, log.clone())
}

fn cut(file: &Path, length: u64) {
    fs::OpenOptions::new().write(true).open(file).unwrap().set_len(length).unwrap();
}

/// What is read of each key: as it was stored, refused as damaged, or something else.
fn read(store: &Store, number: usize) -> &'static str {
    match store.get(number.to_be_bytes()) {
        Ok(Some(read)) if read == value(number).as_bytes() => "sound",
        Ok(_) => "ALTERED",
        Err(error) if error.kind() == ErrorKind::Damaged => "damaged",
        Err(error) => panic!("value {number}: {error}"),
    }
}

fn verify_finds_damage_in(dir: &Path, file: &Path) {
    let report = verify(dir, &Options::new(), &mut |_| {}).unwrap();
    assert!(report.damage.iter().any(|damage| damage.file == *file), "{report:?}");
}

const CHILD_DIR: &str = "PENTAD_F10_CHILD_DIR";

/// Not a test by itself: the process under which [`f10_reading_a_file_that_was_cut_is_right_refused_or_the_end`] cuts
/// the file. Without its variable it does nothing.
#[test]
fn child_process_that_reads() {
    let Some(dir) = std::env::var_os(CHILD_DIR).map(PathBuf::from) else { return };
    let store = Store::open_read_only(&dir).unwrap();
    println!("\nready");
    std::io::stdin().read_line(&mut String::new()).unwrap();
    for number in 0..COUNT {
        println!("read {number} {}", read(&store, number));
    }
    println!("read all");
}

/// A lookup also looks at entries of other keys whose hashes are alike, as the secret of the store has it. So now and then the
/// process ends at one of those, before anything behind the cut was refused; then another store is cut.
#[test]
fn f10_reading_a_file_that_was_cut_is_right_refused_or_the_end() {
    assert!((0..50).any(|_| both_sides_of_a_cut_are_read()), "nothing behind the cut was ever read");
}

/// Cuts the file of a store that a process has open, which then reads it; says whether it read on both sides of the cut.
fn both_sides_of_a_cut_are_read() -> bool {
    let root = tempfile::tempdir().unwrap();
    let (dir, log) = closed_store(root.path());
    let length = fs::metadata(&log).unwrap().len();
    // Not on a page: what is left of that page reads as zeros, and the pages behind it cannot be read at all.
    let kept = length / 2 / 65_536 * 65_536 + 100;
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "f10_behind_our_back::child_process_that_reads", "--nocapture"])
        .env(CHILD_DIR, root.path().join("store"))
        // Where it may leave an image of itself.
        .current_dir(root.path())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap());
    let mut line = String::new();
    while line != "ready\n" {
        line.clear();
        assert_ne!(lines.read_line(&mut line).unwrap(), 0, "the child opened the store");
    }
    cut(&log, kept);
    child.stdin.take().unwrap().write_all(b"go\n").unwrap();
    let mut output = String::new();
    lines.read_to_string(&mut output).unwrap();
    let status = child.wait().unwrap();

    let count = |what: &str| output.lines().filter(|line| line.ends_with(what)).count();
    assert_eq!(count("ALTERED"), 0, "{output}");
    assert!(!output.contains("read all"), "values that are gone were read: {output}");
    // SIGBUS is 7 or 10, as the system has it.
    assert!(matches!(status.signal(), Some(7 | 10)), "it ended by itself, by SIGBUS: {status:?}");

    verify_finds_damage_in(&dir, &log);
    assert_eq!(Store::open(&dir).unwrap_err().kind(), ErrorKind::Damaged);
    count("sound") > 0 && count("damaged") > 0
}

/// Under [`VerifyReads::Always`] it does not help to have been read before. The cut goes through a value whose head stays,
/// so its checksum alone can tell; the rest of the page reads as zeros.
#[test]
fn f10_a_value_that_was_verified_before_the_cut_is_verified_again_when_asked_for() {
    let root = tempfile::tempdir().unwrap();
    let (dir, log) = closed_store(root.path());
    let store = Options::new().verify_reads(VerifyReads::Always).open_read_only(&dir).unwrap();
    assert!((0..COUNT).all(|number| read(&store, number) == "sound"));
    let bytes = fs::read(&log).unwrap();
    let place = |number: usize| {
        let value = value(number);
        let at = bytes.windows(value.len()).position(|window| window == value.as_bytes()).unwrap();
        at..at + value.len()
    };
    // Pages are no smaller than 4 KiB, so a value within one of those can be read whatever is cut of it.
    let within_a_page = |number: &usize| place(*number).start / 4096 == (place(*number).end - 1) / 4096;
    let hit = (COUNT / 2..COUNT).find(within_a_page).unwrap();
    cut(&log, (place(hit).start + 50) as u64);
    assert_eq!(read(&store, hit), "damaged");
    assert_eq!(read(&store, hit - 1), "sound", "what lies before the cut");
}

#[test]
fn f10_a_replaced_file_is_read_as_it_was_and_reported() {
    let root = tempfile::tempdir().unwrap();
    let (dir, log) = closed_store(root.path());
    let store = Store::open_read_only(&dir).unwrap();
    let other = root.path().join("other");
    let mut bytes = fs::read(&log).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle..].fill(b'?');
    fs::write(&other, bytes).unwrap();
    fs::rename(&other, &log).unwrap();
    assert!(
        (0..COUNT).all(|number| read(&store, number) == "sound"),
        "the map is of the file that was opened"
    );
    verify_finds_damage_in(&dir, &log);
    drop(store);
    let store = Store::open_read_only(&dir).unwrap();
    let reads: Vec<_> = (0..COUNT).map(|number| read(&store, number)).collect();
    assert!(reads.contains(&"sound") && reads.contains(&"damaged"), "a checkpoint covers all of it");
    assert!(reads.iter().all(|read| ["sound", "damaged"].contains(read)));
    drop(store);
    for entry in fs::read_dir(&dir).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|extension| extension == "checkpoint") {
            fs::remove_file(path).unwrap();
        }
    }
    assert_eq!(
        Store::open(&dir).unwrap_err().kind(),
        ErrorKind::Damaged,
        "and without one the log has to be read"
    );
}

/// Whichever read fails, verification either says which file could not be read, or lists it as damaged.
#[test]
fn f10_a_read_error_of_verification_is_never_passed_over() {
    let mut world = World::opened(1);
    for number in 0..20 {
        world.commit(&Request::put(Durability::Disk, format!("{number}"), &[b'v'; 1000])).unwrap();
    }
    world.close().unwrap();
    let options = world.options_on(&world.disk);
    for nth in 1.. {
        world.disk.inject(Fault::error(Op::Read, nth, std::io::ErrorKind::InvalidInput));
        let result = verify(Path::new(STORE), &options, &mut |_| {});
        if !world.disk.take_faults().is_empty() {
            assert!(nth > 10, "only {nth} reads");
            assert!(result.unwrap().damage.is_empty(), "without a failure nothing is wrong");
            break;
        }
        match result {
            Ok(report) => assert!(!report.damage.is_empty(), "read {nth} failed and the report is clean"),
            Err(error) => assert!(error.to_string().contains(STORE), "read {nth}: {error}"),
        }
    }
}
