//! What the threads of the load do, step by step.

use std::collections::BTreeMap;
use std::io::Write as _;
use std::time::Duration;

use pentad_engine::{Batch, Durability, Expiry, Store};

use crate::random::Random;

/// Threads that write.
pub(crate) const THREADS: u64 = 4;
/// The key that all threads count up.
pub(crate) const COUNTER: &str = "counter";
/// Longer than any value with a short life lives.
pub(crate) const SHORT_LIFE: Duration = Duration::from_millis(30);
/// No test runs that long.
const LONG_LIFE: Duration = Duration::from_secs(24 * 3600);
/// Keys of a thread, besides its streams: few, so that they are overwritten and deleted all the time.
const KEYS: usize = 60;
const STREAMS: usize = 4;

/// A value: what it is follows from two numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Content {
    seed: u64,
    length: usize,
}

impl Content {
    fn draw(random: &mut Random, longest: usize) -> Self {
        Self { seed: random.next(), length: random.below_usize(longest) }
    }

    /// Its bytes.
    pub(crate) fn bytes(self) -> Vec<u8> {
        Random::new(self.seed).bytes(self.length)
    }
}

/// What becomes of a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Change {
    Put(Content),
    /// For a day.
    PutForLong(Content),
    /// For less than [`SHORT_LIFE`].
    PutForShort(Content, Duration),
    PutStream(Content),
    Delete,
}

/// One commit.
#[derive(Clone, Debug)]
pub(crate) enum Step {
    /// Of the thread's own keys, each at most once.
    Changes(Vec<(String, Change)>, Durability),
    /// Of the key that belongs to all.
    Count(Durability),
}

/// What a thread's keys hold: the value, and whether it has a deadline.
pub(crate) type Model = BTreeMap<String, (Content, bool)>;

/// The prefix of the keys of `thread`.
pub(crate) fn prefix(thread: u64) -> String {
    format!("t{thread}/")
}

impl Step {
    /// The step `number` of `thread` in a round.
    pub(crate) fn of(seed: u64, round: u64, thread: u64, number: u64) -> Self {
        let random = &mut Random::of(&[seed, round, thread, number]);
        let durability = if random.percent(20) { Durability::Disk } else { Durability::Os };
        let mut first = random.below_usize(KEYS);
        let mut key = || {
            first += 1;
            format!("{}{:02}", prefix(thread), first % KEYS)
        };
        let longest = if random.percent(5) { 60_000 } else { 2_000 };
        let changes = match random.below(100) {
            0..36 => vec![(key(), Change::Put(Content::draw(random, longest)))],
            36..50 => vec![(key(), Change::Delete)],
            50..78 => {
                let mut changes = Vec::new();
                for _ in 0..2 + random.below(20) {
                    let put = random.percent(70);
                    let content = Content::draw(random, longest / 4);
                    changes.push((key(), if put { Change::Put(content) } else { Change::Delete }));
                }
                changes
            }
            78..84 => vec![(key(), Change::PutForLong(Content::draw(random, longest)))],
            84..92 => {
                let life = Duration::from_millis(random.below(30));
                vec![(key(), Change::PutForShort(Content::draw(random, longest), life))]
            }
            92..95 => {
                let name = format!("{}stream{}", prefix(thread), random.below_usize(STREAMS));
                let stream = (name, Change::PutStream(Content::draw(random, 400_000)));
                vec![stream, (key(), Change::Put(Content::draw(random, longest)))]
            }
            _ => return Self::Count(durability),
        };
        Self::Changes(changes, durability)
    }

    /// Its batch, with the streams written.
    pub(crate) fn batch(&self, store: &Store) -> pentad_engine::Result<Batch> {
        let mut batch = Batch::new();
        match self {
            Self::Count(durability) => {
                batch.increment(COUNTER, 1).durability(*durability);
            }
            Self::Changes(changes, durability) => {
                batch.durability(*durability);
                for (key, change) in changes {
                    match *change {
                        Change::Put(content) => batch.put(key, content.bytes()),
                        Change::PutForLong(content) => {
                            batch.put_expiring(key, content.bytes(), Expiry::After(LONG_LIFE))
                        }
                        Change::PutForShort(content, life) => {
                            batch.put_expiring(key, content.bytes(), Expiry::After(life))
                        }
                        Change::PutStream(content) => {
                            let mut stream = store.stream()?;
                            stream.write_all(&content.bytes()).expect("a stream takes its bytes");
                            batch.put(key, stream.finish()?)
                        }
                        Change::Delete => batch.delete(key),
                    };
                }
            }
        }
        Ok(batch)
    }

    /// What it makes of what was there, once every short life is over.
    pub(crate) fn apply(&self, model: &mut Model) {
        let Self::Changes(changes, _) = self else { return };
        for (key, change) in changes {
            match *change {
                Change::Put(content) | Change::PutStream(content) => {
                    model.insert(key.clone(), (content, false));
                }
                Change::PutForLong(content) => {
                    model.insert(key.clone(), (content, true));
                }
                Change::PutForShort(..) | Change::Delete => {
                    model.remove(key);
                }
            }
        }
    }

    /// Whether it counts up.
    pub(crate) fn counts(&self) -> bool {
        matches!(self, Self::Count(_))
    }
}
