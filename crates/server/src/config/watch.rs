//! How changes on disk are noticed.

use std::time::Duration;

use contents::{WatchConfig, WatchMeans};

use crate::error::ServerError;
use crate::settings::reader::Traits;

/// Reads the settings of watching, which only exist here.
pub(super) fn read(own: &Traits<'_>) -> Result<WatchConfig, ServerError> {
    let mut watch = WatchConfig::default();
    watch.means = match own.text("watch")?.as_deref() {
        None => watch.means,
        Some("auto") => WatchMeans::Auto,
        Some("poll") => WatchMeans::Poll,
        Some("off") => WatchMeans::Off,
        Some(_) => return Err(own.bad("watch", "`auto`, `poll` or `off`").into()),
    };
    for (name, limit) in [
        ("watched_directories_max", &mut watch.directories_max),
        ("watched_entries_max", &mut watch.entries_max),
    ] {
        if let Some(given) = own.integer::<usize>(name)? {
            if given == 0 {
                return Err(own.bad(name, "at least 1").into());
            }
            *limit = given;
        }
    }
    if let Some(given) = own.integer::<u32>("watch_poll_interval_ms")? {
        if given == 0 {
            return Err(own.bad("watch_poll_interval_ms", "at least 1").into());
        }
        watch.poll_interval = Duration::from_millis(given.into());
    }
    Ok(watch)
}
