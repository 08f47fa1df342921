//! The course of an import: look at the source, open the store, load, make durable, close, report.
//!
//! Invariant: the store is open, and so locked, before the first byte of the input is read; whatever ends the import,
//! what was read whole before that is in, and the message says how far that is.

use std::time::Instant;

use crate::args::{Global, ImportArgs};
use crate::error::{Failure, Result};
use crate::formats::dir::Tree;
use crate::formats::reader;
use crate::input::Input;
use crate::interrupt;
use crate::loader::{Loaded, Loader};
use crate::output::Output;
use crate::place::Alter;
use crate::progress::Progress;
use crate::real_path::real_path;
use crate::session;
use crate::verbs::import::feed::{Skipped, feed_rows, feed_tree};
use crate::verbs::import::report::{self, Examples};
use crate::verbs::import::source::Source;

/// Imports the path.
pub(crate) fn run(global: &Global, arguments: &ImportArgs) -> Result<()> {
    let source = Source::find(arguments)?;
    interrupt::watch()?;
    let begun = Instant::now();
    let mut examples = Examples::default();
    let (loaded, skipped, named) = session::alter_or_create(global, |place| {
        if let Some(directory) = place.directory() {
            source.keep_off(&real_path(directory)?)?;
        }
        let (loaded, skipped) = load(global, arguments, source, place, &mut examples)?;
        let option = if place.directory().is_some() { "--store" } else { "--endpoints" };
        Ok((loaded, skipped, report::Named { option, name: place.name() }))
    })?;
    let time = begun.elapsed();
    let mut output = Output::new();
    if global.json {
        output.json(&report::object(&loaded, skipped, time, &named))?;
    } else {
        for line in report::lines(&loaded, skipped, time, &named, &examples) {
            output.line(&line)?;
        }
    }
    output.finish()
}

fn load(
    global: &Global,
    arguments: &ImportArgs,
    source: Source,
    place: &dyn Alter,
    examples: &mut Examples,
) -> Result<(Loaded, Skipped)> {
    let acknowledgements = global.json.then(Output::new);
    let mut loader = Loader::new(place, arguments.batch, acknowledgements);
    let progress =
        Progress::new("importing", if let Source::Rows { length, .. } = &source { *length } else { None });
    let fed = feed(arguments, source, place, &mut loader, &progress, examples);
    let result = match fed {
        Ok(skipped) => match loader.settle() {
            Ok(()) => Ok((loader.loaded().clone(), skipped)),
            Err(failure) => Err(stop(failure, &mut loader)),
        },
        Err(failure) => Err(stop(failure, &mut loader)),
    };
    progress.clear();
    result
}

fn feed(
    arguments: &ImportArgs,
    source: Source,
    place: &dyn Alter,
    loader: &mut Loader<'_>,
    progress: &Progress,
    examples: &mut Examples,
) -> Result<Skipped> {
    match source {
        Source::Tree(root) => {
            let store = place.directory().map(real_path).transpose()?;
            let tree = Tree::new(root, store, arguments.all);
            feed_tree(tree, place, loader, progress, examples)
        }
        Source::Rows { name, origin, format, dialect, .. } => {
            let input = Input::start(origin, progress.clone())?;
            let mut rows = reader(format, dialect, input)
                .ok_or_else(|| Failure::Usage(format!("{} has no rows", format.name())))?;
            feed_rows(&mut *rows, &name, loader, examples)?;
            Ok(Skipped::default())
        }
    }
}

/// Makes durable what can be, and adds to the failure what is in and what is not.
fn stop(failure: Failure, loader: &mut Loader<'_>) -> Failure {
    let settled = match failure {
        // The store refused a batch: what it took before that may still be made durable.
        Failure::Store(_) | Failure::Remote(_) => loader.salvage(),
        _ => loader.settle(),
    };
    let mut state = loader.state();
    // That nobody reads acknowledgements any more is known already.
    if let Err(then) = settled
        && !matches!(then, Failure::ClosedPipe)
    {
        state.push_str(&format!("; then: {then}"));
    }
    failure.after(state)
}
