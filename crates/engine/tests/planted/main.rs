//! The test of the tests: each deliberate defect of `pentad_engine::planted` must make some crash scenario fail, and
//! the same scenarios must pass without it.
//!
//! `PENTAD_PLANTED=Name` hunts one bug alone; `PENTAD_SIM_SEEDS=n` changes how long.

#[path = "../crash/harness/mod.rs"]
#[expect(dead_code, reason = "the tests of single cases use more of the harness than the scenarios do")]
mod harness;

use std::cell::Cell;
use std::num::NonZero;
use std::panic::{AssertUnwindSafe, catch_unwind, set_hook, take_hook};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, Once};

use harness::{
    backups, forged, namespace_rot, namespaces, record_log_faults, record_logs, scenarios, system_entries,
    transactions,
};
use pentad_engine::planted::{Bug, with};

type Scenario = fn(u64);

/// Every scenario, by name.
const SCENARIOS: [(&str, Scenario); 20] = [
    ("power_cuts", scenarios::power_cuts),
    ("kills_and_power_cuts", scenarios::kills_and_power_cuts),
    ("failing_disk", scenarios::failing_disk),
    ("torn_tail", scenarios::torn_tail),
    ("recycled_tail", forged::recycled_tail),
    ("stale_epoch", forged::stale_epoch),
    ("stale_catalog", forged::stale_catalog),
    ("cut_after_close", scenarios::cut_after_close),
    ("rot", scenarios::rot),
    ("rotten_checkpoint", scenarios::rotten_checkpoint),
    ("gaps", scenarios::gaps),
    ("cuts_in_care", scenarios::cuts_in_care),
    ("without_checkpoints", scenarios::without_checkpoints),
    ("backups", backups::backups),
    ("transactions", transactions::transactions),
    ("record_log_cuts", record_logs::cuts),
    ("record_log_on_a_failing_disk", record_log_faults::failing_disk),
    ("system_entries", system_entries::system_entries),
    ("namespaces", namespaces::namespaces),
    ("namespace_rot", namespace_rot::namespace_rot),
];

/// Seeds tried with each scenario before a bug counts as missed. `PENTAD_SIM_SEEDS` changes it.
const SEEDS: u64 = 300;
/// Seeds of each scenario that must pass without a bug.
const SOUND_SEEDS: u64 = 20;

fn seeds(otherwise: u64) -> u64 {
    std::env::var("PENTAD_SIM_SEEDS").map_or(otherwise, |text| {
        text.parse().unwrap_or_else(|error| panic!("PENTAD_SIM_SEEDS is {text:?}: {error}"))
    })
}

thread_local! {
    static HUNTING: Cell<bool> = const { Cell::new(false) };
}

/// While a thread hunts, panics are wanted: their texts are kept, and their backtraces would only cost time.
fn hush() {
    static HOOK: Once = Once::new();
    HOOK.call_once(|| {
        let loud = take_hook();
        set_hook(Box::new(move |panic| {
            if !HUNTING.get() {
                loud(panic);
            }
        }));
    });
}

/// What the scenario says when it fails.
fn failure(scenario: Scenario, seed: u64) -> Option<String> {
    hush();
    HUNTING.set(true);
    let result = catch_unwind(AssertUnwindSafe(|| scenario(seed)));
    HUNTING.set(false);
    let panic = result.err()?;
    let text = panic.downcast_ref::<String>().cloned();
    let text = text.or_else(|| panic.downcast_ref::<&str>().map(|text| (*text).to_owned()));
    Some(text.unwrap_or_else(|| "a panic without words".to_owned()))
}

/// The first failure that the bug causes: seed by seed through all scenarios, so that an early one is found early.
fn hunt(bug: Bug) -> Option<String> {
    for seed in 0..seeds(SEEDS) {
        for (name, scenario) in SCENARIOS {
            if let Some(text) = with(bug, || failure(scenario, seed)) {
                let line = text.lines().next().unwrap_or_default();
                return Some(format!("{name}, seed {seed}: {line}"));
            }
        }
    }
    None
}

/// Hunts the bugs, one per thread at a time; the bugs that got away.
fn missed_of(bugs: &[Bug]) -> Vec<Bug> {
    let (next, missed) = (AtomicUsize::new(0), Mutex::new(Vec::new()));
    let work = || {
        while let Some(&bug) = bugs.get(next.fetch_add(1, Ordering::Relaxed)) {
            let caught = hunt(bug);
            println!("{bug:?}: {}", caught.as_deref().unwrap_or("NOT CAUGHT"));
            if caught.is_none() {
                missed.lock().expect("no hunter panics while it holds the list").push(bug);
            }
        }
    };
    let hunters = std::thread::available_parallelism().map_or(1, NonZero::get);
    std::thread::scope(|scope| {
        for _ in 0..hunters {
            scope.spawn(work);
        }
    });
    missed.into_inner().expect("no hunter panics while it holds the list")
}

#[test]
fn every_planted_bug_is_caught() {
    let wanted = std::env::var("PENTAD_PLANTED").ok();
    let is_wanted = |bug: &Bug| wanted.as_ref().is_none_or(|name| *name == format!("{bug:?}"));
    let bugs: Vec<Bug> = Bug::ALL.iter().copied().filter(is_wanted).collect();
    assert!(!bugs.is_empty(), "there is no bug {wanted:?}");
    let missed = missed_of(&bugs);
    assert!(missed.is_empty(), "no scenario notices {missed:?}");
}

#[test]
fn no_scenario_fails_without_a_bug() {
    for (name, scenario) in SCENARIOS {
        for seed in 0..SOUND_SEEDS {
            if let Some(text) = failure(scenario, seed) {
                panic!("{name}, seed {seed}, nothing planted: {text}");
            }
        }
    }
}

/// What a record log shares with a store is wrong for both: its own scenarios have to notice as well.
#[test]
fn f20_the_scenarios_of_the_record_log_catch_what_can_befall_it() {
    let bugs = [
        Bug::AckBeforeSync,
        Bug::TruncationNotLogged,
        Bug::CutBeforeSmall,
        Bug::SmallLeftOut,
        Bug::RollWithoutSync,
        Bug::NoSyncAfterRecovery,
        Bug::NoDirectorySync,
        Bug::NoSyncBeforeRename,
        Bug::TrimOnAnyError,
        Bug::RefuseOnAnyGap,
        Bug::ZerosValid,
        Bug::OrphanRemovedTooEarly,
        Bug::LostMark,
    ];
    let notices = |bug, seed| {
        let scenarios: [Scenario; 2] = [record_logs::cuts, record_log_faults::rot];
        scenarios.into_iter().any(|scenario| with(bug, || failure(scenario, seed)).is_some())
    };
    let missed: Vec<Bug> =
        bugs.into_iter().filter(|&bug| !(0..seeds(SEEDS)).any(|seed| notices(bug, seed))).collect();
    assert!(missed.is_empty(), "no scenario of the record log notices {missed:?}");
}
