//! Where an import comes from and in which form, judged before a store is made for it.
//!
//! Invariant: nothing is read here. A path that cannot be imported is refused while nothing has been created.

use std::fs::{self, File};
use std::path::{Path, PathBuf};

use crate::args::ImportArgs;
use crate::error::{Failure, Result};
use crate::formats::{Dialect, Format};
use crate::input::Origin;
use crate::real_path::real_path;

/// An input that can be imported, as far as can be told from outside.
#[derive(Debug)]
pub(crate) enum Source {
    /// A directory, by its real path.
    Tree(PathBuf),
    /// Rows.
    Rows {
        /// What the input is called in messages.
        name: PathBuf,
        origin: Origin,
        /// Its length in bytes, for a file.
        length: Option<u64>,
        format: Format,
        dialect: Dialect,
    },
}

impl Source {
    /// Looks at the path that is to be imported.
    pub(crate) fn find(arguments: &ImportArgs) -> Result<Self> {
        let path = &arguments.path;
        if path == Path::new("-") {
            let name = PathBuf::from("standard input");
            return Self::rows(arguments, name, Origin::Standard, None);
        }
        let refused = |error| Failure::Usage(format!("cannot import {}: {error}", path.display()));
        let metadata = fs::metadata(path).map_err(refused)?;
        if metadata.is_dir() {
            check_options(arguments, Format::Dir)?;
            return match arguments.format {
                None | Some(Format::Dir) => Ok(Self::Tree(real_path(path)?)),
                Some(format) => Err(Failure::Usage(format!(
                    "{} is a directory, which cannot be read as {}",
                    path.display(),
                    format.name()
                ))),
            };
        }
        if metadata.is_file() {
            let file = File::open(path).map_err(refused)?;
            return Self::rows(arguments, path.clone(), Origin::File(file), Some(metadata.len()));
        }
        Self::rows(arguments, path.clone(), Origin::Waiting(path.clone()), None)
    }

    fn rows(arguments: &ImportArgs, name: PathBuf, origin: Origin, length: Option<u64>) -> Result<Self> {
        let format = match arguments.format.or_else(|| Format::of_extension(&arguments.path)) {
            Some(Format::Dir) => {
                return Err(Failure::Usage(format!("{} is not a directory, as dir needs", name.display())));
            }
            Some(format) => format,
            None => {
                return Err(Failure::Usage(format!(
                    "cannot tell the form of {} from its name; say it with --format lines, tsv, csv or jsonl",
                    name.display()
                )));
            }
        };
        check_options(arguments, format)?;
        let header = match (arguments.header, arguments.no_header) {
            (true, _) => Some(true),
            (_, true) => Some(false),
            _ => None,
        };
        let dialect = Dialect { escaped: arguments.escaped, header, drop_keys: false };
        Ok(Self::Rows { name, origin, length, format, dialect })
    }

    /// Refuses an input that is the store itself, or lies in it.
    pub(crate) fn keep_off(&self, store: &Path) -> Result<()> {
        let path = match self {
            Self::Tree(root) => root.clone(),
            Self::Rows { name, origin: Origin::File(_), .. } => real_path(name)?,
            Self::Rows { .. } => return Ok(()),
        };
        if path.starts_with(store) {
            let text = format!("cannot import {}: it is inside the store", path.display());
            return Err(Failure::Usage(text));
        }
        Ok(())
    }
}

fn check_options(arguments: &ImportArgs, format: Format) -> Result<()> {
    let unfit = |option: &str, formats: &str| {
        let name = format.name();
        Err(Failure::Usage(format!("{option} is for {formats}, and the input is {name}")))
    };
    if arguments.all && format != Format::Dir {
        return unfit("--all", "dir");
    }
    if arguments.escaped && !format.can_be_escaped() {
        return unfit("--escaped", "lines, tsv and csv");
    }
    if (arguments.header || arguments.no_header) && format != Format::Csv {
        return unfit(if arguments.header { "--header" } else { "--no-header" }, "csv");
    }
    Ok(())
}
