//! Times of files as Python's `isoformat` writes them, in UTC: `2026-01-31T12:00:00.123456+00:00`.

use std::os::unix::fs::MetadataExt;

use jiff::Timestamp;

/// When the content last changed.
pub(crate) fn modified(metadata: &std::fs::Metadata) -> Option<String> {
    iso(metadata.mtime(), metadata.mtime_nsec())
}

/// What Jupyter calls `created`: the inode's change time, as the reference sends it.
pub(crate) fn created(metadata: &std::fs::Metadata) -> Option<String> {
    iso(metadata.ctime(), metadata.ctime_nsec())
}

/// Microseconds are left out when they are zero, as Python does.
fn iso(seconds: i64, nanoseconds: i64) -> Option<String> {
    let time = Timestamp::new(seconds, i32::try_from(nanoseconds).ok()?).ok()?;
    let format = if nanoseconds < 1_000 {
        "%Y-%m-%dT%H:%M:%S+00:00"
    } else {
        "%Y-%m-%dT%H:%M:%S.%6f+00:00"
    };
    Some(time.strftime(format).to_string())
}

#[cfg(test)]
mod tests {
    use super::iso;

    #[test]
    fn times_look_as_python_writes_them() {
        assert_eq!(iso(0, 0).as_deref(), Some("1970-01-01T00:00:00+00:00"));
        assert_eq!(
            iso(1, 1_500_999).as_deref(),
            Some("1970-01-01T00:00:01.001500+00:00")
        );
        assert_eq!(iso(1, 7_000).as_deref(), Some("1970-01-01T00:00:01.000007+00:00"));
        assert_eq!(iso(i64::MAX, 0), None);
    }
}
