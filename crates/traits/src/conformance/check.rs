//! What checks are made of: comparisons that say what was found, and the two ways in which a rule stays unproven.
//!
//! The invariant: a text says what was looked at, what was found and what was wanted, and stays short however long
//! the values are.

use std::fmt::{Debug, Display};

/// The result of one check.
pub(crate) type Check = Result<(), Unmet>;

/// Why a rule was not seen to hold.
#[derive(Debug)]
pub(crate) enum Unmet {
    /// It does not hold.
    Broken(String),
    /// The factory cannot bring it about.
    Skipped(String),
}

impl Unmet {
    pub(crate) fn broken(text: impl Into<String>) -> Self {
        Self::Broken(text.into())
    }
}

/// Leaves the rule unchecked because the factory cannot do what it needs.
pub(crate) fn skip(why: &str) -> Check {
    Err(Unmet::Skipped(why.to_owned()))
}

/// `found` is `wanted`.
pub(crate) fn equal<F: Debug + PartialEq<W>, W: Debug>(what: impl Display, found: F, wanted: W) -> Check {
    if found == wanted {
        return Ok(());
    }
    Err(Unmet::broken(format!("{what} is {}, not {}", shown(&found), shown(&wanted))))
}

/// `condition` holds; otherwise `what` is the complaint.
pub(crate) fn ensure(condition: bool, what: impl Display) -> Check {
    if condition { Ok(()) } else { Err(Unmet::broken(what.to_string())) }
}

/// The call went well.
pub(crate) fn works<T, E: Display>(call: impl Display, result: Result<T, E>) -> Result<T, Unmet> {
    result.map_err(|error| Unmet::broken(format!("{call} failed: {}", cut(error.to_string()))))
}

/// The call was refused; answers the error.
pub(crate) fn refused<T, E>(call: impl Display, result: Result<T, E>) -> Result<E, Unmet> {
    match result {
        Ok(_) => Err(Unmet::broken(format!("{call} was accepted"))),
        Err(error) => Ok(error),
    }
}

/// A message about something too large gives both the limit and the size, in plain numbers of bytes or entries.
pub(crate) fn names_limit_and_size(message: &str, limit: usize, size: usize) -> Check {
    let plain: String = message.chars().filter(|c| !matches!(c, ',' | '_')).collect();
    let numbers: Vec<&str> = plain.split(|c: char| !c.is_ascii_digit()).collect();
    for (name, number) in [("limit", limit), ("actual size", size)] {
        ensure(
            numbers.contains(&number.to_string().as_str()),
            format_args!("the message {} does not give the {name}, {number}", shown(message)),
        )?;
    }
    Ok(())
}

/// `value` as a developer reads it, at most a line of it.
pub(crate) fn shown(value: &(impl Debug + ?Sized)) -> String {
    cut(format!("{value:?}"))
}

fn cut(text: String) -> String {
    const SHOWN_CHARS_MAX: usize = 240;
    match text.char_indices().nth(SHOWN_CHARS_MAX) {
        None => text,
        Some((end, _)) => format!("{} … ({} bytes)", &text[..end], text.len()),
    }
}

/// Records asynchronous checks under their row, by the name of their function.
macro_rules! record_async {
    ($report:ident, $factory:ident, $($row:literal: [$($module:ident::$rule:ident),+ $(,)?],)+) => {
        $($( $report.record_async($row, stringify!($rule), $module::$rule($factory)).await; )+)+
    };
}
pub(crate) use record_async;

/// Records synchronous checks under their row, by the name of their function.
macro_rules! record {
    ($report:ident, $factory:ident, $($row:literal: [$($module:ident::$rule:ident),+ $(,)?],)+) => {
        $($( $report.record($row, stringify!($rule), || $module::$rule($factory)); )+)+
    };
}
pub(crate) use record;
