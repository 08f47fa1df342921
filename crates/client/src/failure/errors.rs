//! From a failure to the error of each interface.
//!
//! Invariant: a write whose outcome is not known is `Network` with `ConnectionTimeout` in `ClientApi`, whatever else the failure
//! says, and says so in the text of `KvBackend`'s `Storage`.
//!
//! `ClientApiError` goes by the class of the code: 1xxx is `Network`, 2xxx `Protocol`, 3xxx `Storage`, 4xxx `Business`, the rest
//! `General`. A refusal that comes with a leader or a time is `Network`, which alone has room for them.

use pentad_traits::{ClientApiError, ErrorCode, KvError, LeaderHint};

use crate::wire::{Failure, FailureKind};

impl From<Failure> for ClientApiError {
    fn from(failure: Failure) -> Self {
        let Failure { message, retry_after_ms, leader, required_action, supported_versions, .. } = failure;
        let leader_hint = leader.map(|leader| LeaderHint { leader_id: leader.id, address: leader.address });
        let code = ErrorCode::try_from(failure.code).unwrap_or(ErrorCode::Uncategorized);
        let network =
            |code, message, leader_hint| Self::Network { code, message, retry_after_ms, leader_hint };
        if failure.outcome_unknown {
            let message = format!("{message}; whether the write took place is not known");
            return network(ErrorCode::ConnectionTimeout, message, leader_hint);
        }
        let has_hint = leader_hint.is_some() || retry_after_ms.is_some();
        match i32::from(code) / 1000 {
            1 => network(code, message, leader_hint),
            2 => {
                let versions = (!supported_versions.is_empty()).then_some(supported_versions);
                Self::Protocol { code, message, supported_versions: versions }
            }
            3 => Self::Storage { code, message },
            4 if has_hint => network(code, message, leader_hint),
            4 => Self::Business { code, message, required_action },
            _ => Self::General { code, message, required_action },
        }
    }
}

impl From<Failure> for KvError {
    fn from(failure: Failure) -> Self {
        match failure.kind() {
            FailureKind::KeyNotFound => Self::NotFound,
            FailureKind::LimitExceeded => Self::QuotaExceeded,
            _ => Self::Storage(failure.to_string()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_class_of_codes_is_an_error_of_its_own() {
        let error = |kind| ClientApiError::from(Failure::new(kind, "text"));
        assert!(matches!(error(FailureKind::TimedOut), ClientApiError::Network { .. }));
        assert!(matches!(error(FailureKind::Mismatch), ClientApiError::Protocol { .. }));
        assert!(matches!(error(FailureKind::Io), ClientApiError::Storage { .. }));
        assert!(matches!(error(FailureKind::InvalidInput), ClientApiError::Business { .. }));
        assert!(matches!(error(FailureKind::Unspecified), ClientApiError::General { .. }));
        let unheard_of = Failure { code: 12, ..Failure::default() };
        assert_eq!(ClientApiError::from(unheard_of).code(), ErrorCode::Uncategorized);
    }

    #[test]
    fn f19_an_unknown_outcome_is_a_timeout_whatever_the_code() {
        let failure =
            Failure { outcome_unknown: true, ..Failure::new(FailureKind::NotLeader, "it went away") };
        let error = ClientApiError::from(failure.clone());
        assert!(
            matches!(&error, ClientApiError::Network { code: ErrorCode::ConnectionTimeout, .. }),
            "{error}"
        );
        let KvError::Storage(text) = KvError::from(failure) else { panic!("not Storage") };
        assert_eq!(text, "it went away; whether the write took place is not known");
    }

    #[test]
    fn a_hint_of_the_leader_arrives() {
        let leader = crate::wire::LeaderHint { id: 3, address: "host:1".to_owned() };
        let failure =
            Failure::new(FailureKind::NotLeader, "").with_leader(Some(leader)).with_retry_after_ms(50);
        let hint = LeaderHint { leader_id: 3, address: "host:1".to_owned() };
        let wanted = ClientApiError::Network {
            code: ErrorCode::NotLeader,
            message: String::new(),
            retry_after_ms: Some(50),
            leader_hint: Some(hint),
        };
        assert_eq!(ClientApiError::from(failure), wanted);
    }
}
