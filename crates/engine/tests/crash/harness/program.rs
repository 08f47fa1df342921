//! Random programs: what users of a store do, in any order, from one seed.

use pentad_engine::seams::Clock;
use pentad_engine::seams::sim::Rng;
use pentad_engine::{Durability, Store, key_hash};

use super::check::check_some_range;
use super::collisions::colliding_key;
use super::followers::Follower;
use super::older::state_at;
use super::request::{Bytes, Change, Condition, End, Request};
use super::stop::Stop;
use super::views::View;
use super::world::World;

/// What a program is made of, in parts of the whole.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Mix {
    /// Commits at `Os` among all, per mille.
    pub(crate) os_per_mille: u64,
    /// Expiring puts and jumps of the clock.
    pub(crate) time: u64,
    /// Streams.
    pub(crate) streams: u64,
    /// Prune, compact all or parts, close and reopen.
    pub(crate) care: u64,
    /// Snapshots, half-read ranges, held values.
    pub(crate) views: u64,
}

impl Mix {
    /// A bit of everything.
    pub(crate) const ALL: Self = Self { os_per_mille: 400, time: 6, streams: 3, care: 5, views: 4 };
}

/// The keys that programs work on: few, so that they meet often, and of all the odd kinds.
pub(crate) fn keys() -> Vec<Vec<u8>> {
    let mut keys: Vec<Vec<u8>> = vec![
        b"".to_vec(),
        b"\0".to_vec(),
        b"a".to_vec(),
        b"a\0".to_vec(),
        b"ab".to_vec(),
        b"count".to_vec(),
        vec![0xff],
        vec![0xff, 0xff],
        vec![b'k'; 300],
        colliding_key(1),
        colliding_key(2),
    ];
    keys.extend((1..=9).map(|n| format!("user:{n:03}").into_bytes()));
    keys
}

fn hashes() -> [u64; 4] {
    [key_hash(b"a"), key_hash(b"user:001"), key_hash(&colliding_key(1)), 1]
}

/// The counter, which plain puts leave alone.
const COUNTER: &[u8] = b"count";

struct Author<'a> {
    rng: &'a mut Rng,
    keys: Vec<Vec<u8>>,
}

impl Author<'_> {
    fn key(&mut self) -> Vec<u8> {
        self.keys[self.rng.index(self.keys.len())].clone()
    }

    /// A value that is no number. Most are small; some are larger than a segment.
    fn value(&mut self, length_max: u64) -> Bytes {
        let length = match self.rng.below(20) {
            0 => 0,
            1..=14 => 1 + self.rng.below(60),
            15..=18 => 100 + self.rng.below(900),
            _ => 1000 + self.rng.below(8000),
        };
        let mut bytes = vec![0; usize::try_from(length.min(length_max)).expect("a small length")];
        // A counter never begins so.
        self.rng.fill(&mut bytes);
        if let Some(first) = bytes.first_mut() {
            *first = b'v';
        }
        bytes.into()
    }

    fn durability(&mut self, mix: Mix) -> Durability {
        if self.rng.chance(mix.os_per_mille) { Durability::Os } else { Durability::Disk }
    }

    fn put(&mut self) -> Change {
        Change::Put { key: self.key(), value: self.value(u64::MAX), end: End::Never }
    }

    fn expiring(&mut self, now: u64) -> Change {
        let end = match self.rng.below(5) {
            0 => End::AfterNs(0),
            1 => End::AfterNs(u64::MAX),
            2 => End::AtNs(now + self.rng.below(4_000_000_000)),
            _ => End::AfterNs(self.rng.below(10_000_000_000)),
        };
        Change::Put { key: self.key(), value: self.value(200), end }
    }

    /// One of the changes that a batch may hold.
    fn change(&mut self, now: u64) -> Change {
        match self.rng.below(12) {
            0..=4 => self.put(),
            5 => self.expiring(now),
            6 => Change::PutHashed { hash: hashes()[self.rng.index(4)], value: self.value(200) },
            7 => Change::DeleteHashed { hash: hashes()[self.rng.index(4)] },
            8 => Change::DeleteWithHashed { key: self.key() },
            9 => Change::Increment { key: COUNTER.to_vec(), delta: 1 },
            _ => Change::Delete { key: self.key() },
        }
    }

    fn batch(&mut self, now: u64, durability: Durability) -> Request {
        let changes = (0..self.rng.below(12)).map(|_| self.change(now)).collect();
        let always = self.rng.chance(200);
        Request { always, ..Request::of(durability, changes) }
    }
}

