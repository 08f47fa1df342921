//! The process that does the load, and its parent's end of the pipe.
//!
//! Invariant: an acknowledgement is told only after the store has given it, so what the parent has heard is what a user
//! could have relied on.

use std::env;
use std::io::{BufRead as _, BufReader, Write as _};
use std::os::unix::process::ExitStatusExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{self, Receiver};
use std::thread;
use std::time::{Duration, Instant};

use pentad_engine::{Options, Retention, Sequence, Store};

use super::program::{Step, THREADS};
use crate::random::Random;

const DIR: &str = "PENTAD_CRASH_CHILD_DIR";
const ROUND: &str = "PENTAD_CRASH_CHILD_ROUND";
const CHILD: &str = "load::process::child_process_that_does_the_load";
/// Commits that the housekeeper leaves in the batch log.
const COMMITS_KEPT: u64 = 300;
const KILLED: i32 = 9;

/// How both ends open the store: small segments, so that all that happens to segments happens often.
pub(crate) fn options() -> Options {
    Options::new().segment_bytes(256 << 10).retention(Retention::All)
}

fn tell(words: &str) {
    // One write for each line: it arrives whole, or not at all.
    let mut line = String::from(words);
    line.push('\n');
    let mut out = std::io::stdout().lock();
    out.write_all(line.as_bytes()).and_then(|()| out.flush()).expect("the parent listens");
}

/// Not a test by itself: the process that the parent starts and kills.
#[test]
#[ignore = "started by the tests that kill it"]
fn child_process_that_does_the_load() {
    let Some(dir) = env::var_os(DIR).map(PathBuf::from) else { return };
    let numbers = env::var(ROUND).unwrap();
    let (seed, round) = numbers.split_once('/').unwrap();
    let (seed, round) = (seed.parse().unwrap(), round.parse().unwrap());
    let store = options().open(&dir).unwrap();
    tell("\nopened");
    thread::scope(|scope| {
        for thread in 0..THREADS {
            let store = &store;
            scope.spawn(move || write(store, seed, round, thread));
        }
        scope.spawn(|| keep_house(&store, &mut Random::of(&[seed, round])));
    });
}

/// Steps without an end; that is the killer's part.
fn write(store: &Store, seed: u64, round: u64, thread: u64) {
    // An error of the store ends the process, and the parent asks why it was not killed.
    let stop = |number: u64, error| -> ! {
        eprintln!("thread {thread}, step {number}: {error}");
        std::process::exit(1)
    };
    for number in 1.. {
        let step = Step::of(seed, round, thread, number);
        let outcome = step.batch(store).and_then(|batch| store.commit(batch));
        let outcome = outcome.unwrap_or_else(|error| stop(number, error));
        tell(&format!("done {thread} {number} {}", outcome.sequence.unwrap_or_default()));
    }
}

/// Prunes and compacts.
fn keep_house(store: &Store, random: &mut Random) {
    let run = |random: &mut Random| -> pentad_engine::Result<()> {
        thread::sleep(Duration::from_millis(random.below(15)));
        let floor = Sequence(store.sequence().0.saturating_sub(COMMITS_KEPT));
        tell(&format!("pruning {floor}"));
        store.prune(floor)?;
        tell(&format!("pruned {floor}"));
        if random.percent(50) {
            tell(&format!("compacted {}", store.compact()?.segments_before));
        }
        Ok(())
    };
    loop {
        run(random).unwrap_or_else(|error| {
            eprintln!("keeping house: {error}");
            std::process::exit(1)
        });
    }
}

/// What a child has told.
#[derive(Debug, Default)]
pub(crate) struct Told {
    /// Whether it had the store open.
    pub(crate) opened: bool,
    /// For each thread the sequences of its steps, 0 where nothing was changed.
    pub(crate) steps: Vec<Vec<u64>>,
    /// Where the batch log had to begin at least, and at most.
    pub(crate) floors: (u64, u64),
    /// Compactions that had something to do.
    pub(crate) compactions: u64,
}

impl Told {
    fn hear(&mut self, line: &str) {
        let words: Vec<&str> = line.split(' ').collect();
        let number = |word: &str| word.parse::<u64>().unwrap_or_else(|_| panic!("the child told {line:?}"));
        match words[..] {
            ["opened"] => self.opened = true,
            ["done", thread, step, sequence] => {
                let steps = &mut self.steps[usize::try_from(number(thread)).unwrap()];
                steps.push(number(sequence));
                assert_eq!(steps.len() as u64, number(step), "steps are told in order");
            }
            ["pruning", floor] => self.floors.1 = self.floors.1.max(number(floor)),
            ["pruned", floor] => self.floors.0 = self.floors.0.max(number(floor)),
            ["compacted", segments] => self.compactions += u64::from(number(segments) > 0),
            // What the test runner itself prints.
            _ => {}
        }
    }
}

/// A child at work.
pub(crate) struct Load {
    child: Child,
    lines: Receiver<String>,
    told: Told,
}

impl Load {
    /// Starts the load of a round on the store at `path`.
    pub(crate) fn start(path: &Path, seed: u64, round: u64) -> Self {
        let mut child = Command::new(env::current_exe().unwrap())
            .args([CHILD, "--exact", "--ignored", "--nocapture", "--test-threads=1"])
            .env(DIR, path)
            .env(ROUND, format!("{seed}/{round}"))
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let pipe = BufReader::new(child.stdout.take().unwrap());
        let (sender, lines) = mpsc::channel();
        // Ends with the pipe. A last line without its end was cut off by the kill and tells nothing.
        thread::spawn(move || {
            for line in pipe.split(b'\n') {
                let line = String::from_utf8(line.unwrap()).unwrap();
                if sender.send(line).is_err() {
                    return;
                }
            }
        });
        let told = Told { steps: vec![Vec::new(); usize::try_from(THREADS).unwrap()], ..Told::default() };
        Self { child, lines, told }
    }

    /// Kills it after `delay`, and says what it had told by then.
    pub(crate) fn kill_after(mut self, delay: Duration) -> Told {
        let begun = Instant::now();
        while let Some(left) = delay.checked_sub(begun.elapsed()) {
            match self.lines.recv_timeout(left) {
                Ok(line) => self.told.hear(&line),
                Err(mpsc::RecvTimeoutError::Timeout) => break,
                Err(mpsc::RecvTimeoutError::Disconnected) => break,
            }
        }
        self.child.kill().unwrap();
        let status = self.child.wait().unwrap();
        for line in &self.lines {
            self.told.hear(&line);
        }
        assert_eq!(
            status.signal(),
            Some(KILLED),
            "the load ended by itself, with {status}; its words are above"
        );
        self.told
    }
}
