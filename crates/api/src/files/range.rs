//! `Range`, as tornado understands it: one range of bytes; what it does not understand is ignored.

/// Which bytes to send.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Wanted {
    /// All.
    All,
    /// From `start` to before `end`.
    Part {
        /// The first byte.
        start: u64,
        /// The byte after the last.
        end: u64,
    },
    /// 416.
    Unsatisfiable,
}

/// What a header asks for of a file of `size` bytes.
pub(super) fn wanted(header: Option<&str>, size: u64) -> Wanted {
    let Some((start, end)) = header.and_then(parse) else {
        return Wanted::All;
    };
    let (start, end) = match (start, end) {
        (None, Some(0)) => return Wanted::Unsatisfiable,
        (None, Some(last @ 1..)) => (size.saturating_sub(last.unsigned_abs()), size),
        (None, Some(start)) => (start.unsigned_abs(), size),
        (None, None) => (0, size),
        (Some(start), end) => {
            let before = |end: i64| u64::try_from(end.saturating_add(1)).unwrap_or(0);
            (u64::try_from(start).unwrap_or(0), end.map_or(size, before))
        }
    };
    if start >= size || start >= end {
        return Wanted::Unsatisfiable;
    }
    let end = end.min(size);
    if (start, end) == (0, size) {
        Wanted::All
    } else {
        Wanted::Part { start, end }
    }
}

/// The two numbers of `bytes=1-2`, either of which may be missing.
fn parse(header: &str) -> Option<(Option<i64>, Option<i64>)> {
    let (unit, value) = header.split_once('=')?;
    if unit.trim() != "bytes" {
        return None;
    }
    let (start, end) = value.trim().split_once('-').unwrap_or((value.trim(), ""));
    Some((number(start)?, number(end)?))
}

/// No text is no number; anything else must be one, as Python reads it: with a sign, and underscores between digits.
fn number(text: &str) -> Option<Option<i64>> {
    let text = text.trim();
    if text.is_empty() {
        return Some(None);
    }
    let (sign, digits) = match text.strip_prefix('-') {
        Some(digits) => (-1, digits),
        None => (1, text.strip_prefix('+').unwrap_or(text)),
    };
    let is_number = |digits: &str| !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
    if !digits.split('_').all(is_number) {
        return None;
    }
    // More digits than a file can have bytes: beyond every end.
    Some(Some(sign * digits.replace('_', "").parse().unwrap_or(i64::MAX)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_are_those_of_tornado() {
        let part = |start, end| Wanted::Part { start, end };
        for (header, expected) in [
            ("bytes=0-0", part(0, 1)),
            ("bytes=2-", part(2, 10)),
            ("bytes=-3", part(7, 10)),
            ("bytes=-30", Wanted::All),
            ("bytes=0-99", Wanted::All),
            ("bytes=5-99", part(5, 10)),
            ("bytes=10-", Wanted::Unsatisfiable),
            ("bytes=5-4", Wanted::Unsatisfiable),
            ("bytes=-0", Wanted::Unsatisfiable),
            ("bytes=99999999999999999999-", Wanted::Unsatisfiable),
            ("bytes=-", Wanted::All),
            ("bytes=0-1,3-4", Wanted::All),
            ("bytes=a-b", Wanted::All),
            ("lines=0-1", Wanted::All),
            ("nonsense", Wanted::All),
            ("bytes=+1-2", part(1, 3)),
            ("bytes=-+1", part(9, 10)),
            ("bytes=0-0_4", part(0, 5)),
            ("bytes=1_0-", Wanted::Unsatisfiable),
            ("bytes=0--1", Wanted::Unsatisfiable),
            ("bytes=--3", part(3, 10)),
            ("bytes=1__0-", Wanted::All),
            ("bytes=_1-", Wanted::All),
            ("bytes=+-1", Wanted::All),
        ] {
            assert_eq!(wanted(Some(header), 10), expected, "{header}");
        }
        assert_eq!(wanted(None, 10), Wanted::All);
        assert_eq!(wanted(Some("bytes=0-0"), 0), Wanted::Unsatisfiable);
    }
}
