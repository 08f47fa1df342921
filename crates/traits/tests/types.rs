//! The value and error types: their numbers, which travel between programs, and their texts, which operators read.

use pentad_traits::{
    ClientApiError, ErrorCode, KvError, LeaderHint, NodeMeta, NodeRole, NodeStatus, ReadConsistencyPolicy,
    UnknownNumber,
};

#[test]
fn kv_errors_have_their_fixed_texts() {
    for (error, text) in [
        (KvError::NotFound, "key not found"),
        (KvError::ValueTooLarge, "value too large"),
        (KvError::QuotaExceeded, "storage quota exceeded"),
        (KvError::InvalidKey, "invalid key format"),
        (KvError::Storage("invalid number: \"x\"".to_owned()), "storage error: invalid number: \"x\""),
    ] {
        assert_eq!(error.to_string(), text);
        assert_eq!(error.clone(), error);
    }
    assert_ne!(KvError::Storage("one".to_owned()), KvError::Storage("other".to_owned()));
}

#[test]
fn error_codes_keep_their_numbers() {
    let codes = [
        (ErrorCode::Success, 0),
        (ErrorCode::ConnectionTimeout, 1001),
        (ErrorCode::InvalidAddress, 1002),
        (ErrorCode::LeaderChanged, 1003),
        (ErrorCode::JoinError, 1004),
        (ErrorCode::InvalidResponse, 2001),
        (ErrorCode::VersionMismatch, 2002),
        (ErrorCode::DiskFull, 3001),
        (ErrorCode::DataCorruption, 3002),
        (ErrorCode::StorageIoError, 3003),
        (ErrorCode::StoragePermissionDenied, 3004),
        (ErrorCode::KeyNotExist, 3005),
        (ErrorCode::NotLeader, 4001),
        (ErrorCode::StaleOperation, 4002),
        (ErrorCode::InvalidRequest, 4003),
        (ErrorCode::RateLimited, 4004),
        (ErrorCode::ClusterUnavailable, 4005),
        (ErrorCode::ProposeFailed, 4006),
        (ErrorCode::TermOutdated, 4007),
        (ErrorCode::RetryRequired, 4008),
        (ErrorCode::WatchBufferOverflow, 5001),
        (ErrorCode::General, 8888),
        (ErrorCode::Uncategorized, 9999),
    ];
    for (code, number) in codes {
        assert_eq!(i32::from(code), number);
        assert_eq!(ErrorCode::try_from(number), Ok(code));
    }
    let known = (-1..=10_000).filter(|number| ErrorCode::try_from(*number).is_ok()).count();
    assert_eq!(known, codes.len(), "no other number is a code");
}

#[test]
fn roles_and_statuses_keep_their_numbers() {
    let roles = [
        (NodeRole::Unspecified, 0),
        (NodeRole::Follower, 1),
        (NodeRole::Candidate, 2),
        (NodeRole::Leader, 3),
        (NodeRole::Learner, 4),
    ];
    for (role, number) in roles {
        assert_eq!((i32::from(role), NodeRole::try_from(number)), (number, Ok(role)));
    }
    let statuses = [
        (NodeStatus::Unspecified, 0),
        (NodeStatus::Promotable, 1),
        (NodeStatus::ReadOnly, 2),
        (NodeStatus::Active, 3),
    ];
    for (status, number) in statuses {
        assert_eq!((i32::from(status), NodeStatus::try_from(number)), (number, Ok(status)));
    }
    assert_eq!(NodeRole::try_from(5), Err(UnknownNumber { what: "node role", number: 5 }));
    assert_eq!(NodeStatus::try_from(-1), Err(UnknownNumber { what: "node status", number: -1 }));
    assert_eq!(
        NodeRole::try_from(5).map_err(|error| error.to_string()),
        Err("5 is not a known node role".to_owned())
    );
    assert_eq!(NodeRole::default(), NodeRole::Unspecified);
    assert_eq!(NodeStatus::default(), NodeStatus::Unspecified);
}

#[test]
fn a_member_may_have_a_role_that_is_newer_than_the_client() {
    let node = NodeMeta { id: 7, address: "10.0.0.7:9081".to_owned(), role: 99, status: 3 };
    assert!(NodeRole::try_from(node.role).is_err());
    assert_eq!(NodeStatus::try_from(node.status), Ok(NodeStatus::Active));
}

#[test]
fn reads_are_linearizable_unless_told_otherwise() {
    assert_eq!(ReadConsistencyPolicy::default(), ReadConsistencyPolicy::LinearizableRead);
}

#[test]
fn client_errors_answer_code_and_message_and_read_well() {
    let (message, action) = ("it went wrong".to_owned(), Some("call the operator".to_owned()));
    let errors = [
        (
            ClientApiError::Network {
                code: ErrorCode::NotLeader,
                message: message.clone(),
                retry_after_ms: Some(50),
                leader_hint: Some(LeaderHint { leader_id: 3, address: "10.0.0.3:9081".to_owned() }),
            },
            ErrorCode::NotLeader,
            "network error NotLeader (4001): it went wrong; the leader may be node 3 at 10.0.0.3:9081; retry after 50 ms",
        ),
        (
            ClientApiError::Protocol {
                code: ErrorCode::VersionMismatch,
                message: message.clone(),
                supported_versions: Some(vec!["1".to_owned(), "2".to_owned()]),
            },
            ErrorCode::VersionMismatch,
            "protocol error VersionMismatch (2002): it went wrong; supported versions: 1, 2",
        ),
        (
            ClientApiError::Storage { code: ErrorCode::DiskFull, message: message.clone() },
            ErrorCode::DiskFull,
            "storage error DiskFull (3001): it went wrong",
        ),
        (
            ClientApiError::Business {
                code: ErrorCode::RateLimited,
                message: message.clone(),
                required_action: action.clone(),
            },
            ErrorCode::RateLimited,
            "request refused RateLimited (4004): it went wrong; call the operator",
        ),
        (
            ClientApiError::General {
                code: ErrorCode::General,
                message: message.clone(),
                required_action: None,
            },
            ErrorCode::General,
            "error General (8888): it went wrong",
        ),
    ];
    for (error, code, text) in errors {
        assert_eq!(error.code(), code);
        assert_eq!(error.message(), message);
        assert_eq!(error.to_string(), text);
        let _as_error: &dyn std::error::Error = &error;
    }
}
