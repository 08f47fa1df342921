//! From the bounds of a request to those of the engine.

use std::ops::Bound;

use bytes::Bytes;
use pentad_client::Failure;
use pentad_client::wire::Bounds;

/// The bounds as the engine takes them; without any, all keys.
pub(crate) fn engine_bounds(bounds: Option<&Bounds>) -> Result<(Bound<Bytes>, Bound<Bytes>), Failure> {
    let Some(bounds) = bounds else { return Ok((Bound::Unbounded, Bound::Unbounded)) };
    let start = bounds.start.clone();
    if bounds.prefix {
        if !bounds.end.is_empty() || bounds.end_inclusive || bounds.start_exclusive {
            return Err(Failure::invalid("bounds by prefix have a start and nothing else"));
        }
        return Ok((Bound::Included(start.clone()), behind_prefix(&start)));
    }
    let lower = if bounds.start_exclusive { Bound::Excluded(start) } else { Bound::Included(start) };
    let upper = match (bounds.end_inclusive, bounds.end.is_empty()) {
        (true, _) => Bound::Included(bounds.end.clone()),
        (false, false) => Bound::Excluded(bounds.end.clone()),
        (false, true) => Bound::Unbounded,
    };
    Ok((lower, upper))
}

/// What comes behind all keys that begin so: the prefix with its last byte that can be raised, raised.
fn behind_prefix(prefix: &[u8]) -> Bound<Bytes> {
    let kept = prefix.iter().rposition(|&byte| byte != u8::MAX);
    kept.map_or(Bound::Unbounded, |last| {
        let mut end = prefix[..=last].to_vec();
        end[last] += 1;
        Bound::Excluded(end.into())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(bytes: &'static [u8]) -> Bytes {
        Bytes::from_static(bytes)
    }

    #[test]
    fn f16_bounds_mean_what_the_protocol_says() {
        use Bound::{Excluded, Included, Unbounded};
        assert_eq!(engine_bounds(None).unwrap(), (Unbounded, Unbounded));
        assert_eq!(engine_bounds(Some(&Bounds::all())).unwrap(), (Included(key(b"")), Unbounded));
        let bounds = Bounds { start: key(b"a"), end: key(b"b"), ..Bounds::default() };
        assert_eq!(engine_bounds(Some(&bounds)).unwrap(), (Included(key(b"a")), Excluded(key(b"b"))));
        let bounds = Bounds { start_exclusive: true, end_inclusive: true, ..bounds };
        assert_eq!(engine_bounds(Some(&bounds)).unwrap(), (Excluded(key(b"a")), Included(key(b"b"))));
        let empty = Bounds { end_inclusive: true, ..Bounds::default() };
        assert_eq!(engine_bounds(Some(&empty)).unwrap(), (Included(key(b"")), Included(key(b""))));
        let end = |prefix: &'static [u8]| engine_bounds(Some(&Bounds::prefix(prefix))).unwrap().1;
        assert_eq!(end(b"a"), Excluded(key(b"b")));
        assert_eq!(end(b"a\xff\xff"), Excluded(key(b"b")));
        assert_eq!(end(b"\xff"), Unbounded);
        assert_eq!(end(b""), Unbounded);
        assert!(engine_bounds(Some(&Bounds { prefix: true, ..bounds })).is_err());
    }
}
