//! Where a listing goes on, on whichever node.
//!
//! Invariant: a token is believed only with the bounds and the direction that it was made for. It is no secret and holds no
//! permission: whoever made one up would get a page of the bounds that he may read anyway. The engine's own tokens are sealed by
//! one store, and so are of no use to another replica of it.

use bytes::Bytes;
use pentad_client::Failure;
use pentad_client::wire::RangeRequest;
use pentad_engine::key_hash;
use prost::Message;

/// A token, decoded. A field that a node does not know is covered by `check`, so it refuses the token of a newer one.
#[derive(Clone, PartialEq, Message)]
pub(super) struct Token {
    /// The last key that was given.
    #[prost(bytes = "bytes", tag = "1")]
    pub(super) key: Bytes,
    /// The commit that all pages are to be of; absent when each is of its own.
    #[prost(uint64, optional, tag = "2")]
    pub(super) sequence: Option<u64>,
    /// Store time of the first page, by which the others judge what has expired.
    #[prost(uint64, tag = "3")]
    pub(super) time_ns: u64,
    /// Hash of all of it and of what it was made for.
    #[prost(fixed64, tag = "4")]
    check: u64,
}

impl Token {
    /// The token behind `key`.
    pub(super) fn new(request: &RangeRequest, key: Bytes, view: Option<(u64, u64)>) -> Self {
        let (sequence, time_ns) = view.map_or((None, 0), |(sequence, time_ns)| (Some(sequence), time_ns));
        let mut token = Self { key, sequence, time_ns, check: 0 };
        token.check = token.check_for(request);
        token
    }

    /// The token of a request; `None` for the first page.
    pub(super) fn of(request: &RangeRequest) -> Result<Option<Self>, Failure> {
        if request.token.is_empty() {
            return Ok(None);
        }
        let token = Self::decode(request.token.clone()).ok();
        let token = token.filter(|token| token.check == token.check_for(request));
        token.map(Some).ok_or_else(|| {
            Failure::invalid(
                "the page token was not made for these bounds and this direction; begin the listing anew",
            )
        })
    }

    fn check_for(&self, request: &RangeRequest) -> u64 {
        let mut text = Self { check: 0, ..self.clone() }.encode_length_delimited_to_vec();
        text.push(u8::from(request.descending));
        text.extend(request.bounds.clone().unwrap_or_default().encode_to_vec());
        key_hash(&text)
    }
}
