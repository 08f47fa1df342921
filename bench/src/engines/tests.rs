//! Every adapter against a map: what it must find, in which order, and what it must not find.
//!
//! The sums of a run compare the stores with each other; this says that they do not all have the same defect.

use std::collections::BTreeMap;

use super::{Ability, Direction, Engine, Fjall, Limit, Lmdb, Pentad, Place, Reader, Redb, SimdRDrive};
use crate::data::{DataSet, Shape, Size, Sum};

const ROWS: u64 = 500;

type Model = BTreeMap<Vec<u8>, Vec<u8>>;

fn sum<'a>(rows: impl Iterator<Item = (&'a Vec<u8>, &'a Vec<u8>)>) -> Sum {
    let mut sum = Sum::default();
    for (key, value) in rows {
        sum.add(key);
        sum.add(value);
    }
    sum
}

fn check<E: Engine>() {
    let directory = tempfile::tempdir().unwrap();
    let data = DataSet { size: Size::V100, shape: Shape::Path, quick: true, memory_part: None };
    let place = Place { directory: directory.path().to_owned(), data, durable: true, retention_off: true };
    let engine = E::open(&place).unwrap();
    let (keys, values) = (data.keys(0..ROWS), data.values());
    let mut model = Model::new();

    // Everything is put, the first half again with other values; every tenth is deleted, and the last one put alone.
    for version in [0, 1] {
        let count = if version == 0 { keys.len() } else { keys.len() / 2 };
        let rows: Vec<(&[u8], &[u8])> =
            (0..count).map(|at| (keys.get(at), values.get(at as u64, version))).collect();
        engine.put_batch(&rows).unwrap();
        model.extend(rows.iter().map(|(key, value)| (key.to_vec(), value.to_vec())));
    }
    let gone: Vec<&[u8]> = (0..keys.len()).step_by(10).map(|at| keys.get(at)).collect();
    engine.delete_batch(&gone).unwrap();
    gone.iter().for_each(|key| assert!(model.remove(*key).is_some()));
    let last = keys.get(keys.len() - 1);
    let put = if E::lacks(Ability::DurablePut).is_some() { E::put } else { E::put_durable };
    put(&engine, last, b"alone").unwrap();
    model.insert(last.to_vec(), b"alone".to_vec());
    engine.sync().unwrap();

    let mut reader = engine.reader().unwrap();
    for key in keys.iter() {
        let (mut found, mut expected) = (Sum::default(), Sum::default());
        let is_there = reader.get(key, &mut found).unwrap();
        let value = model.get(key);
        value.iter().for_each(|value| expected.add(value));
        assert_eq!((is_there, found), (value.is_some(), expected), "{}", key.escape_ascii());
    }
    let wanted: Vec<&[u8]> = keys.iter().take(100).collect();
    let (mut found, mut expected) = (Sum::default(), Sum::default());
    let count = reader.get_many(&wanted, &mut found).unwrap();
    wanted.iter().filter_map(|key| model.get(*key)).for_each(|value| expected.add(value));
    assert_eq!((count, found), (90, expected));

    if E::lacks(Ability::Order).is_none() {
        let mut scan = |from, direction, rows| {
            let mut sum = Sum::default();
            (reader.scan(from, direction, rows, &mut sum).unwrap(), sum)
        };
        assert_eq!(scan(None, Direction::Forward, usize::MAX), (model.len() as u64, sum(model.iter())));
        // From a key that is there, from one that was deleted, and from one that never was.
        for from in [keys.get(1), keys.get(10), b"/srv/m".as_slice()] {
            let forward = scan(Some(from), Direction::Forward, 7);
            assert_eq!(forward.1, sum(model.range(from.to_vec()..).take(7)), "{}", from.escape_ascii());
            let backward = scan(Some(from), Direction::Backward, 7);
            assert_eq!(
                backward.1,
                sum(model.range(..=from.to_vec()).rev().take(7)),
                "{}",
                from.escape_ascii()
            );
        }
    }
    drop(reader);

    let large = vec![0x5a; 200_000];
    engine.put_large(b"large", &large).unwrap();
    let (mut found, mut expected) = (Sum::default(), Sum::default());
    expected.add(&large);
    assert!(engine.reader().unwrap().get(b"large", &mut found).unwrap());
    assert_eq!(found, expected);
    engine.close().unwrap();
}

#[test]
fn pentad_answers_as_a_map_does() {
    check::<Pentad>();
}

#[test]
fn the_limit_answers_as_a_map_does() {
    check::<Limit>();
}

#[test]
fn simd_r_drive_answers_as_a_map_does() {
    check::<SimdRDrive>();
}

#[test]
fn lmdb_answers_as_a_map_does() {
    check::<Lmdb>();
}

#[test]
fn redb_answers_as_a_map_does() {
    check::<Redb>();
}

#[test]
fn fjall_answers_as_a_map_does() {
    check::<Fjall>();
}

#[cfg(feature = "rocksdb")]
#[test]
fn rocksdb_answers_as_a_map_does() {
    check::<super::RocksDb>();
}
