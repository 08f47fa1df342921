//! Crash tests of the engine, most of them on a simulated disk. The ids in the names are the cases that
//! `cargo xtask faults` lists.

mod determinism;
mod every_call;
mod f01_power_cut;
mod f02_torn_tail;
mod f03_namespaces;
mod f03_repair;
mod f03_rot;
mod f03_salvage;
mod f03_scrub;
mod f03_stopped;
mod f04_checkpoints;
mod f04_copies;
mod f05_foreign;
mod f06_locks;
mod f07_failed_sync;
mod f08_failed_write;
mod f09_full_disk;
mod f10_behind_our_back;
mod f10_compaction;
mod f11_rearranging;
mod f12_close;
mod f12_readers;
mod f13_batches;
mod f13_namespaces;
mod f13_system_entries;
mod f14_limits;
mod f15_collisions;
mod f17_clocks;
mod f19_transactions;
mod f20_record_log;
mod f25_backup;
mod harness;
mod seeds;
