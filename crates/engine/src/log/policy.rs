//! What recovery does about acknowledged bytes that it cannot read: refuse the store, or go on without them and say so.
//!
//! Invariant: nothing is passed over in silence. Under [`Policy::Refuse`] the first finding is an error; under
//! [`Policy::Skip`] each one is in the list that the handle of the store shows.

use std::ops::RangeInclusive;
use std::path::PathBuf;

use crate::error::{Error, Result};
use crate::numbers::{FrameNumber, Sequence};

/// Something of a damaged store that was passed over when it was opened by
/// [`Options::open_damaged`](crate::Options::open_damaged).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Skipped {
    /// The file.
    pub file: PathBuf,
    /// Where in the file the unreadable bytes begin.
    pub offset: u64,
    /// The frames that are hit, as far as their numbers can be told.
    pub frames: Option<RangeInclusive<FrameNumber>>,
    /// The first commit that may be hit, as far as it can be told.
    pub sequence: Option<Sequence>,
    /// What is wrong.
    pub what: String,
    /// Whether another copy made up for it, so that nothing is missing.
    pub made_up_for: bool,
}

impl Skipped {
    /// Bytes at `offset` of `file` of which no more is known than `what` is wrong.
    pub(crate) fn at(file: impl Into<PathBuf>, offset: u64, what: impl Into<String>) -> Self {
        let what = what.into();
        Self { file: file.into(), offset, frames: None, sequence: None, what, made_up_for: false }
    }

    /// The same, with the frames `first` to `last` hit; none when `last` is before `first`.
    pub(crate) fn frames(mut self, first: FrameNumber, last: FrameNumber) -> Self {
        self.frames = (first <= last).then_some(first..=last);
        self
    }

    /// The same, with the commits from `sequence` on hit.
    pub(crate) fn sequence(mut self, sequence: Sequence) -> Self {
        self.sequence = Some(sequence);
        self
    }
}

/// What happens when acknowledged bytes cannot be read.
#[derive(Debug)]
pub(crate) enum Policy {
    /// The open fails: what is missing would be noticed by nobody.
    Refuse,
    /// They are left out and listed here.
    Skip(Vec<Skipped>),
}

impl Policy {
    /// Whether reading goes on behind what cannot be read.
    pub(crate) fn skips(&self) -> bool {
        matches!(self, Self::Skip(_))
    }

    /// Acknowledged bytes that cannot be read: an error, or a line in the list.
    pub(crate) fn found(&mut self, skipped: Skipped) -> Result<()> {
        match self {
            Self::Refuse => Err(Error::damaged(&skipped.file, skipped.offset, skipped.what)),
            Self::Skip(list) => {
                list.push(skipped);
                Ok(())
            }
        }
    }

    /// Something unreadable that another copy makes up for: no reason to refuse, but a line in the list.
    pub(crate) fn made_up_for(&mut self, skipped: Skipped) {
        if let Self::Skip(list) = self {
            list.push(Skipped { made_up_for: true, ..skipped });
        }
    }

    /// What was passed over.
    pub(crate) fn into_skipped(self) -> Vec<Skipped> {
        match self {
            Self::Refuse => Vec::new(),
            Self::Skip(list) => list,
        }
    }
}
