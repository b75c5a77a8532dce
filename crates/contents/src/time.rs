//! Times of files as Jupyter's models carry them.

use serde::{Serialize, Serializer};

/// A moment, in microseconds since 1970 (UTC), as Python's `datetime` would hold it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FileTime {
    microseconds: i64,
}

impl FileTime {
    /// From the parts of a `stat`. The reference goes through a float of seconds and rounds that to
    /// microseconds; front ends compare these texts, so the same rounding is done here.
    pub fn from_stat(seconds: i64, nanoseconds: i64) -> Self {
        #[expect(clippy::cast_precision_loss, reason = "the reference loses the same digits")]
        let float = seconds as f64 + 1e-9 * nanoseconds as f64;
        let whole = float.trunc();
        #[expect(
            clippy::cast_possible_truncation,
            reason = "a fraction of a second in microseconds"
        )]
        let micros = ((float - whole) * 1e6).round_ties_even() as i64;
        #[expect(clippy::cast_possible_truncation, reason = "seconds of a file system time")]
        let seconds = whole as i64;
        Self {
            microseconds: seconds.saturating_mul(1_000_000).saturating_add(micros),
        }
    }

    /// Whole seconds since 1970, rounded down: what an HTTP date holds.
    pub fn unix_seconds(self) -> i64 {
        self.microseconds.div_euclid(1_000_000)
    }

    /// ISO 8601 with `Z`, microseconds only when there are some: `2026-01-02T03:04:05.678901Z`.
    pub fn to_iso(self) -> String {
        let Ok(timestamp) = jiff::Timestamp::from_microsecond(self.microseconds) else {
            return "1970-01-01T00:00:00Z".to_owned(); // as the reference for times no calendar holds
        };
        let time = jiff::tz::Offset::UTC.to_datetime(timestamp);
        let date = (i64::from(time.year()), time.month(), time.day());
        let clock = (time.hour(), time.minute(), time.second());
        let micros = self.microseconds.rem_euclid(1_000_000);
        // A listing writes two for each entry, and going through a format takes ten times as long.
        let mut text = String::with_capacity("2026-01-02T03:04:05.678901Z".len());
        for (number, digits, after) in [
            (date.0, 4, '-'),
            (i64::from(date.1), 2, '-'),
            (i64::from(date.2), 2, 'T'),
            (i64::from(clock.0), 2, ':'),
            (i64::from(clock.1), 2, ':'),
            (i64::from(clock.2), 2, if micros == 0 { 'Z' } else { '.' }),
            (micros, 6, 'Z'),
        ] {
            push_digits(&mut text, number, digits);
            text.push(after);
            if after == 'Z' {
                break;
            }
        }
        text
    }
}

/// The last `digits` decimal digits.
fn push_digits(text: &mut String, number: i64, digits: u32) {
    for place in (0..digits).rev() {
        let digit = (number.unsigned_abs() / 10_u64.pow(place)) % 10;
        text.push(char::from_digit(u32::try_from(digit).unwrap_or(0), 10).unwrap_or('0'));
    }
}

impl Serialize for FileTime {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.to_iso())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_written_as_python_writes_them() {
        assert_eq!(FileTime::from_stat(0, 0).to_iso(), "1970-01-01T00:00:00Z");
        // Python: datetime.fromtimestamp(1700000000 + 1e-9 * 123456789, UTC)
        assert_eq!(
            FileTime::from_stat(1_700_000_000, 123_456_789).to_iso(),
            "2023-11-14T22:13:20.123457Z"
        );
        assert_eq!(
            FileTime::from_stat(1_700_000_000, 999_999_999).to_iso(),
            "2023-11-14T22:13:21Z"
        );
        assert_eq!(FileTime::from_stat(-1, 0).to_iso(), "1969-12-31T23:59:59Z");
        assert_eq!(
            FileTime::from_stat(1_700_000_000, 0).unix_seconds(),
            1_700_000_000
        );
    }
}
