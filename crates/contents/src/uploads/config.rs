//! What uploads are told once.

use std::path::PathBuf;
use std::time::Duration;

/// Limits of uploads, and where their records are kept.
#[derive(Clone, Debug)]
pub struct UploadsConfig {
    /// Where it is written down which uploads there are, so that the next server goes on with them; a directory of
    /// this server's own. `None`: uploads end with the process.
    pub records_dir: Option<PathBuf>,
    /// Largest upload, in bytes.
    pub bytes_max: u64,
    /// Most uploads in progress at once.
    pub in_progress_max: usize,
    /// Most uploads in progress at once of one user.
    pub in_progress_per_user_max: usize,
    /// An upload of which nothing came for so long is given up; one that has ended is no longer known after it.
    pub expiry: Duration,
}

impl Default for UploadsConfig {
    fn default() -> Self {
        Self {
            records_dir: None,
            bytes_max: 1 << 40,
            in_progress_max: 100,
            in_progress_per_user_max: 20,
            expiry: Duration::from_secs(24 * 60 * 60),
        }
    }
}
