//! Import and export of directory trees.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use crate::support::Sandbox;

/// Every file below a directory: path inside it, contents.
fn files(root: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut found = BTreeMap::new();
    let mut directories = vec![root.to_owned()];
    while let Some(directory) = directories.pop() {
        for entry in fs::read_dir(directory).unwrap() {
            let path = entry.unwrap().path();
            if fs::symlink_metadata(&path).unwrap().is_dir() {
                directories.push(path);
            } else {
                let name = path.strip_prefix(root).unwrap().as_os_str().as_encoded_bytes();
                found.insert(name.escape_ascii().to_string(), fs::read(&path).unwrap());
            }
        }
    }
    found
}

/// A tree with a bit of everything that is kept.
fn plant(sandbox: &Sandbox) {
    let large: Vec<u8> = (0..9_000_000_u32).map(|at| at.to_le_bytes()[at as usize % 3]).collect();
    for (path, contents) in [
        (".gitignore", &b"*.tmp\n"[..]),
        (".config/settings", b"on"),
        ("README.md", b"# Read me\n"),
        ("empty", b""),
        ("deep/er/and/deeper/file", b"down here"),
        ("deep.txt", b"sorts between deep and deep/"),
        ("with space & 'quotes'", b"\x00\xff\n"),
        ("large", &large),
    ] {
        sandbox.write(Path::new("tree").join(path), contents);
    }
}

#[test]
fn an_export_of_an_import_is_the_tree() {
    let sandbox = Sandbox::new();
    plant(&sandbox);
    #[cfg(target_os = "linux")]
    {
        use std::os::unix::ffi::OsStrExt as _;
        sandbox.write(Path::new("tree").join(std::ffi::OsStr::from_bytes(b"not utf-8 \xff")), "still a name");
    }
    let planted = files(&sandbox.path("tree"));
    sandbox.write("tree/left.tmp", "ignored");
    sandbox.write("tree/.git/HEAD", "left out");
    sandbox.done(&["import", "tree"]);
    assert_eq!(sandbox.done(&["get", "README.md"]).bytes, b"# Read me\n");
    sandbox.done(&["export", "copy"]);
    assert!(files(&sandbox.path("copy")) == planted);
    sandbox.done(&["verify"]);
}

#[test]
fn a_store_inside_the_tree_stays_out_of_itself() {
    let sandbox = Sandbox::new();
    plant(&sandbox);
    let planted = files(&sandbox.path("tree"));
    fs::create_dir(sandbox.path("tree/.git")).unwrap();
    for (copy, options) in [("copy", &["import", "tree"][..]), ("copy of all", &["import", "tree", "--all"])]
    {
        for arguments in [options, &["export", copy]] {
            let output = sandbox.pentad_on("tree/demo.pentad", arguments).output().unwrap();
            assert!(output.status.success(), "{arguments:?}: {output:?}");
        }
        assert!(files(&sandbox.path(copy)) == planted, "{copy}");
    }
}

#[test]
fn all_takes_ignored_files_and_git() {
    let sandbox = Sandbox::new();
    plant(&sandbox);
    sandbox.write("tree/left.tmp", "ignored");
    sandbox.write("tree/.git/HEAD", "ref: refs/heads/main\n");
    sandbox.done(&["import", "--all", "tree"]);
    assert_eq!(sandbox.done(&["get", "left.tmp"]).bytes, b"ignored");
    assert_eq!(sandbox.done(&["get", ".git/HEAD"]).bytes, b"ref: refs/heads/main\n");
}

