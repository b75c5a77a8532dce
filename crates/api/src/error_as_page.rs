//! Errors of handlers whose answers are pages for people.

use axum::response::{Html, IntoResponse, Response};
use frontends::{ErrorPage, OwnPages};

use crate::ApiError;

/// An [`ApiError`] shown as a page, with the same status and sentence.
#[derive(Debug)]
pub struct ErrorAsPage(Box<Response>);

impl ErrorAsPage {
    /// Renders it.
    #[must_use]
    pub fn new(pages: &OwnPages, error: &ApiError) -> Self {
        let (status, message) = error.status_and_message();
        let page = pages.error_page(&ErrorPage {
            status: status.as_u16(),
            status_message: status.canonical_reason().unwrap_or("Unknown HTTP Error"),
            message: &message,
        });
        Self(Box::new((status, Html(page)).into_response()))
    }
}

impl IntoResponse for ErrorAsPage {
    fn into_response(self) -> Response {
        *self.0
    }
}
