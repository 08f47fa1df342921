//! Exit codes: which failure ends the process with which number, and how it is said.
//!
//! Invariant: every failure is said once, on standard error, in lines that begin with `pentad: `; a closed pipe is
//! not a failure and says nothing.

use std::process::ExitCode;

use pentad_client::FailureKind;
use pentad_engine::ErrorKind;

use crate::error::{Failure, Result};
use crate::output::warn;

/// The key that was asked for is not there, or a condition does not hold.
const ABSENT: u8 = 1;
/// The command, its input or its target cannot be used as given; mending it helps, trying again does not.
const USAGE: u8 = 2;
/// The store or the operating system refused.
const STORE: u8 = 3;
/// Ctrl-C, as shells number it: 128 and the number of the signal.
const INTERRUPTED: u8 = 130;

/// Says what went wrong, if anything did, and answers with the exit code for it.
pub(crate) fn report(result: Result<()>) -> ExitCode {
    match result {
        Ok(()) | Err(Failure::ClosedPipe) => ExitCode::SUCCESS,
        Err(failure) => {
            warn(&failure.to_string());
            ExitCode::from(code(&failure))
        }
    }
}

fn code(failure: &Failure) -> u8 {
    match failure {
        Failure::Absent(_) | Failure::Unmet(_) => ABSENT,
        Failure::Usage(_) | Failure::Input(_) | Failure::Refused(_) => USAGE,
        Failure::Store(error) if error.kind() == ErrorKind::InvalidInput => USAGE,
        Failure::Remote(failure) if failure.kind() == FailureKind::InvalidInput => USAGE,
        Failure::Store(_)
        | Failure::Remote(_)
        | Failure::NoStore(_)
        | Failure::Cluster(_)
        | Failure::Io { .. }
        | Failure::Damage(_) => STORE,
        Failure::Interrupted => INTERRUPTED,
        Failure::Partial { cause, .. } => match **cause {
            // An import whose acknowledgements nobody reads any more has not done what it was asked.
            Failure::ClosedPipe => STORE,
            ref cause => code(cause),
        },
        Failure::ClosedPipe => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_partial_failure_exits_like_its_cause() {
        let partial =
            |cause| Failure::Partial { cause: Box::new(cause), state: "3 entries are in".to_owned() };
        assert_eq!(code(&partial(Failure::Input("line 4".to_owned()))), USAGE);
        assert_eq!(code(&partial(Failure::Interrupted)), INTERRUPTED);
        assert_eq!(code(&partial(Failure::ClosedPipe)), STORE);
    }

    #[test]
    fn the_documented_codes_are_the_ones_given() {
        assert_eq!(code(&Failure::Absent(String::new())), 1);
        assert_eq!(code(&Failure::Unmet(String::new())), 1);
        assert_eq!(code(&Failure::Usage(String::new())), 2);
        assert_eq!(code(&Failure::Refused(String::new())), 2);
        assert_eq!(code(&Failure::Damage(String::new())), 3);
    }
}
