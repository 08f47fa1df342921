//! The fault cases, F01 to F25, and which of them are due.
//!
//! Invariant: a case is due as soon as the thing exists that it can befall. What of a due case has no subject yet, or no
//! test, is named in `open`: the table is read by people who want to know what they may rely on.

/// One case.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Case {
    /// 7 for F07.
    pub(crate) id: u32,
    /// What happens to the store.
    pub(crate) about: &'static str,
    pub(crate) due: Due,
    /// The parts that no test shows, with the reason.
    pub(crate) open: &'static [&'static str],
}

/// Whether there must be a test.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Due {
    Now,
    /// Not yet, for this reason.
    #[cfg_attr(not(test), expect(dead_code, reason = "every case is due at present; a new one may not be"))]
    Later(&'static str),
}

const fn due(id: u32, about: &'static str, open: &'static [&'static str]) -> Case {
    Case { id, about, due: Due::Now, open }
}

#[expect(dead_code, reason = "every case is due at present; a new one may not be")]
const fn later(id: u32, about: &'static str, reason: Due) -> Case {
    Case { id, about, due: reason, open: &[] }
}

/// All of them, in order.
pub(crate) const CASES: &[Case] = &[
    due(1, "power cut, and any part of what was not synced is lost", &[]),
    due(2, "the end of the log cut, zeroed or holding old data", &[]),
    due(3, "flipped bits below the end of the log", &[]),
    due(4, "flipped bits in segment headers, catalogs and checkpoints", &[]),
    due(5, "opening what is not a store, or a newer one", &[]),
    due(6, "two holders of one store; a lock whose holder died", &[]),
    due(7, "a sync fails, and the next one succeeds", &[]),
    due(8, "short, interrupted and failing writes", &[]),
    due(9, "the disk is full", &[]),
    due(
        10,
        "files cut, replaced or unreadable under a map",
        &[
            "a value that was verified before the cut can end in zeros within the page that was cut through, unless \
             every read verifies",
            "no test has a device that fails to read a mapped page",
        ],
    ),
    due(11, "crash amid compaction, prune, checkpoints, new segments, close", &[]),
    due(12, "readers and followers that stay while files move under them", &[]),
    due(13, "kill amid a batch; readers amid group commit", &[]),
    due(14, "lengths beyond the limits, hostile or nothing at all", &[]),
    due(15, "keys with one hash; storms of tombstones", &[]),
    due(16, "bounds of ranges that cross, meet or have no end; forged page tokens", &[]),
    due(17, "clocks that jump, and times to live of nothing and of ever", &[]),
    due(
        18,
        "times to live among clocks that disagree",
        &[
            "no test runs nodes with clocks that are hours apart: replay and replicas are compared on given times",
        ],
    ),
    due(19, "races, retries and duplicates of conditional writes", &[]),
    due(
        20,
        "votes, terms or entries lost after they were acknowledged",
        &["no test takes a node back to an older state of its log, which nothing on its disk tells"],
    ),
    due(
        21,
        "partitions, slow followers, slow disks",
        &["no test slows a disk down, or a link: links are cut, and nodes stopped and killed"],
    ),
    due(22, "snapshots that are cut, altered, old or someone else's", &[]),
    due(23, "changes of the members that are unsafe", &[]),
    due(24, "hostile clients and messages", &["there is no encryption, so nobody can be told apart yet"]),
    due(
        25,
        "backups amid writes, hostile imports, signals under load, no descriptors left, threads that panic",
        &["there is one version of the format: going back to an older one has no subject"],
    ),
];
