//! A failure in a gRPC status: the code says roughly what happened, to whoever knows gRPC alone; the details have all of it.
//!
//! The details are a `google.rpc.Status` with the failure packed in it, as every gRPC library reads and writes it; its two
//! messages stand here, because nothing else of that package is needed.

use std::error::Error as _;

use bytes::Bytes;
use prost::Message;
use tonic::{Code, ConnectError, Status};

use crate::wire::{Failure, FailureKind};

/// The name under which the failure is packed.
const TYPE_URL: &str = "type.googleapis.com/pentad.v1.Failure";

/// Longest text in the status itself: HTTP headers have a limit, and the details repeat it.
const TEXT_BYTES_MAX: usize = 512;

/// `google.rpc.Status`.
#[derive(Clone, PartialEq, Message)]
struct Details {
    #[prost(int32, tag = "1")]
    code: i32,
    #[prost(string, tag = "2")]
    message: String,
    #[prost(message, repeated, tag = "3")]
    details: Vec<Packed>,
}

/// `google.protobuf.Any`.
#[derive(Clone, PartialEq, Message)]
struct Packed {
    #[prost(string, tag = "1")]
    type_url: String,
    #[prost(bytes = "bytes", tag = "2")]
    value: Bytes,
}

impl From<Failure> for Status {
    fn from(mut failure: Failure) -> Self {
        let code = grpc_code(&failure);
        let text = shortened(&failure.to_string());
        // The details go in a header as well: a message with a key in it must not outgrow what the other side takes.
        failure.message = shortened(&failure.message);
        let details = Details {
            code: code.into(),
            message: text.clone(),
            details: vec![Packed { type_url: TYPE_URL.to_owned(), value: failure.encode_to_vec().into() }],
        };
        Self::with_details(code, text, details.encode_to_vec().into())
    }
}

impl From<Status> for Failure {
    /// The failure in the details; one made of code and text where there is none, as from a proxy in between.
    fn from(status: Status) -> Self {
        if let Some(failure) = told(&status) {
            return failure;
        }
        let kind = match status.code() {
            Code::InvalidArgument => FailureKind::InvalidInput,
            Code::DeadlineExceeded => FailureKind::TimedOut,
            Code::ResourceExhausted => FailureKind::Overloaded,
            Code::Unimplemented => FailureKind::Unsupported,
            Code::Unavailable | Code::Cancelled | Code::Aborted | Code::Unknown | Code::Internal => {
                FailureKind::Unavailable
            }
            _ => FailureKind::Unspecified,
        };
        Self::new(kind, format!("{}: {}", status.code(), status.message()))
    }
}

impl Failure {
    /// The failure of a change that a node was asked for. Where the status is not the node's own word, the connection was lost: then
    /// the outcome is not known, unless the node was never reached.
    pub fn of_change(status: Status) -> Self {
        let is_open = told(&status).is_none() && !never_left(&status);
        let failure = Self::from(status);
        Self { outcome_unknown: failure.outcome_unknown || is_open, ..failure }
    }
}

/// What the node itself says in a status; `None` when it was made on the way.
fn told(status: &Status) -> Option<Failure> {
    let details = Details::decode(status.details()).ok()?;
    let packed = details.details.into_iter().find(|packed| packed.type_url == TYPE_URL)?;
    Failure::decode(packed.value).ok()
}

/// Whether there was no connection that anything could have been sent on.
pub(crate) fn never_left(status: &Status) -> bool {
    let mut source = status.source();
    while let Some(error) = source {
        if error.is::<ConnectError>() {
            return true;
        }
        source = error.source();
    }
    false
}

fn grpc_code(failure: &Failure) -> Code {
    match failure.kind() {
        FailureKind::Unspecified => Code::Unknown,
        FailureKind::InvalidInput => Code::InvalidArgument,
        FailureKind::LimitExceeded | FailureKind::DiskFull | FailureKind::Overloaded => {
            Code::ResourceExhausted
        }
        FailureKind::KeyNotFound => Code::NotFound,
        FailureKind::WrongType | FailureKind::Mismatch => Code::FailedPrecondition,
        FailureKind::NotLeader
        | FailureKind::Unavailable
        | FailureKind::LeaseNotHeld
        | FailureKind::Stopped => Code::Unavailable,
        FailureKind::Pruned => Code::OutOfRange,
        FailureKind::Damaged => Code::DataLoss,
        FailureKind::Io => Code::Internal,
        FailureKind::TimedOut => Code::DeadlineExceeded,
        FailureKind::Unsupported => Code::Unimplemented,
        FailureKind::RequestForgotten => Code::Aborted,
    }
}

fn shortened(text: &str) -> String {
    if text.len() <= TEXT_BYTES_MAX {
        return text.to_owned();
    }
    let end = text.floor_char_boundary(TEXT_BYTES_MAX);
    format!("{} …", &text[..end])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failure_travels_whole() {
        let failure = Failure {
            outcome_unknown: true,
            ..Failure::new(FailureKind::NotLeader, "ask node 2").with_retry_after_ms(20).with_action("wait")
        };
        let status = Status::from(failure.clone());
        assert_eq!(status.code(), Code::Unavailable);
        assert_eq!(Failure::from(status), failure);
    }

    /// A change of the members whose connection broke was reported as one that had not been made.
    #[test]
    fn f19_a_change_whose_answer_was_lost_is_of_unknown_outcome() {
        assert!(Failure::of_change(Status::unavailable("the connection was reset")).outcome_unknown);
        assert!(Failure::of_change(Status::cancelled("h2 protocol error")).outcome_unknown);
        let refused = Status::from(Failure::new(FailureKind::Unspecified, "promote it first"));
        assert!(!Failure::of_change(refused).outcome_unknown, "the node says what it did");
        let unreachable = Status::from_error(Box::new(ConnectError("refused".into())));
        assert!(never_left(&unreachable) && !Failure::of_change(unreachable).outcome_unknown);
    }

    #[test]
    fn f24_a_long_text_is_cut_and_details_of_others_are_passed_over() {
        let failure = Failure::new(FailureKind::Pruned, "ä".repeat(100_000));
        let status = Status::from(failure);
        assert!(status.message().len() < 1000 && status.details().len() < 3000);
        for details in [&b"\xff\xff\xff"[..], b""] {
            let status = Status::with_details(Code::Unavailable, "gone", Bytes::copy_from_slice(details));
            let failure = Failure::from(status);
            assert_eq!(failure.kind(), FailureKind::Unavailable);
            assert!(failure.message.contains("gone"), "{failure}");
        }
    }
}
