//! What has to hold of every store that something was done to.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use pentad_engine::{Options, Store};

/// The rows of a store.
pub(crate) type Rows = BTreeMap<Vec<u8>, Vec<u8>>;

/// Reads everything by `pread`, and expects nothing but, at most, an unfinished write at the end; whether there is one.
pub(crate) fn verify(path: &Path, context: &str) -> bool {
    let report = pentad_engine::verify(path, &Options::new(), &mut |_| {})
        .unwrap_or_else(|error| panic!("{context}: verify: {error}"));
    assert!(report.damage.is_empty(), "{context}: damage: {:?}", report.damage);
    report.torn_tail.is_some()
}

/// Opens a store for writing, as it has to be possible whatever has happened to it.
pub(crate) fn open(path: &Path, options: &Options, context: &str) -> Store {
    options.clone().create(false).open(path).unwrap_or_else(|error| panic!("{context}: open: {error}"))
}

/// All rows, each value verified on the way.
pub(crate) fn rows(store: &Store, prefix: &str, context: &str) -> Rows {
    let row = |row: pentad_engine::Result<(_, _)>| {
        let (key, value): (bytes::Bytes, pentad_engine::Value) =
            row.unwrap_or_else(|error| panic!("{context}: reading the rows of {prefix:?}: {error}"));
        (key.to_vec(), value.to_vec())
    };
    store.prefix(prefix).map(row).collect()
}

/// After a writer has opened the store there is no file in it that nothing refers to.
pub(crate) fn no_orphans(store: &Store, context: &str) {
    let stats = store.stats();
    let names: Vec<String> = fs::read_dir(store.path())
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    let segments = |endings: &[&str]| {
        let of_kind = names.iter().filter(|name| endings.iter().any(|ending| name.ends_with(ending)));
        u64::try_from(of_kind.count()).unwrap()
    };
    assert_eq!(segments(&[".log", ".compacted"]), stats.segments, "{context}: {names:?}");
    assert_eq!(segments(&[".stream"]), stats.stream_segments, "{context}: {names:?}");
    assert_eq!(segments(&[".new"]), 0, "{context}: {names:?}");
}

/// Where two sets of rows differ, in a line that can be read; `None` when they do not.
pub(crate) fn difference(expected: &Rows, found: &Rows) -> Option<String> {
    let told = |rows: &Rows, key: &[u8]| match rows.get(key) {
        Some(value) => {
            format!(
                "{} bytes beginning {:?}",
                value.len(),
                value[..value.len().min(24)].escape_ascii().to_string()
            )
        }
        None => "nothing".to_owned(),
    };
    let key = expected.keys().chain(found.keys()).find(|key| expected.get(*key) != found.get(*key))?;
    Some(format!("{} holds {}, expected {}", key.escape_ascii(), told(found, key), told(expected, key)))
}
