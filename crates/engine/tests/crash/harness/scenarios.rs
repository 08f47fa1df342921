//! Scenarios from one seed. Each panics when the store breaks a promise; the tests run them over many seeds, and
//! planted bugs are hunted with them.

use pentad_engine::seams::Clock;
use pentad_engine::seams::sim::{Effect, Fault, Op, Part, Repeat, Rng, SimDisk};
use pentad_engine::{Durability, ErrorKind, Store};

use super::check::check_points;
use super::images::{commit_and_find, edited, react, refused};
use super::program::{Mix, keys, step};
use super::request::{Change, End, Request};
use super::world::{Cut, World};

/// A world of a seed's own character.
pub(crate) fn world_of(seed: u64) -> (World, Mix) {
    let mut world = World::new(seed);
    let mix = shape(&mut world);
    (world, mix)
}

/// Gives a new world the character that its draws ask for.
pub(crate) fn shape(world: &mut World) -> Mix {
    world.probes = keys();
    // In two worlds of three, whenever there is something to write.
    if !world.nonce.is_multiple_of(3) {
        world.checkpoint_bytes = 0;
    }
    world.segment_bytes = 4096 << world.rng.below(3);
    if world.rng.chance(300) {
        world.window = 1 + world.rng.below(20);
    }
    let all = Mix::ALL;
    match world.rng.below(6) {
        0 => Mix { os_per_mille: 0, ..all },
        1 => Mix { os_per_mille: 900, ..all },
        2 => Mix { time: 30, care: 12, ..all },
        3 => Mix { views: 20, care: 15, ..all },
        4 => Mix { streams: 15, ..all },
        _ => all,
    }
}

/// Power cuts between and within operations, and within the recoveries that follow.
pub(crate) fn power_cuts(seed: u64) {
    run_with_cuts(seed, |_| Cut::Power);
}

/// The same with kills among the power cuts.
pub(crate) fn kills_and_power_cuts(seed: u64) {
    run_with_cuts(seed, |rng| if rng.chance(600) { Cut::Kill } else { Cut::Power });
}

fn run_with_cuts(seed: u64, cut: fn(&mut Rng) -> Cut) {
    play(&mut world_of(seed).0, world_of(seed).1, cut);
}

/// Plays the rounds of a world: open, work, cut.
pub(crate) fn play(world: &mut World, mix: Mix, cut: fn(&mut Rng) -> Cut) {
    for _ in 0..5 {
        open_through_cuts(world, cut);
        let steps = world.rng.below(50);
        if world.rng.chance(650) {
            let operations = world.rng.below(150);
            world.off_in(operations);
        }
        for _ in 0..steps {
            if let Err(stop) = step(world, mix) {
                world.excuse(&stop);
                break;
            }
        }
        if world.is_open() && !world.is_off() && world.rng.chance(300) {
            world.check();
        }
        let cut = cut(&mut world.rng);
        world.cut(cut);
    }
    open_through_cuts(world, cut);
    finish(world);
}

/// Opens the store; some opens are cut off.
fn open_through_cuts(world: &mut World, cut: fn(&mut Rng) -> Cut) {
    for _ in 0..3 {
        if world.rng.chance(400) {
            world.look();
        }
        if !world.rng.chance(350) {
            break;
        }
        let operations = world.rng.below(40);
        world.off_in(operations);
        if let Err(stop) = world.open() {
            world.excuse(&stop);
        }
        let cut = cut(&mut world.rng);
        world.cut(cut);
    }
    world.open().unwrap_or_else(|stop| panic!("{}: {stop}", world.context()));
}

/// What is there at the end is still there after a clean close and open, and after a cut on top of that.
pub(crate) fn finish(world: &mut World) {
    let must = |world: &mut World, act: fn(&mut World) -> Result<(), super::stop::Stop>| {
        act(world).unwrap_or_else(|stop| panic!("{}: {stop}", world.context()));
    };
    must(world, |world| world.commit(&Request::put(Durability::Disk, "last", b"v1")));
    must(world, World::close);
    must(world, World::open);
    must(world, |world| world.commit(&Request::put(Durability::Disk, "last", b"v2")));
    world.cut(Cut::Power);
    must(world, World::open);
    world.check();
}