#[cfg(unix)]
#[test]
fn f25_links_and_special_files_are_skipped_with_a_note() {
    use std::os::unix::fs::symlink;
    use std::os::unix::net::UnixListener;
    let sandbox = Sandbox::new();
    sandbox.write("secret", "outside");
    sandbox.write("tree/file", "inside");
    symlink("../secret", sandbox.path("tree/link")).unwrap();
    symlink("..", sandbox.path("tree/up")).unwrap();
    let _socket = UnixListener::bind(sandbox.path("tree/socket")).unwrap();
    let ran = sandbox.done(&["import", "tree"]);
    let root = sandbox.path("").display().to_string();
    insta::assert_snapshot!(ran.all().replace(&root, ""), @"
    exit 0
    --- output
    imported 1 entry (10 bytes) into store in TIME: RATES
    skipped 2 links and 1 special file

    try next:
      pentad --store store get file
      pentad --store store scan --from file --limit 10
      pentad --store store stats
    --- messages
    pentad: skipped tree/link: a link
    pentad: skipped tree/socket: a device, pipe or socket
    pentad: skipped tree/up: a link
    ");
    assert_eq!(sandbox.done(&["scan"]).text(), "file\tinside\n");
}

#[test]
fn f25_keys_that_would_leave_the_directory_are_refused_before_anything_is_written() {
    for key in ["../escaped", "/tmp/escaped", "a/../../escaped", "a//b", "", "a/", ".", "a\\x00b"] {
        let sandbox = Sandbox::new();
        sandbox.done(&["put", "0 fine", "v"]);
        sandbox.done(&["put", key, "v"]);
        let ran = sandbox.run(&["export", "out/side"]);
        assert_eq!(ran.code, 2, "{key}: {ran:?}");
        assert!(ran.errors.contains("nothing was written"), "{}", ran.errors);
        assert_eq!(
            files(&sandbox.path("")).into_keys().filter(|path| !path.starts_with("store/")).count(),
            0
        );
    }
}

#[test]
fn a_key_that_is_file_and_directory_is_refused() {
    let sandbox = Sandbox::new();
    for key in ["a", "a!", "a/b/c"] {
        sandbox.done(&["put", key, "v"]);
    }
    let ran = sandbox.run(&["export", "out"]);
    insta::assert_snapshot!(ran.all(), @r#"
    exit 2
    --- output
    --- messages
    pentad: cannot export key "a/b/c" to a directory: it needs "a" to be a directory, but that is a key as well; nothing was written
    "#);
    assert!(!sandbox.path("out").exists());
}

#[test]
fn a_directory_that_is_not_empty_is_written_to_only_when_forced() {
    let sandbox = Sandbox::new();
    sandbox.done(&["put", "k", "new"]);
    sandbox.write("out/k", "old");
    sandbox.write("out/other", "kept");
    assert_eq!(sandbox.run(&["export", "out"]).code, 2);
    assert_eq!(sandbox.read("out/k"), b"old");
    sandbox.done(&["export", "out", "--force"]);
    assert_eq!(
        files(&sandbox.path("out")),
        [("k", "new"), ("other", "kept")].map(|(k, v)| (k.into(), v.into())).into()
    );
}

#[cfg(unix)]
#[test]
fn f25_an_export_follows_no_link_out_of_its_target() {
    let sandbox = Sandbox::new();
    sandbox.done(&["put", "dir/file", "v"]);
    sandbox.write("elsewhere/file", "mine");
    fs::create_dir(sandbox.path("out")).unwrap();
    std::os::unix::fs::symlink("../elsewhere", sandbox.path("out/dir")).unwrap();
    let ran = sandbox.run(&["export", "out", "--force"]);
    assert_eq!(ran.code, 2, "{ran:?}");
    assert!(
        ran.errors.contains("it is a link or a file") && ran.errors.contains("0 of 1 file"),
        "{}",
        ran.errors
    );
    assert_eq!(sandbox.read("elsewhere/file"), b"mine");
}

#[test]
fn nothing_is_exported_into_the_store_or_imported_from_it() {
    let sandbox = Sandbox::new();
    sandbox.done(&["put", "store/identity", "forged"]);
    let before = files(&sandbox.path("store"));
    for arguments in [
        &["export", "store/out"][..],
        &["export", "store/out.tsv"],
        &["export", "store", "--force"],
        &["export", ".", "--force"],
        &["import", "store"],
    ] {
        let ran = sandbox.run(arguments);
        assert_eq!(ran.code, 2, "{arguments:?}: {ran:?}");
        assert!(ran.errors.contains("store"), "{}", ran.errors);
    }
    let after = files(&sandbox.path("store"));
    assert!(before.keys().eq(after.keys()), "{:?}", after.keys());
    assert_eq!(sandbox.done(&["scan"]).text(), "store/identity\tforged\n");
}
