//! A handler that panics is our fault and must not look like a lost connection.

use std::any::Any;
use std::panic::AssertUnwindSafe;

use axum::body::Body;
use axum::extract::Request;
use axum::middleware::Next;
use axum::response::Response;
use futures::FutureExt;
use http::{HeaderValue, StatusCode, header};
use tracing::error;

/// The reference's body for an error nobody handled.
const BODY: &str = r#"{"message": "Unhandled error", "reason": null, "traceback": ""}"#;

/// Answers 500 instead of closing the connection.
pub(super) async fn catch(request: Request, next: Next) -> Response {
    let what = format!("{} {}", request.method(), request.uri().path());
    match AssertUnwindSafe(next.run(request)).catch_unwind().await {
        Ok(response) => response,
        Err(panic) => {
            error!("{what} panicked: {}", message(panic.as_ref()));
            let mut response = Response::new(Body::from(BODY));
            *response.status_mut() = StatusCode::INTERNAL_SERVER_ERROR;
            response
                .headers_mut()
                .insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
            response
        }
    }
}

fn message(panic: &(dyn Any + Send)) -> &str {
    let text = panic.downcast_ref::<&str>().copied();
    text.or_else(|| panic.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("no message")
}
