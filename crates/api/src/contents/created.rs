//! Answers with a model: its headers as the reference sets them.

use axum::response::{IntoResponse, Response};
use contents::{ContentsModel, ContentsPath};
use http::{
    HeaderValue, StatusCode,
    header::{CONTENT_TYPE, ETAG, LAST_MODIFIED, LOCATION},
};
use identity::BaseUrl;

use crate::{
    conditions::entity_tag,
    http_text::{http_date, url_path},
};

/// A model, with the time and version of its file.
pub(super) fn model(status: StatusCode, model: &ContentsModel) -> Response {
    let mut response = (status, [(CONTENT_TYPE, "application/json")], model.to_json()).into_response();
    if let Some(date) = http_date(model.last_modified.unix_seconds()) {
        response.headers_mut().insert(LAST_MODIFIED, date);
    }
    if let Some(tag) = model.version.and_then(entity_tag) {
        response.headers_mut().insert(ETAG, tag);
    }
    response
}

/// A model, with where it is.
pub(super) fn located(status: StatusCode, base_url: &BaseUrl, created: &ContentsModel) -> Response {
    let mut response = model(status, created);
    if let Some(location) = location(base_url, &created.path, "") {
        response.headers_mut().insert(LOCATION, location);
    }
    response
}

/// The URL of an entry in the API, with something after it.
pub(super) fn location(base_url: &BaseUrl, path: &ContentsPath, after: &str) -> Option<HeaderValue> {
    let url = base_url.join(&format!("api/contents/{}{after}", url_path(path.as_str())));
    HeaderValue::from_str(&url).ok()
}
