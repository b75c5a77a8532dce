//! What can go wrong with an upload.

use crate::error::ContentsError;
use crate::path::ContentsPath;

use super::{Checksum, UploadId};

/// A step of an upload that did not happen.
#[derive(Debug, thiserror::Error)]
pub enum UploadError {
    /// It never was, it was given up, or it is not for this caller to know.
    #[error("Upload does not exist: {0}")]
    NoSuchUpload(UploadId),
    /// Larger than [`super::UploadsConfig::bytes_max`].
    #[error("an upload may have {limit} bytes (upload_bytes_max), not {length}")]
    TooLarge {
        /// What it was to have.
        length: u64,
        /// What it may have.
        limit: u64,
    },
    /// There are as many as there may be.
    #[error("{limit} uploads are in progress, and no more may be (uploads_in_progress_max): try again later")]
    TooMany {
        /// How many may be.
        limit: usize,
    },
    /// One user has as many as one may have.
    #[error(
        "{limit} uploads of yours are in progress, and no more may be (uploads_in_progress_per_user_max): finish or \
         delete one"
    )]
    TooManyOfYours {
        /// How many may be.
        limit: usize,
    },
    /// More bytes are to come than the disk has left.
    #[error("No space left on the disk for {path}: {length} bytes are to come, {free} are free")]
    NoRoom {
        /// Where it was to go.
        path: ContentsPath,
        /// What is to come.
        length: u64,
        /// What is free.
        free: u64,
    },
    /// The client goes on from somewhere else than we have come to.
    #[error("the upload has come to byte {offset}, not {given}")]
    WrongOffset {
        /// Where it is.
        offset: u64,
        /// Where the client thinks it is.
        given: u64,
    },
    /// More bytes came than were announced.
    #[error("more bytes than the {length} that were announced")]
    MoreThanAnnounced {
        /// What was announced.
        length: u64,
    },
    /// The bytes of one request are not what was sent. They are forgotten.
    #[error("the checksum of these bytes is {found}, not {expected}: the upload is still at byte {offset}")]
    ChunkChecksum {
        /// What the client said.
        expected: Checksum,
        /// What came.
        found: Checksum,
        /// Where the upload is.
        offset: u64,
    },
    /// The bytes of the whole are not what was to come. The upload is given up; no file was changed.
    #[error(
        "the sha256 of what was uploaded is {found}, not {expected}: the upload is given up, no file was changed"
    )]
    WholeChecksum {
        /// What the client said.
        expected: Checksum,
        /// What came.
        found: Checksum,
    },
    /// Another request goes on with the upload.
    #[error("another request has taken over this upload, which is at byte {offset}")]
    TakenOver {
        /// Where it is.
        offset: u64,
    },
    /// The directory of the file, and with it what had come so far, is gone or somewhere else.
    #[error("what was uploaded of {0} is no longer there")]
    Vanished(ContentsPath),
    /// The records of uploads can't be kept.
    #[error("failed to keep the record of an upload")]
    Record(#[source] std::io::Error),
    /// The system has no random numbers.
    #[error("failed to make an id")]
    Random(#[source] std::io::Error),
    /// Something about the file.
    #[error(transparent)]
    Contents(#[from] ContentsError),
}
