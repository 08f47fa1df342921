//! One seed is one run: without that no failure could be looked at again.

use crate::harness::program::{Mix, keys};
use crate::harness::scenarios::play;
use crate::harness::world::{Cut, World};
use crate::seeds::each_seed;

#[test]
fn one_seed_twice_asks_the_disk_for_the_same_things_in_the_same_order() {
    each_seed(
        "determinism::one_seed_twice_asks_the_disk_for_the_same_things_in_the_same_order",
        15,
        |seed| {
            let run = || {
                let mut world = World::new(seed);
                world.probes = keys();
                play(&mut world, Mix::ALL, |rng| if rng.chance(500) { Cut::Kill } else { Cut::Power });
                world.trace()
            };
            let ((first, files), (second, files_again)) = (run(), run());
            assert!(first.len() > 50, "seed {seed}: the program did next to nothing");
            let differs = first.iter().zip(&second).position(|(one, other)| one != other);
            assert_eq!(
                differs.map(|at| (&first[at], &second[at])),
                None,
                "seed {seed}: the first difference"
            );
            assert_eq!(first.len(), second.len(), "seed {seed}: one run did more");
            assert!(files == files_again, "seed {seed}: the files differ in the end");
        },
    );
}
