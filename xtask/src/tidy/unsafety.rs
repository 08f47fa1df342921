//! Unsafe code lives in one file of the engine; every other crate forbids it outright.

use crate::finding::Finding;
use crate::tidy::tree::{File, Tree};

/// The unsafe code of one file.
pub(crate) fn findings(file: &File) -> Vec<Finding> {
    let mut found = Vec::new();
    if let Some(source) = &file.source {
        for place in source.places_of("unsafe") {
            let mend = "write it safely, or behind the safe interface of crates/engine/src/seams/mapping.rs";
            found.push(Finding::new("unsafe", &file.path, source.line_of(place), "unsafe code", mend));
        }
    }
    found
}

/// The roots of crates that do not forbid unsafe code.
pub(crate) fn without_forbid(tree: &Tree, roots: &[String]) -> Vec<Finding> {
    let forbids = |file: &File| {
        let code = file.source.iter().flat_map(|source| source.code().split_whitespace()).collect::<String>();
        code.contains("#![forbid(unsafe_code)]")
    };
    let lacking = roots.iter().filter(|root| !tree.file(root).is_some_and(forbids));
    let mend = "add `#![forbid(unsafe_code)]` below its `//!` lines";
    lacking
        .map(|root| Finding::new("forbid-unsafe", root, 1, "the crate does not forbid unsafe code", mend))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::{findings, without_forbid};
    use crate::tidy::tree::{File, Tree};

    #[test]
    fn unsafe_code_is_found_with_its_line_and_talk_of_it_is_not() {
        let text = "//! Not unsafe.\n#![deny(unsafe_code)]\nconst S: &str = \"unsafe\";\nunsafe fn f() {}\n";
        let found = findings(&File::new("a.rs", text.to_owned()));
        assert!(found.len() == 1 && found[0].line == 4, "{found:?}");
    }

    #[test]
    fn a_crate_that_does_not_forbid_unsafe_code_is_found() {
        let tree = Tree::of(&[
            ("good/src/lib.rs", "//! A.\n#![forbid(\n    unsafe_code\n)]\n"),
            ("bad/src/lib.rs", "//! #![forbid(unsafe_code)]\n"),
        ]);
        let roots = ["good/src/lib.rs", "bad/src/lib.rs", "untracked/src/main.rs"].map(str::to_owned);
        let found: Vec<String> =
            without_forbid(&tree, &roots).into_iter().map(|finding| finding.path).collect();
        assert_eq!(found, ["bad/src/lib.rs", "untracked/src/main.rs"]);
    }
}
