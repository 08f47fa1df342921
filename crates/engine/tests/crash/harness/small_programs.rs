//! Small programs, a few commits each, for tests that try every call, every crash point and every sector of them.
//!
//! Together they do everything that writes: appends at both levels, batches, streams, prune, expiry, rename, new
//! segments, compaction, close and open.

use pentad_engine::Durability::{self, Disk, Os};
use pentad_engine::Store;
use pentad_engine::seams::Clock;

use super::request::{Change, Condition, End, Request};
use super::stop::Stop;
use super::world::World;

/// What a program does from the creation of the store on.
pub(crate) type Program = fn(&mut World) -> Result<(), Stop>;

/// All of them, by name.
pub(crate) const PROGRAMS: [(&str, Program); 9] = [
    ("appends", appends),
    ("batches", batches),
    ("streams", streams),
    ("prune", prune),
    ("expiry", expiry),
    ("rename", rename),
    ("compaction", compaction),
    ("compaction of parts", compaction_of_parts),
    ("reopening", reopening),
];

fn put(key: &str, value: &[u8]) -> Change {
    Change::Put { key: key.into(), value: value.into(), end: End::Never }
}

fn expiring(key: &str, value: &[u8], after_ns: u64) -> Change {
    Change::Put { key: key.into(), value: value.into(), end: End::AfterNs(after_ns) }
}

fn stream(key: &str, value: &[u8]) -> Change {
    Change::PutStreamed { key: key.into(), value: value.into() }
}

/// Two levels of durability, a batch, a delete, a commit larger than a segment, and so the start of a new one.
fn appends(world: &mut World) -> Result<(), Stop> {
    world.open()?;
    world.commit(&Request::put(Disk, "a", b"first"))?;
    world.commit(&Request::put(Os, "b", &[b'b'; 900]))?;
    world.commit(&Request::of(Os, vec![put("a", b"both"), put("c", b"both")]))?;
    world.commit(&Request::put(Os, "large", &[b'l'; 3000]))?;
    world.commit(&Request::delete(Disk, "b"))?;
    world.close()
}

/// Batches over several sectors, with conditions that hold and that fail.
fn batches(world: &mut World) -> Result<(), Stop> {
    let wide = |durability: Durability, tag: u8| {
        let changes = ["a", "b", "c", "d"].map(|key| put(key, &[tag; 400]));
        Request::of(durability, changes.to_vec())
    };
    world.open()?;
    world.commit(&wide(Disk, 1))?;
    world.commit(&wide(Os, 2))?;
    let refused = Request { conditions: vec![(b"a".to_vec(), Condition::Absent)], ..wide(Disk, 3) };
    world.commit(&refused)?;
    let taken = Request { conditions: vec![(b"a".to_vec(), Condition::Present)], ..wide(Os, 4) };
    world.commit(&taken)?;
    world.sync()?;
    let hashed = Change::PutHashed { hash: 77, value: (*b"hashed").into() };
    world
        .commit(&Request::of(Disk, vec![hashed, Change::Delete { key: b"c".to_vec() }, put("e", b"new")]))?;
    world.close()
}

/// Values in segments of their own, one overwritten, one deleted.
fn streams(world: &mut World) -> Result<(), Stop> {
    world.open()?;
    world.commit(&Request::of(Os, vec![stream("s", &[b's'; 1500])]))?;
    world.commit(&Request::of(Disk, vec![stream("t", &[b't'; 700]), put("beside", b"v")]))?;
    world.commit(&Request::of(Disk, vec![stream("s", &[b'S'; 600])]))?;
    world.commit(&Request::delete(Os, "t"))?;
    world.close()
}

/// The batch log cut twice, once to its end.
fn prune(world: &mut World) -> Result<(), Stop> {
    world.open()?;
    for n in 0..4 {
        world.commit(&Request::put(Os, format!("key {n}"), &[b'p'; 300]))?;
    }
    world.prune(3)?;
    world.commit(&Request::put(Os, "key 1", b"after"))?;
    world.prune(6)?;
    world.commit(&Request::put(Disk, "key 2", b"after"))?;
    world.close()
}

