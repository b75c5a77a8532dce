//! One upload: what it begins with, what is known of it, and whoever writes on it.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use tokio::sync::watch;

use super::record::Record;
use super::{Checksum, UploadId};
use crate::path::ContentsPath;
use crate::version::{FileVersion, Precondition};

/// One upload.
pub(super) struct Upload {
    pub(super) id: UploadId,
    /// Held by whoever writes.
    pub(super) record: Arc<tokio::sync::Mutex<Record>>,
    /// How many have wanted to write; whoever writes makes room when it grows.
    pub(super) wanted: watch::Sender<u64>,
    /// Held only for a look or a change, never across an await.
    status: Mutex<UploadStatus>,
}

/// What there is to know of an upload.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UploadStatus {
    /// Which one.
    pub id: UploadId,
    /// The file it is to be.
    pub path: ContentsPath,
    /// How many bytes have come.
    pub offset: u64,
    /// How many are to come.
    pub length: u64,
    /// What the client called it, word for word.
    pub metadata: String,
    /// The checksum of the whole, once the file is in its place.
    pub sha256: Option<Checksum>,
    /// The version of the file as it came to its place, as long as this server runs.
    pub version: Option<FileVersion>,
    /// When it began.
    pub created: SystemTime,
    /// When it is given up, or forgotten.
    pub expires: SystemTime,
}

/// What an upload begins with.
#[derive(Clone, Debug)]
pub struct NewUpload {
    /// Its name.
    pub id: UploadId,
    /// The file it is to be.
    pub path: ContentsPath,
    /// How many bytes are to come.
    pub length: u64,
    /// Whether a file that is there is replaced.
    pub overwrite: bool,
    /// What must hold of the file that is replaced, at the beginning and at the end.
    pub precondition: Precondition,
    /// The checksum the whole must have.
    pub sha256: Option<Checksum>,
    /// What the client calls it, word for word.
    pub metadata: String,
}

impl Upload {
    pub(super) fn new(id: UploadId, path: ContentsPath, record: Record, expiry: Duration) -> Arc<Self> {
        let mut status = UploadStatus {
            id: id.clone(),
            path,
            offset: 0,
            length: record.length,
            metadata: record.metadata.clone(),
            sha256: None,
            version: None,
            created: record.created(),
            expires: record.created(),
        };
        status.follow(&record, expiry);
        Arc::new(Self {
            id,
            record: Arc::new(tokio::sync::Mutex::new(record)),
            wanted: watch::Sender::new(0),
            status: Mutex::new(status),
        })
    }

    pub(super) fn status(&self) -> UploadStatus {
        self.status.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(super) fn show(&self, change: impl FnOnce(&mut UploadStatus)) {
        change(&mut self.status.lock().unwrap_or_else(PoisonError::into_inner));
    }
}

impl UploadStatus {
    /// Whether the file is in its place.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        self.sha256.is_some()
    }

    pub(super) fn follow(&mut self, record: &Record, expiry: Duration) {
        self.offset = record.offset;
        self.expires = record.expires(expiry);
        self.sha256 = record.sha256().filter(|_| record.is_placed());
    }
}
