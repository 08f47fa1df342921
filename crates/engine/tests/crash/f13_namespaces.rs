//! F13: a commit over several namespaces is whole after a cut, and what a drop took away does not come back.

use crate::harness::namespaces::namespaces;
use crate::seeds::each_seed;

#[test]
fn f13_commits_over_namespaces_and_drops_are_whole_after_a_cut() {
    let test = "f13_namespaces::f13_commits_over_namespaces_and_drops_are_whole_after_a_cut";
    each_seed(test, 200, namespaces);
}
