//! A program that is laid down draw by draw: the bytes of an input decide what is done, in which order, and where the
//! process or the machine ends. What a seed draws at random, a fuzzer steers.

use pentad_engine::seams::sim::Rng;

use crate::harness::program::{Mix, step};
use crate::harness::scenarios::{finish, shape, work_on_a_failing_disk};
use crate::harness::world::{Cut, World};

/// A longer script is cut off: one input must not take seconds.
const BYTES_MAX: usize = 1024;

/// Plays `script`; panics when the store breaks a promise.
pub(crate) fn play_script(script: &[u8]) {
    let mut world = World::new(0);
    world.rng = Rng::scripted(&script[..script.len().min(BYTES_MAX)]);
    let mix = shape(&mut world);
    if world.rng.chance(250) {
        return work_on_a_failing_disk(&mut world, mix);
    }
    while !world.rng.is_spent() {
        work_until_cut(&mut world, mix);
    }
    world.open().unwrap_or_else(|stop| panic!("{}: {stop}", world.context()));
    finish(&mut world);
}

/// Opens the store, perhaps with a cut within the open, and works on it up to a cut.
fn work_until_cut(world: &mut World, mix: Mix) {
    match world.rng.below(8) {
        0 => {
            let operations = world.rng.below(64);
            world.off_in(operations);
        }
        1 => world.look(),
        _ => {}
    }
    let mut outcome = world.open();
    while outcome.is_ok() && !world.rng.is_spent() {
        outcome = match world.rng.below(16) {
            0 => break,
            1 => {
                let operations = world.rng.below(128);
                world.off_in(operations);
                Ok(())
            }
            2 if !world.is_off() => {
                world.check();
                Ok(())
            }
            _ => step(world, mix),
        };
    }
    if let Err(stop) = outcome {
        world.excuse(&stop);
    }
    let cut = if world.rng.chance(500) { Cut::Power } else { Cut::Kill };
    world.cut(cut);
}
