//! Reads of keys that are named: one, several, and what is known of one.

use bytes::Bytes;
use pentad_client::Failure;
use pentad_client::wire::{
    DescribeRequest, DescribeResponse, GetMultiRequest, GetMultiResponse, GetRequest, GetResponse, Previous,
};
use pentad_engine::{Store, Value};

use super::failure_of;
use super::view::{bytes_of, check_answer, view};

/// How often the shortcut of [`get`] is tried.
const SHORTCUTS: u32 = 2;

pub(super) fn get(store: &Store, request: &GetRequest) -> Result<GetResponse, Failure> {
    if request.at_sequence.is_none() {
        // Where nothing was committed while the value was looked up, the answer is of the commit before and after: no
        // snapshot has to be held to know which.
        for _ in 0..SHORTCUTS {
            let before = store.sequence();
            let value = store.get(&request.key).map_err(|error| failure_of(&error))?;
            if store.sequence() == before {
                return got(value, before.0);
            }
        }
    }
    let view = view(store, request.at_sequence)?;
    got(view.get(&request.key).map_err(|error| failure_of(&error))?, view.sequence().0)
}

fn got(value: Option<Value>, applied_sequence: u64) -> Result<GetResponse, Failure> {
    check_answer("a value", value.as_ref().map_or(0, |value| value.len()))?;
    Ok(GetResponse { value: value.map(Bytes::from), applied_sequence })
}

pub(super) fn get_multi(store: &Store, request: &GetMultiRequest) -> Result<GetMultiResponse, Failure> {
    let view = view(store, request.at_sequence)?;
    let mut bytes = 0;
    let mut values = Vec::with_capacity(request.keys.len());
    for key in &request.keys {
        let value = view.get(key).map_err(|error| failure_of(&error))?;
        let value = Previous { value: value.map(Bytes::from) };
        bytes += bytes_of(&value);
        check_answer("an answer", bytes)?;
        values.push(value);
    }
    Ok(GetMultiResponse { values, applied_sequence: view.sequence().0 })
}

pub(super) fn describe(store: &Store, request: &DescribeRequest) -> Result<DescribeResponse, Failure> {
    let view = view(store, request.at_sequence)?;
    let now_ns = view.time().0;
    let applied_sequence = view.sequence().0;
    let info = view.entry_info(&request.key).map_err(|error| failure_of(&error))?;
    let Some(info) = info else {
        return Ok(DescribeResponse { now_ns, applied_sequence, ..DescribeResponse::default() });
    };
    Ok(DescribeResponse {
        found: true,
        value_bytes: info.length,
        modified_sequence: info.sequence.0,
        created_sequence: info.created.map(|created| created.0),
        versions: info.versions,
        checksum: u32::from_le_bytes(info.checksum),
        deadline_ns: info.deadline.map(|deadline| deadline.0),
        now_ns,
        applied_sequence,
    })
}

#[cfg(test)]
mod tests {
    use pentad_client::{FailureKind, wire::call, wire::reply};

    use prost::Message as _;

    use super::*;
    use crate::requests::{ANSWER_BYTES_MAX, answer};

    #[test]
    fn answers_name_the_commit_that_they_are_of() {
        let directory = tempfile::tempdir().unwrap();
        let store = Store::open(directory.path().join("store")).unwrap();
        store.put("a", "1").unwrap();
        store.put("a", "22").unwrap();
        let key = || Bytes::from_static(b"a");
        let get = |at_sequence| GetRequest { key: key(), at_sequence, ..GetRequest::default() };
        let got = super::get(&store, &get(None)).unwrap();
        assert_eq!((got.value.as_deref(), got.applied_sequence), (Some(&b"22"[..]), 2));
        let got = super::get(&store, &get(Some(1))).unwrap();
        assert_eq!((got.value.as_deref(), got.applied_sequence), (Some(&b"1"[..]), 1));
        let keys = vec![key(), Bytes::from_static(b"none"), key()];
        let got = get_multi(&store, &GetMultiRequest { keys, ..GetMultiRequest::default() }).unwrap();
        let values: Vec<_> = got.values.iter().map(|value| value.value.as_deref()).collect();
        assert_eq!(values, [Some(&b"22"[..]), None, Some(b"22")]);
        let got = describe(&store, &DescribeRequest { key: key(), ..DescribeRequest::default() }).unwrap();
        assert_eq!((got.found, got.value_bytes, got.modified_sequence), (true, 2, 2));
        assert_eq!((got.created_sequence, got.versions), (Some(1), Some(2)));
    }

    /// What is around values was not counted, and of many short ones it is most: the answer ended the stream that it was to go on.
    #[test]
    fn f24_short_values_that_no_message_holds_are_refused_too() {
        let directory = tempfile::tempdir().unwrap();
        let store = Store::open(directory.path().join("store")).unwrap();
        store.put("a", "1").unwrap();
        let get = |count| {
            let request =
                GetMultiRequest { keys: vec![Bytes::from_static(b"a"); count], ..Default::default() };
            get_multi(&store, &request)
        };
        let longest = get(ANSWER_BYTES_MAX / 5).unwrap();
        assert!(longest.encoded_len() <= ANSWER_BYTES_MAX + 16);
        let failure = get(ANSWER_BYTES_MAX / 5 + 1).unwrap_err();
        assert_eq!(failure.kind(), FailureKind::InvalidInput);
    }

    #[test]
    fn f24_values_that_no_message_holds_are_refused_with_limit_and_size() {
        let directory = tempfile::tempdir().unwrap();
        let store = Store::open(directory.path().join("store")).unwrap();
        store.put("a", vec![0; 20 << 20]).unwrap();
        let keys = vec![Bytes::from_static(b"a"); 4];
        let kind = call::Kind::GetMulti(GetMultiRequest { keys, ..GetMultiRequest::default() });
        let reply::Kind::Failure(failure) = answer(&store, &kind) else { panic!("it was answered") };
        assert_eq!(failure.kind(), FailureKind::InvalidInput);
        assert!(failure.message.contains("83886120") && failure.message.contains("66846720"), "{failure}");
        let reply::Kind::Failure(failure) = answer(&store, &call::Kind::Write(Default::default())) else {
            panic!("it was answered")
        };
        assert_eq!(failure.kind(), FailureKind::Unsupported);
    }
}
