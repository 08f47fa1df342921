//! `lib.rs` and `mod.rs` are tables of contents: prose, declarations, re-exports. What a module does stands in a file
//! with a name.

use crate::finding::Finding;
use crate::tidy::tree::File;

/// The defects of one file; none when it is not a root.
pub(crate) fn findings(file: &File) -> Vec<Finding> {
    let mut found = Vec::new();
    if let (Some(source), "lib.rs" | "mod.rs") = (&file.source, file.name()) {
        for item in items(source.code()) {
            if !item.is_declaration {
                let what = format!("`{}` in a file of declarations", item.opening);
                let mend = "move it to a file named after it, and re-export it here";
                found.push(Finding::new("roots", &file.path, source.line_of(item.offset), what, mend));
            }
        }
    }
    found
}

#[derive(Debug, PartialEq, Eq)]
struct Item {
    offset: usize,
    /// The first words, for the message.
    opening: String,
    is_declaration: bool,
}

/// The items at the top of `code`, attributes left out.
fn items(code: &str) -> Vec<Item> {
    let mut items = Vec::new();
    let mut at = 0;
    loop {
        at += code[at..].len() - code[at..].trim_start().len();
        let rest = &code[at..];
        if rest.is_empty() {
            return items;
        }
        if rest.starts_with('#') {
            at += rest.find('[').map_or(rest.len(), |open| open + bracketed(&rest[open..]));
            continue;
        }
        let length = item_length(rest);
        let item = &rest[..length];
        if item != ";" {
            let opening = item.split_whitespace().take(3).collect::<Vec<_>>().join(" ");
            items.push(Item { offset: at, opening, is_declaration: is_declaration(item) });
        }
        at += length;
    }
}

/// `mod name;`, `use …;`, `extern crate …;` and `compile_error!`, each with any visibility.
fn is_declaration(item: &str) -> bool {
    let mut item = item;
    if let Some(rest) = item.strip_prefix("pub") {
        let rest = rest.trim_start();
        item = if rest.starts_with('(') { rest[bracketed(rest)..].trim_start() } else { rest };
    }
    let word = item.split(|c: char| !(c.is_alphanumeric() || c == '_')).next().unwrap_or_default();
    match word {
        "mod" => !item.contains('{'),
        "extern" => item.split_whitespace().nth(1) == Some("crate"),
        word => ["use", "compile_error"].contains(&word),
    }
}

/// The length of an item: up to its `;`, or to the `}` that ends its body.
fn item_length(rest: &str) -> usize {
    let is_use =
        rest.split(['{', ';']).next().is_some_and(|head| head.split_whitespace().any(|word| word == "use"));
    let mut at = 0;
    while at < rest.len() {
        match rest.as_bytes()[at] {
            b';' => return at + 1,
            b'{' if !is_use => return at + bracketed(&rest[at..]),
            b'{' | b'(' | b'[' => at += bracketed(&rest[at..]),
            _ => at += 1,
        }
    }
    rest.len()
}

/// The length of what stands between the bracket that `rest` begins with and its partner, both included.
fn bracketed(rest: &str) -> usize {
    let mut depth = 0_usize;
    for (at, byte) in rest.bytes().enumerate() {
        match byte {
            b'{' | b'(' | b'[' => depth += 1,
            b'}' | b')' | b']' => {
                depth = depth.saturating_sub(1);
                if depth == 0 {
                    return at + 1;
                }
            }
            _ => {}
        }
    }
    rest.len()
}

#[cfg(test)]
mod tests {
    use super::findings;
    use crate::tidy::tree::File;

    fn found(path: &str, text: &str) -> Vec<(usize, String)> {
        let found = findings(&File::new(path, text.to_owned()));
        found.into_iter().map(|finding| (finding.line, finding.what)).collect()
    }

    #[test]
    fn declarations_and_reexports_pass() {
        let text = "//! Head.\n#![forbid(unsafe_code)]\n\nmod a;\n#[cfg(any(test, feature = \"b\"))]\npub mod b;\n\
            pub(crate) mod c;\npub use a::{One, Two, deep::{Three}};\nuse b::*;\nextern crate core;\n\
            #[cfg(not(unix))]\ncompile_error!(\"x {\");\n#[cfg(test)]\nmod tests;\n";
        assert_eq!(found("crates/x/src/lib.rs", text), []);
        assert_eq!(found("crates/x/src/y/mod.rs", text), []);
    }

    #[test]
    fn everything_else_is_found_with_its_line() {
        let text = "//! Head.\nmod a;\npub struct S {\n    x: u8,\n}\nimpl S {}\nconst A: [u8; 2] = [1, 2];\n\
            #[cfg(test)]\nmod tests {\n    fn f() {}\n}\npub(crate) fn g() -> u8 { if true { 1 } else { 2 } }\n\
            static B: S = S { x: 1 };\nmacro_rules! m { () => {} }\nextern \"C\" { }\nmod z;\n";
        let lines: Vec<usize> = found("lib.rs", text).into_iter().map(|(line, _)| line).collect();
        assert_eq!(lines, [3, 6, 7, 9, 12, 13, 14, 15]);
        assert_eq!(found("mod.rs", "//! H.\nfn f() {}\n")[0].1, "`fn f() {}` in a file of declarations");
    }

    #[test]
    fn other_files_hold_what_they_like() {
        assert_eq!(found("crates/x/src/main.rs", "fn main() {}"), []);
        assert_eq!(found("crates/x/src/libs.rs", "fn f() {}"), []);
    }
}
