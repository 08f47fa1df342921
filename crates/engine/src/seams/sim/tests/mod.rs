//! The rules of the simulated disk, each shown to hold and to bite: what may be lost is lost by some seed, what must
//! stay stays under all of them.

mod crashes;
mod faults;
mod files;
mod shorthand;
