//! A disk of 64 MiB, filled by the real program to the last block: a `tmpfs` in a namespace of its own.
//!
//! The test that a person sees mounts the disk and starts this binary once more with its temporary files on it; what is
//! done there is an ignored test, which says `finished` when it has come to its end.

use std::env;
use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::thread;

use pentad_engine::{Batch, Options};
use rustix::fs::statvfs;

use crate::health::{self, Rows};
use crate::settings;
use crate::support::Sandbox;
use crate::syscalls::strace;

/// Set for what runs on the small disk: a directory on another one.
const ELSEWHERE: &str = "PENTAD_CRASH_ELSEWHERE";
const DISK_BYTES: u64 = 64 << 20;
const VALUE_BYTES: usize = 16 << 10;

/// Mounts a disk on the directory `$1` and runs the rest in it.
const MOUNT: &str = "mount -t tmpfs -o size=64m tmpfs \"$1\" && shift && exec \"$@\"";

/// Ways to a shell that sees mounts of its own and may mount: as anybody, and as root where that is not allowed.
const NAMESPACES: &[&[&str]] = &[&["--user", "--map-root-user", "--mount"], &["--mount"]];

fn shell(namespace: &[&str], directory: &Path, command: &[&str]) -> Command {
    let mut shell = Command::new("unshare");
    shell.args(namespace).args(["sh", "-c", MOUNT, "sh"]).arg(directory).args(command);
    shell
}

/// The first way that works here, or why none does.
fn namespace(directory: &Path) -> Result<&'static [&'static str], String> {
    let mut why = String::new();
    for namespace in NAMESPACES {
        match shell(namespace, directory, &["true"]).output() {
            Ok(output) if output.status.success() => return Ok(namespace),
            Ok(output) => why.push_str(&String::from_utf8_lossy(&output.stderr)),
            Err(error) => return Err(format!("unshare cannot be started: {error}")),
        }
    }
    Err(format!("no tmpfs can be mounted in a namespace here: {why}"))
}

/// Runs the ignored test `inner` on a disk of its own, or says why there is none.
fn on_a_small_disk(name: &str, inner: &str) {
    let directory = tempfile::tempdir().unwrap();
    let namespace = match namespace(directory.path()) {
        Ok(namespace) => namespace,
        Err(why) => return settings::skip(name, &why),
    };
    let elsewhere = tempfile::tempdir().unwrap();
    let this = env::current_exe().unwrap();
    let command = [this.to_str().unwrap(), inner, "--exact", "--ignored", "--nocapture", "--test-threads=1"];
    let output = shell(namespace, directory.path(), &command)
        .env("TMPDIR", directory.path())
        .env(ELSEWHERE, elsewhere.path())
        .stderr(Stdio::inherit())
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{name}: {}: {said}", output.status);
    let finished = said.lines().find_map(|line| line.strip_prefix("finished: "));
    println!("\n{name}: {}", finished.unwrap_or_else(|| panic!("{name} did not come to its end: {said}")));
}

#[test]
fn f09_a_disk_filled_by_the_program_is_emptied_compacted_and_filled_again() {
    on_a_small_disk("disk::full", "disk::fill_empty_and_fill_again");
}

#[test]
fn f08_f09_a_disk_that_reserves_nothing_is_full_amid_a_write_and_loses_nothing() {
    if let Some(why) = strace::unavailable() {
        return settings::skip("disk::unreserved", &why);
    }
    on_a_small_disk("disk::unreserved", "disk::fill_without_reserving");
}

fn free_bytes(path: &Path) -> u64 {
    let disk = statvfs(path).unwrap();
    disk.f_bavail * disk.f_frsize
}

fn value(row: usize) -> String {
    format!("{row:07} ").repeat(VALUE_BYTES / 8)
}

fn key(round: usize, row: usize) -> String {
    format!("round{round}/{row:06}")
}

/// Imports rows until the program ends, which it must do by itself.
fn import_without_end(mut import: Command, round: usize) -> Output {
    let mut child =
        import.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut input = child.stdin.take().unwrap();
    let feeder = thread::spawn(move || {
        (0_usize..)
            .try_for_each(|row| writeln!(input, "{}\t{}", key(round, row), value(row)))
            .unwrap_err()
            .kind()
    });
    let output = child.wait_with_output().unwrap();
    assert_eq!(feeder.join().unwrap(), std::io::ErrorKind::BrokenPipe);
    output
}

/// The import says that the disk is full, and how many rows are in.
fn refused(output: &Output) -> usize {
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(3), "{said}");
    assert!(said.starts_with("pentad: ") && said.contains("No space left on device"), "{said}");
    assert!(said.contains("are in and durable") || said.contains("nothing was imported"), "{said}");
    let told = String::from_utf8_lossy(&output.stdout);
    let committed = |line: &str| serde_json::from_str::<serde_json::Value>(line).ok()?["committed"].as_u64();
    usize::try_from(told.lines().filter_map(committed).max().unwrap_or(0)).unwrap()
}

const IMPORT: &[&str] = &["--json", "import", "--batch", "10", "--format", "tsv", "-"];

