//! Answers with a model: its headers as the reference sets them.

use std::convert::Infallible;

use axum::body::Body;
use axum::response::{IntoResponse, Response};
use contents::{Content, ContentsError, ContentsModel, ContentsPath, ModelJson};
use http::{
    HeaderValue, StatusCode,
    header::{CONTENT_LENGTH, CONTENT_TYPE, ETAG, LAST_MODIFIED, LOCATION},
};
use identity::BaseUrl;

use crate::{
    ApiError,
    conditions::entity_tag,
    http_text::{http_date, url_path},
};

/// Entries of a listing that are written in less than a millisecond.
const ENTRIES_AT_ONCE: usize = 1000;
/// Bytes of a text of which the length in JSON is found in less than a millisecond.
const TEXT_AT_ONCE_BYTES: usize = 256 << 10;

/// [`model`] of something that was read. A long one is begun by a thread of its own: the ones that serve connections
/// also carry kernels' messages.
pub(super) async fn read(found: ContentsModel) -> Result<Response, ApiError> {
    let is_long = match &found.content {
        Some(Content::Directory(entries)) => entries.len() > ENTRIES_AT_ONCE,
        Some(Content::Text(text)) => text.len() > TEXT_AT_ONCE_BYTES,
        Some(Content::Base64(_) | Content::Notebook(_)) | None => false,
    };
    if !is_long {
        return Ok(model(StatusCode::OK, found));
    }
    let writing = tokio::task::spawn_blocking(move || model(StatusCode::OK, found));
    writing.await.map_err(|_| ContentsError::Stopping.into())
}

/// A model, with the time and version of its file.
pub(super) fn model(status: StatusCode, model: ContentsModel) -> Response {
    let mut response = (status, [(CONTENT_TYPE, "application/json")]).into_response();
    if let Some(date) = http_date(model.last_modified.unix_seconds()) {
        response.headers_mut().insert(LAST_MODIFIED, date);
    }
    if let Some(tag) = model.version.and_then(entity_tag) {
        response.headers_mut().insert(ETAG, tag);
    }
    fill(&mut response, model.into_json());
    response
}

fn fill(response: &mut Response, mut json: ModelJson) {
    let bytes = json.bytes();
    response.headers_mut().insert(CONTENT_LENGTH, bytes.into());
    *response.body_mut() = match json.next() {
        Some(whole) if whole.len() == bytes => Body::from(whole),
        first => {
            let pieces = first.into_iter().chain(json).map(Ok::<_, Infallible>);
            Body::from_stream(futures::stream::iter(pieces))
        }
    };
}

/// A model, with where it is.
pub(super) fn located(status: StatusCode, base_url: &BaseUrl, created: ContentsModel) -> Response {
    let location = location(base_url, &created.path, "");
    let mut response = model(status, created);
    if let Some(location) = location {
        response.headers_mut().insert(LOCATION, location);
    }
    response
}

/// The URL of an entry in the API, with something after it.
pub(super) fn location(base_url: &BaseUrl, path: &ContentsPath, after: &str) -> Option<HeaderValue> {
    let url = base_url.join(&format!("api/contents/{}{after}", url_path(path.as_str())));
    HeaderValue::from_str(url.trim_end_matches('/')).ok()
}
