//! A path says what is inside: no drawers for this and that, no second edition of a file beside the first.

use crate::finding::Finding;
use crate::tidy::tree::File;

const DRAWERS: &[&str] = &["util", "utils", "common", "helper", "helpers", "misc", "stuff"];

/// The defects of one path.
pub(crate) fn findings(file: &File) -> Vec<Finding> {
    let mut found = Vec::new();
    for part in file.path.split('/') {
        let stem = part.strip_suffix(".rs").unwrap_or(part);
        let words: Vec<&str> = stem.split(['_', '-']).collect();
        if let Some(drawer) = words.iter().find(|word| DRAWERS.contains(word)) {
            let what = format!("`{drawer}` does not say what is inside");
            found.push(Finding::new(
                "names",
                &file.path,
                1,
                what,
                "name it after the one idea in it, or divide it",
            ));
        }
        let edition = words.last().and_then(|word| word.strip_prefix('v'));
        if words.len() > 1
            && edition.is_some_and(|n| !n.is_empty() && n.bytes().all(|byte| byte.is_ascii_digit()))
        {
            let what = format!("`{stem}` is an edition, not a name");
            found.push(Finding::new("names", &file.path, 1, what, "name it after what it does differently"));
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::findings;
    use crate::tidy::tree::File;

    fn found(path: &str) -> bool {
        !findings(&File::new(path, String::new())).is_empty()
    }

    #[test]
    fn drawers_and_editions_are_found_as_files_and_as_folders() {
        for path in [
            "a/src/utils.rs",
            "a/tests/common/mod.rs",
            "a/src/test_helpers.rs",
            "a/src/misc/b.rs",
            "a/log_v2.rs",
        ] {
            assert!(found(path), "{path}");
        }
    }

    #[test]
    fn names_that_only_contain_such_a_word_are_fine() {
        for path in [
            "a/src/commons.rs",
            "a/src/utility_model.rs",
            "a/src/v2.rs",
            "a/src/has_value.rs",
            "a/src/log_valid.rs",
        ] {
            assert!(!found(path), "{path}");
        }
    }
}
