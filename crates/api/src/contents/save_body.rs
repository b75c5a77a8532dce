//! The body of a PUT: the one body that may be large.

use axum::extract::{FromRequest, Request};
use axum::response::Response;
use contents::SaveModel;
use http::StatusCode;

use crate::json::{bad_body, json_body, not_that_json};

/// A larger body is read by a thread of its own: the ones that serve connections also carry kernels' messages.
const READ_AT_ONCE_BYTES: usize = 256 << 10;

/// What to save; `None` for an empty body.
pub(super) struct SaveBody(pub(super) Option<SaveModel>);

impl<S: Send + Sync> FromRequest<S> for SaveBody {
    type Rejection = Response;

    async fn from_request(request: Request, _state: &S) -> Result<Self, Response> {
        let body = json_body(request).await?;
        let model = if body.len() <= READ_AT_ONCE_BYTES {
            SaveModel::from_json(&body)
        } else {
            let reading = tokio::task::spawn_blocking(move || SaveModel::from_json(&body));
            reading
                .await
                .map_err(|_| bad_body(StatusCode::SERVICE_UNAVAILABLE, "the server is stopping"))?
        };
        model.map(Self).map_err(|error| not_that_json(&error))
    }
}
