//! The numbers that must not be mixed up, each a type of its own.

use std::fmt;

macro_rules! number {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(pub u64);

        impl $name {
            /// The number after this one.
            ///
            /// # Panics
            ///
            /// After 2^64 - 1, which no store reaches.
            pub fn next(self) -> Self {
                Self(self.0.checked_add(1).expect("a 64-bit counter does not run out"))
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }

        impl From<$name> for u64 {
            fn from(number: $name) -> u64 {
                number.0
            }
        }
    };
}

number! {
    /// The place of a commit in the order that users see: 1, 2, 3 … without a hole; 0 is the empty store.
    Sequence
}
number! {
    /// The place of a frame in the log, of any kind and without a hole; recovery and checksums go by it. The first
    /// is 1.
    FrameNumber
}
number! {
    /// A byte position in the log as a whole, all segments laid end to end; it only grows.
    LogOffset
}
number! {
    /// Store time: nanoseconds since 1970-01-01 UTC, never running backwards (see `docs/format.md`).
    Timestamp
}
number! {
    /// The name of a segment file within its store; never used twice.
    SegmentId
}
