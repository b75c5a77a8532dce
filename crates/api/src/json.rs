//! JSON bodies as Jupyter's front ends send them: the content type says `text/plain` as often as not.

use std::error::Error as _;

use axum::{
    RequestExt,
    body::{Bytes, HttpBody},
    extract::{FromRequest, Request},
    response::{IntoResponse, Response},
};
use futures::StreamExt;
use http::{StatusCode, header::CONTENT_TYPE};
use http_body_util::LengthLimitError;
use serde::{Serialize, de::DeserializeOwned};
use serde_json::{Value, json};

/// Most memory that is set aside for what a request announces before any of it has come.
const RESERVED_BYTES_MAX: usize = 64 << 20;

/// A JSON body, in or out. Coming in, the content type does not matter and an empty body is `null`, so that
/// `Json<Option<T>>` takes a body that may be missing.
#[derive(Clone, Copy, Debug)]
pub struct Json<T>(pub T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequest<S> for Json<T> {
    type Rejection = Response;

    async fn from_request(request: Request, _state: &S) -> Result<Self, Response> {
        let body = json_body(request).await?;
        read(&body).map(Self).map_err(|error| not_that_json(&error))
    }
}

/// Of members that occur twice the last counts, as in Python.
fn read<T: DeserializeOwned>(body: &[u8]) -> Result<T, serde_json::Error> {
    serde_json::from_slice(body).or_else(|error| {
        let without_doubles: Value = serde_json::from_slice(body)?;
        // What is wrong all the same is told with its place.
        serde_json::from_value(without_doubles).map_err(|_| error)
    })
}

/// The whole body; `null` for an empty one.
pub(crate) async fn json_body(request: Request) -> Result<Bytes, Response> {
    let body = whole(request).await?;
    // serde would take its elements for the members of a struct, in their order.
    if body.trim_ascii_start().starts_with(b"[") {
        let message = "Unexpected JSON in body of request: an object is expected";
        return Err(bad_body(StatusCode::BAD_REQUEST, message));
    }
    Ok(match body.is_empty() {
        true => Bytes::from_static(b"null"),
        false => body,
    })
}

/// Reads the body into one piece of memory. Axum's own way keeps all frames until the last has come and then copies
/// them: twice the memory, most of what a large notebook needs.
async fn whole(request: Request) -> Result<Bytes, Response> {
    let body = request.into_limited_body();
    let announced = usize::try_from(body.size_hint().lower()).unwrap_or(usize::MAX);
    let mut bytes = Vec::with_capacity(announced.min(RESERVED_BYTES_MAX));
    let mut frames = body.into_data_stream();
    while let Some(frame) = frames.next().await {
        match frame {
            Ok(frame) => bytes.extend_from_slice(&frame),
            Err(error) => return Err(unreadable(&error)),
        }
    }
    Ok(bytes.into())
}

/// Why a body ended early: it was larger than its route or the server allows, or its client left.
fn unreadable(error: &axum::Error) -> Response {
    let mut causes = std::iter::successors(error.source(), |&cause| cause.source());
    match causes.any(|cause| cause.is::<LengthLimitError>()) {
        true => bad_body(
            StatusCode::PAYLOAD_TOO_LARGE,
            "the body is larger than is allowed here",
        ),
        false => bad_body(StatusCode::BAD_REQUEST, "the body could not be read"),
    }
}

/// Says what is wrong with a body.
pub(crate) fn not_that_json(error: &serde_json::Error) -> Response {
    let what = if error.is_data() { "Unexpected" } else { "Invalid" };
    bad_body(
        StatusCode::BAD_REQUEST,
        &format!("{what} JSON in body of request: {error}"),
    )
}

pub(crate) fn bad_body(status: StatusCode, message: &str) -> Response {
    (status, Json(json!({ "message": message, "reason": null }))).into_response()
}

impl<T: Serialize> IntoResponse for Json<T> {
    fn into_response(self) -> Response {
        match serde_json::to_vec(&self.0) {
            Ok(body) => ([(CONTENT_TYPE, "application/json")], body).into_response(),
            Err(error) => {
                tracing::error!(%error, "failed to write an answer as JSON");
                StatusCode::INTERNAL_SERVER_ERROR.into_response()
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, PartialEq, serde::Deserialize)]
    struct Body {
        path: Option<String>,
    }

    #[test]
    fn of_members_that_occur_twice_the_last_counts() {
        let body = read::<Option<Body>>(br#"{"path":"a","path":"b"}"#).unwrap();
        let path = body.and_then(|body| body.path);
        assert_eq!(path.as_deref(), Some("b"));
        assert_eq!(read::<Option<Body>>(b"null").unwrap(), None);
        let wrong = read::<Option<Body>>(br#"{"path":5}"#).unwrap_err();
        assert!(wrong.to_string().ends_with(" at line 1 column 9"), "{wrong}");
        assert!(read::<Option<Body>>(b"{").is_err());
    }
}
