//! `ClientApiError`: what a client is told when a call fails, in the five classes that call for different answers.
//!
//! The invariant: each error has a code for programs and a message for people, whatever its class.

use std::error::Error;
use std::fmt;

use super::ErrorCode;

/// A result of [`ClientApi`](crate::ClientApi).
pub type ClientApiResult<T> = Result<T, ClientApiError>;

/// Why a call of [`ClientApi`](crate::ClientApi) failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ClientApiError {
    /// The store was not reached, or did not answer in time. Retry, elsewhere if there is a hint; the outcome of a
    /// write is unknown.
    Network {
        /// What happened, for programs.
        code: ErrorCode,
        /// What happened, for people.
        message: String,
        /// How many milliseconds to wait before the next attempt, if the store said so.
        retry_after_ms: Option<u64>,
        /// Where the leader is thought to be.
        leader_hint: Option<LeaderHint>,
    },
    /// An answer could not be understood. Update one side.
    Protocol {
        /// What happened, for programs.
        code: ErrorCode,
        /// What happened, for people.
        message: String,
        /// The versions that the other side speaks, if it said so.
        supported_versions: Option<Vec<String>>,
    },
    /// The disk is full or failed, or stored bytes are damaged. The operator must look.
    Storage {
        /// What happened, for programs.
        code: ErrorCode,
        /// What happened, for people.
        message: String,
    },
    /// The request was refused, and nothing was changed. Change it, or retry as the code says.
    Business {
        /// What happened, for programs.
        code: ErrorCode,
        /// What happened, for people.
        message: String,
        /// What the caller has to do, if one thing helps.
        required_action: Option<String>,
    },
    /// Anything else.
    General {
        /// What happened, for programs.
        code: ErrorCode,
        /// What happened, for people.
        message: String,
        /// What the caller has to do, if one thing helps.
        required_action: Option<String>,
    },
}

/// Where the leader of a cluster is thought to be.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct LeaderHint {
    /// The id of the node.
    pub leader_id: u32,
    /// The address that clients reach it by.
    pub address: String,
}

impl ClientApiError {
    /// What happened, for programs.
    pub fn code(&self) -> ErrorCode {
        match self {
            Self::Network { code, .. }
            | Self::Protocol { code, .. }
            | Self::Storage { code, .. }
            | Self::Business { code, .. }
            | Self::General { code, .. } => *code,
        }
    }

    /// What happened, for people.
    pub fn message(&self) -> &str {
        match self {
            Self::Network { message, .. }
            | Self::Protocol { message, .. }
            | Self::Storage { message, .. }
            | Self::Business { message, .. }
            | Self::General { message, .. } => message,
        }
    }
}

impl fmt::Display for ClientApiError {
    /// Class, code and message, then what the caller can do about it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let class = match self {
            Self::Network { .. } => "network error",
            Self::Protocol { .. } => "protocol error",
            Self::Storage { .. } => "storage error",
            Self::Business { .. } => "request refused",
            Self::General { .. } => "error",
        };
        write!(f, "{class} {}: {}", self.code(), self.message())?;
        match self {
            Self::Network { retry_after_ms, leader_hint, .. } => {
                if let Some(leader) = leader_hint {
                    write!(f, "; the leader may be node {} at {}", leader.leader_id, leader.address)?;
                }
                if let Some(ms) = retry_after_ms {
                    write!(f, "; retry after {ms} ms")?;
                }
            }
            Self::Protocol { supported_versions: Some(versions), .. } => {
                write!(f, "; supported versions: {}", versions.join(", "))?;
            }
            Self::Business { required_action: Some(action), .. }
            | Self::General { required_action: Some(action), .. } => write!(f, "; {action}")?,
            Self::Protocol { .. } | Self::Storage { .. } | Self::Business { .. } | Self::General { .. } => {}
        }
        Ok(())
    }
}

impl Error for ClientApiError {}
