//! F20, and what of the other cases can befall a record log: nothing that was acknowledged is lost, nothing comes back that was cut,
//! and calls are never reordered.

use crate::harness::record_logs::cuts;
use crate::seeds::each_seed;

#[test]
fn f01_f20_a_cut_leaves_an_exact_prefix_of_the_calls_with_all_that_were_acknowledged() {
    each_seed(
        "f20_record_log::f01_f20_a_cut_leaves_an_exact_prefix_of_the_calls_with_all_that_were_acknowledged",
        1000,
        cuts,
    );
}
