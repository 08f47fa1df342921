//! F25, F11, F04: backups and restorations that are cut off or meet damage: consistent, or refused.

use crate::harness::backups::{backups, restorations};
use crate::seeds::each_seed;

#[test]
fn f25_f11_backups_cut_at_every_operation_are_whole_or_not_listed() {
    each_seed("f25_backup::f25_f11_backups_cut_at_every_operation_are_whole_or_not_listed", 20, backups);
}

#[test]
fn f25_f11_restorations_cut_at_every_operation_leave_a_whole_store_or_none() {
    each_seed(
        "f25_backup::f25_f11_restorations_cut_at_every_operation_leave_a_whole_store_or_none",
        20,
        restorations,
    );
}
