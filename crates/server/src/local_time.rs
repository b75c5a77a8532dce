//! This machine's time zone, without looking through all the others.

use jiff::tz::TimeZone;

use crate::variables::Variables;

/// The zone of this machine; a file as glibc reads it.
const LOCALTIME: &str = "/etc/localtime";

/// The zone that `TZ` names, else the machine's; UTC when neither tells. Asking jiff for the system's zone would first
/// list the whole zone database, which takes longer than starting this server.
pub(crate) fn time_zone(variables: &Variables) -> TimeZone {
    if let Some(name) = variables.text("TZ") {
        return TimeZone::get(name.trim_start_matches(':')).unwrap_or(TimeZone::UTC);
    }
    let zone = std::fs::read(LOCALTIME)
        .ok()
        .and_then(|file| TimeZone::tzif("Local", &file).ok());
    zone.unwrap_or(TimeZone::UTC)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_variable_wins_and_nonsense_is_utc() {
        let check = |name: &str, expected: TimeZone| {
            let variables = Variables::from_pairs("/w", [("TZ", name)]);
            assert_eq!(time_zone(&variables), expected, "{name}");
        };
        check("UTC", TimeZone::UTC);
        check("No/Where", TimeZone::UTC);
    }
}