/// Errors, short and interrupted calls at random operations. After a failure readers go on, and writers either go on
/// too or are told that the store is poisoned until it is opened again.
pub(crate) fn failing_disk(seed: u64) {
    let (mut world, mix) = world_of(seed);
    work_on_a_failing_disk(&mut world, mix);
}

/// The rounds of [`failing_disk`].
pub(crate) fn work_on_a_failing_disk(world: &mut World, mix: Mix) {
    for _ in 0..5 {
        let fault = random_fault(&mut world.rng);
        let during_open = world.rng.chance(200);
        if during_open {
            world.disk.inject(fault);
        }
        if let Err(stop) = world.open() {
            excuse_fault(world, &fault, &stop);
            world.disk.take_faults();
            world.open().unwrap_or_else(|stop| panic!("{}: {stop}", world.context()));
        }
        if !during_open {
            world.disk.inject(fault);
        }
        let mut failed = false;
        for _ in 0..world.rng.below(40) {
            if let Err(stop) = step(world, mix) {
                excuse_fault(world, &fault, &stop);
                failed = true;
                break;
            }
        }
        world.disk.take_faults();
        if failed && world.is_open() {
            after_failure(world);
        }
        match world.rng.below(3) {
            0 => world.abandon(),
            1 => world.cut(Cut::Kill),
            _ => world.cut(Cut::Power),
        }
    }
    world.open().unwrap_or_else(|stop| panic!("{}: {stop}", world.context()));
    finish(world);
}

fn random_fault(rng: &mut Rng) -> Fault {
    const KINDS: [std::io::ErrorKind; 3] =
        [std::io::ErrorKind::Other, std::io::ErrorKind::StorageFull, std::io::ErrorKind::PermissionDenied];
    const OPS: [Op; 12] = [
        Op::Sync,
        Op::Sync,
        Op::Write,
        Op::Write,
        Op::Allocate,
        Op::SetLength,
        Op::Rename,
        Op::SyncDir,
        Op::Create,
        Op::Open,
        Op::Map,
        Op::Remove,
    ];
    let on = OPS[rng.index(OPS.len())];
    let effect = match (on, rng.below(4)) {
        (Op::Write, 0) => Effect::Short,
        (Op::Write, 1) => Effect::Interrupted,
        _ => Effect::Error(KINDS[rng.index(KINDS.len())]),
    };
    // A call that is interrupted for ever is repeated for ever.
    let lasting = effect != Effect::Interrupted && rng.chance(150);
    let repeat = if lasting { Repeat::Always } else { Repeat::Once };
    Fault { on, nth: 1 + rng.below(30), effect, repeat }
}

/// Takes a failure that the fault excuses.
pub(crate) fn excuse_fault(world: &World, fault: &Fault, stop: &super::stop::Stop) {
    let struck = fault.repeat == Repeat::Always || world.disk.faults_waiting() == 0;
    assert!(struck, "{}: failed before {fault:?} struck: {stop}", world.context());
    let harmless = matches!(fault.effect, Effect::Short | Effect::Interrupted);
    assert!(!harmless, "{}: {fault:?} is no failure: {stop}", world.context());
}

/// A commit failed: it is not visible, the earlier ones are.
pub(crate) fn after_failure(world: &mut World) {
    let context = format!("{}, after a failure", world.context());
    let store = world.store().clone();
    assert_eq!(store.sequence().0, world.past.sequence(), "{context}: sequence");
    check_points(&store, world.state(), store.now().0, &keys(), &context);
    world.check_views();
    let poisoned = store.stats().poisoned;
    let request = Request::put(Durability::Disk, "after", b"v");
    if !poisoned {
        // The fault is over, so the store must work.
        world.commit(&request).unwrap_or_else(|stop| panic!("{context}: not poisoned, and yet: {stop}"));
        return;
    }
    let batch = request.to_batch(&store).unwrap_or_else(|stop| panic!("{context}: {stop}"));
    match store.commit(batch) {
        Err(error) => assert_eq!(error.kind(), ErrorKind::Poisoned, "{context}: {error}"),
        Ok(_) => panic!("{context}: the store says that it is poisoned, and takes writes"),
    }
}

