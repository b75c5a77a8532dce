//! The size of request bodies. Only uploads, which go to the disk as they come, have a limit of their own.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use http::StatusCode;
use http_body_util::Limited;
use hyper::body::Body as _;
use identity::BaseUrl;

/// Which bodies may have how many bytes.
#[derive(Debug)]
pub(crate) struct BodyLimit {
    pub(crate) base_url: BaseUrl,
    pub(crate) bytes_max: usize,
}

/// Refuses a body that says it is too large before any of it is read; another breaks off where it becomes too large.
pub(super) async fn apply(State(limit): State<Arc<BodyLimit>>, request: Request, next: Next) -> Response {
    let below = limit.base_url.strip(request.uri().path());
    if below.is_some_and(is_upload) {
        return next.run(request).await;
    }
    if request.body().size_hint().lower() > limit.bytes_max as u64 {
        let message = format!(
            "the body is larger than {} bytes (ServerApp.max_body_size)",
            limit.bytes_max
        );
        let body = axum::Json(serde_json::json!({ "message": message, "reason": null }));
        return (StatusCode::PAYLOAD_TOO_LARGE, body).into_response();
    }
    next.run(request.map(|body| Body::new(Limited::new(body, limit.bytes_max))))
        .await
}

fn is_upload(path: &str) -> bool {
    path.strip_prefix(api::UPLOADS)
        .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}
