//! `export`: the whole store as files or rows, one consistent view of it.

use std::path::Path;
use std::time::{Duration, Instant};

use pentad_engine::escape_key;
use serde_json::{Map, json};

use crate::args::{AsOf, ExportArgs, Global};
use crate::error::{Failure, Result};
use crate::formats::dir::{Policy, Unpacked, unpack};
use crate::formats::{Dialect, Entry, Format, ROW_VALUE_BYTES_MAX, WriteError, WriteRows, writer};
use crate::human;
use crate::interrupt;
use crate::json::insert_bytes;
use crate::output::Output;
use crate::place::{Listing, Look, Seen};
use crate::progress::Progress;
use crate::real_path::real_path;
use crate::session;
use crate::target::Target;

/// Writes every entry out.
pub(crate) fn run(global: &Global, arguments: &ExportArgs) -> Result<()> {
    let format = format(arguments)?;
    let dialect = Dialect {
        escaped: arguments.escaped,
        header: arguments.no_header.then_some(false),
        drop_keys: arguments.drop_keys,
    };
    let policy = Policy { force: arguments.force, skip_damaged: arguments.skip_damaged };
    interrupt::watch()?;
    let begun = Instant::now();
    let writer = writer(format, dialect);
    let (exported, sequence) = session::look(global, arguments.reading, AsOf::default(), |place| {
        place.pin()?;
        let progress = Progress::new("exporting", None);
        let exported = match writer {
            None => unpack(place, &arguments.path, policy, &progress),
            Some(rows) => write_rows(place, rows, format, &arguments.path, policy, &progress),
        };
        progress.clear();
        Ok((exported?, place.sequence()?))
    })?;
    // The rows have standard output to themselves.
    if !is_standard(&arguments.path) {
        report(global, arguments, &exported, sequence, begun.elapsed())?;
    }
    match exported.damaged {
        0 => Ok(()),
        entries => {
            let entries = human::counted(entries, "damaged entry", "damaged entries");
            Err(Failure::Damage(format!("{entries} left out; the rest is exported")))
        }
    }
}

fn report(
    global: &Global,
    arguments: &ExportArgs,
    exported: &Unpacked,
    sequence: u64,
    time: Duration,
) -> Result<()> {
    let mut output = Output::new();
    if global.json {
        let mut object = Map::new();
        object.insert("exported".to_owned(), exported.entries.into());
        object.insert("bytes".to_owned(), exported.bytes.into());
        object.insert("seconds".to_owned(), json!(time.as_secs_f64()));
        object.insert("sequence".to_owned(), sequence.into());
        object.insert("damaged".to_owned(), exported.damaged.into());
        insert_bytes(&mut object, "path", arguments.path.as_os_str().as_encoded_bytes());
        output.json(&object.into())?;
    } else {
        output.line(&summary(exported, time, &arguments.path))?;
    }
    output.finish()
}

fn format(arguments: &ExportArgs) -> Result<Format> {
    let standard = is_standard(&arguments.path);
    let format = match arguments.format {
        Some(Format::Dir) if standard => {
            return Err(Failure::Usage(
                "a directory cannot be written to standard output; name its path".to_owned(),
            ));
        }
        Some(format) => format,
        None if standard => {
            let text = "standard output has no extension to go by; name the form of the output with --format";
            return Err(Failure::Usage(text.to_owned()));
        }
        None => Format::of_extension(&arguments.path).unwrap_or(Format::Dir),
    };
    let unfit = |option: &str, formats: &str| {
        let name = format.name();
        Err(Failure::Usage(format!("{option} is for {formats}, and the output is {name}")))
    };
    if arguments.escaped && !format.can_be_escaped() {
        return unfit("--escaped", "lines, tsv and csv");
    }
    if arguments.no_header && format != Format::Csv {
        return unfit("--no-header", "csv");
    }
    if arguments.drop_keys && format != Format::Lines {
        return unfit("--drop-keys", "lines");
    }
    Ok(format)
}

fn is_standard(path: &Path) -> bool {
    path == Path::new("-")
}

fn write_rows(
    place: &dyn Look,
    mut rows: Box<dyn WriteRows>,
    format: Format,
    path: &Path,
    policy: Policy,
    progress: &Progress,
) -> Result<Unpacked> {
    let mut target = if is_standard(path) {
        Target::standard()
    } else {
        if let Some(directory) = place.directory()
            && real_path(path)?.starts_with(real_path(directory)?)
        {
            return Err(Failure::Refused(format!(
                "cannot export to {}: it is inside the store",
                path.display()
            )));
        }
        Target::file(path, policy.force)?
    };
    let mut exported = Unpacked::default();
    let mut write = || -> Result<()> {
        rows.begin(target.stream()).map_err(|error| target.failure(error))?;
        // Only jsonl has a place for deadlines, and looking one up costs as much as the row itself. Without it an entry that has
        // expired since would come back for ever.
        let listing = Listing { deadlines: format == Format::Jsonl, ..Listing::all() };
        for row in place.rows(&listing)? {
            interrupt::check()?;
            let Seen { key, value, deadline } = match row {
                Ok(row) => row,
                // The rows behind a damaged one still come.
                Err(failure) => {
                    exported.leave_out(failure, policy, progress)?;
                    continue;
                }
            };
            if value.len() as u64 > ROW_VALUE_BYTES_MAX {
                let what = format!(
                    "its value has {} bytes, and rows end at {ROW_VALUE_BYTES_MAX}; use dir",
                    value.len()
                );
                return Err(refused(&key, format, &what));
            }
            let entry = Entry { key: &key, value: &value, deadline };
            match rows.write_row(entry, target.stream()) {
                Ok(()) => {}
                Err(WriteError::Io(error)) => return Err(target.failure(error)),
                Err(WriteError::Refused(what)) => return Err(refused(&key, format, &what)),
            }
            let bytes = (key.len() + value.len()) as u64;
            exported.entries += 1;
            exported.bytes += bytes;
            progress.add(bytes);
        }
        Ok(())
    };
    match write() {
        Ok(()) => {}
        Err(Failure::ClosedPipe) => return Err(Failure::ClosedPipe),
        Err(failure) => {
            let mut state = target.abandon(exported.entries);
            if failure.is_damage() {
                state.push_str("; --skip-damaged leaves out what is damaged and goes on");
            }
            return Err(failure.after(state));
        }
    }
    target.complete()?;
    Ok(exported)
}

fn refused(key: &[u8], format: Format, what: &str) -> Failure {
    Failure::Refused(format!("{} cannot hold key {}: {what}", format.name(), escape_key(key)))
}

fn summary(exported: &Unpacked, time: Duration, path: &Path) -> String {
    format!(
        "exported {} ({}) to {} in {}: {} entries/s, {}/s",
        human::counted(exported.entries, "entry", "entries"),
        human::bytes(exported.bytes),
        path.display(),
        human::duration(time),
        human::count(human::per_second(exported.entries, time)),
        human::bytes(human::per_second(exported.bytes, time)),
    )
}
