//! put with conditions and times to live, del of ranges, info, expire, incr, txn.

use crate::support::Sandbox;

#[test]
fn a_put_with_a_condition_stores_only_if_that_holds() {
    let sandbox = Sandbox::new();
    sandbox.done(&["put", "k", "1", "--if-absent"]);
    let refused = sandbox.run(&["put", "k", "2", "--if-absent"]);
    assert_eq!(refused.code, 1);
    assert!(refused.errors.contains("does not hold; nothing was stored"), "{}", refused.errors);
    assert_eq!(sandbox.run(&["put", "k", "2", "--if-value", "0"]).code, 1);
    sandbox.done(&["put", "k", "2", "--if-value", "1"]);
    let sequence = sandbox.done(&["info", "k", "--json"]).json()[0]["sequence"].to_string();
    sandbox.done(&["put", "k", "3", "--if-sequence", &sequence]);
    assert_eq!(sandbox.run(&["put", "k", "4", "--if-sequence", &sequence]).code, 1);
    assert_eq!(sandbox.done(&["get", "k"]).bytes, b"3");
}

#[test]
fn a_time_to_live_is_set_shown_and_taken_away() {
    let sandbox = Sandbox::new();
    sandbox.done(&["put", "k", "v", "--ttl", "1h 30m"]);
    let expires = || sandbox.done(&["info", "k", "--json"]).json()[0]["expires_ns"].as_u64();
    let first = expires().unwrap();
    sandbox.done(&["expire", "k", "--ttl", "7d"]);
    assert!(expires().unwrap() > first + 6 * 86_400_000_000_000);
    sandbox.done(&["expire", "k", "--never"]);
    assert_eq!(expires(), None);
    assert!(sandbox.done(&["info", "k"]).text().contains("expires            never\n"));
    sandbox.done(&["expire", "k", "--ttl", "0s"]);
    assert_eq!(sandbox.run(&["get", "k"]).code, 1);
    assert_eq!(sandbox.run(&["expire", "k", "--never"]).code, 1);
    assert_eq!(sandbox.run(&["put", "k", "v", "--ttl", "soon"]).code, 2);
}

#[test]
fn ranges_are_deleted_in_one_commit() {
    let sandbox = Sandbox::new();
    for key in ["a:1", "a:2", "b:1", "b:2", "c"] {
        sandbox.done(&["put", key, ""]);
    }
    assert_eq!(sandbox.done(&["del", "--prefix", "a:"]).text(), "deleted 2 keys\n");
    let report = sandbox.done(&["del", "--from", "b:2", "--to", "c", "--json"]).json();
    assert_eq!((&report[0]["deleted"], &report[0]["sequence"]), (&2.into(), &7.into()));
    assert_eq!(sandbox.done(&["scan", "--keys"]).text(), "b:1\n");
    assert_eq!(sandbox.done(&["del", "--prefix", "x"]).text(), "deleted 0 keys\n");
    for arguments in [&["del"][..], &["del", "k", "--prefix", "p"], &["del", "--prefix", "p", "--from", "k"]]
    {
        assert_eq!(sandbox.run(arguments).code, 2, "{arguments:?}");
    }
}

#[test]
fn numbers_are_added_to() {
    let sandbox = Sandbox::new();
    assert_eq!(sandbox.done(&["incr", "n"]).text(), "1\n");
    assert_eq!(sandbox.done(&["incr", "n", "-5"]).text(), "-4\n");
    assert_eq!(sandbox.done(&["incr", "n", "--json"]).text(), "{\"sequence\":3,\"value\":-3}\n");
    sandbox.done(&["put", "t", "text"]);
    assert_eq!(sandbox.run(&["incr", "t"]).code, 3);
}

#[test]
fn a_transaction_from_a_file_is_one_commit_or_none() {
    let sandbox = Sandbox::new();
    sandbox.done(&["put", "from", "10"]);
    sandbox.write(
        "move.jsonl",
        "{\"if\": \"from\", \"value\": \"10\"}\n{\"increment\": \"from\", \"by\": -3}\n{\"increment\": \"to\", \"by\": 3}\n",
    );
    assert_eq!(sandbox.done(&["txn", "move.jsonl"]).text(), "applied as commit 2\n");
    let again = sandbox.run(&["txn", "move.jsonl"]);
    assert_eq!((again.code, again.text()), (1, ""));
    assert!(again.errors.contains("a condition does not hold; nothing was changed"), "{}", again.errors);
    assert_eq!(sandbox.done(&["scan"]).text(), "from\t7\nto\t3\n");
    let ran = sandbox
        .run_with(&["txn", "-", "--json"], b"{\"delete\": \"to\"}\n{\"put\": \"x\", \"value\": \"y\"}");
    assert_eq!(
        ran.text(),
        "{\"applied\":true,\"counter\":null,\"deleted\":1,\"renewed\":0,\"sequence\":3}\n"
    );
    let refused = sandbox.run_with(&["txn", "-"], b"{\"put\": \"x\", \"value\": \"z\"}\n{\"pot\": \"x\"}");
    assert_eq!(refused.code, 2);
    assert!(refused.errors.contains("standard input line 2: "), "{}", refused.errors);
    assert_eq!(sandbox.done(&["get", "x"]).bytes, b"y");
}
