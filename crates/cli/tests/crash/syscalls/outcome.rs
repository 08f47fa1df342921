//! What may come of a call that failed.

use std::path::Path;
use std::process::Output;

use pentad_engine::{ErrorKind, Options};

use super::scenario::Scenario;
use crate::health::{self, Rows, difference};
use crate::support::Sandbox;

/// What a failing call may lead to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum May {
    /// The program says what failed, in these words, or does without the call.
    Refuse(&'static str),
    /// Nothing: the program has to do without the call, or do it again.
    Nothing,
    /// The kernel has said that it did what it did not do. No program can keep what was lost so, but none of it may
    /// come back altered, and the loss has to be told.
    Lose,
}

/// How the program ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum End {
    Done,
    /// Done without what failed, and that was said.
    Told,
    Refused,
}

/// Holds the end of the program and the store that it left behind against what may be.
pub(crate) fn check(
    scenario: &Scenario,
    sandbox: &Sandbox,
    path: &Path,
    output: &Output,
    may: May,
    context: &str,
) -> End {
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(!said.contains("panicked"), "{context}: {said}");
    let end = match output.status.code() {
        Some(0) => match may {
            May::Refuse(words) if said.contains(words) => End::Told,
            _ => End::Done,
        },
        Some(3) if may != May::Nothing => End::Refused,
        _ => panic!("{context}: ended with {}: {said}", output.status),
    };
    if end == End::Refused {
        assert!(said.starts_with("pentad: "), "{context}: {said}");
        if let May::Refuse(words) = may {
            assert!(said.contains(words), "{context}: the message does not say {words:?}: {said}");
        }
    } else if let Some(expected) = &scenario.output {
        assert!(output.stdout == *expected, "{context}: another value came out");
    }
    if may == May::Lose {
        check_lossy(scenario, path, end, context);
    } else {
        let least = match end {
            End::Done | End::Told => scenario.states.len() - 1,
            End::Refused => scenario.acknowledged(&output.stdout),
        };
        check_store(scenario, sandbox, path, least, context);
    }
    end
}

/// The store opens and verifies, holds one of the states from `least` on, and can be written to.
fn check_store(scenario: &Scenario, sandbox: &Sandbox, path: &Path, least: usize, context: &str) {
    if !path.exists() {
        assert!(least == 0 && scenario.states[0].is_empty(), "{context}: the store is gone");
        // What was left of the attempt must not be in the way.
        let again = scenario.command(sandbox, path).output().unwrap();
        assert!(again.status.success(), "{context}: once more: {again:?}");
        return check_store(scenario, sandbox, path, scenario.states.len() - 1, context);
    }
    health::verify(path, context);
    let store = health::open(path, &Options::new(), context);
    health::no_orphans(&store, context);
    let found = health::rows(&store, "", context);
    if !scenario.states[least..].contains(&found) {
        let told = difference(&scenario.states[least], &found).expect("it is not that state");
        panic!("{context}: the store holds none of the states from {least} on: compared with that, {told}");
    }
    store.put("probe", "v").unwrap_or_else(|error| panic!("{context}: put: {error}"));
    store.close().unwrap_or_else(|error| panic!("{context}: close: {error}"));
    assert!(!health::verify(path, context), "{context}: an unfinished write after a close");
}

/// The store holds one of the states, or says that it is damaged; it never says otherwise than it was told.
fn check_lossy(scenario: &Scenario, path: &Path, end: End, context: &str) {
    let verified = match pentad_engine::verify(path, &Options::new(), &mut |_| {}) {
        Ok(report) => report.damage.is_empty(),
        Err(error) => {
            let kinds = [ErrorKind::Damaged, ErrorKind::NotAStore, ErrorKind::StoreNotFound];
            assert!(kinds.contains(&error.kind()), "{context}: verify: {error}");
            false
        }
    };
    let store = match Options::new().open_read_only(path) {
        Ok(store) => store,
        Err(error) => {
            assert!(!verified, "{context}: verify found nothing, and yet: {error}");
            return;
        }
    };
    let mut found = Rows::new();
    for row in store.range::<&str>(..) {
        match row {
            Ok((key, value)) => {
                found.insert(key.to_vec(), value.to_vec());
            }
            Err(error) => {
                assert_eq!(error.kind(), ErrorKind::Damaged, "{context}: {error}");
                assert!(!verified, "{context}: verify found nothing, and yet: {error}");
            }
        }
    }
    let was_there = |(key, value): (&Vec<u8>, &Vec<u8>)| {
        scenario.states.iter().any(|state| state.get(key) == Some(value))
    };
    assert!(found.iter().all(was_there), "{context}: a value that nobody put");
    let least = if end == End::Done { scenario.states.len() - 1 } else { 0 };
    assert!(
        !verified || scenario.states[least..].contains(&found),
        "{context}: verify found nothing, and yet something is missing"
    );
}
