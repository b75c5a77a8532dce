//! JSON bodies as Jupyter's front ends send them: the content type says `text/plain` as often as not.

use axum::{
    body::Bytes,
    extract::{FromRequest, Request},
    response::{IntoResponse, Response},
};
use http::{StatusCode, header::CONTENT_TYPE};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::json;

/// A JSON body, in or out. Coming in, the content type does not matter and an empty body is `null`, so that
/// `Json<Option<T>>` takes a body that may be missing.
#[derive(Clone, Copy, Debug)]
pub struct Json<T>(pub T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequest<S> for Json<T> {
    type Rejection = Response;

    async fn from_request(request: Request, state: &S) -> Result<Self, Response> {
        let body = Bytes::from_request(request, state)
            .await
            .map_err(|rejection| bad_body(rejection.status(), &rejection.body_text()))?;
        let body = body.trim_ascii();
        let body = if body.is_empty() { b"null" } else { body };
        match serde_json::from_slice(body) {
            Ok(value) => Ok(Self(value)),
            Err(error) if error.is_data() => Err(bad_body(
                StatusCode::BAD_REQUEST,
                &format!("Unexpected JSON in body of request: {error}"),
            )),
            Err(error) => Err(bad_body(
                StatusCode::BAD_REQUEST,
                &format!("Invalid JSON in body of request: {error}"),
            )),
        }
    }
}

fn bad_body(status: StatusCode, message: &str) -> Response {
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
