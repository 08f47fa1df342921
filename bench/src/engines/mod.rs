//! The stores that are compared, each behind the same small trait. What an adapter sets, and why, stands at the top of its
//! file and, in short, in `SETTINGS`, which is printed with the figures.

mod engine;
mod fjall;
mod kind;
mod limit;
mod lmdb;
mod pentad;
mod redb;
#[cfg(feature = "rocksdb")]
mod rocksdb;
mod simd_r_drive;
#[cfg(test)]
mod tests;

pub(crate) use engine::{Ability, Direction, Engine, Place, Reader};
pub(crate) use fjall::Fjall;
pub(crate) use kind::EngineKind;
pub(crate) use limit::Limit;
pub(crate) use lmdb::Lmdb;
pub(crate) use pentad::Pentad;
pub(crate) use redb::Redb;
#[cfg(feature = "rocksdb")]
pub(crate) use rocksdb::RocksDb;
pub(crate) use simd_r_drive::SimdRDrive;