/// A few commits in one segment; some puts, some batches.
fn small_world(seed: u64) -> World {
    let mut world = World::new(seed);
    world.segment_bytes = 65_536;
    world.probes = keys();
    world.open().unwrap_or_else(|stop| panic!("{}: {stop}", world.context()));
    let commits = 1 + world.rng.below(6);
    for n in 0..commits {
        let request = small_request(&mut world.rng, n);
        world.commit(&request).unwrap_or_else(|stop| panic!("{}: {stop}", world.context()));
    }
    world
}

/// A put or a batch of up to three, with values of up to 200 bytes that do not end in zeros.
pub(crate) fn small_request(rng: &mut Rng, n: u64) -> Request {
    let changes = (0..=rng.below(3)).map(|at| {
        let mut value = vec![0; 1 + rng.index(200)];
        rng.fill(&mut value);
        Change::Put { key: format!("key {n}.{at}").into_bytes(), value: value.into(), end: End::Never }
    });
    Request::of(Durability::Disk, changes.collect())
}

/// The last frame is cut somewhere, its rest missing, zero or noise: that commit is gone, whole, and no other.
pub(crate) fn torn_tail(seed: u64) {
    let mut world = small_world(seed);
    let request = small_request(&mut world.rng, 100);
    let Some(written) = commit_and_find(&mut world, &request) else { return };
    let image = world.disk.image();
    let at = written.range.start + world.rng.index(written.range.len());
    let mut rng = world.rng.clone();
    let torn = edited(&image, &written.file, |bytes| match rng.below(3) {
        0 => bytes.truncate(at),
        1 => bytes[at..].fill(0),
        _ => {
            let end = (at + 600).min(bytes.len());
            let (old, noise) = (bytes[at], &mut bytes[at..end]);
            rng.fill(noise);
            if noise[0] == old {
                noise[0] ^= 1;
            }
        }
    });
    lost_last(&world, torn, &format!("seed {seed}, last frame {written:?} cut at {at}"));
}

/// Demands that the store in `image` holds all commits of the world but the last, and works.
pub(crate) fn lost_last(world: &World, image: super::images::Image, context: &str) {
    let mut past = world.past.clone();
    let last = past.sequence() - 1;
    past.on_os = last;
    past.on_disk = last;
    let disk = SimDisk::from_image(0, &image);
    let mut after = World::on(1, disk, past, world.clock.wall_ns());
    after.probes = keys();
    after.look();
    after.open().unwrap_or_else(|stop| panic!("{context}: {stop}"));
    assert_eq!(after.past.sequence(), last, "{context}: sequence");
    finish(&mut after);
}

/// The same cut as in a torn tail, after the store was closed or a later frame says that the frame was synced: that
/// is damage, and nothing is trimmed.
pub(crate) fn cut_after_close(seed: u64) {
    let mut world = small_world(seed);
    let request = small_request(&mut world.rng, 100);
    let Some(written) = commit_and_find(&mut world, &request) else { return };
    let at = written.range.start + world.rng.index(written.range.len());
    if world.rng.chance(500) {
        world.close().unwrap_or_else(|stop| panic!("{}: {stop}", world.context()));
        let context = format!("seed {seed}, closed, last frame {written:?} cut at {at}");
        let torn = edited(&world.disk.image(), &written.file, |bytes| bytes.truncate(at));
        refused(&world, &torn, &[ErrorKind::Damaged], &context);
    } else {
        let later = small_request(&mut world.rng, 101);
        world.commit(&later).unwrap_or_else(|stop| panic!("{}: {stop}", world.context()));
        let context = format!("seed {seed}, frame {written:?} zero from {at}, with one behind it");
        let torn = edited(&world.disk.image(), &written.file, |bytes| bytes[at..written.range.end].fill(0));
        react(&world, &torn, &written.file, &world.past, true, &context);
    }
}

