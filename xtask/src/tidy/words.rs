//! Words that mark something unfinished. What is unfinished is finished, or goes into an issue, not into a comment.

use crate::finding::Finding;
use crate::tidy::source::places_of;
use crate::tidy::tree::File;

/// In comments; capitals as written. Code is clippy's business.
const BANNED: &[&str] = &["for now", "For now", "FIXME", "XXX", "HACK", "TODO", "todo!"];

/// The defects of one file.
pub(crate) fn findings(file: &File) -> Vec<Finding> {
    let mut found = Vec::new();
    for comment in file.source.iter().flat_map(|source| source.comments()) {
        for word in BANNED.iter().filter(|word| !places_of(&comment.text, word).is_empty()) {
            let what = format!("a comment says `{word}`");
            let mend = "finish it, or say plainly what holds and why";
            found.push(Finding::new("words", &file.path, comment.line, what, mend));
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::findings;
    use crate::tidy::tree::File;

    fn lines(text: &str) -> Vec<usize> {
        findings(&File::new("a.rs", text.to_owned())).into_iter().map(|finding| finding.line).collect()
    }

    #[test]
    fn every_banned_word_is_found_in_every_kind_of_comment() {
        for word in ["for now", "For now", "FIXME", "XXX", "HACK", "TODO", "todo!"] {
            let text = format!("//! {word}\n/// so {word}, x\nfn f() {{}} // {word}\n/*\n {word} */\n");
            assert_eq!(lines(&text), [1, 2, 3, 5], "{word}");
        }
    }

    #[test]
    fn strings_code_and_longer_words_are_left_alone() {
        assert_eq!(
            lines("const A: &str = \"FIXME\";\nfn XXX() {}\n// HACKER, for nowhere, xxx\n"),
            [0_usize; 0]
        );
    }
}
