//! RocksDB, a log-structured merge tree in C++, by way of its Rust bindings.
//!
//! As its tuning guide advises for data that fits into memory: as many background threads as processors, a block cache of
//! twice the data (64 MiB at least), Bloom filters of ten bits, index and filter blocks of format 5, dynamic level sizes. No
//! compression, because the values cannot be compressed; large values go to blob files. Writes go through its log and reach
//! the operating system; they are synced where a workload asks for it.

use rocksdb::{BlockBasedOptions, Cache, DB, DBCompressionType, Options, WriteBatch, WriteOptions};

use super::{Direction, Engine, Place, Reader};
use crate::data::Sum;
use crate::error::{During, Result};

const NAME: &str = "rocksdb";
/// Values of this size and more go to blob files.
const LARGE_BYTES: usize = 4096;

/// An open database.
pub(crate) struct RocksDb {
    database: DB,
    durable: bool,
}

/// Reads the present.
pub(crate) struct RocksDbReader<'a> {
    database: &'a DB,
}

impl RocksDb {
    fn options(&self) -> WriteOptions {
        let mut options = WriteOptions::default();
        options.set_sync(self.durable);
        options
    }
}

impl Engine for RocksDb {
    const SETTINGS: &'static str = "block cache of twice the data, 64 MiB at least; Bloom filters of 10 bits; no compression; \
                                    blob files for values from 4 KiB on; two background jobs a processor; synced writes where \
                                    they have to be durable, else one sync of its log at the end";

    type Reader<'a> = RocksDbReader<'a>;

    fn open(place: &Place) -> Result<Self> {
        let cache = usize::try_from((place.data.logical_bytes() * 2).max(64 << 20))
            .during(NAME, "sizing the cache")?;
        let mut blocks = BlockBasedOptions::default();
        blocks.set_block_cache(&Cache::new_lru_cache(cache));
        blocks.set_bloom_filter(10.0, false);
        blocks.set_format_version(5);
        let mut options = Options::default();
        options.create_if_missing(true);
        let processors = std::thread::available_parallelism().map_or(2, usize::from);
        options.increase_parallelism(i32::try_from(processors).unwrap_or(2));
        options.set_level_compaction_dynamic_level_bytes(true);
        options.set_compression_type(DBCompressionType::None);
        options.set_block_based_table_factory(&blocks);
        if place.data.value_bytes() >= LARGE_BYTES {
            options.set_enable_blob_files(true);
            options.set_enable_blob_gc(true);
        }
        let family = [("default", options.clone())];
        let database = DB::open_cf_with_opts(&options, &place.directory, family).during(NAME, "opening")?;
        Ok(Self { database, durable: place.durable })
    }

    fn close(self) -> Result<()> {
        self.database.flush_wal(true).during(NAME, "syncing its log")
    }

    fn reader(&self) -> Result<Self::Reader<'_>> {
        Ok(RocksDbReader { database: &self.database })
    }

    fn put_batch(&self, rows: &[(&[u8], &[u8])]) -> Result<()> {
        let mut batch = WriteBatch::default();
        for (key, value) in rows {
            batch.put(key, value);
        }
        self.database.write_opt(batch, &self.options()).during(NAME, "writing a batch")
    }

    fn delete_batch(&self, keys: &[&[u8]]) -> Result<()> {
        let mut batch = WriteBatch::default();
        for key in keys {
            batch.delete(key);
        }
        self.database.write_opt(batch, &self.options()).during(NAME, "writing a batch")
    }

    fn put(&self, key: &[u8], value: &[u8]) -> Result<()> {
        self.database.put_opt(key, value, &self.options()).during(NAME, "putting")
    }

    fn put_durable(&self, key: &[u8], value: &[u8]) -> Result<()> {
        self.put(key, value)
    }

    fn sync(&self) -> Result<()> {
        self.database.flush_wal(true).during(NAME, "syncing its log")
    }

    fn put_large(&self, key: &[u8], value: &[u8]) -> Result<()> {
        self.put(key, value)?;
        self.sync()
    }
}

impl Reader for RocksDbReader<'_> {
    fn get(&mut self, key: &[u8], sum: &mut Sum) -> Result<bool> {
        let value = self.database.get_pinned(key).during(NAME, "getting")?;
        Ok(value.map(|value| sum.add(&value)).is_some())
    }

    fn get_many(&mut self, keys: &[&[u8]], sum: &mut Sum) -> Result<u64> {
        let family = self.database.cf_handle("default").ok_or("no default column family");
        let family = family.during(NAME, "getting many")?;
        let mut found = 0;
        for value in self.database.batched_multi_get_cf(&family, keys, false) {
            if let Some(value) = value.during(NAME, "getting many")? {
                sum.add(&value);
                found += 1;
            }
        }
        Ok(found)
    }

    fn scan(
        &mut self,
        from: Option<&[u8]>,
        direction: Direction,
        rows_max: usize,
        sum: &mut Sum,
    ) -> Result<u64> {
        let mut rows = self.database.raw_iterator();
        match (from, direction) {
            (Some(key), Direction::Forward) => rows.seek(key),
            (Some(key), Direction::Backward) => rows.seek_for_prev(key),
            (None, Direction::Forward) => rows.seek_to_first(),
            (None, Direction::Backward) => rows.seek_to_last(),
        }
        let mut count = 0;
        while let Some((key, value)) = rows.item().filter(|_| count < rows_max) {
            sum.add(key);
            sum.add(value);
            count += 1;
            match direction {
                Direction::Forward => rows.next(),
                Direction::Backward => rows.prev(),
            }
        }
        rows.status().during(NAME, "reading a range")?;
        Ok(count as u64)
    }
}