/// One bit flips in a frame of a closed store, or in one of a killed store that a later frame covers.
pub(crate) fn rot(seed: u64) {
    let mut world = small_world(seed);
    let request = small_request(&mut world.rng, 100);
    let Some(written) = commit_and_find(&mut world, &request) else { return };
    if world.rng.chance(500) {
        world.close().unwrap_or_else(|stop| panic!("{}: {stop}", world.context()));
    } else {
        let later = small_request(&mut world.rng, 101);
        world.commit(&later).unwrap_or_else(|stop| panic!("{}: {stop}", world.context()));
    }
    let image = world.disk.image();
    for _ in 0..8 {
        let at = written.range.start + world.rng.index(written.range.len());
        let bit = world.rng.below(8);
        let context = format!("seed {seed}, bit {bit} of byte {at} of {written:?} flipped");
        let rotten = edited(&image, &written.file, |bytes| bytes[at] ^= 1 << bit);
        react(&world, &rotten, &written.file, &world.past, true, &context);
    }
}

/// Bits flip in a checkpoint, and in what it covers, which is not read at open.
pub(crate) fn rotten_checkpoint(seed: u64) {
    let mut world = World::new(seed);
    world.checkpoint_bytes = 0;
    world.open().unwrap_or_else(|stop| panic!("{}: {stop}", world.context()));
    for number in 0..8 {
        let request = small_request(&mut world.rng, number);
        world.commit(&request).unwrap_or_else(|stop| panic!("{}: {stop}", world.context()));
    }
    world.close().unwrap_or_else(|stop| panic!("{}: {stop}", world.context()));
    let image = world.disk.image();
    for (file, bytes) in &image {
        let used = bytes.iter().rposition(|&byte| byte != 0).map_or(0, |last| last + 1);
        let kind = file.extension().map(|kind| kind.to_string_lossy().into_owned());
        if !matches!(kind.as_deref(), Some("checkpoint" | "log")) {
            continue;
        }
        for _ in 0..12 {
            let (at, bit) = (world.rng.index(used), world.rng.below(8));
            let context = format!("seed {seed}, bit {bit} of byte {at} of {} flipped", file.display());
            let rotten = edited(&image, file, |bytes| bytes[at] ^= 1 << bit);
            react(&world, &rotten, file, &world.past, true, &context);
        }
    }
}

/// A commit in the middle of the unsynced ones is lost, those behind it are not: they must not come back, whatever is
/// written in their place and however often it is cut.
pub(crate) fn gaps(seed: u64) {
    let mut world = World::new(seed);
    world.segment_bytes = 4096 << world.rng.below(3);
    world.probes = keys();
    world.open().unwrap_or_else(|stop| panic!("{}: {stop}", world.context()));
    for round in 0..4 {
        for n in 0..2 + world.rng.below(5) {
            // Each has sectors of its own, so that one can be lost alone.
            let mut value = vec![0; 600 + world.rng.index(1500)];
            world.rng.fill(&mut value);
            let durability = if world.rng.chance(250) { Durability::Disk } else { Durability::Os };
            let request = Request::put(durability, format!("key {round}.{n}"), &value);
            world.commit(&request).unwrap_or_else(|stop| panic!("{}: {stop}", world.context()));
        }
        let is_data = |part: Part| matches!(part, Part::Data { .. });
        let pending = world.disk.pending(512);
        let writes: Vec<u64> =
            pending.iter().filter(|part| is_data(part.part)).map(|part| part.operation).collect();
        let lost = writes.get(world.rng.index(writes.len())).copied();
        let all_lost = world.rng.chance(200);
        let after = world.disk.crash_exact(512, &mut |part| {
            !(is_data(part.part) && (all_lost || Some(part.operation) == lost))
        });
        world.past.lose_power();
        world.put_on(after);
        world.look();
        world.open().unwrap_or_else(|stop| panic!("{}: {stop}", world.context()));
        let value = [round; 700];
        let request = Request::put(Durability::Disk, "after", &value);
        world.commit(&request).unwrap_or_else(|stop| panic!("{}: {stop}", world.context()));
        let nothing_more = world.disk.crash_exact(512, &mut |_| false);
        world.past.lose_power();
        world.put_on(nothing_more);
        world.open().unwrap_or_else(|stop| panic!("{}: {stop}", world.context()));
    }
    finish(&mut world);
}

/// A compaction, a prune, a commit that begins a segment, a close and checkpoints, cut off at every one of their operations.
pub(crate) fn cuts_in_care(seed: u64) {
    let (mut world, mix) = world_of(seed);
    world.open().unwrap_or_else(|stop| panic!("{}: {stop}", world.context()));
    for _ in 0..40 {
        step(&mut world, mix).unwrap_or_else(|stop| panic!("{}: {stop}", world.context()));
    }
    let care = CARE[world.rng.index(CARE.len())];
    world.close().unwrap_or_else(|stop| panic!("{}: {stop}", world.context()));
    let mut rng = world.rng.clone();
    cut_everywhere(&world, care, |_| vec![rng.bits()]);
}

