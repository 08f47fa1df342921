//! Every Rust file opens by saying what it is, and stays small enough to be one idea.

use crate::finding::Finding;
use crate::tidy::tree::File;

/// Past this a file is split.
const LINES_MAX: usize = 500;

/// The defects of one file.
pub(crate) fn findings(file: &File) -> Vec<Finding> {
    let mut found = Vec::new();
    let opening = file.text.lines().next().unwrap_or_default();
    if opening.strip_prefix("//!").is_none_or(|words| words.trim().is_empty()) {
        let mend = "open it with `//!`: what it is, the invariant that it owns, what it leaves to others";
        found.push(Finding::new("head", &file.path, 1, "does not say what it is", mend));
    }
    let lines = file.text.lines().count();
    if lines > LINES_MAX {
        let mend = "split it by idea; long unit tests go to a child module file";
        found.push(Finding::new(
            "length",
            &file.path,
            LINES_MAX + 1,
            format!("{lines} lines, {LINES_MAX} at most"),
            mend,
        ));
    }
    found
}

#[cfg(test)]
mod tests {
    use super::findings;
    use crate::tidy::tree::File;

    fn rules(text: &str) -> Vec<&'static str> {
        findings(&File::new("a.rs", text.to_owned())).into_iter().map(|finding| finding.rule).collect()
    }

    #[test]
    fn a_file_without_a_head_is_found() {
        assert_eq!(rules("use std::io;\n"), ["head"]);
        assert_eq!(rules(""), ["head"]);
        assert_eq!(rules("//!\nfn f() {}\n"), ["head"]);
        assert_eq!(rules("#![cfg(unix)]\n//! Late.\n"), ["head"]);
        assert_eq!(rules("//! Says.\n"), [""; 0]);
    }

    #[test]
    fn the_line_past_the_limit_is_found() {
        let text = |lines: usize| format!("//! Says.\n{}", "\n".repeat(lines - 1));
        assert_eq!(rules(&text(500)), [""; 0]);
        assert_eq!(rules(&text(501)), ["length"]);
    }
}
