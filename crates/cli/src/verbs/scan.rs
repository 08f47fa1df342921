//! `scan`: entries in key order, one a line.

mod measure;
mod newest;
mod pages;

use std::ops::Bound;

use crate::args::{AsOf, Global, ScanArgs};
use crate::error::Result;
use crate::escape::escape_into;
use crate::json::write_row;
use crate::output::Output;
use crate::place::{Bounds, Listing};
use crate::session;

/// Lists what the bounds leave.
pub(crate) fn run(global: &Global, arguments: &ScanArgs) -> Result<()> {
    let bytes = |what: &str, argument: &Option<_>| -> Result<Option<Vec<u8>>> {
        argument.as_deref().map(|argument| global.bytes(what, argument)).transpose()
    };
    let prefix = bytes("prefix", &arguments.prefix)?;
    let from = bytes("--from", &arguments.from)?;
    let to = bytes("--to", &arguments.to)?;
    let bounds = bounds(prefix, from, to);
    let limit = arguments.limit.map_or(usize::MAX, |limit| usize::try_from(limit).unwrap_or(usize::MAX));
    let mut printer =
        Printer { output: Output::new(), raw: global.raw, json: global.json, line: String::new() };
    if arguments.newest_first {
        let limit = arguments.limit.unwrap_or(u64::MAX);
        return session::look(global, arguments.reading, AsOf::default(), |place| {
            newest::list(place, arguments.keys, limit, printer)
        });
    }
    session::look(global, arguments.reading, arguments.as_of, |place| {
        if arguments.estimate {
            return measure::estimate(place, bounds, global.json);
        }
        if arguments.count {
            return measure::count(place, bounds, global.json);
        }
        let Some(bounds) = bounds else {
            return if pages::are_wanted(arguments) { pages::end(printer) } else { Ok(()) };
        };
        let (reverse, keys_alone) = (arguments.reverse, arguments.keys);
        let listing = Listing { bounds, reverse, keys_alone, limit, ..Listing::all() };
        if pages::are_wanted(arguments) {
            return pages::list(place, listing, arguments, printer);
        }
        for row in place.rows(&listing)? {
            let row = row?;
            printer.print(&row.key, (!keys_alone).then_some(&*row.value))?;
        }
        printer.output.finish()
    })
}

/// The keys that begin with `prefix` and lie between `from` and `to`, both included; `None` when there can be none.
fn bounds(prefix: Option<Vec<u8>>, from: Option<Vec<u8>>, to: Option<Vec<u8>>) -> Option<Bounds> {
    let prefix = prefix.unwrap_or_default();
    let past_prefix = successor(&prefix);
    let from = from.unwrap_or_default().max(prefix);
    let to = match (to, past_prefix) {
        (None, None) => Bound::Unbounded,
        (Some(to), None) => Bound::Included(to),
        (None, Some(past)) => Bound::Excluded(past),
        (Some(to), Some(past)) if to < past => Bound::Included(to),
        (Some(_), Some(past)) => Bound::Excluded(past),
    };
    let some = match &to {
        Bound::Included(to) => from <= *to,
        Bound::Excluded(past) => from < *past,
        Bound::Unbounded => true,
    };
    some.then_some((Bound::Included(from), to))
}

/// The least key after all that begin with `prefix`; `None` when there is no such key.
fn successor(prefix: &[u8]) -> Option<Vec<u8>> {
    let last = prefix.iter().rposition(|&byte| byte != 0xff)?;
    let mut key = prefix[..=last].to_vec();
    key[last] += 1;
    Some(key)
}

struct Printer {
    output: Output,
    raw: bool,
    json: bool,
    line: String,
}

impl Printer {
    fn print(&mut self, key: &[u8], value: Option<&[u8]>) -> Result<()> {
        if self.json {
            return self.output.with(|out| write_row(out, key, value, None));
        }
        if self.raw {
            return self.output.with(|out| {
                out.write_all(key)?;
                if let Some(value) = value {
                    out.write_all(b"\t")?;
                    out.write_all(value)?;
                }
                out.write_all(b"\n")
            });
        }
        self.line.clear();
        escape_into(key, &mut self.line);
        if let Some(value) = value {
            self.line.push('\t');
            escape_into(value, &mut self.line);
        }
        self.output.line(&self.line)
    }
}

#[cfg(test)]
mod tests {
    use std::ops::RangeBounds as _;

    use proptest::prelude::*;

    use super::*;

    fn key() -> impl Strategy<Value = Vec<u8>> {
        prop::collection::vec(prop::sample::select(&[0, b'a', 0xfe, 0xff][..]), 0..4)
    }

    proptest! {
        #[test]
        fn f16_bounds_hold_exactly_the_keys_that_every_option_allows(
            prefix in prop::option::of(key()),
            from in prop::option::of(key()),
            to in prop::option::of(key()),
            key in key(),
        ) {
            let expected = prefix.as_ref().is_none_or(|prefix| key.starts_with(prefix))
                && from.as_ref().is_none_or(|from| *from <= key)
                && to.as_ref().is_none_or(|to| key <= *to);
            let held = bounds(prefix, from, to).is_some_and(|bounds| bounds.contains(&key));
            prop_assert_eq!(held, expected);
        }
    }

    #[test]
    fn f16_bounds_that_cross_hold_nothing() {
        assert_eq!(bounds(None, Some(b"b".to_vec()), Some(b"a".to_vec())), None);
        assert_eq!(bounds(Some(b"a".to_vec()), Some(b"b".to_vec()), None), None);
    }
}