/// Does one random thing.
///
/// # Errors
///
/// The failure of an operation that the model allows; the world is then to be cut or opened again.
pub(crate) fn step(world: &mut World, mix: Mix) -> Result<(), Stop> {
    if world.is_off() {
        return Err(Stop { kind: None, text: "the machine is off".to_owned() });
    }
    let mut rng = world.rng.clone();
    let result = step_with(world, mix, &mut rng);
    world.rng = rng;
    result
}

fn step_with(world: &mut World, mix: Mix, rng: &mut Rng) -> Result<(), Stop> {
    let now = world.store().now().0;
    let total = 20 + mix.time + mix.streams + mix.care + mix.views;
    let mut draw = rng.below(total);
    let mut is = |weight: u64| {
        let hit = draw < weight;
        draw = draw.saturating_sub(weight);
        hit
    };
    if is(20) {
        write(world, mix, now, rng)
    } else if is(mix.time) {
        time(world, mix, now, rng)
    } else if is(mix.streams) {
        let mut author = Author { rng, keys: keys() };
        let durability = author.durability(mix);
        let mut value = vec![b's'; 1 + author.rng.index(20_000)];
        author.rng.fill(&mut value[1..]);
        let mut changes = vec![Change::PutStreamed { key: author.key(), value: value.into() }];
        if author.rng.chance(300) {
            changes.push(author.put());
        }
        world.commit(&Request::of(durability, changes))
    } else if is(mix.care) {
        care(world, rng)
    } else {
        look(world, rng)
    }
}

fn write(world: &mut World, mix: Mix, now: u64, rng: &mut Rng) -> Result<(), Stop> {
    let mut author = Author { rng, keys: keys() };
    let durability = author.durability(mix);
    let request = match author.rng.below(20) {
        0..=7 => Request::of(durability, vec![author.put()]),
        8..=10 => Request::of(durability, vec![Change::Delete { key: author.key() }]),
        11 => Request::of(durability, vec![Change::Rename { from: author.key(), to: author.key() }]),
        12 => {
            // Of a key that is there: whether a rename of a missing key to itself is missing or invalid is no one's
            // concern.
            let live: Vec<_> = world.state().rows(now).map(|(key, _)| key.clone()).collect();
            match live.get(author.rng.index(live.len())) {
                Some(key) => {
                    Request::of(durability, vec![Change::Rename { from: key.clone(), to: author.key() }])
                }
                None => Request::of(durability, vec![author.put()]),
            }
        }
        13 => {
            let key = if author.rng.chance(800) { COUNTER.to_vec() } else { author.key() };
            let delta = if author.rng.chance(50) { i64::MAX } else { 7 };
            Request::of(durability, vec![Change::Increment { key, delta }])
        }
        14 => {
            let key = author.key();
            let condition = condition(world, &key, now, author.rng);
            let change =
                if author.rng.chance(700) { author.put() } else { Change::Delete { key: author.key() } };
            Request { conditions: vec![(key, condition)], ..Request::of(durability, vec![change]) }
        }
        15 => Request { always: true, ..Request::of(durability, Vec::new()) },
        _ => author.batch(now, durability),
    };
    let self_rename = |change: &Change| matches!(change, Change::Rename { from, to } if from == to);
    if request.changes.iter().any(self_rename) && request.changes.len() == 1 {
        let Change::Rename { from, .. } = &request.changes[0] else { unreachable!("it is a rename") };
        if world.state().get(from, now).is_none() {
            return Ok(());
        }
    }
    world.commit(&request)
}

