//! The targets.

use pentad_engine::fuzzing::{decoders, record_log_image, store_image};

use crate::corpus::replay;
use crate::script::play_script;

#[test]
fn decoders_of_the_format_hold_out_against_the_corpus_and_random_changes_of_it() {
    replay("decoders", decoders, 200_000);
}

#[test]
fn f03_f05_f15_stores_made_of_the_corpus_and_random_changes_of_it_break_no_promise() {
    replay("store_image", store_image, 1_000);
}

#[test]
fn f01_f07_f08_programs_made_of_the_corpus_and_random_changes_of_it_agree_with_the_model() {
    replay("operations", play_script, 300);
}

#[test]
fn f03_f05_f20_record_logs_made_of_the_corpus_and_random_changes_of_it_break_no_promise() {
    replay("record_log_image", record_log_image, 3_000);
}
