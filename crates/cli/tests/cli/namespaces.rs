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
