//! How changes on disk are noticed.

use std::time::Duration;

/// Settings of watching.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WatchConfig {
    /// By which means.
    pub means: WatchMeans,
    /// How many directories are watched: those that were asked for last.
    pub directories_max: usize,
    /// Of a directory with more entries it is only told that it has changed.
    pub entries_max: usize,
    /// How often is looked where the operating system does not tell. Longer where looking takes long.
    pub poll_interval: Duration,
}

/// The means by which changes on disk are noticed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum WatchMeans {
    /// The operating system tells; where it can't, by looking again and again.
    #[default]
    Auto,
    /// By looking again and again.
    Poll,
    /// Not at all.
    Off,
}

impl Default for WatchConfig {
    fn default() -> Self {
        Self {
            means: WatchMeans::Auto,
            directories_max: 128,
            entries_max: 20_000,
            poll_interval: Duration::from_secs(1),
        }
    }
}
