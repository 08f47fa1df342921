//! A `Cargo.toml` as the rules look at it: tables, keys, and the line that each of them stands on.

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use crate::error::{Error, Result};
use crate::tidy::source::line_of;
use crate::tidy::tree::File;

/// A parsed manifest.
#[derive(Debug)]
pub(crate) struct Manifest<'a> {
    pub(crate) path: &'a str,
    text: &'a str,
    root: DeTable<'a>,
}

/// One dependency of a dependency table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Dependency {
    pub(crate) name: String,
    pub(crate) line: usize,
    /// `workspace = true`.
    pub(crate) inherited: bool,
    /// `path = "…"`.
    pub(crate) path: Option<String>,
}

impl<'a> Manifest<'a> {
    /// Parses the text of a manifest.
    pub(crate) fn of(file: &'a File) -> Result<Self> {
        let root = DeTable::parse(&file.text)
            .map_err(|error| Error::Manifest { path: file.path.clone(), message: error.to_string() })?;
        Ok(Self { path: &file.path, text: &file.text, root: root.into_inner() })
    }

    /// Whether `table.key` says `workspace = true`.
    pub(crate) fn inherits(&self, table: &str, key: &str) -> bool {
        self.table(&[table]).is_some_and(|table| get(table, key).is_some_and(is_inherited))
    }

    /// Whether the whole `[table]` says `workspace = true`.
    pub(crate) fn inherits_table(&self, table: &str) -> bool {
        get(&self.root, table).is_some_and(is_inherited)
    }

    /// The line of `[table]`, or the first line.
    pub(crate) fn line(&self, table: &str) -> usize {
        let key = self.root.keys().find(|key| key.get_ref() == table);
        key.map_or(1, |key| line_of(self.text, key.span().start))
    }

    /// The dependencies in the table at `way`.
    pub(crate) fn dependencies(&self, way: &[&str]) -> Vec<Dependency> {
        self.table(way).map(|table| self.in_table(table)).unwrap_or_default()
    }

    /// The dependencies of every kind and for every platform.
    pub(crate) fn all_dependencies(&self) -> Vec<Dependency> {
        let platforms = self.table(&["target"]).into_iter().flat_map(|targets| targets.values());
        let platforms = platforms.filter_map(|platform| as_table(platform.get_ref()));
        let mut all = Vec::new();
        for holder in std::iter::once(&self.root).chain(platforms) {
            for kind in ["dependencies", "dev-dependencies", "build-dependencies"] {
                if let Some(table) = get(holder, kind).and_then(as_table) {
                    all.extend(self.in_table(table));
                }
            }
        }
        all
    }

    fn table(&self, way: &[&str]) -> Option<&DeTable<'a>> {
        way.iter().try_fold(&self.root, |table, key| get(table, key).and_then(as_table))
    }

    fn in_table(&self, table: &DeTable<'a>) -> Vec<Dependency> {
        let row = |(key, value): (&Spanned<_>, &Spanned<DeValue<'a>>)| {
            let key: &Spanned<std::borrow::Cow<'a, str>> = key;
            let path =
                as_table(value.get_ref()).and_then(|table| get(table, "path")).and_then(|path| match path {
                    DeValue::String(path) => Some(path.to_string()),
                    _ => None,
                });
            Dependency {
                name: key.get_ref().to_string(),
                line: line_of(self.text, key.span().start),
                inherited: is_inherited(value.get_ref()),
                path,
            }
        };
        table.iter().map(row).collect()
    }
}

fn get<'t, 'a>(table: &'t DeTable<'a>, key: &str) -> Option<&'t DeValue<'a>> {
    table.iter().find(|(name, _)| name.get_ref() == key).map(|(_, value)| value.get_ref())
}

fn as_table<'t, 'a>(value: &'t DeValue<'a>) -> Option<&'t DeTable<'a>> {
    match value {
        DeValue::Table(table) => Some(table),
        _ => None,
    }
}

fn is_inherited(value: &DeValue<'_>) -> bool {
    as_table(value).is_some_and(|table| matches!(get(table, "workspace"), Some(DeValue::Boolean(true))))
}

#[cfg(test)]
mod tests {
    use super::Manifest;
    use crate::tidy::tree::File;

    #[test]
    fn dependencies_of_every_kind_are_seen_with_their_lines() {
        let text = "[package]\nname = \"x\"\n[dependencies]\na.workspace = true\nb = \"1\"\n[dev-dependencies]\n\
            c = { path = \".\" }\n[target.'cfg(loom)'.dependencies]\nd = { workspace = true, features = [\"f\"] }\n";
        let file = File::new("Cargo.toml", text.to_owned());
        let mut all = Manifest::of(&file).unwrap().all_dependencies();
        all.sort_by_key(|dependency| dependency.line);
        let seen: Vec<_> =
            all.iter().map(|d| (d.name.as_str(), d.line, d.inherited, d.path.as_deref())).collect();
        assert_eq!(
            seen,
            [("a", 4, true, None), ("b", 5, false, None), ("c", 7, false, Some(".")), ("d", 9, true, None)]
        );
    }

    #[test]
    fn what_is_no_toml_is_an_error_that_names_the_file() {
        let file = File::new("crates/a/Cargo.toml", "[package\n".to_owned());
        assert!(Manifest::of(&file).unwrap_err().to_string().starts_with("crates/a/Cargo.toml: "));
    }
}
