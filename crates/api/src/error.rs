//! The one place that turns errors into status codes and Jupyter's body, `{"message": …, "reason": …}`.

use authorization::{Denied, NotFound, OwnershipError};
use axum::response::{IntoResponse, Response};
use http::StatusCode;
use serde_json::json;
use tracing::error;

use crate::Json;

/// What can go wrong in a handler. Each service has a variant for its error enum and an arm in [`ApiError::describe`].
#[derive(Debug, thiserror::Error)]
pub enum ApiError {
    /// The policy said no to something named in a body, a query or a message.
    #[error(transparent)]
    Denied(#[from] Denied),
    /// It does not exist; the same answer as for what is hidden (`Resource::missing`).
    #[error("{0}")]
    NotFound(NotFound),
    /// The request makes no sense; the sentence says why.
    #[error("{0}")]
    BadRequest(String),
    /// The owner could not be recorded.
    #[error("failed to record the owner")]
    Ownership(#[from] OwnershipError),
}

/// What an error looks like from outside.
struct Described {
    status: StatusCode,
    /// A sentence for people; front ends show it.
    message: String,
    /// Jupyter's `reason`: mostly null, sometimes a short phrase as `bad type`.
    reason: Option<&'static str>,
}

impl Described {
    fn new(status: StatusCode, message: impl Into<String>) -> Self {
        Self {
            status,
            message: message.into(),
            reason: None,
        }
    }
}

impl ApiError {
    /// Status and sentence of each error. Every variant is named; nothing falls through.
    fn describe(&self) -> Described {
        match self {
            Self::Denied(Denied::Forbidden { message }) => Described::new(StatusCode::FORBIDDEN, message),
            Self::Denied(Denied::Hidden(missing)) | Self::NotFound(missing) => {
                Described::new(StatusCode::NOT_FOUND, missing.to_string())
            }
            Self::BadRequest(message) => Described::new(StatusCode::BAD_REQUEST, message),
            Self::Ownership(source) => match source {
                OwnershipError::AlreadyOwned { .. } => {
                    Described::new(StatusCode::CONFLICT, source.to_string())
                }
            },
        }
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        if let Self::Denied(Denied::Hidden(missing)) | Self::NotFound(missing) = self {
            return missing.into_response();
        }
        let Described {
            status,
            message,
            reason,
        } = self.describe();
        if status.is_server_error() {
            error!(
                error = &self as &dyn std::error::Error,
                "failed to answer a request: {self}"
            );
        }
        (status, Json(json!({ "message": message, "reason": reason }))).into_response()
    }
}