/// The store verifies and holds `kept`, and of a round its first rows, no fewer than were acknowledged; how many.
fn check(store: &Path, kept: &Rows, round: usize, acknowledged: usize) -> usize {
    let context = &format!("round {round}");
    health::verify(store, context);
    let store = Options::new().open_read_only(store).unwrap();
    let mut found = health::rows(&store, "", context);
    for (key, value) in kept {
        assert!(found.remove(key).as_ref() == Some(value), "{context}: {} is gone", key.escape_ascii());
    }
    assert!(found.len() >= acknowledged, "{context}: {acknowledged} acknowledged, {} there", found.len());
    for (row, (found_key, found_value)) in found.iter().enumerate() {
        let whole = *found_key == key(round, row).into_bytes() && *found_value == value(row).into_bytes();
        assert!(whole, "{context}: row {row} is not what was put");
    }
    found.len()
}

fn done(sandbox: &Sandbox, arguments: &[&str]) {
    let output = sandbox.pentad(arguments).output().unwrap();
    assert!(
        output.status.success(),
        "{} {}…: {}",
        arguments[0],
        arguments.len(),
        String::from_utf8_lossy(&output.stderr)
    );
}

/// Not a test by itself: what [`f09_a_disk_filled_by_the_program_is_emptied_compacted_and_filled_again`] does on the disk.
#[test]
#[ignore = "started on a disk of its own"]
fn fill_empty_and_fill_again() {
    if env::var_os(ELSEWHERE).is_none() {
        return;
    }
    let sandbox = Sandbox::new();
    let store = sandbox.path("store");
    let mut kept = Rows::new();
    let mut counts = Vec::new();
    for round in 0..3 {
        let acknowledged = refused(&import_without_end(sandbox.pentad(IMPORT), round));
        let count = check(&store, &kept, round, acknowledged);
        assert!(count * VALUE_BYTES > 40 << 20, "round {round}: only {count} rows fit");
        counts.push(count);
        // A few rows of each round stay.
        let keys: Vec<String> = (0..count).map(|row| key(round, row)).collect();
        let (gone, stay) = keys.split_at(count - 5);
        for some in gone.chunks(500) {
            let keys: Vec<&str> = some.iter().map(String::as_str).collect();
            done(&sandbox, &[&["del"], &keys[..]].concat());
        }
        kept.extend((count - 5..count).zip(stay).map(|(row, key)| (key.clone().into(), value(row).into())));
        done(&sandbox, &["compact", "--prune"]);
        assert_eq!(check(&store, &kept, round + 1, 0), 0);
        let free = free_bytes(&store);
        assert!(free > 50 << 20, "round {round}: {free} bytes are free after all but five rows went");
    }
    println!(
        "\nfinished: {DISK_BYTES} bytes filled with {counts:?} rows of {VALUE_BYTES} bytes, and emptied each time"
    );
}

/// Not a test by itself: what [`f08_f09_a_disk_that_reserves_nothing_is_full_amid_a_write_and_loses_nothing`] does there.
#[test]
#[ignore = "started on a disk of its own"]
fn fill_without_reserving() {
    if env::var_os(ELSEWHERE).is_none() {
        return;
    }
    let sandbox = Sandbox::new();
    let store = sandbox.path("store");
    let mut import = Command::new("strace");
    let plain = sandbox.pentad(IMPORT);
    // Where the file system cannot reserve blocks, the full disk shows amid a write, which is then short.
    import.args(["-f", "-qq", "-o"]).arg("/dev/null").args(["-e", "trace=fallocate"]);
    import.args(["-e", "inject=fallocate:error=EOPNOTSUPP"]).arg(plain.get_program()).args(plain.get_args());
    import.current_dir(sandbox.path(""));
    let acknowledged = refused(&import_without_end(import, 0));
    let free = free_bytes(&store);
    assert!(free < 64 << 10, "{free} bytes were left");
    // Looked at elsewhere: a full tmpfs has no page even for a reader of what was never written, and ends him by SIGBUS.
    // It can reserve, so that happens where a test denies it, and nowhere else.
    let elsewhere = PathBuf::from(env::var_os(ELSEWHERE).unwrap());
    for entry in fs::read_dir(&store).unwrap() {
        let entry = entry.unwrap();
        fs::copy(entry.path(), elsewhere.join(entry.file_name())).unwrap();
    }
    let store = elsewhere;
    let count = check(&store, &Rows::new(), 0, acknowledged);
    assert!(count * VALUE_BYTES > 40 << 20, "only {count} rows fit");
    let opened = health::open(&store, &Options::new().segment_bytes(1 << 20), "with room again");
    health::no_orphans(&opened, "with room again");
    let mut batch = Batch::new();
    for row in count..count + 100 {
        batch.put(key(0, row), value(row));
    }
    opened.commit(batch).unwrap();
    opened.close().unwrap();
    assert_eq!(check(&store, &Rows::new(), 0, count + 100), count + 100);
    println!("\nfinished: {DISK_BYTES} bytes filled with {count} rows of {VALUE_BYTES} bytes, none reserved");
}
