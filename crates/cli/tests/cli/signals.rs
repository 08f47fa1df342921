//! FIFOs, locks and signals: imports that are stopped while they wait.

use std::fs::{self, File};
use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{Child, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use rustix::fs::{CWD, FileType, Mode, mknodat};
use rustix::io::ioctl_fionread;
use rustix::process::{Pid, Signal, kill_process};

use crate::run::Ran;
use crate::support::Sandbox;

fn make_fifo(sandbox: &Sandbox, name: &str) {
    mknodat(CWD, sandbox.path(name), FileType::Fifo, Mode::RUSR | Mode::WUSR, 0).unwrap();
}

fn send(child: &Child, signal: Signal) {
    kill_process(Pid::from_child(child), signal).unwrap();
}

/// Waits until the import has made its store, which it does before it reads.
fn wait_for_store(sandbox: &Sandbox) {
    let begun = Instant::now();
    while !sandbox.path("store").exists() {
        assert!(begun.elapsed() < Duration::from_secs(30), "no store was made");
        thread::sleep(Duration::from_millis(5));
    }
}

#[test]
fn a_fifo_is_read_to_its_end() {
    let sandbox = Sandbox::new();
    make_fifo(&sandbox, "pipe.tsv");
    let child = sandbox.pentad(&["import", "pipe.tsv"]).spawn().unwrap();
    let mut pipe = File::options().write(true).open(sandbox.path("pipe.tsv")).unwrap();
    pipe.write_all(b"a\t1\n").unwrap();
    pipe.write_all(b"b\t2\n").unwrap();
    drop(pipe);
    assert_eq!(Ran::from(child.wait_with_output().unwrap()).code, 0);
    assert_eq!(sandbox.done(&["scan"]).text(), "a\t1\nb\t2\n");
}

#[test]
fn f06_an_import_that_waits_for_input_holds_the_lock() {
    let sandbox = Sandbox::new();
    make_fifo(&sandbox, "pipe.tsv");
    let child = sandbox.pentad(&["import", "pipe.tsv"]).spawn().unwrap();
    // Opening the other end returns when the import has opened its own, which it does with the lock held.
    let pipe = File::options().write(true).open(sandbox.path("pipe.tsv")).unwrap();
    for arguments in [&["put", "k", "v"][..], &["get", "k"], &["compact"]] {
        let ran = sandbox.run(arguments);
        assert_eq!(ran.code, 3, "{arguments:?}: {ran:?}");
        assert!(ran.errors.contains("one process can write"), "{}", ran.errors);
    }
    drop(pipe);
    assert_eq!(Ran::from(child.wait_with_output().unwrap()).code, 0);
    sandbox.done(&["put", "k", "v"]);
}

#[test]
fn a_signal_stops_an_import_that_waits_for_a_writer() {
    let sandbox = Sandbox::new();
    make_fifo(&sandbox, "pipe.tsv");
    let child = sandbox.pentad(&["import", "pipe.tsv"]).spawn().unwrap();
    wait_for_store(&sandbox);
    thread::sleep(Duration::from_millis(100));
    send(&child, Signal::INT);
    insta::assert_snapshot!(Ran::from(child.wait_with_output().unwrap()).all(), @"
    exit 130
    --- output
    --- messages
    pentad: interrupted
    pentad: nothing was imported
    ");
    assert_eq!(sandbox.done(&["scan"]).text(), "");
}

#[test]
fn f25_a_terminated_import_says_what_is_in() {
    for signal in [Signal::INT, Signal::TERM] {
        let sandbox = Sandbox::new();
        make_fifo(&sandbox, "pipe.tsv");
        let mut child = sandbox.pentad(&["import", "--json", "--batch", "10", "pipe.tsv"]).spawn().unwrap();
        let mut pipe = File::options().write(true).open(sandbox.path("pipe.tsv")).unwrap();
        let rows: String = (0..205).map(|row| format!("{row:03}\tv\n")).collect();
        pipe.write_all(rows.as_bytes()).unwrap();
        // The first acknowledgement shows that rows are being taken.
        let mut acknowledgements = BufReader::new(child.stdout.take().unwrap());
        let mut last = String::new();
        acknowledgements.read_line(&mut last).unwrap();
        send(&child, signal);
        for line in acknowledgements.lines() {
            last = line.unwrap();
        }
        let ran = Ran::from(child.wait_with_output().unwrap());
        assert_eq!(ran.code, 130, "{ran:?}");
        // How many rows had been read by then is up to the scheduler; all of them are in, and it says so.
        let acknowledged: serde_json::Value = serde_json::from_str(&last).unwrap();
        let count = acknowledged["committed"].as_u64().unwrap();
        assert_eq!(acknowledged["sequence"].as_u64().unwrap(), count.div_ceil(10), "{last}");
        let told = format!("{count} entries are in and durable, through line {count}");
        assert!(ran.errors.contains(&told), "{told}: {}", ran.errors);
        let kept = rows.split_inclusive('\n').take(usize::try_from(count).unwrap()).collect::<String>();
        assert_eq!(sandbox.done(&["scan", "--raw"]).text(), kept);
        let report = &sandbox.done(&["verify", "--json"]).json()[0];
        assert_eq!(report["torn_tail"], serde_json::Value::Null);
    }
}

/// Rows come faster than they are taken, so the signal meets commits that are under way.
#[test]
fn f25_an_import_terminated_under_load_drains_and_says_what_is_in() {
    let sandbox = Sandbox::new();
    for round in 0..5_usize {
        let prefix = format!("round{round}/");
        let mut child = sandbox
            .pentad(&["import", "--json", "--batch", "50", "--format", "tsv", "-"])
            .stdin(Stdio::piped())
            .spawn()
            .unwrap();
        let mut input = child.stdin.take().unwrap();
        let row = move |number: usize| format!("round{round}/{number:07}\tvalue {number}\n");
        let feeder = thread::spawn(move || {
            // Ends when the import closes its end, which is what the test waits for.
            (0_usize..).try_for_each(|number| input.write_all(row(number).as_bytes())).unwrap_err().kind()
        });
        let mut acknowledgements = BufReader::new(child.stdout.take().unwrap()).lines();
        let mut last = String::new();
        for _ in 0..=round {
            last = acknowledgements.next().unwrap().unwrap();
        }
        send(&child, Signal::TERM);
        // Where nothing was under way any more, nothing more is acknowledged.
        let last = acknowledgements.map(Result::unwrap).last().unwrap_or(last);
        let ran = Ran::from(child.wait_with_output().unwrap());
        assert_eq!(ran.code, 130, "{ran:?}");
        assert_eq!(feeder.join().unwrap(), std::io::ErrorKind::BrokenPipe);

        let committed =
            serde_json::from_str::<serde_json::Value>(&last).unwrap()["committed"].as_u64().unwrap();
        let kept = sandbox.done(&["scan", "--raw", "--prefix", &prefix]);
        let rows: String = (0..usize::try_from(committed).unwrap()).map(row).collect();
        assert!(committed > 0 && kept.text() == rows, "{committed} rows acknowledged: {last}");
        let report = &sandbox.done(&["verify", "--json"]).json()[0];
        assert_eq!(report["torn_tail"], serde_json::Value::Null, "round {round}");
    }
}

#[test]
fn a_signal_stops_a_put_and_stores_nothing() {
    let sandbox = Sandbox::new();
    sandbox.done(&["put", "other", "v"]);
    make_fifo(&sandbox, "pipe");
    let reader = File::options().read(true).write(true).open(sandbox.path("pipe")).unwrap();
    let child = sandbox.pentad(&["put", "k"]).stdin(reader.try_clone().unwrap()).spawn().unwrap();
    (&reader).write_all(b"half a val").unwrap();
    // Once the bytes are taken out of the pipe, the command is waiting for the rest.
    let begun = Instant::now();
    while ioctl_fionread(&reader).unwrap() > 0 {
        assert!(begun.elapsed() < Duration::from_secs(30), "the pipe was not read");
        thread::sleep(Duration::from_millis(5));
    }
    send(&child, Signal::INT);
    let ran = Ran::from(child.wait_with_output().unwrap());
    assert_eq!((ran.code, &*ran.errors), (130, "pentad: interrupted\npentad: nothing was stored\n"));
    assert_eq!(sandbox.done(&["scan"]).text(), "other\tv\n");
}

#[test]
fn an_export_to_a_fifo_goes_straight_into_it() {
    let sandbox = Sandbox::new();
    sandbox.done(&["put", "k", "v"]);
    make_fifo(&sandbox, "pipe.tsv");
    let child = sandbox.pentad(&["export", "pipe.tsv"]).spawn().unwrap();
    assert_eq!(fs::read(sandbox.path("pipe.tsv")).unwrap(), b"k\tv\n");
    assert_eq!(Ran::from(child.wait_with_output().unwrap()).code, 0);
}

/// The directory in which a repair makes the new store.
fn half_made(sandbox: &Sandbox) -> Option<std::path::PathBuf> {
    let entries = fs::read_dir(sandbox.path(".")).unwrap().map(|entry| entry.unwrap());
    entries.map(|entry| entry.path()).find(|path| path.to_string_lossy().contains(".pentad-repairing-"))
}

#[test]
fn f25_a_repair_that_is_interrupted_takes_away_what_it_made() {
    for signal in [Signal::INT, Signal::TERM] {
        let sandbox = Sandbox::new();
        let rows: String = (0..60_000).map(|row| format!("{row:06}\t{}\n", "v".repeat(1000))).collect();
        fs::write(sandbox.path("rows.tsv"), rows).unwrap();
        sandbox.done(&["import", "rows.tsv"]);
        let child = sandbox.pentad(&["repair", "new"]).spawn().unwrap();
        let begun = Instant::now();
        while half_made(&sandbox).is_none() {
            assert!(begun.elapsed() < Duration::from_secs(60), "nothing was made");
        }
        // Held still, so that it cannot be done before the other signal comes.
        send(&child, Signal::STOP);
        assert!(half_made(&sandbox).is_some(), "it was too quick for this test");
        send(&child, signal);
        send(&child, Signal::CONT);
        let ran = Ran::from(child.wait_with_output().unwrap());
        assert_eq!((ran.code, &*ran.errors), (130, "pentad: interrupted\npentad: new was not made\n"));
        assert_eq!(half_made(&sandbox), None);
        assert!(!sandbox.path("new").exists());
        assert_eq!(sandbox.done(&["verify"]).code, 0, "the store that was read is as it was");
    }
}
