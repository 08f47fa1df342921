//! From the engine's error to the error type of each interface.
//!
//! The invariant: the engine's text arrives whole, except in the three variants of `KvError` that have a fixed text
//! and no place for another.
//!
//! The data store traits get an [`io::Error`] of the kind that the engine maps its own to, with a text that says what
//! was being done with which key. `StoreEngine` gets the text. The other two:
//!
//! | engine's kind | `KvError` | `ClientApiError` |
//! | --- | --- | --- |
//! | `InvalidInput` | `Storage` (keys and values beyond a limit are found out before: `InvalidKey`, `ValueTooLarge`) | `Business`, `InvalidRequest` |
//! | `WrongType` | `Storage`, the text begins with `invalid number: ` | `Business`, `InvalidRequest` |
//! | `LimitExceeded` | `QuotaExceeded`: the limit on the number of keys | `Business`, `InvalidRequest` |
//! | `KeyNotFound` | `NotFound` | `Storage`, `KeyNotExist` |
//! | `NotRetained` | `Storage` | `Business`, `StaleOperation` |
//! | `ReadOnly` | `Storage` | `Business`, `InvalidRequest`, action: open it for writing |
//! | `Closed` | `Storage` | `General`, `General`, action: open it again |
//! | `DiskFull` | `Storage`, which names the disk; `QuotaExceeded` is for the option | `Storage`, `DiskFull` |
//! | `Damaged`, `NotAStore` | `Storage` | `Storage`, `DataCorruption` |
//! | `Io` | `Storage` | `Storage`, `StorageIoError`, or `StoragePermissionDenied` if that is why |
//! | `Poisoned` | `Storage` | `Storage`, `StorageIoError`; whether a write that was under way took place shows at the next open |
//! | `StoreNotFound`, `Locked`, kinds to come | `Storage` | `Storage`, `StorageIoError` |

use std::fmt;
use std::io;

use pentad_engine::{Error, ErrorKind};
use pentad_traits::{ClientApiError, ErrorCode, KvError};

/// The engine's error with what was `attempted`, as in `cannot write "k"`, before its text.
pub(crate) fn io_error(attempted: impl fmt::Display, error: Error) -> io::Error {
    let text = format!("{attempted}: {error}");
    io::Error::new(io::Error::from(error).kind(), text)
}

/// The error for `KvBackend`.
pub(crate) fn kv_error(error: Error) -> KvError {
    match error.kind() {
        ErrorKind::LimitExceeded => KvError::QuotaExceeded,
        ErrorKind::KeyNotFound => KvError::NotFound,
        _ => KvError::Storage(error.to_string()),
    }
}

/// The error for `StoreEngine`.
pub(crate) fn text(error: Error) -> String {
    error.to_string()
}

/// The error for `ClientApi`.
pub(crate) fn client_error(error: Error) -> ClientApiError {
    let message = error.to_string();
    let refused = |code, action: Option<&str>| ClientApiError::Business {
        code,
        message: message.clone(),
        required_action: action.map(str::to_owned),
    };
    let failed = |code| ClientApiError::Storage { code, message: message.clone() };
    match error.kind() {
        ErrorKind::InvalidInput | ErrorKind::WrongType | ErrorKind::LimitExceeded => {
            refused(ErrorCode::InvalidRequest, None)
        }
        ErrorKind::NotRetained => refused(ErrorCode::StaleOperation, None),
        ErrorKind::ReadOnly => refused(ErrorCode::InvalidRequest, Some("open the store for writing")),
        ErrorKind::Closed => ClientApiError::General {
            code: ErrorCode::General,
            message,
            required_action: Some("open the store again".to_owned()),
        },
        ErrorKind::KeyNotFound => failed(ErrorCode::KeyNotExist),
        ErrorKind::DiskFull => failed(ErrorCode::DiskFull),
        ErrorKind::Damaged | ErrorKind::NotAStore => failed(ErrorCode::DataCorruption),
        ErrorKind::Io if error.io_kind() == Some(io::ErrorKind::PermissionDenied) => {
            failed(ErrorCode::StoragePermissionDenied)
        }
        _ => failed(ErrorCode::StorageIoError),
    }
}
