//! Rust text taken apart into code and comments, as far as the rules need it.
//!
//! Invariant: `code` has the bytes of the text with every comment and every character of a string or character literal
//! blanked, line breaks kept, so that offsets and line numbers are those of the text.

/// A Rust file taken apart.
#[derive(Debug)]
pub(crate) struct Source {
    code: String,
    comments: Vec<Comment>,
}

/// One line of a comment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Comment {
    /// Counted from 1.
    pub(crate) line: usize,
    pub(crate) text: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Comment,
    Literal,
}

impl Source {
    /// Takes `text` apart. Text that is not valid Rust comes out somehow; the compiler will say more about it.
    pub(crate) fn of(text: &str) -> Self {
        let bytes = text.as_bytes();
        let mut code = bytes.to_vec();
        let mut comments = Vec::new();
        let (mut at, mut line) = (0, 1);
        while at < bytes.len() {
            let Some((end, kind)) = hidden(bytes, at) else {
                line += usize::from(bytes[at] == b'\n');
                at += 1;
                continue;
            };
            if kind == Kind::Comment {
                for (below, text) in text[at..end].lines().enumerate() {
                    comments.push(Comment { line: line + below, text: text.to_owned() });
                }
            }
            for byte in &mut code[at..end] {
                if *byte == b'\n' {
                    line += 1;
                } else {
                    *byte = b' ';
                }
            }
            at = end;
        }
        // Hidden stretches begin and end at ASCII delimiters, so what is left is whole characters.
        Self { code: String::from_utf8_lossy(&code).into_owned(), comments }
    }

    /// The code, everything else blank.
    pub(crate) fn code(&self) -> &str {
        &self.code
    }

    /// The comments, doc comments included, line by line.
    pub(crate) fn comments(&self) -> &[Comment] {
        &self.comments
    }

    /// The line of a byte of the code, counted from 1.
    pub(crate) fn line_of(&self, offset: usize) -> usize {
        line_of(&self.code, offset)
    }

    /// Where `word` stands in the code as a word of its own.
    pub(crate) fn places_of(&self, word: &str) -> Vec<usize> {
        places_of(&self.code, word)
    }
}

/// The line of byte `offset` of `text`, counted from 1.
pub(crate) fn line_of(text: &str, offset: usize) -> usize {
    1 + text.as_bytes().iter().take(offset).filter(|byte| **byte == b'\n').count()
}

/// Where `word` stands in `text` with no letter, digit or underscore right before or after it.
pub(crate) fn places_of(text: &str, word: &str) -> Vec<usize> {
    let bytes = text.as_bytes();
    let in_word = |at: Option<&u8>| at.is_some_and(|byte| is_word(*byte));
    let alone = |at: &usize| {
        let before = at.checked_sub(1).and_then(|before| bytes.get(before));
        !(in_word(before) || in_word(bytes.get(at + word.len())))
    };
    text.match_indices(word).map(|(at, _)| at).filter(alone).collect()
}

fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_' || byte >= 0x80
}

/// If a comment or a literal starts at `at`: where it ends, and which of them it is.
fn hidden(bytes: &[u8], at: usize) -> Option<(usize, Kind)> {
    let rest = &bytes[at..];
    match rest[0] {
        b'/' if rest.starts_with(b"//") => {
            let length = rest.iter().position(|byte| *byte == b'\n').unwrap_or(rest.len());
            Some((at + length, Kind::Comment))
        }
        b'/' if rest.starts_with(b"/*") => Some((at + block_comment(rest), Kind::Comment)),
        b'"' => Some((at + quoted(rest, b'"'), Kind::Literal)),
        b'r' if starts_literal(bytes, at) => raw_string(rest).map(|length| (at + length, Kind::Literal)),
        b'\'' => character(rest).map(|length| (at + length, Kind::Literal)),
        _ => None,
    }
}

/// Whether the `r` at `at` can open a raw string: it begins a word, but for the `b` or `c` of a byte or C string.
fn starts_literal(bytes: &[u8], at: usize) -> bool {
    let before = |back: usize| at.checked_sub(back).map(|at| bytes[at]);
    match before(1) {
        Some(b'b' | b'c') => !before(2).is_some_and(is_word),
        Some(byte) => !is_word(byte),
        None => true,
    }
}

/// The length of a block comment, which may hold others.
fn block_comment(rest: &[u8]) -> usize {
    let (mut at, mut depth) = (0, 0_usize);
    while at < rest.len() {
        if rest[at..].starts_with(b"/*") {
            (at, depth) = (at + 2, depth + 1);
        } else if rest[at..].starts_with(b"*/") {
            (at, depth) = (at + 2, depth - 1);
            if depth == 0 {
                return at;
            }
        } else {
            at += 1;
        }
    }
    rest.len()
}

/// The length of a literal between two `quote`s with backslash escapes.
fn quoted(rest: &[u8], quote: u8) -> usize {
    let mut at = 1;
    while at < rest.len() {
        match rest[at] {
            b'\\' => at += 2,
            byte if byte == quote => return at + 1,
            _ => at += 1,
        }
    }
    rest.len()
}

/// The length of `r"…"`, `r#"…"#` and so on; `None` when it is a name (`r#type`, `return`).
fn raw_string(rest: &[u8]) -> Option<usize> {
    let hashes = rest[1..].iter().take_while(|byte| **byte == b'#').count();
    if rest.get(1 + hashes) != Some(&b'"') {
        return None;
    }
    let close = [&b"\""[..], &vec![b'#'; hashes]].concat();
    let body = 2 + hashes;
    let end = rest[body..].windows(close.len()).position(|window| window == close);
    Some(end.map_or(rest.len(), |end| body + end + close.len()))
}

/// The length of `'x'`; `None` when the quote opens a lifetime or a label.
fn character(rest: &[u8]) -> Option<usize> {
    if rest.get(1) == Some(&b'\\') {
        return Some(quoted(rest, b'\''));
    }
    let text = std::str::from_utf8(&rest[1..rest.len().min(5)]);
    // A stretch of four bytes may cut the character after the one that counts.
    let first = match text {
        Ok(text) => text.chars().next(),
        Err(error) => std::str::from_utf8(&rest[1..1 + error.valid_up_to()]).ok()?.chars().next(),
    };
    let close = 1 + first?.len_utf8();
    (rest.get(close) == Some(&b'\'')).then_some(close + 1)
}

#[cfg(test)]
mod tests;
