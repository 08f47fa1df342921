//! The tests of the workspace by name, read from the sources: functions under `#[test]`, `#[tokio::test]` and the like,
//! those inside `proptest!` included.
//!
//! Invariant: a test that is ignored is told apart, because it proves nothing. What a macro makes out of other words is
//! not seen.

use crate::tidy::{File, Tree};

/// One test.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Test {
    pub(crate) name: String,
    /// From the root, with `/`.
    pub(crate) path: String,
    pub(crate) line: usize,
    pub(crate) ignored: bool,
}

impl Test {
    /// The ids in the name, numbers of cases that do not exist included: `f07_f08_x` has 7 and 8. The names of Rust's
    /// floating-point types are none.
    pub(crate) fn ids(&self) -> Vec<u32> {
        let words = self.name.split('_').filter(|word| !matches!(*word, "f32" | "f64"));
        words.filter_map(id_of).collect()
    }
}

fn id_of(word: &str) -> Option<u32> {
    let digits = word.strip_prefix('f')?;
    let is_id = digits.len() == 2 && digits.bytes().all(|byte| byte.is_ascii_digit());
    if is_id { digits.parse().ok() } else { None }
}

/// All tests, in order of path and line.
pub(crate) fn of_tree(tree: &Tree) -> Vec<Test> {
    tree.rust().flat_map(of_file).collect()
}

fn of_file(file: &File) -> Vec<Test> {
    let Some(source) = &file.source else { return Vec::new() };
    let code = source.code();
    let mut found = Vec::new();
    for place in source.places_of("fn") {
        let before = &code[..place];
        let head = &before[before.rfind([';', '{', '}']).map_or(0, |end| end + 1)..];
        let attributes: Vec<&str> = attributes(head).collect();
        if !attributes.iter().any(|path| *path == "test" || path.ends_with("::test")) {
            continue;
        }
        let rest = code[place + "fn".len()..].trim_start();
        let name = rest.split(|c: char| !(c.is_alphanumeric() || c == '_')).next().unwrap_or_default();
        found.push(Test {
            name: name.to_owned(),
            path: file.path.clone(),
            line: source.line_of(place),
            ignored: attributes.contains(&"ignore"),
        });
    }
    found
}

/// The paths of the attributes in the text before a function.
fn attributes(head: &str) -> impl Iterator<Item = &str> {
    head.split("#[").skip(1).map(|rest| rest.split(['(', ']', '=']).next().unwrap_or_default().trim())
}

#[cfg(test)]
mod tests {
    use super::{Test, of_tree};
    use crate::tidy::Tree;

    fn tests(text: &str) -> Vec<Test> {
        of_tree(&Tree::of(&[("crates/a/src/b.rs", text)]))
    }

    fn names(text: &str) -> Vec<String> {
        tests(text).into_iter().map(|test| test.name).collect()
    }

    #[test]
    fn functions_under_every_kind_of_test_attribute_are_found() {
        assert_eq!(names("//! X.\n#[test]\nfn one() {}\nfn not_one() {}\n"), ["one"]);
        assert_eq!(names("#[tokio::test(flavor = \"a;b\")]\nasync fn two() {}"), ["two"]);
        assert_eq!(
            names("#[test]\n#[expect(dead_code, reason = \"}\")]\npub(crate) fn three() {}"),
            ["three"]
        );
        assert_eq!(names("proptest! { #[test]\n fn four(x in 0..5) {} }"), ["four"]);
        assert_eq!(names("#[cfg(test)]\nfn five() {}\nmod m { struct S; fn six() {} }"), [""; 0]);
    }

    #[test]
    fn tests_in_comments_and_strings_are_none() {
        assert_eq!(names("// #[test] fn a() {}\nconst S: &str = \"#[test] fn b() {}\";"), [""; 0]);
    }

    #[test]
    fn an_ignored_test_is_told_apart() {
        let found = tests("#[test]\n#[ignore = \"slow\"]\nfn a() {}\n#[test]\nfn b() {}\n");
        assert_eq!(found.iter().map(|test| test.ignored).collect::<Vec<_>>(), [true, false]);
        assert_eq!(found.iter().map(|test| test.line).collect::<Vec<_>>(), [3, 5]);
    }

    #[test]
    fn ids_are_whole_words_of_two_digits() {
        let ids = |name: &str| tests(&format!("#[test]\nfn {name}() {{}}"))[0].ids();
        assert_eq!(ids("f07_failed_fsync_poisons"), [7]);
        assert_eq!(ids("loom_f25_f07_x"), [25, 7]);
        assert_eq!(ids("a_f99"), [99]);
        assert_eq!(ids("f7_f007_if07_f64_f32_fab_f"), [0_u32; 0]);
    }
}
