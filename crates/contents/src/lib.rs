//! Jupyter's contents service on a file system: files, directories, notebooks, checkpoints and trust beneath one
//! root directory.
//!
//! [`ContentsPath`] is a name that is right once it exists, [`ContentsManager`] Jupyter's semantics, `storage` the
//! bytes on disk, `notebook` the file format of notebooks, [`UploadManager`] what comes in parts.
//!
//! Architecture invariant: this crate knows neither HTTP nor users nor kernels. Every method of the manager is one
//! blocking task; nothing awaits in between.
#![deny(clippy::indexing_slicing, clippy::unwrap_used, clippy::expect_used)]
#![cfg_attr(
    test,
    allow(
        clippy::indexing_slicing,
        clippy::unwrap_used,
        clippy::expect_used,
        reason = "tests"
    )
)]

mod archive;
mod base64_text;
mod config;
mod error;
mod hidden;
mod manager;
mod mime;
mod mime_table;
mod model;
mod model_json;
mod notebook;
mod observer;
mod path;
mod python_text;
mod raw_json;
mod save_model;
mod storage;
mod time;
mod uploads;
mod version;
mod watch;

pub use archive::{Archive, ArchiveEntry, ArchiveStep};
pub use config::{ContentsConfig, Untitled};
pub use error::{ContentsError, ContentsErrorKind, quoted};
pub use manager::{Conditional, ContentsManager, Get, NewEntry, Page, SaveCommands, Saved, ShownName};
pub use mime::Guess;
pub use model::{CheckpointModel, Content, ContentsModel, EntryType, Format, Paged};
pub use model_json::ModelJson;
pub use notebook::{
    SignatureAlgorithm, SignatureError, SignatureStore, SignaturesInMemory, SigningSecret, reads_as_cell,
};
pub use observer::{ContentsAction, ContentsEvent, ContentsObserver, DoneBy};
pub use path::{ContentsPath, PATH_BYTES_MAX, PathError};
pub use raw_json::RawJson;
pub use save_model::SaveModel;
pub use storage::{OpenFile, OutsideLinks, Storage};
pub use time::FileTime;
pub use uploads::{
    Checksum, Expired, NewUpload, UploadError, UploadId, UploadManager, UploadStatus, UploadWriter,
    UploadsConfig,
};
pub use version::{FileVersion, Found, Precondition, Versions};
pub use watch::{ListeningToDisk, WatchConfig, WatchMeans};
