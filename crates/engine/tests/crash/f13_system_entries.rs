//! F13: a commit with system entries is whole after a cut, and so is one that has nothing else and no sequence.

use crate::harness::system_entries::system_entries;
use crate::seeds::each_seed;

#[test]
fn f13_system_entries_and_the_keys_of_their_commit_survive_together_or_not_at_all() {
    let test =
        "f13_system_entries::f13_system_entries_and_the_keys_of_their_commit_survive_together_or_not_at_all";
    each_seed(test, 150, system_entries);
}
