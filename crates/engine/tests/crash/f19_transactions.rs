//! F19: transactions commit only over what they read, whatever goes on beside them, and survive like every commit.

use crate::harness::transactions::transactions;
use crate::seeds::each_seed;

#[test]
fn f19_f13_transactions_commit_only_over_what_they_read() {
    each_seed("f19_transactions::f19_f13_transactions_commit_only_over_what_they_read", 200, transactions);
}
