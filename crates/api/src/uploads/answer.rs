//! What a client is told of an upload: in headers, as tus says, and in JSON.

use std::time::{SystemTime, UNIX_EPOCH};

use axum::response::{IntoResponse, Response};
use contents::{UploadError, UploadId, UploadStatus};
use http::{
    HeaderMap, HeaderName, HeaderValue,
    header::{CACHE_CONTROL, ETAG, LOCATION},
};
use identity::BaseUrl;
use jiff::Timestamp;
use serde::Serialize;

use super::tus;
use crate::{ApiError, Json, conditions::entity_tag, http_text::http_date};

/// An upload in JSON, for a script that shows the progress.
#[derive(Serialize)]
pub(super) struct UploadModel {
    id: String,
    path: String,
    offset: u64,
    length: u64,
    complete: bool,
    /// Of the whole file, once it is complete.
    sha256: Option<String>,
    created: Option<Timestamp>,
    expires: Option<Timestamp>,
}

impl UploadModel {
    pub(super) fn of(upload: &UploadStatus) -> Self {
        Self {
            id: upload.id.to_string(),
            path: upload.path.to_string(),
            offset: upload.offset,
            length: upload.length,
            complete: upload.is_complete(),
            sha256: upload.sha256.map(|checksum| checksum.to_string()),
            created: Timestamp::try_from(upload.created).ok(),
            expires: Timestamp::try_from(upload.expires).ok(),
        }
    }
}

/// An upload, in headers and JSON.
pub(super) struct Found(pub(super) UploadStatus);

impl IntoResponse for Found {
    fn into_response(self) -> Response {
        let Self(upload) = self;
        let mut response = with_status(Json(UploadModel::of(&upload)).into_response(), &upload);
        let sent = response.headers_mut();
        put(sent, tus::UPLOAD_LENGTH, &upload.length.to_string());
        if !upload.metadata.is_empty() {
            put(sent, tus::UPLOAD_METADATA, &upload.metadata);
        }
        sent.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        answer(response)
    }
}

/// The response with how far the upload is.
pub(super) fn with_status(mut response: Response, upload: &UploadStatus) -> Response {
    let sent = response.headers_mut();
    put(sent, tus::UPLOAD_OFFSET, &upload.offset.to_string());
    if let Some(date) = http_date(unix_seconds(upload.expires)) {
        sent.insert(tus::UPLOAD_EXPIRES, date);
    }
    if let Some(checksum) = &upload.sha256 {
        put(sent, tus::REPR_DIGEST, &tus::repr_digest(checksum));
    }
    response
}

/// The same for the request that may have brought the last byte: the version of the file, to go on with.
pub(super) fn with_file(response: Response, upload: &UploadStatus) -> Response {
    let mut response = with_status(response, upload);
    if let Some(tag) = upload.version.and_then(entity_tag) {
        response.headers_mut().insert(ETAG, tag);
    }
    response
}

/// The response with what the protocol wants of every one.
pub(super) fn answer(mut response: Response) -> Response {
    let sent = response.headers_mut();
    put(sent, tus::TUS_RESUMABLE, tus::VERSION);
    put(sent, tus::TUS_VERSION, tus::VERSION);
    put(sent, tus::TUS_EXTENSION, tus::EXTENSIONS);
    put(sent, tus::TUS_CHECKSUM_ALGORITHM, tus::CHECKSUMS);
    response
}

/// The response to what was refused; where the upload is, if the client was wrong about that.
pub(super) fn refused(error: ApiError) -> Response {
    let offset = match &error {
        ApiError::Upload(
            UploadError::WrongOffset { offset, .. }
            | UploadError::TakenOver { offset }
            | UploadError::ChunkChecksum { offset, .. },
        ) => Some(*offset),
        _ => None,
    };
    let mut response = answer(error.into_response());
    if let Some(offset) = offset {
        put(response.headers_mut(), tus::UPLOAD_OFFSET, &offset.to_string());
    }
    response
}

/// Where an upload is.
pub(super) fn location(base_url: &BaseUrl, id: &UploadId) -> [(HeaderName, String); 1] {
    [(LOCATION, base_url.join(&format!("api/uploads/{id}")))]
}

fn unix_seconds(time: SystemTime) -> i64 {
    let since = time.duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_secs()).unwrap_or(i64::MAX)
}

fn put(headers: &mut HeaderMap, name: HeaderName, text: &str) {
    // Digits, base64 and what came in a header are always valid.
    if let Ok(value) = HeaderValue::from_str(text) {
        headers.insert(name, value);
    }
}
