//! A refusal, and how it is told to an API client.

use axum::{
    Json,
    response::{IntoResponse, Response},
};
use http::{StatusCode, header::CONTENT_TYPE};
use serde_json::json;

/// The guard said no.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Denied {
    /// 403 with a sentence for people.
    #[error("{message}")]
    Forbidden {
        /// The sentence, as `User is not authorized to write on resource: contents.`
        message: String,
    },
    /// 404, exactly as if it did not exist.
    #[error("{0}")]
    Hidden(NotFound),
}

impl IntoResponse for Denied {
    fn into_response(self) -> Response {
        match self {
            Self::Forbidden { message } => api_error(StatusCode::FORBIDDEN, &message),
            Self::Hidden(not_found) => not_found.into_response(),
        }
    }
}

/// The answer for what does not exist, or might as well not.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotFound {
    /// Jupyter's usual body, `{"message": …, "reason": null}`.
    #[error("{0}")]
    Json(String),
    /// The bare sentence under `application/json`, as the reference answers for a missing contents path.
    #[error("{0}")]
    Text(String),
}

impl IntoResponse for NotFound {
    fn into_response(self) -> Response {
        match self {
            Self::Json(message) => api_error(StatusCode::NOT_FOUND, &message),
            Self::Text(message) => (
                StatusCode::NOT_FOUND,
                [(CONTENT_TYPE, "application/json")],
                message,
            )
                .into_response(),
        }
    }
}

/// An error in Jupyter's JSON form.
pub(crate) fn api_error(status: StatusCode, message: &str) -> Response {
    (status, Json(json!({ "message": message, "reason": null }))).into_response()
}