/// Something that rearranges files.
pub(crate) type Care = fn(&mut World) -> Result<(), super::stop::Stop>;

/// All of them.
pub(crate) const CARE: [Care; 7] = [
    |world| world.compact(),
    |world| {
        let before = world.past.sequence();
        world.prune(before)?;
        world.compact()
    },
    |world| {
        for n in 0..3 {
            let durability = if n == 1 { Durability::Disk } else { Durability::Os };
            world.commit(&Request::put(durability, format!("roll {n}"), &[b'r'; 3000]))?;
        }
        Ok(())
    },
    World::close,
    |world| {
        let before = world.past.sequence();
        world.prune(before)?;
        world.rearrange("maintain", Store::maintain)
    },
    |world| {
        world.commit(&Request::put(Durability::Os, "covered", &[b'c'; 500]))?;
        world.checkpoint()?;
        world.commit(&Request::put(Durability::Os, "behind", b"it"))?;
        world.checkpoint()
    },
    |world| {
        world.checkpoint()?;
        world.compact()?;
        world.commit(&Request::delete(Durability::Os, "a"))?;
        world.checkpoint()
    },
];

/// Does `care` to copies of a closed world, cut off after 0, 1, 2 … operations, each cut in the ways of `seeds`, and
/// opens what is left. Returns how many cuts there were.
pub(crate) fn cut_everywhere(base: &World, care: Care, mut seeds: impl FnMut(u64) -> Vec<u64>) -> u64 {
    assert!(!base.is_open(), "the base is closed");
    for operations in 0.. {
        let mut world = World::on(operations, base.disk.kill(), base.past.clone(), base.clock.wall_ns());
        world.window = base.window;
        world.segment_bytes = base.segment_bytes;
        world.checkpoint_bytes = base.checkpoint_bytes;
        world.probes = base.probes.clone();
        world.open().unwrap_or_else(|stop| panic!("{}: {stop}", world.context()));
        world.off_in(operations);
        let result = care(&mut world);
        if let Err(stop) = &result {
            world.excuse(stop);
        }
        let done = result.is_ok() && !world.is_off();
        for seed in seeds(operations) {
            let mut past = world.past.clone();
            past.lose_power();
            let mut after = World::on(seed, world.disk.crash(seed), past, base.clock.wall_ns());
            after.nonce = Rng::new(seed ^ (operations << 32)).bits();
            after.window = base.window;
            after.segment_bytes = base.segment_bytes;
            after.checkpoint_bytes = base.checkpoint_bytes;
            after.probes = base.probes.clone();
            after.look();
            after.open().unwrap_or_else(|stop| panic!("{}, cut after {operations}: {stop}", after.context()));
            finish(&mut after);
        }
        if done {
            return operations;
        }
    }
    unreachable!("every operation ends")
}

/// A small program to its end, then the store without its checkpoints: the log alone says the same. (A checkpoint covers up what
/// compaction has lost, until it is void.)
pub(crate) fn without_checkpoints(seed: u64) {
    let programs = super::small_programs::PROGRAMS;
    let (name, program) = programs[usize::try_from(seed).expect("a small seed") % programs.len()];
    let mut world = World::new(seed);
    program(&mut world).unwrap_or_else(|stop| panic!("{name}, {}: {stop}", world.context()));
    if world.is_open() {
        world.close().unwrap_or_else(|stop| panic!("{name}, {}: {stop}", world.context()));
    }
    let mut image = world.disk.image();
    image.retain(|path, _| path.extension().is_none_or(|extension| extension != "checkpoint"));
    let disk = SimDisk::from_image(seed, &image);
    let mut bare = World::on(seed, disk, world.past.clone(), world.clock.wall_ns());
    bare.window = world.window;
    bare.segment_bytes = world.segment_bytes;
    bare.open().unwrap_or_else(|stop| panic!("{name}, without checkpoints: {stop}"));
    finish(&mut bare);
}
