//! Texts of HTTP headers: dates and URLs.

use http::HeaderValue;
use jiff::{Timestamp, civil::DateTime, fmt::rfc2822, tz::TimeZone};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

/// What Python's `quote` leaves as it is.
const QUOTED: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'_')
    .remove(b'.')
    .remove(b'-')
    .remove(b'~');
/// The same, and the slashes of a path.
const QUOTED_PATH: &AsciiSet = &QUOTED.remove(b'/');

/// The forms of HTTP before its present one, which are still to be read.
const OLD_DATES: [&str; 2] = ["%A, %d-%b-%y %H:%M:%S GMT", "%a %b %d %H:%M:%S %Y"];

/// `Sun, 22 Nov 2026 18:30:18 GMT`; none for what no calendar holds.
pub(crate) fn http_date(unix_seconds: i64) -> Option<HeaderValue> {
    let timestamp = Timestamp::from_second(unix_seconds).ok()?;
    let text = rfc2822::DateTimePrinter::new()
        .timestamp_to_rfc9110_string(&timestamp)
        .ok()?;
    HeaderValue::from_str(&text).ok()
}

/// The seconds since 1970 of a date in a header.
pub(crate) fn parse_http_date(text: &str) -> Option<i64> {
    if let Ok(date) = rfc2822::DateTimeParser::new().parse_timestamp(text) {
        return Some(date.as_second());
    }
    let date = OLD_DATES
        .iter()
        .find_map(|form| DateTime::strptime(form, text).ok())?;
    Some(date.to_zoned(TimeZone::UTC).ok()?.timestamp().as_second())
}

/// A contents path in a URL.
pub(crate) fn url_path(path: &str) -> String {
    utf8_percent_encode(path, QUOTED_PATH).to_string()
}

/// `Content-Disposition` for saving under a name.
pub(crate) fn attachment(name: &str) -> Option<HeaderValue> {
    let name = utf8_percent_encode(name, QUOTED);
    HeaderValue::from_str(&format!("attachment; filename*=utf-8''{name}")).ok()
}

/// The same with a plain name before it, for clients that know only that: `curl -OJ`.
pub(crate) fn attachment_for_all(name: &str) -> Option<HeaderValue> {
    let encoded = utf8_percent_encode(name, QUOTED);
    let plain = name.replace(
        |character: char| !matches!(character, ' '..='~') || matches!(character, '"' | '\\' | '%'),
        "_",
    );
    HeaderValue::from_str(&format!(
        "attachment; filename=\"{plain}\"; filename*=utf-8''{encoded}"
    ))
    .ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_written_and_read_back() {
        let date = http_date(1_795_372_218).unwrap();
        assert_eq!(date, "Sun, 22 Nov 2026 18:30:18 GMT");
        assert_eq!(parse_http_date(date.to_str().unwrap()), Some(1_795_372_218));
        for old in ["Sunday, 22-Nov-26 18:30:18 GMT", "Sun Nov 22 18:30:18 2026"] {
            assert_eq!(parse_http_date(old), Some(1_795_372_218), "{old}");
        }
        assert_eq!(http_date(i64::MAX), None);
        assert_eq!(parse_http_date("yesterday"), None);
    }

    #[test]
    fn names_are_encoded_as_the_reference_encodes_them() {
        assert_eq!(url_path("a b/ü#?%.txt"), "a%20b/%C3%BC%23%3F%25.txt");
        assert_eq!(
            attachment("a/ü.txt").unwrap(),
            "attachment; filename*=utf-8''a%2F%C3%BC.txt"
        );
        assert_eq!(
            attachment_for_all("ü \"1\".zip").unwrap(),
            "attachment; filename=\"_ _1_.zip\"; filename*=utf-8''%C3%BC%20%221%22.zip"
        );
    }
}
