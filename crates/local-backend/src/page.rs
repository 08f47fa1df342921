//! The page with the story of one keyspace, whose code is a test.
#![doc = include_str!("../../../docs/interfaces.md")]
