//! An import killed, or told to end, at random.
//!
//! Every row that was acknowledged is there afterwards, and of the others whole batches in an unbroken prefix of the
//! input; what earlier rounds left is still there.

use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{ExitStatus, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};

use crate::health;
use crate::random::Random;
use crate::settings;
use crate::support::Sandbox;

const ROWS: u64 = 3_000;
const BATCH: u64 = 20;
/// Rows that an import which is to be cut short gets only when the signal is on its way: however slow the hand that sends
/// it is, it does not come too late.
const ROWS_HELD_BACK: u64 = 200;
/// An import acknowledges after every eight batches, and at its end.
const ACKNOWLEDGED_ROWS: u64 = 8 * BATCH;

fn row(round: u64, number: u64) -> String {
    format!("round{round:03}/{number:06}\tvalue {number} of round {round}\n")
}

/// Imports `rows`, sends the signal somewhere, before the last `held_back` of them are there to be read, and says how many rows
/// were acknowledged, and how it ended.
fn import_and_stop(
    sandbox: &Sandbox,
    rows: &[String],
    held_back: u64,
    signal: Signal,
    random: &mut Random,
) -> (u64, ExitStatus) {
    let batch = BATCH.to_string();
    let mut command = sandbox.pentad(&["--json", "import", "--format", "tsv", "--batch", &batch, "-"]);
    let mut child = command.stdin(Stdio::piped()).spawn().unwrap();
    let mut input = child.stdin.take().unwrap();
    let (at_once, later) = rows.split_at(rows.len() - usize::try_from(held_back).unwrap());
    let (at_once, later) = (at_once.concat(), later.concat());
    let (told, is_told) = mpsc::channel::<()>();
    let feeder = thread::spawn(move || {
        // An import that has ended reads no more, which is no defect.
        let _broken_pipe = input.write_all(at_once.as_bytes());
        is_told.recv().unwrap();
        let _broken_pipe = input.write_all(later.as_bytes());
    });

    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let mut acknowledged = 0;
    let mut hear = |line: std::io::Result<String>| {
        // The last line may be cut off by the kill; then it acknowledges nothing.
        if let Ok(object) = serde_json::from_str::<serde_json::Value>(&line.unwrap()) {
            acknowledged = object["committed"].as_u64().unwrap_or(acknowledged);
        }
    };
    let patience = random.below((ROWS - ROWS_HELD_BACK) / ACKNOWLEDGED_ROWS + 1);
    for line in lines.by_ref().take(usize::try_from(patience).unwrap()) {
        hear(line);
    }
    thread::sleep(Duration::from_micros(random.below(4_000)));
    // It was not waited for, so its number is still its own.
    kill_process(Pid::from_child(&child), signal).unwrap();
    told.send(()).unwrap();
    lines.for_each(&mut hear);
    feeder.join().unwrap();
    (acknowledged, child.wait().unwrap())
}

fn stop_imports(name: &str, signal: Signal, rounds: u64) {
    let (seed, mut random) = settings::random(name);
    let sandbox = Sandbox::new();
    let path = sandbox.path("store");
    let mut expected = health::Rows::new();
    let (mut cut_short, mut in_order) = (0, 0);
    // Rounds that must be cut short, and a few in which the signal may come at the very end, or too late.
    let held_back = |round: u64| if round % 4 == 3 { 0 } else { ROWS_HELD_BACK };
    for round in 0..rounds {
        let context = &format!("seed {seed}, round {round}");
        let rows: Vec<String> = (0..ROWS).map(|number| row(round, number)).collect();
        let (acknowledged, status) = import_and_stop(&sandbox, &rows, held_back(round), signal, &mut random);
        if !path.exists() {
            assert_eq!(acknowledged, 0, "{context}: acknowledged without a store");
            continue;
        }

        // As it was left: at most an unfinished write at the end, and not even that where it could close the store.
        let torn = health::verify(&path, context);
        let closed = matches!(status.code(), Some(0 | 130));
        assert!(closed || status.code().is_none(), "{context}: the import ended with {status}");
        assert!(!(closed && torn), "{context}: {status}, and yet an unfinished write");
        // By a writing process, so that the next round recovers from a recovery.
        let put = sandbox.pentad(&["put", "probe", &round.to_string()]).output().unwrap();
        assert!(put.status.success(), "{context}: {put:?}");
        assert!(!health::verify(&path, context), "{context}: recovery left an unfinished write");

        let store = health::open(&path, &pentad_engine::Options::new(), context);
        health::no_orphans(&store, context);
        let kept = health::rows(&store, &format!("round{round:03}/"), context);
        let count = kept.len() as u64;
        assert!(count >= acknowledged, "{context}: {acknowledged} rows acknowledged, {count} there");
        assert!(
            closed || count.is_multiple_of(BATCH) || count == ROWS,
            "{context}: {count} rows is half a batch"
        );
        assert!(status.code() != Some(0) || count == ROWS, "{context}: success with {count} rows");
        let prefix = rows[..kept.len()].iter().map(|row| row.trim_end().split_once('\t').unwrap());
        expected.extend(prefix.map(|(key, value)| (key.into(), value.into())));
        // What an earlier round left is looked at as well.
        if let Some(difference) = health::difference(&expected, &health::rows(&store, "round", context)) {
            panic!("{context}: {difference}");
        }
        store.close().unwrap();
        assert!(count < ROWS || held_back(round) == 0, "{context}: the signal did not stop the import");
        cut_short += u64::from(count < ROWS);
        in_order += u64::from(closed);
    }
    println!(
        "{name}: {rounds} imports stopped, {cut_short} of them cut short, {in_order} closed the store in order"
    );
}

#[test]
fn f13_killed_imports_lose_nothing_that_was_acknowledged() {
    stop_imports("kill::import", Signal::KILL, settings::rounds(6));
}

/// Whether it comes before the import watches for it, amid a commit or while the store is closed.
#[test]
fn f25_imports_told_to_end_at_any_moment_lose_nothing_that_was_acknowledged() {
    stop_imports("kill::import (SIGTERM)", Signal::TERM, settings::rounds(4));
}
