//! The failures, by the cases that they belong to.

use std::collections::BTreeMap;

use super::outcome::{End, May, check};
use super::scenario::{self, Scenario, Stores};
use super::strace::{self, Call, Injection};
use crate::random::Random;
use crate::settings;
use crate::support::Sandbox;

/// Most sites of one call in one scenario; more are spread evenly over all of them.
const SITES_MAX: usize = 40;
/// Scenarios in the quick form, with one site of each fault.
const QUICK_SCENARIOS: usize = 2;

/// A call, how it fails, and what may come of it.
#[derive(Clone, Copy, Debug)]
struct Fault {
    call: &'static str,
    result: &'static str,
    may: May,
}

const EIO: May = May::Refuse("Input/output error");
const ENOSPC: May = May::Refuse("No space left on device");

const fn fault(call: &'static str, result: &'static str, may: May) -> Fault {
    Fault { call, result, may }
}

/// One call that was made to fail.
#[derive(Debug)]
struct Hit {
    scenario: &'static str,
    call: String,
    end: End,
}

/// Makes the store's calls fail, one at a time: every one of them in the long form, a sample in the quick one.
fn inject(name: &str, faults: &[Fault], reads_too: bool) -> Vec<Hit> {
    if let Some(why) = strace::unavailable() {
        settings::skip(name, &why);
        return Vec::new();
    }
    let (seed, mut random) = settings::random(name);
    let sandbox = Sandbox::new();
    let stores = Stores::new(&sandbox, seed);
    let mut fitting: Vec<_> = scenario::ALL.iter().filter(|(_, writes)| *writes || reads_too).collect();
    while !settings::everything() && fitting.len() > QUICK_SCENARIOS {
        fitting.swap_remove(random.below_usize(fitting.len()));
    }
    let mut hits = Vec::new();
    let (mut runs, mut missed) = (0, 0);
    let mut unreached: Vec<&str> = faults.iter().map(|fault| fault.call).collect();
    for (make, _) in fitting {
        let scenario = make(&stores);
        let sites = sites(&scenario, &sandbox, faults);
        unreached.retain(|call| !sites.contains_key(*call));
        for fault in faults {
            let Some(of_call) = sites.get(fault.call) else { continue };
            for nth in chosen(of_call, &mut random) {
                runs += 1;
                match hit(&scenario, &sandbox, *fault, nth, seed) {
                    Some(hit) => hits.push(hit),
                    // Threads take turns, so a call can be another thread's this time.
                    None => missed += 1,
                }
            }
        }
    }
    assert!(!settings::everything() || unreached.is_empty(), "{name}: no scenario calls {unreached:?}");
    let refused = hits.iter().filter(|hit| hit.end == End::Refused).count();
    println!(
        "{name}: {runs} runs, {} calls failed, {refused} refusals, {missed} runs without the call",
        hits.len()
    );
    assert!(hits.len() > runs / 2, "{name}: only {} of {runs} runs met their fault", hits.len());
    hits
}

/// The sites of a scenario that nothing happens to: by call, which of a thread's calls of that name concern the store.
fn sites(scenario: &Scenario, sandbox: &Sandbox, faults: &[Fault]) -> BTreeMap<String, Vec<u64>> {
    let path = sandbox.path("store");
    scenario.prepare(&path);
    let mut names: Vec<&str> = faults.iter().map(|fault| fault.call).collect();
    names.dedup();
    let command = scenario.command(sandbox, &path);
    let (output, calls) = strace::run(&command, &names, None, &sandbox.path(""), scenario.input.as_deref());
    let context = format!("{}, undisturbed", scenario.name);
    check(scenario, sandbox, &path, &output, May::Nothing, &context);
    let mut sites: BTreeMap<String, Vec<u64>> = BTreeMap::new();
    for call in calls.iter().filter(|call| concerns_the_store(call, sandbox)) {
        let of_call = sites.entry(call.name.clone()).or_default();
        if !of_call.contains(&call.nth) {
            of_call.push(call.nth);
        }
    }
    sites
}

fn concerns_the_store(call: &Call, sandbox: &Sandbox) -> bool {
    // A thread is the store's own, but for the one that shows progress, which is told nothing of a failure.
    let dir = sandbox.path("");
    let dir = dir.to_str().unwrap().trim_end_matches('/');
    let input = ["in.tsv", "/big"].iter().any(|name| call.line.contains(name));
    call.name == "clone3" || (call.line.contains(dir) && !input)
}

/// All sites up to a number, or one of them in the quick form.
fn chosen(sites: &[u64], random: &mut Random) -> Vec<u64> {
    if !settings::everything() {
        return vec![sites[random.below_usize(sites.len())]];
    }
    let count = sites.len().min(SITES_MAX);
    (0..count).map(|n| sites[n * sites.len() / count]).collect()
}

