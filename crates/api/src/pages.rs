//! Errors as pages, for people.

use authorization::{ErrorPages, PageError};
use frontends::{ErrorPage, OwnPages};

/// Renders the guard's refusals and the fallbacks' 404 with our own page.
pub struct OurErrorPages(pub OwnPages);

impl ErrorPages for OurErrorPages {
    fn render(&self, error: &PageError<'_>) -> String {
        self.0.error_page(&ErrorPage {
            status: error.status.as_u16(),
            status_message: error.status.canonical_reason().unwrap_or("Unknown HTTP Error"),
            message: error.message,
        })
    }
}