fn condition(world: &World, key: &[u8], now: u64, rng: &mut Rng) -> Condition {
    let entry = world.state().get(key, now);
    match (rng.below(6), entry) {
        (0, _) => Condition::Absent,
        (1, _) => Condition::Present,
        (2, _) => Condition::Unmodified(rng.below(world.past.sequence() + 1)),
        (3, Some(entry)) => Condition::Unmodified(entry.stamp.0),
        (4, Some(entry)) => Condition::Value(entry.value.clone()),
        _ => Condition::Value((*b"something else").into()),
    }
}

fn time(world: &mut World, mix: Mix, now: u64, rng: &mut Rng) -> Result<(), Stop> {
    match rng.below(6) {
        0 => world.clock.advance(rng.below(3_000_000_000)),
        1 => {
            // An hour either way.
            let wall = world.clock.wall_ns();
            let hour = 3_600_000_000_000;
            world.clock.set_wall(wall - hour + rng.below(2 * hour));
        }
        2 => world.clock.advance(1),
        _ => {
            let mut author = Author { rng, keys: keys() };
            let durability = author.durability(mix);
            let request = Request::of(durability, vec![author.expiring(now)]);
            return world.commit(&request);
        }
    }
    Ok(())
}

fn care(world: &mut World, rng: &mut Rng) -> Result<(), Stop> {
    match rng.below(10) {
        0 | 1 => world.compact(),
        8 | 9 => world.rearrange("maintain", Store::maintain),
        2 | 3 => {
            let before = rng.below(world.past.sequence() + 3);
            world.prune(before)
        }
        4 => {
            let before = world.past.sequence();
            world.prune(before)?;
            world.compact()
        }
        5 if world.checkpoint_bytes == 0 => world.checkpoint(),
        5 | 6 => world.sync(),
        _ => {
            world.close()?;
            world.segment_bytes = 4096 << rng.below(3);
            world.open()
        }
    }
}

impl World {
    /// Writes a checkpoint, which makes the log durable.
    pub(crate) fn checkpoint(&mut self) -> Result<(), Stop> {
        let result = self.store().checkpoint();
        self.tell(|| format!("checkpoint: {result:?}"));
        result?;
        self.past.raise();
        Ok(())
    }
}

fn look(world: &mut World, rng: &mut Rng) -> Result<(), Stop> {
    let now = world.store().now().0;
    match rng.below(8) {
        7 => {
            if world.followers.len() < 3 {
                let next = 1 + rng.below(world.past.sequence() + 1);
                let prefix: &[u8] = [&b""[..], b"user:", b"a"][rng.index(3)];
                world.followers.push(Follower::new(next, prefix));
            }
            world.check_views();
        }
        6 => {
            if let Some(oldest) = world.store().oldest_readable() {
                let sequence = oldest.0 + rng.below(world.past.sequence() + 1 - oldest.0);
                let view = View::at(world.store(), sequence, state_at(&world.past, sequence))?;
                world.views.push(view);
            }
        }
        0 | 1 => {
            let view = View::snapshot(world.store(), world.past.sequence(), world.state())?;
            world.views.push(view);
        }
        2 => {
            let view = View::range(world.store(), world.state(), rng.index(4));
            world.views.push(view);
        }
        3 => {
            let live: Vec<_> =
                world.state().rows(now).map(|(key, entry)| (key, entry.value.clone())).collect();
            if let Some((key, expected)) = live.get(rng.index(live.len())) {
                let value = world.store().get(key)?.expect("a live key has a value");
                let expected = expected.clone();
                world.views.push(View::Value { value, expected });
            }
        }
        4 => {
            let context = world.context();
            let faults = world.disk.take_faults();
            check_some_range(world.store(), world.state(), &keys(), rng, &context);
            faults.into_iter().for_each(|fault| world.disk.inject(fault));
        }
        _ => world.check_views(),
    }
    // A reader is held for a while, not for ever.
    if world.views.len() > 3 {
        world.check_views();
        let at = rng.index(world.views.len());
        world.views.swap_remove(at);
    }
    Ok(())
}
