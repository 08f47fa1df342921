//! Which state of the store a request is answered from.

use pentad_client::Failure;
use pentad_engine::{Sequence, Snapshot, Store};
use prost::{Message, length_delimiter_len};

use super::failure_of;

/// The state as of a commit that is retained, or of now.
pub(super) fn view(store: &Store, at_sequence: Option<u64>) -> Result<Snapshot, Failure> {
    let snapshot = match at_sequence {
        Some(sequence) => store.at(Sequence(sequence)),
        None => store.snapshot(),
    };
    snapshot.map_err(|error| failure_of(&error))
}

/// The longest answer, all its bytes counted; the token of a page and what an answer travels in take the rest of a message.
pub(crate) const ANSWER_BYTES_MAX: usize = pentad_client::MESSAGE_BYTES_MAX - (256 << 10);

/// Bytes that a part of an answer takes: itself, and what says that it comes and how long it is.
pub(super) fn bytes_of(part: &impl Message) -> usize {
    let length = part.encoded_len();
    1 + length_delimiter_len(length) + length
}

/// Refuses an answer that no message holds.
pub(super) fn check_answer(what: &str, bytes: usize) -> Result<(), Failure> {
    if bytes <= ANSWER_BYTES_MAX {
        return Ok(());
    }
    let text =
        format!("{what} of {bytes} bytes does not fit into a message: {ANSWER_BYTES_MAX} are the limit");
    Err(Failure::invalid(text))
}
