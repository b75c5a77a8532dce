//! The time a client gives for its event: checked as the reference checks it, and then of no use, since no message
//! carries it.

use jiff::fmt::strtime;
use serde_json::Value;

use crate::ApiError;

/// What Python takes for `%Y-%m-%dT%H:%M:%S%zZ`: the offset with and without a colon, or a `Z` before the last.
const FORMS: [&str; 3] = [
    "%Y-%m-%dT%H:%M:%S%:zZ",
    "%Y-%m-%dT%H:%M:%S%zZ",
    "%Y-%m-%dT%H:%M:%SZZ",
];

/// Refuses what is no time, in the reference's words.
pub(super) fn check(given: &Value) -> Result<(), ApiError> {
    let is_time = |text: &str| {
        FORMS
            .iter()
            .any(|form| strtime::parse(form, text).is_ok_and(|time| time.to_datetime().is_ok()))
    };
    match given.as_str() {
        Some(text) if is_time(text) => Ok(()),
        _ => Err(ApiError::BadRequest(
            "HTTP 400: Bad Request (Failed to parse timestamp from JSON request body,\n            \
             an ISO format datetime string with UTC offset is expected,\n            \
             for example, 2022-05-26T13:50:00+05:00Z)"
                .to_owned(),
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_has_an_offset_and_a_z() {
        for (text, expected) in [
            ("2022-05-26T13:50:00+05:00Z", true),
            ("2022-05-26T13:50:00-0500Z", true),
            ("2022-05-26T13:50:00ZZ", true),
            ("2022-5-6T3:5:0+05:00Z", true),
            ("2022-05-26T13:50:00Z", false),
            ("2022-02-30T13:50:00+05:00Z", false),
            ("2022-05-26T25:50:00+05:00Z", false),
            ("2022-05-26T13:50:00.5+05:00Z", false),
            ("2022-05-26T13:50:00+05:00", false),
            ("", false),
        ] {
            assert_eq!(check(&Value::from(text)).is_ok(), expected, "{text}");
        }
        assert!(check(&Value::Null).is_err());
        assert!(check(&Value::from(7)).is_err());
    }
}
