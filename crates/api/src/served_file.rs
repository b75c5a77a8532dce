//! Files of the front ends' packages, sent as they lie on disk.

use std::path::Path;

use axum::body::Body;
use axum::response::Response;
use http::header::CACHE_CONTROL;
use http::request::Parts;
use http::{HeaderValue, Request, StatusCode};
use tower_http::services::ServeFile;

/// What browsers may keep for good: its address changes with it.
const FOR_GOOD: HeaderValue = HeaderValue::from_static("public, max-age=31536000, immutable");
/// What they must ask about again; mostly the answer is 304.
const ASK_AGAIN: HeaderValue = HeaderValue::from_static("no-cache");

/// Sends `file`, or the part of it that was asked for, or 304. An address with `v=` never changes its meaning.
pub(crate) async fn send(file: &Path, request: &Parts) -> Response {
    let mut asked = Request::new(Body::empty());
    *asked.method_mut() = request.method.clone();
    *asked.headers_mut() = request.headers.clone();
    let caching = if is_versioned(request.uri.query()) {
        FOR_GOOD
    } else {
        ASK_AGAIN
    };
    match ServeFile::new(file).try_call(asked).await {
        Ok(response) => {
            let mut response = response.map(Body::new);
            if response.status().is_success() || response.status() == StatusCode::NOT_MODIFIED {
                response.headers_mut().insert(CACHE_CONTROL, caching);
            }
            response
        }
        Err(error) => {
            tracing::error!(%error, "failed to read `{}`", file.display());
            let mut response = Response::new(Body::empty());
            *response.status_mut() = StatusCode::INTERNAL_SERVER_ERROR;
            response
        }
    }
}

/// The caching of something small that is in memory.
pub(crate) fn caching(request: &Parts) -> (http::HeaderName, HeaderValue) {
    (
        CACHE_CONTROL,
        if is_versioned(request.uri.query()) {
            FOR_GOOD
        } else {
            ASK_AGAIN
        },
    )
}

fn is_versioned(query: Option<&str>) -> bool {
    query
        .unwrap_or_default()
        .split('&')
        .any(|pair| pair.starts_with("v=") && pair.len() > 2)
}

#[cfg(test)]
mod tests {
    use super::is_versioned;

    #[test]
    fn only_a_version_makes_an_address_lasting() {
        let check = |query, expected| assert_eq!(is_versioned(query), expected, "{query:?}");
        check(Some("v=1"), true);
        check(Some("a=b&v=1f"), true);
        check(Some("v="), false);
        check(Some("1795349235713"), false);
        check(None, false);
    }
}
