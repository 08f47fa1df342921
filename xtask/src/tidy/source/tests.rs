//! Tests of taking Rust apart: what hides code, what only looks as if it did, and the line numbers.

use super::{Comment, Source, places_of};

/// The code without the blanks.
fn code(text: &str) -> String {
    Source::of(text).code().split_whitespace().collect::<Vec<_>>().join(" ")
}

#[test]
fn comments_are_taken_out_and_keep_their_lines() {
    let source = Source::of("//! head\nfn f() {} // tail\n/* one\n/* inner */ two */ struct S;\n");
    let comment = |line, text: &str| Comment { line, text: text.to_owned() };
    let expected = [
        comment(1, "//! head"),
        comment(2, "// tail"),
        comment(3, "/* one"),
        comment(4, "/* inner */ two */"),
    ];
    assert_eq!(source.comments(), expected);
    assert_eq!(source.code().split_whitespace().collect::<Vec<_>>(), ["fn", "f()", "{}", "struct", "S;"]);
    assert_eq!(source.line_of(source.places_of("struct")[0]), 4);
}

#[test]
fn strings_hide_their_text() {
    assert_eq!(code(r#"a("x // y \" unsafe", b"z")"#), "a( , b )");
    assert_eq!(code("r\"unsafe\\\" + 1"), "+ 1");
    assert_eq!(code("f(r##\"a \"# b\"##, br#\"c\"#, cr\"d\")"), "f( , b , c )");
    assert_eq!(code("let s = \"two\nlines\"; x"), "let s = ; x");
}

#[test]
fn names_and_lifetimes_do_not_open_a_literal() {
    assert_eq!(code("fn f<'a>(r#type: &'a str, for_r: u8) {}"), "fn f<'a>(r#type: &'a str, for_r: u8) {}");
    assert_eq!(code("'outer: loop { break 'outer; }"), "'outer: loop { break 'outer; }");
}

#[test]
fn characters_hide_their_text_also_when_they_are_quotes() {
    assert_eq!(code(r#"['"', '\'', 'é', '日', b'/', '\u{1F600}', x]"#), "[ , , , , b , , x]");
}

#[test]
fn an_open_end_does_not_hang_or_panic() {
    for text in ["/* never", "\"never", "r#\"never", "'", "'\\", "\"\\", "/", "r#", "é"] {
        assert_eq!(Source::of(text).code().len(), text.len(), "{text}");
    }
}

#[test]
fn a_word_is_found_only_on_its_own() {
    assert_eq!(places_of("unsafe_code unsafe { } notunsafe unsafe", "unsafe"), [12, 33]);
}
