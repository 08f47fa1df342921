//! A failure in a gRPC status: the code says roughly what happened, to whoever knows gRPC alone; the details have all of it.
//!
//! The details are a `google.rpc.Status` with the failure packed in it, as every gRPC library reads and writes it; its two
//! messages stand here, because nothing else of that package is needed.

use bytes::Bytes;
use prost::Message;
use tonic::{Code, Status};

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
        let packed = Details::decode(status.details())
            .ok()
            .and_then(|details| details.details.into_iter().find(|packed| packed.type_url == TYPE_URL));
        if let Some(failure) = packed.and_then(|packed| Self::decode(packed.value).ok()) {
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