/// Entries that end, over time that passes and clocks that are set back.
fn expiry(world: &mut World) -> Result<(), Stop> {
    world.open()?;
    world.commit(&Request::put(Disk, "a", b"for ever"))?;
    world.commit(&Request::of(Disk, vec![expiring("a", b"short", 1_000), expiring("b", b"short", 5_000)]))?;
    world.clock.advance(2_000);
    world.commit(&Request::put(Os, "c", b"meanwhile"))?;
    world.commit(&Request::of(Os, vec![expiring("c", b"ended at once", 0)]))?;
    world.clock.advance(10_000);
    world.commit(&Request::put(Disk, "b", b"again"))?;
    world.clock.set_wall(world.clock.wall_ns() - 3_000_000_000);
    world.close()
}

/// Renames over other entries, of a stream, and a counter.
fn rename(world: &mut World) -> Result<(), Stop> {
    let rename = |from: &str, to: &str| Change::Rename { from: from.into(), to: to.into() };
    world.open()?;
    world.commit(&Request::of(Disk, vec![put("a", &[b'a'; 600]), put("b", b"b")]))?;
    world.commit(&Request::of(Os, vec![rename("a", "b")]))?;
    world.commit(&Request::of(Os, vec![stream("s", &[b's'; 600])]))?;
    world.commit(&Request::of(Disk, vec![rename("s", "t"), rename("b", "c")]))?;
    for delta in [5, -7] {
        world.commit(&Request::of(Os, vec![Change::Increment { key: b"n".to_vec(), delta }]))?;
    }
    world.commit(&Request::of(Disk, vec![rename("n", "m")]))?;
    world.close()
}

/// Segments, most of them dead, and two compactions.
fn compaction(world: &mut World) -> Result<(), Stop> {
    world.open()?;
    for round in 0..3_u8 {
        world.commit(&Request::put(Disk, "a", &[round; 1300]))?;
        world.commit(&Request::put(Os, format!("once {round}"), &[round; 900]))?;
    }
    world.commit(&Request::of(Os, vec![stream("s", &[b's'; 600]), expiring("once 1", b"short", 1_000)]))?;
    world.commit(&Request::delete(Os, "once 0"))?;
    world.prune(8)?;
    world.clock.advance(5_000);
    world.compact()?;
    world.commit(&Request::delete(Disk, "s"))?;
    world.prune(10)?;
    world.compact()?;
    world.commit(&Request::put(Os, "after", b"v"))?;
    world.close()
}

/// Segments that nobody changes any more, and others, most of them dead, that are compacted without those.
fn compaction_of_parts(world: &mut World) -> Result<(), Stop> {
    world.open()?;
    for key in ["a", "b", "c", "d"] {
        world.commit(&Request::put(Os, key, &[b'v'; 900]))?;
    }
    world.commit(&Request::put(Os, "gone", b"short"))?;
    world.prune(6)?;
    world.compact()?;
    world.commit(&Request::delete(Os, "gone"))?;
    for round in 0..3_u8 {
        world.commit(&Request::put(Disk, "hot", &[round; 1500]))?;
    }
    world.prune(10)?;
    world.rearrange("maintain", Store::maintain)?;
    world.commit(&Request::put(Os, "after", b"v"))?;
    world.close()
}

/// Opened and closed again and again.
fn reopening(world: &mut World) -> Result<(), Stop> {
    world.open()?;
    world.commit(&Request::put(Disk, "a", b"first"))?;
    world.close()?;
    world.open()?;
    world.commit(&Request::put(Os, "b", &[b'b'; 700]))?;
    world.close()?;
    world.open()?;
    world.close()?;
    world.open()?;
    world.commit(&Request::put(Os, "a", b"second"))?;
    world.close()
}
