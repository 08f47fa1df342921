//! Namespaces, listings by age and the whole log, on a store in a directory and on a node: what is said of them is the same.

use crate::both::Both;

#[test]
fn namespaces_are_made_listed_read_and_dropped_alike() {
    let both = Both::new();
    let long = "n".repeat(256);
    for arguments in [
        &["namespaces"][..],
        &["--namespace", "orders", "get", "k"],
        &["--namespace", "orders", "del", "k"],
        &["--namespace", "orders", "scan"],
        &["--namespace", "orders", "scan", "--from", "b", "--to", "a"],
        &["--namespace", "orders", "scan", "--newest-first"],
        &["--namespace", "orders", "stats"],
        &["--namespace", "orders", "log"],
        &["--namespace", "orders", "watch"],
        &["--namespace", "orders", "prune", "--keep", "9"],
        &["namespaces", "--drop", "orders"],
        &["put", "k", "own"],
        &["--namespace", "orders", "put", "k", "an order"],
        &["--namespace", "orders", "put", "l", "another", "--json"],
        &["incr", "n", "--namespace", "counts\n"],
        &["incr", "n", "5", "--namespace", "counts\n"],
        &["get", "k"],
        &["get", "k", "--namespace", "orders"],
        &["get", "n", "--namespace", "orders"],
        &["get", "k", "--namespace", "orders", "--at", "3"],
        &["info", "k", "--namespace", "orders"],
        &["scan"],
        &["scan", "--namespace", "orders"],
        &["scan", "--namespace", "orders", "--count"],
        &["scan", "--namespace", "orders", "--reverse", "--limit", "1", "--json"],
        &["scan", "--namespace", "orders", "--newest-first"],
        &["put", "k", "v", "--if-value", "x", "--namespace", "made by a miss"],
        &["put", "k", "mine", "--if-value", "an order", "--namespace", "orders"],
        &["put", "k", "mine", "--if-absent", "--namespace", "orders"],
        &["expire", "k", "--never", "--namespace", "orders"],
        &["namespaces"],
        &["namespaces", "--json"],
        &["namespaces", "--raw"],
        &["log"],
        &["log", "--namespace", "orders", "--json"],
        &["watch", "--namespace", "orders", "--limit", "2", "--json", "--previous"],
        &["export", "--namespace", "orders", "--format", "jsonl", "-"],
        &["put", "k", "v", "--namespace", &long],
        &["put", "k", "v", "--namespace", ""],
        &["get", "k", "--namespace", ""],
        &["namespaces", "--drop", ""],
        &["del", "k", "nobody", "--namespace", "orders", "--json"],
        &["namespaces", "--drop", "orders"],
        &["namespaces", "--drop", "orders"],
        &["namespaces", "--drop", "counts\n", "--json"],
        &["--namespace", "made by a miss", "namespaces", "--drop", "made by a miss"],
        &["namespaces"],
        &["get", "k", "--namespace", "orders"],
        &["get", "k"],
        &["log"],
        &["put", "k", "anew", "--namespace", "orders"],
        &["scan", "--namespace", "orders"],
    ] {
        both.same(arguments);
    }
    let rows = "a\t1\nb\t2\n";
    let import = ["import", "--format", "tsv", "-", "--namespace", "rows"];
    assert_eq!(both.same_with(&import, rows.as_bytes()).code, 0);
    let transaction = br#"{"if":"a","value":"1"}
{"put":"a","value":"3"}
{"rename":"b","to":"c"}
"#;
    for _ in 0..2 {
        both.same_with(&["txn", "-", "--namespace", "rows"], transaction);
    }
    assert_eq!(both.same(&["scan", "--namespace", "rows"]).text(), "a\t3\nc\t2\n");
    both.same(&["prune", "--keep", "0", "--namespace", "rows"]);
    both.same(&["log", "--namespace", "rows"]);
}

#[test]
fn entries_are_listed_by_age_alike() {
    let both = Both::new();
    let rows: String = (0..2_500).rev().map(|row| format!("row:{row:05}\tvalue {row}\n")).collect();
    assert_eq!(both.same_with(&["import", "--format", "tsv", "-"], rows.as_bytes()).code, 0);
    both.same(&["put", "row:01000", "again"]);
    both.same(&["del", "row:00003"]);
    let all = both.same(&["scan", "--newest-first"]);
    assert_eq!(all.text().lines().count(), 2_500);
    assert!(all.text().starts_with("row:01000\tagain\nrow:00000\t") && all.text().ends_with("first\t1\n"));
    for arguments in [
        &["scan", "--newest-first", "--limit", "3"][..],
        &["scan", "--newest-first", "--limit", "0"],
        &["scan", "--newest-first", "--limit", "3", "--keys", "--json"],
        &["scan", "--newest-first", "--prefix", "row"],
    ] {
        both.same(arguments);
    }
    // More than one message holds.
    let large = vec![b'x'; 3 << 20];
    for key in ["large 1", "large 2"] {
        assert_eq!(both.same_with(&["put", key, "-"], &large).code, 0);
    }
    assert_eq!(both.same(&["scan", "--newest-first", "--limit", "3"]).text().lines().count(), 3);
}

#[test]
fn sizes_that_a_cluster_knows_are_those_of_the_store() {
    let both = Both::new();
    both.same(&["put", "k", "v", "--namespace", "n"]);
    for arguments in [&["stats", "--json"][..], &["stats", "--json", "--namespace", "n"]] {
        let (local, remote) = (both.local(arguments, b"").json(), both.remote(arguments, b"").json());
        for (name, value) in remote[0].as_object().unwrap() {
            assert_eq!(local[0].get(name), Some(value), "{name}");
        }
        assert_eq!(
            (&remote[0]["keys"], &remote[0]["namespaces_fault"]),
            (&1.into(), &serde_json::Value::Null)
        );
    }
}