/// Runs a scenario with one call failing; `None` when it was not called.
fn hit(scenario: &Scenario, sandbox: &Sandbox, fault: Fault, nth: u64, seed: u64) -> Option<Hit> {
    let path = sandbox.path("store");
    scenario.prepare(&path);
    let injection = Injection { call: fault.call, result: fault.result, nth };
    let command = scenario.command(sandbox, &path);
    let (output, calls) =
        strace::run(&command, &[fault.call], Some(injection), &sandbox.path(""), scenario.input.as_deref());
    let call = calls.into_iter().find(|call| call.injected);
    let line = call.as_ref().map_or("not called", |call| &*call.line);
    let context =
        format!("seed {seed}, {}, {} {} at call {nth}: {line}", scenario.name, fault.call, fault.result);
    let may = if call.is_some() { fault.may } else { May::Nothing };
    let end = check(scenario, sandbox, &path, &output, may, &context);
    Some(Hit { scenario: scenario.name, call: call?.line, end })
}

/// A failure that came to nothing was of a call that the store can do without; otherwise somebody has swallowed an error.
fn only_these_may_be_passed_over(hits: &[Hit], optional: &[&str]) {
    for hit in hits.iter().filter(|hit| hit.end == End::Done && !hit.call.contains("EINTR")) {
        let passed = optional.iter().any(|part| hit.call.contains(part));
        assert!(passed, "{}: passed over without a word: {}", hit.scenario, hit.call);
    }
}

#[test]
fn f07_every_failing_sync_of_the_program_is_told_and_loses_nothing() {
    let faults = [fault("fdatasync", "error=EIO", EIO), fault("fsync", "error=EIO", EIO)];
    let hits = inject("syscalls::syncs", &faults, false);
    only_these_may_be_passed_over(&hits, &["/reserve>"]);
}

#[test]
fn f08_every_failing_interrupted_or_short_write_of_the_program_is_told_or_done_again() {
    let faults = [
        fault("pwrite64", "error=EIO", EIO),
        fault("pwrite64", "error=EINTR", May::Nothing),
        // The file takes nothing.
        fault("pwrite64", "retval=0", May::Refuse("took no more bytes")),
        // Seven bytes are said to be written, and are not.
        fault("pwrite64", "retval=7", May::Lose),
        fault("fdatasync", "error=EINTR", May::Nothing),
        fault("ftruncate", "error=EIO", EIO),
    ];
    let mut hits = inject("syscalls::writes", &faults, false);
    // Of a write that the kernel claims nobody can know.
    hits.retain(|hit| !hit.call.contains("= 7 (INJECTED)"));
    only_these_may_be_passed_over(&hits, &["/reserve>"]);
}

#[test]
fn f09_every_call_that_finds_the_disk_full_is_told_and_loses_nothing() {
    let faults = [
        fault("pwrite64", "error=ENOSPC", ENOSPC),
        fault("fallocate", "error=ENOSPC", ENOSPC),
        fault("fallocate", "error=EOPNOTSUPP", May::Nothing),
        fault("openat", "error=ENOSPC", ENOSPC),
        fault("mkdir", "error=ENOSPC", ENOSPC),
        fault("rename", "error=ENOSPC", ENOSPC),
        fault("fdatasync", "error=ENOSPC", ENOSPC),
    ];
    inject("syscalls::space", &faults, false);
}

#[test]
fn f10_every_failing_read_of_the_program_is_told_and_nothing_altered_comes_out() {
    let faults = [
        fault("pread64", "error=EIO", EIO),
        fault("pread64", "error=EINTR", May::Nothing),
        fault("getdents64", "error=EIO", EIO),
        fault("statx", "error=EIO", EIO),
    ];
    let hits = inject("syscalls::reads", &faults, true);
    for hit in hits.iter().filter(|hit| hit.scenario.starts_with("verify") && hit.call.contains("EIO")) {
        assert_eq!(hit.end, End::Refused, "verify passed over a read that failed: {}", hit.call);
    }
}

#[test]
fn f11_every_failing_rename_and_removal_of_the_program_is_told_or_made_up_for() {
    let faults = [
        fault("rename", "error=EIO", EIO),
        fault("unlink", "error=EIO", EIO),
        fault("unlink", "error=EACCES", May::Refuse("Permission denied")),
    ];
    let hits = inject("syscalls::names", &faults, false);
    // What compaction could not remove, the next open removes.
    only_these_may_be_passed_over(&hits, &["unlink("]);
}

#[test]
fn f25_running_out_of_descriptors_memory_locks_or_threads_at_any_call_is_told_and_loses_nothing() {
    let faults = [
        fault("openat", "error=EMFILE", May::Refuse("Too many open files")),
        fault("openat", "error=ENFILE", May::Refuse("Too many open files in system")),
        fault("mmap", "error=ENOMEM", May::Refuse("Cannot allocate memory")),
        fault("flock", "error=ENOLCK", May::Refuse("No locks available")),
        fault("clone3", "error=EAGAIN", May::Refuse("Resource temporarily unavailable")),
    ];
    let mut hits = inject("syscalls::resources", &faults, true);
    // It first asks the files for their lengths, to show how far it is.
    hits.retain(|hit| !hit.scenario.starts_with("verify"));
    let reserve = ["/reserve\"", "/store\", O_RDONLY|O_CLOEXEC)"];
    only_these_may_be_passed_over(&hits, &[&reserve[..], &["/proc/"]].concat());
}
