//! The slot table: from the 64-bit hash of a key to the addresses of the entries that may be its newest, without the
//! keys, in about twelve bytes each.
//!
//! The table never looks at keys. A slot says "an entry with these hash bits stands at this address", and the caller
//! looks at the log to see whose it is. One caller writes at a time, which the callers see to; any number read, without
//! a lock and without writing to memory that others read.
//!
//! **Shape.** Hashes are mixed with the secret of the store ([`secret`]) and then cut up. The top bits choose a page of
//! 4 KiB, by linear hashing (Litwin 1980): how many bits, is in the [`state`]. The next 12 stand in the [`slot`], so
//! that one lookup in seventy or so has to look at an entry that is another's. The lowest six choose the home line of
//! 64 bytes in the page; an entry stands there, or where all lines on the way are closed in one of the next, around the
//! end of the page ([`page`]). Pages come in blocks that never move ([`directory`]).
//!
//! **Growth.** One page at a time is split in two ([`split`]), in the order of the pages, so that the work is a few
//! microseconds every sixty insertions or so and no insertion does more. A split asks for no hash that is in the slot:
//! it takes the first of the known bits off. The log is read only for the entries that have no bits to spare, and for
//! the few that stand so far from home that their slot cannot say how far. A round of splits begins when the
//! pages that have not been split are filled to 0.72 and ends at 0.84, with all of them split and filled to 0.42.
//!
//! **Why a reader misses nothing.** Call an entry *present* for a lookup if it was in the table when the lookup began
//! and still is when it ends, its address possibly replaced. It must be found.
//!
//! 1. Outside of splits an entry keeps its line, and its slot unless that is the last of the line; from there it may move
//!    to a lower one, once. A replacement is one store to its slot. A move stores the entry in the lower slot first and
//!    takes it out of the last one then. A lookup loads the last slot first: if the entry is not there any more, that load
//!    acquires the store to the lower slot, which is loaded after it. So the entry is seen, by its old address or
//!    its new one, and perhaps twice.
//! 2. A lookup goes on past a line if its last slot is not empty. That was so of all lines between the home of an entry
//!    and its own when it was put there, and a last slot becomes empty only when no entry stands that passed its line on
//!    its way; until then a slot that loses its entry is marked as deleted. So the way to a present entry is open to a
//!    lookup, whenever each of its slots is loaded.
//! 3. A split of page p makes the page q. It first copies the entries that move into q, which no reader looks at; then
//!    stores the state "p is being split"; then rewrites p slot by slot, in which entries that stay change their field
//!    and otherwise follow rule 1, and the slots of those that move become free by rule 2; then stores the state "p is split".
//!    - From the first of these states on, a lookup of a hash that moves looks in q, where the entry is: the
//!      load of the state acquires what was stored before it.
//!    - Between the two, a lookup of a hash that stays looks in p and takes a slot for a candidate if it matches as it
//!      was or as it will be. So a slot matches whichever of the two it holds.
//!    - A lookup that began before may find p rewritten under its feet. Every slot of p is loaded with `Acquire` and
//!      stored with `Release`, so if it has loaded only one that the split or anything after it has
//!      stored, it sees the new state when it loads that again. Hence a miss counts only if the state still sends the
//!      hash to the same place; else the lookup starts over there. If it has loaded none, it has seen p as it was.
//!
//! No lookup waits for the writer: it starts over only when the page of its own hash has gone on by half a split, and
//! each step of that is a doubling of the table apart from the last but one.
//!
//! What is found may be out of date as soon as it is found, but it was the entry of its key at some time during the
//! lookup. A key that is removed and set again has a moment in between at which it is absent, and a lookup may answer
//! so; a caller who does not want that replaces.
//!
//! **Checkpoints.** A table that was read from a checkpoint ([`image`]) fetches its pages a group at a time, when they are
//! first looked at. One that is written to a checkpoint is kept as it is while it is written on ([`freeze`]).
//!
//! **Crowds.** Keys whose whole hash is the same cannot be told apart by any split. The table holds sixteen of a hash
//! and answers [`Set::Crowded`](table::Set::Crowded) for the next, so that no lookup looks at more of them.

mod chunks;
mod directory;
mod freeze;
mod image;
mod page;
mod secret;
mod slot;
mod split;
mod state;
mod table;
#[cfg(test)]
mod tests;

pub(super) use image::{Groups, SlotImage};
pub(super) use table::{First, Set, SlotTable, Started};
