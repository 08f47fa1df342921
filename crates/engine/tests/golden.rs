//! Stores that earlier versions wrote, byte for byte, in `golden/`: this version and every later one must open them.
//!
//! Three questions: does each image still hold what was put in; does the current code write the same bytes for the same
//! history; and do the bytes lie where the tables of `docs/format.md` say. `PENTAD_WRITE_GOLDEN=1` writes the images anew.

#![expect(
    clippy::disallowed_methods,
    reason = "the images are ordinary files of the source tree, not a store's"
)]

#[path = "golden/histories.rs"]
mod histories;
#[path = "golden/record_log.rs"]
mod record_log;
#[path = "golden/tables.rs"]
mod tables;

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use histories::{HISTORIES, History, START_NS, STORE, environment};
use pentad_engine::seams::sim::{SimClock, SimDisk};
use pentad_engine::{EntryInfo, ErrorKind, Options, Sequence, Store, key_hash};

type Image = BTreeMap<PathBuf, Vec<u8>>;

/// The format version that a store gets today. Images of older ones are never written again.
const TODAY: u32 = 2;
/// That of a record log, which has not changed since.
const TODAY_RECORD_LOG: u32 = 1;

fn folder(version: u32, name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden").join(format!("v{version}-{name}"))
}

/// The committed image, by the paths that it had on the simulated disk.
fn committed(version: u32, name: &str) -> Image {
    let folder = folder(version, name);
    let files = std::fs::read_dir(&folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    files
        .map(|file| {
            let file = file.unwrap();
            (Path::new(STORE).join(file.file_name()), std::fs::read(file.path()).unwrap())
        })
        .collect()
}

fn write_anew(version: u32, name: &str, image: &Image) {
    let folder = folder(version, name);
    if folder.exists() {
        std::fs::remove_dir_all(&folder).unwrap();
    }
    std::fs::create_dir_all(&folder).unwrap();
    for (path, bytes) in image {
        std::fs::write(folder.join(path.file_name().unwrap()), bytes).unwrap();
    }
}

fn text(bytes: &[u8]) -> String {
    if bytes.len() > 80 {
        format!("{} bytes, hash {:016x}", bytes.len(), key_hash(bytes))
    } else {
        bytes.escape_ascii().to_string()
    }
}

/// Which version of its key an entry is, where that is known.
fn lineage(info: &EntryInfo) -> String {
    let known = info.versions.zip(info.created);
    known.map(|(versions, created)| format!(", version {versions} since {created}")).unwrap_or_default()
}

/// Every image there is: the version, the history, what it is called in snapshots, and the files.
fn images() -> impl Iterator<Item = (u32, &'static History, String, Image)> {
    let all = HISTORIES.iter().flat_map(|history| (1..=TODAY).map(move |version| (version, history)));
    all.map(|(version, history)| {
        let name = history.name;
        let called = if version == 1 { name.to_owned() } else { format!("v{version}_{name}") };
        let is_new = version == TODAY && is_written_anew();
        let image = if is_new { (history.write)() } else { committed(version, name) };
        (version, history, called, image)
    })
}

/// Everything that a user can see of a store.
fn content(store: &Store, probes: &[&str]) -> String {
    let mut out = String::new();
    let oldest = store.oldest_batch().map_or(0, |sequence| sequence.0);
    writeln!(out, "sequence {}, oldest batch {oldest}, {} entries", store.sequence(), store.len()).unwrap();
    for row in store.range::<&str>(..) {
        let (key, value) = row.unwrap();
        let info = store.entry_info(&key).unwrap().unwrap();
        let deadline = info.deadline.map(|end| format!(", ends {}", end.0)).unwrap_or_default();
        let facts = format!("commit {}{}{deadline}", info.sequence, lineage(&info));
        writeln!(out, "{} = {} ({facts})", text(&key), text(&value)).unwrap();
    }
    for probe in probes {
        let value = store.get_hashed(key_hash(probe.as_bytes())).unwrap();
        writeln!(out, "hash of {probe}: {:?}", value.map(|value| text(&value))).unwrap();
    }
    for record in store.commits(Sequence(1)).unwrap() {
        let record = record.unwrap();
        let mut changes = Vec::new();
        for (key, value) in &record.changes {
            changes.push(format!("{} {}", text(key), value.as_ref().map_or("-".into(), |value| text(value))));
        }
        writeln!(out, "commit {} at {}: {}", record.sequence, record.time.0, changes.join("; ")).unwrap();
    }
    for (key, value) in store.system_entries("").unwrap() {
        writeln!(out, "system entry {} = {}", text(&key), text(&value)).unwrap();
    }
    for name in store.namespaces() {
        let handle = store.find_namespace(&name).unwrap().unwrap();
        writeln!(out, "namespace {name}, {} entries", handle.len()).unwrap();
        for row in handle.range::<&str>(..) {
            let (key, value) = row.unwrap();
            let info = handle.entry_info(&key).unwrap().unwrap();
            let facts = format!("commit {}{}", info.sequence, lineage(&info));
            writeln!(out, "  {} = {} ({facts})", text(&key), text(&value)).unwrap();
        }
        let bare = handle.get_hashed(key_hash(b"bare")).unwrap();
        writeln!(out, "  hash of bare: {:?}", bare.map(|value| text(&value))).unwrap();
    }
    out
}

fn open(image: &Image) -> (Store, SimDisk) {
    let disk = SimDisk::from_image(0, image);
    let options = Options::new().create(false).environment(environment(&disk, &SimClock::new(START_NS)));
    (options.open(STORE).unwrap(), disk)
}

fn is_written_anew() -> bool {
    std::env::var_os("PENTAD_WRITE_GOLDEN").is_some_and(|value| value == "1")
}

#[test]
fn the_images_are_what_this_version_writes() {
    for History { name, write, .. } in HISTORIES {
        let image = write();
        assert_eq!(image, write(), "{name}: the history is not deterministic");
        if is_written_anew() {
            write_anew(TODAY, name, &image);
        }
        let golden = committed(TODAY, name);
        let names = |image: &Image| image.keys().cloned().collect::<Vec<_>>();
        assert_eq!(names(&image), names(&golden), "{name}: the files");
        for (path, bytes) in &image {
            let old = &golden[path];
            let differs = bytes.iter().zip(old).position(|(new, old)| new != old);
            assert_eq!(differs, None, "{name}: {} differs from the image at that offset", path.display());
            assert_eq!(bytes.len(), old.len(), "{name}: length of {}", path.display());
        }
    }
}

#[test]
fn every_image_opens_and_holds_what_was_put_in() {
    for (_, History { probes, .. }, name, image) in images() {
        let (store, disk) = open(&image);
        let found = content(&store, probes);
        insta::assert_snapshot!(name.clone(), found);
        assert!(store.verify(&mut |_| {}).unwrap().damage.is_empty(), "{name}");
        // It can be written to, and opened once more.
        let sequence = store.put("after", "that").unwrap().sequence.unwrap();
        store.close().unwrap();
        let (store, _) = open(&disk.image());
        assert_eq!((store.sequence(), store.get("after").unwrap().unwrap().len()), (sequence, 4), "{name}");
    }
}

#[test]
fn an_image_opens_for_reading_and_shows_the_same_without_a_change() {
    for (_, History { probes, .. }, name, image) in images() {
        let disk = SimDisk::from_image(0, &image);
        let options = Options::new().environment(environment(&disk, &SimClock::new(START_NS)));
        let reader = options.open_read_only(STORE).unwrap();
        let seen = content(&reader, probes);
        assert_eq!(reader.put("a", "b").unwrap_err().kind(), ErrorKind::ReadOnly);
        drop(reader);
        assert_eq!(disk.image(), image, "{name}: reading changed a file");
        assert_eq!(seen, content(&open(&image).0, probes), "{name}: a reader sees what a writer sees");
    }
}

#[test]
fn the_bytes_lie_where_the_format_page_says() {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/format.md");
    let page = std::fs::read_to_string(page).unwrap();
    for (_, _, name, image) in images() {
        let shown = tables::show(&page, &image);
        insta::assert_snapshot!(format!("{name}_fields"), shown);
    }
}

/// The version in the identity of a store.
fn version_of(image: &Image) -> u32 {
    u32::from_le_bytes(image[&Path::new(STORE).join("identity")][16..20].try_into().unwrap())
}

#[test]
fn the_first_commit_raises_the_version_and_counts_from_there() {
    for (version, _, name, image) in images() {
        assert_eq!(version_of(&image), version, "{name}");
        let (store, disk) = open(&image);
        let old = store.range::<&str>(..).next().unwrap().unwrap().0;
        let lineage = |store: &Store, key: &[u8]| {
            let info = store.entry_info(key).unwrap().unwrap();
            (info.created.map(|created| created.0), info.versions)
        };
        let before = lineage(&store, &old);
        assert_eq!(before.1.is_some(), version == TODAY, "{name}: {before:?}");
        store.close().unwrap();
        assert_eq!(version_of(&disk.image()), version, "{name}: opening changes nothing");
        let (store, disk) = open(&disk.image());
        let first = store.put("new", "1").unwrap().sequence.unwrap().0;
        store.put("new", "2").unwrap();
        store.put(&old, "over it").unwrap();
        let next = (before.0, before.1.map(|versions| versions + 1));
        let check = |store: &Store| {
            assert_eq!(lineage(store, b"new"), (Some(first), Some(2)), "{name}");
            assert_eq!(lineage(store, &old), next, "{name}: what was there before is counted on, if it was");
        };
        check(&store);
        store.compact().unwrap();
        check(&store);
        store.close().unwrap();
        assert_eq!(version_of(&disk.image()), TODAY, "{name}");
        let (store, _) = open(&disk.image());
        check(&store);
        store.delete(&old).unwrap();
        let again = store.put(&old, "anew").unwrap().sequence.unwrap().0;
        assert_eq!(lineage(&store, &old), (Some(again), Some(1)), "{name}");
    }
}
