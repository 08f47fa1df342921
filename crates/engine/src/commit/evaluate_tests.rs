//! Evaluation while compaction moves what it looks at.

use super::Evaluation;
use crate::format::entry::Subject;
use crate::hash::key_hash;
use crate::options::{Options, Retention};

/// A condition finds the entry of its key, compaction moves the entry and removes the segment, and then the condition reads
/// the value: the commit failed, and said that the store was damaged.
#[test]
fn f11_an_entry_that_compaction_moves_is_found_where_it_went() {
    let dir = tempfile::tempdir().unwrap();
    let options = Options::new().retention(Retention::Commits(0)).auto_compact(false);
    let store = options.open(dir.path().join("store")).unwrap();
    store.put("key", "41").unwrap();
    let core = store.core();
    let evaluation =
        Evaluation::new(core, store.now(), store.sequence(), std::iter::empty::<&crate::Batch>());
    let found = evaluation.find(Subject::Key(b"key"), key_hash(b"key")).unwrap();
    assert_eq!(store.compact().unwrap().entries, 1);
    assert!(evaluation.value_is(b"key", &found, b"41").unwrap());
    assert_eq!(evaluation.with_bytes(b"key", &found, <[u8]>::to_vec).unwrap(), b"41");
    evaluation.value_to_move(b"key", &found.at).unwrap();
}
