//! What an import says when it is done: what it did, and what to try next.

use std::env;
use std::time::Duration;

use serde_json::{Map, Value, json};

use crate::human;
use crate::json::insert_bytes;
use crate::loader::Loaded;
use crate::output::{shell_key, shell_word};
use crate::verbs::import::feed::Skipped;

/// Where an import went, as it is named in the shell.
#[derive(Clone, Debug)]
pub(crate) struct Named {
    pub(crate) option: &'static str,
    pub(crate) name: String,
}

/// Keys of this import that are good to try commands on.
#[derive(Clone, Debug, Default)]
pub(crate) struct Examples {
    first: Option<Vec<u8>>,
    /// One that people look for first.
    readme: Option<Vec<u8>>,
    /// One of several parts, whose first part is a prefix worth listing.
    parts: Option<Vec<u8>>,
}

impl Examples {
    /// Looks at a key that is being imported.
    pub(crate) fn offer(&mut self, key: &[u8]) {
        if self.first.is_none() {
            self.first = Some(key.to_vec());
        }
        if self.readme.is_none() && key.len() <= 16 && key.to_ascii_lowercase().starts_with(b"readme") {
            self.readme = Some(key.to_vec());
        }
        let hidden = |key: &Vec<u8>| key.starts_with(b".");
        if self.parts.as_ref().is_none_or(hidden) && prefix_length(key).is_some() {
            self.parts = Some(key.to_vec());
        }
    }

    /// Three commands for the place that the import went to, as `program` is called here.
    fn commands(&self, program: &str, place: &str) -> [String; 3] {
        let Some(first) = &self.first else {
            return ["put hello world", "get hello", "stats"].map(|verb| format!("{program} {place} {verb}"));
        };
        let key = shell_key(self.readme.as_ref().unwrap_or(first));
        let scan = match &self.parts {
            Some(key) => {
                let prefix = &key[..prefix_length(key).unwrap_or(key.len())];
                format!("scan --keys --prefix {}", shell_key(prefix))
            }
            None => format!("scan --from {} --limit 10", shell_key(first)),
        };
        [format!("get {key}"), scan, "stats".to_owned()].map(|verb| format!("{program} {place} {verb}"))
    }
}

/// Where the first part of a key ends, separator included: at / or :.
fn prefix_length(key: &[u8]) -> Option<usize> {
    let at = key.iter().position(|byte| b"/:".contains(byte))?;
    (at > 0 && at + 1 < key.len()).then_some(at + 1)
}

/// The report for people, a line each.
pub(crate) fn lines(
    loaded: &Loaded,
    skipped: Skipped,
    time: Duration,
    place: &Named,
    examples: &Examples,
) -> Vec<String> {
    let mut lines = vec![format!(
        "imported {} ({}) into {} in {}: {} entries/s, {}/s",
        human::counted(loaded.entries, "entry", "entries"),
        human::bytes(loaded.bytes),
        place.name,
        human::duration(time),
        human::count(human::per_second(loaded.entries, time)),
        human::bytes(human::per_second(loaded.bytes, time)),
    )];
    if skipped.links > 0 || skipped.special > 0 {
        let links = human::counted(skipped.links, "link", "links");
        let special = human::counted(skipped.special, "special file", "special files");
        lines.push(format!("skipped {links} and {special}"));
    }
    lines.push(String::new());
    lines.push("try next:".to_owned());
    let place = format!("{} {}", place.option, shell_word(&place.name));
    lines.extend(examples.commands(&program(), &place).map(|command| format!("  {command}")));
    lines
}

/// The report for programs.
pub(crate) fn object(loaded: &Loaded, skipped: Skipped, time: Duration, place: &Named) -> Value {
    let mut object = Map::new();
    object.insert("imported".to_owned(), loaded.entries.into());
    object.insert("bytes".to_owned(), loaded.bytes.into());
    object.insert("seconds".to_owned(), json!(time.as_secs_f64()));
    object.insert("first_sequence".to_owned(), loaded.first.into());
    object.insert("last_sequence".to_owned(), loaded.last.into());
    object.insert("skipped_links".to_owned(), skipped.links.into());
    object.insert("skipped_special".to_owned(), skipped.special.into());
    insert_bytes(&mut object, "store", place.name.as_bytes());
    object.into()
}

/// The command as it was called, so that what is suggested can be typed as it stands.
fn program() -> String {
    match env::args().next() {
        Some(name) if name.contains('/') => shell_word(&name),
        _ => "pentad".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn commands(keys: &[&str]) -> [String; 3] {
        let mut examples = Examples::default();
        for key in keys {
            examples.offer(key.as_bytes());
        }
        examples.commands("pentad", "--store s")
    }

    #[test]
    fn a_tree_suggests_its_readme_and_a_directory() {
        assert_eq!(
            commands(&[".cargo/config.toml", "README.md", "crates/cli/Cargo.toml"]),
            [
                "pentad --store s get README.md",
                "pentad --store s scan --keys --prefix crates/",
                "pentad --store s stats"
            ]
        );
    }

    #[test]
    fn plain_keys_suggest_the_first_one() {
        assert_eq!(
            commands(&["it's", "b"])[..2],
            ["pentad --store s get 'it'\\''s'", "pentad --store s scan --from 'it'\\''s' --limit 10"]
        );
    }

    #[test]
    fn an_empty_import_suggests_a_first_entry() {
        assert_eq!(commands(&[])[0], "pentad --store s put hello world");
    }
}
