//! simd-r-drive, which inspired two of Pentad's interfaces.
//!
//! It has no settings. It never syncs by itself, so the adapter syncs its file where a workload asks for it, through a
//! handle of its own. It finds keys by a 64-bit hash and a 16-bit tag of that same hash and does not keep them, and it has
//! no order. Dead entries stay until a compaction is asked for that nobody else may read during; it is not asked for here.

use std::fs::{File, OpenOptions};
use std::path::PathBuf;

use simd_r_drive::DataStore;
use simd_r_drive::traits::{DataStoreReader, DataStoreWriter};

use super::{Ability, Direction, Engine, Place, Reader};
use crate::data::Sum;
use crate::error::{During, Error, Result};

const NAME: &str = "simd-r-drive";
const NO_ORDER: &str = "keeps neither keys nor an order";

/// An open store.
pub(crate) struct SimdRDrive {
    store: DataStore,
    file: File,
}

/// Reads the present.
pub(crate) struct SimdRDriveReader<'a> {
    store: &'a DataStore,
}

fn path_in(place: &Place) -> PathBuf {
    place.directory.join("store.bin")
}

impl Engine for SimdRDrive {
    const SETTINGS: &'static str = "it has none; it never syncs, so fdatasync on its file is added where a workload asks \
                                    for durability";

    type Reader<'a> = SimdRDriveReader<'a>;

    fn open(place: &Place) -> Result<Self> {
        let path = path_in(place);
        let store = DataStore::open(&path).during(NAME, "opening")?;
        let file = OpenOptions::new().append(true).open(&path).map_err(Error::file(&path))?;
        Ok(Self { store, file })
    }

    fn close(self) -> Result<()> {
        drop(self.store);
        Ok(())
    }

    fn reader(&self) -> Result<Self::Reader<'_>> {
        Ok(SimdRDriveReader { store: &self.store })
    }

    fn put_batch(&self, rows: &[(&[u8], &[u8])]) -> Result<()> {
        self.store.batch_write(rows).map(drop).during(NAME, "writing a batch")
    }

    fn delete_batch(&self, keys: &[&[u8]]) -> Result<()> {
        self.store.batch_delete(keys).map(drop).during(NAME, "deleting a batch")
    }

    fn put(&self, key: &[u8], value: &[u8]) -> Result<()> {
        self.store.write(key, value).map(drop).during(NAME, "writing")
    }

    fn put_durable(&self, key: &[u8], value: &[u8]) -> Result<()> {
        self.put(key, value)?;
        self.sync()
    }

    fn sync(&self) -> Result<()> {
        self.file.sync_data().during(NAME, "syncing its file")
    }

    fn put_large(&self, key: &[u8], mut value: &[u8]) -> Result<()> {
        self.store.write_stream(key, &mut value).during(NAME, "writing a stream")?;
        self.sync()
    }

    fn lacks(ability: Ability) -> Option<&'static str> {
        (ability == Ability::Order).then_some(NO_ORDER)
    }
}

impl Reader for SimdRDriveReader<'_> {
    fn get(&mut self, key: &[u8], sum: &mut Sum) -> Result<bool> {
        let entry = self.store.read(key).during(NAME, "reading")?;
        Ok(entry.map(|entry| sum.add(&entry)).is_some())
    }

    fn get_many(&mut self, keys: &[&[u8]], sum: &mut Sum) -> Result<u64> {
        let entries = self.store.batch_read(keys).during(NAME, "reading a batch")?;
        Ok(entries.iter().flatten().map(|entry| sum.add(entry)).count() as u64)
    }

    fn scan(&mut self, _: Option<&[u8]>, _: Direction, _: usize, _: &mut Sum) -> Result<u64> {
        Err(Error::Engine { engine: NAME, doing: "reading a range", reason: NO_ORDER.to_owned() })
    }
}
