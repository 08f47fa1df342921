//! Killed amid puts, deletes, batches, streams, lives that end and counters, by several threads at both levels of
//! durability, while one prunes and compacts.

use std::time::Duration;

use crate::load::{Load, Past};
use crate::settings;
use crate::support::Sandbox;

/// From the start of the process: opening, recovery and the first steps are within it.
const LIFE_MAX: u64 = 500;

#[test]
fn f13_f11_kills_amid_a_mixed_load_lose_nothing_that_was_acknowledged() {
    let name = "kill::mixed";
    let (seed, mut random) = settings::random(name);
    let rounds = settings::rounds(8);
    let sandbox = Sandbox::new();
    let path = sandbox.path("store");
    let mut past = Past::new(seed);
    let (mut steps, mut unopened, mut compactions) = (0, 0, 0);
    for round in 0..rounds {
        let delay = Duration::from_millis(random.below(LIFE_MAX));
        let told = Load::start(&path, seed, round).kill_after(delay);
        let recover = random.percent(60);
        past.check(&path, round, &told, recover);
        if path.exists() && recover {
            let verified = sandbox.pentad(&["verify"]).output().unwrap();
            assert!(verified.status.success(), "seed {seed}, round {round}: {verified:?}");
        }
        steps += told.steps.iter().map(Vec::len).sum::<usize>();
        unopened += u64::from(!told.opened);
        compactions += told.compactions;
    }
    println!(
        "{name}: {rounds} kills, {unopened} of them before the store was open, {steps} acknowledged steps, {compactions} \
         compactions"
    );
    // A harness that always kills too early would pass on anything.
    assert!(steps as u64 > 20 * rounds, "only {steps} steps were acknowledged in {rounds} rounds");
}
