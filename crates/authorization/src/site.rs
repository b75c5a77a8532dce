//! What the guard must know of the site to answer those it does not let in.

use std::sync::Arc;

use http::StatusCode;
use identity::BaseUrl;

/// The site around the routes: where it is, and how it shows an error to a person.
pub struct Site {
    /// The prefix of all URLs.
    pub base_url: BaseUrl,
    /// Renders errors as pages.
    pub pages: Arc<dyn ErrorPages>,
}

/// Renders an error for a person. Implemented in `api` with the front ends' own templates.
pub trait ErrorPages: Send + Sync + 'static {
    /// A whole HTML page.
    fn render(&self, error: &PageError<'_>) -> String;
}

/// An error to be shown as a page.
#[derive(Clone, Copy, Debug)]
pub struct PageError<'a> {
    /// 403, 404, …
    pub status: StatusCode,
    /// A sentence for the person; may be empty.
    pub message: &'a str,
    /// Whether the person is logged in (the page then offers to log out).
    pub logged_in: bool,
    /// The URL path below the base URL, as sent; NBClassic's pages have their own error page.
    pub path: &'a str,
}
