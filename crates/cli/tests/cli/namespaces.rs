//! `--namespace`, and listing and dropping what it makes.

use crate::support::Sandbox;

#[test]
fn namespaces_are_made_by_writing_listed_and_dropped() {
    let sandbox = Sandbox::new();
    sandbox.done(&["put", "k", "own"]);
    sandbox.done(&["--namespace", "orders", "put", "k", "an order"]);
    sandbox.done(&["incr", "n", "--namespace", "counts\n"]);
    assert_eq!(sandbox.done(&["get", "k"]).text(), "own");
    assert_eq!(sandbox.done(&["get", "k", "--namespace", "orders"]).text(), "an order");
    assert_eq!(sandbox.done(&["scan", "--namespace", "orders"]).text(), "k\tan order\n");
    assert_eq!(sandbox.done(&["scan"]).text(), "k\town\n");
    assert_eq!(sandbox.done(&["namespaces"]).text(), "counts\\x0a\norders\n");
    let listed = sandbox.done(&["namespaces", "--json"]);
    assert_eq!(listed.text(), "{\"namespaces\":[\"counts\\n\",\"orders\"]}\n");
    let absent = sandbox.run(&["get", "k", "--namespace", "users"]);
    assert_eq!(absent.code, 1);
    assert!(absent.errors.contains("there is no namespace \"users\""), "{}", absent.errors);
    let dropped = sandbox.done(&["namespaces", "--drop", "orders"]);
    assert_eq!(dropped.text(), "dropped the namespace \"orders\"\n");
    assert_eq!(sandbox.done(&["namespaces"]).text(), "counts\\x0a\n");
    assert_eq!(sandbox.run(&["scan", "--namespace", "orders"]).code, 1);
    assert_eq!(sandbox.run(&["namespaces", "--drop", "orders"]).code, 1);
    assert_eq!(sandbox.done(&["get", "k"]).text(), "own");
}

/// The value of the entry that says which number a namespace has fails its checksum.
#[test]
fn f03_a_namespace_whose_registration_has_rotted_is_missed_and_comes_back_by_a_repair() {
    let sandbox = Sandbox::new();
    sandbox.done(&["--namespace", "kept", "put", "k", "in kept"]);
    sandbox.done(&["--namespace", "lost", "put", "k", "in lost"]);
    let name = b"pentad/namespace/lost";
    let logs = std::fs::read_dir(sandbox.path("store")).unwrap().map(|file| file.unwrap().path());
    for path in logs.filter(|path| path.extension().is_some_and(|extension| extension == "log")) {
        let mut bytes = std::fs::read(&path).unwrap();
        if let Some(at) = bytes.windows(name.len()).position(|window| window == name) {
            bytes[(at + name.len()).next_multiple_of(8)] ^= 1;
            std::fs::write(&path, bytes).unwrap();
        }
    }
    let listed = sandbox.run(&["namespaces"]);
    assert_eq!((listed.code, listed.text()), (0, "kept\n"));
    assert!(listed.errors.contains("not all namespaces"), "{listed:?}");
    for refused in [&["--namespace", "lost", "get", "k"][..], &["--namespace", "new", "put", "k", "v"]] {
        let ran = sandbox.run(refused);
        assert!(ran.code == 3 && ran.errors.contains("`pentad repair`"), "{refused:?}: {ran:?}");
    }
    sandbox.done(&["--namespace", "kept", "put", "l", "more"]);
    let repaired = sandbox.run(&["repair", "new"]);
    assert!(repaired.all().contains("\"recovered-2\""), "{repaired:?}");
    let ran: crate::run::Ran =
        sandbox.pentad_on("new", &["--namespace", "recovered-2", "get", "k"]).output().unwrap().into();
    assert_eq!((ran.code, ran.text()), (0, "in lost"));
}
