//! The names of the formats, and which one a path stands for.

use std::path::Path;

use clap::ValueEnum;

/// A form of data outside the store.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// A directory tree: paths are keys, contents are values
    Dir,
    /// Lines: line numbers are keys
    Lines,
    /// Key, tab, value
    Tsv,
    /// Two columns, quoted where needed
    Csv,
    /// An object with key and value per line
    Jsonl,
}

impl Format {
    /// The format that the extension of `path` stands for.
    pub(crate) fn of_extension(path: &Path) -> Option<Self> {
        let extension = path.extension()?.to_str()?.to_ascii_lowercase();
        match extension.as_str() {
            "lines" | "txt" => Some(Self::Lines),
            "tsv" => Some(Self::Tsv),
            "csv" => Some(Self::Csv),
            "jsonl" | "ndjson" => Some(Self::Jsonl),
            _ => None,
        }
    }

    /// Its name on the command line.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Dir => "dir",
            Self::Lines => "lines",
            Self::Tsv => "tsv",
            Self::Csv => "csv",
            Self::Jsonl => "jsonl",
        }
    }

    /// Whether `--escaped` means anything in it.
    pub(crate) fn can_be_escaped(self) -> bool {
        matches!(self, Self::Lines | Self::Tsv | Self::Csv)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn extensions_stand_for_formats() {
        for (path, format) in [
            ("a.tsv", Some(Format::Tsv)),
            ("a.b/c.CSV", Some(Format::Csv)),
            ("a.ndjson", Some(Format::Jsonl)),
            ("a.txt", Some(Format::Lines)),
            ("a.md", None),
            ("tsv", None),
            (".tsv", None),
        ] {
            assert_eq!(Format::of_extension(Path::new(path)), format, "{path}");
        }
    }

    #[test]
    fn names_are_the_ones_that_the_command_line_takes() {
        for format in Format::value_variants() {
            assert_eq!(Format::from_str(format.name(), false), Ok(*format));
        }
    }
}
