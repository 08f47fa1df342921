//! What every test of the command needs: the real binary in a directory of its own.

mod sandbox;

pub(crate) use sandbox::Sandbox;
