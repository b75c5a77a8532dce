//! What can go wrong with the files.

use std::{io, path::PathBuf};

/// A step that failed.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The file could not be opened or is no database.
    #[error("failed to open `{path}`")]
    Open {
        /// The file.
        path: PathBuf,
        /// SQLite's reason.
        #[source]
        source: rusqlite::Error,
    },
    /// The directory of the file could not be made, or the file itself not be touched.
    #[error("failed to prepare `{path}`")]
    Prepare {
        /// The file or directory.
        path: PathBuf,
        /// The system's reason.
        #[source]
        source: io::Error,
    },
    /// The tables could not be brought up to date.
    #[error("failed to bring the tables to version {version}")]
    Migrate {
        /// The version that was to be reached.
        version: u32,
        /// SQLite's reason.
        #[source]
        source: rusqlite::Error,
    },
    /// The file was written by a newer Adrastea.
    #[error("the file has tables of version {found}, newer than this program's {known}")]
    TooNew {
        /// The version of the file.
        found: u32,
        /// The newest version known here.
        known: u32,
    },
    /// A statement failed.
    #[error("failed to {doing}")]
    Statement {
        /// What it was for.
        doing: &'static str,
        /// SQLite's reason.
        #[source]
        source: rusqlite::Error,
    },
    /// The thread that writes could not be started.
    #[error("failed to start the thread that writes")]
    Thread(#[source] io::Error),
    /// The thread that writes has ended.
    #[error("the store is closed")]
    Closed,
}
