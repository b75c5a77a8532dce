//! What surrounds the routes: how an error is shown to a person, and when somebody was last active.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::SystemTime,
};

use http::StatusCode;

/// The surroundings of the routes, made by `server`.
#[derive(Clone)]
pub struct Site {
    /// Renders errors as pages.
    pub pages: Arc<dyn ErrorPages>,
    /// When the API was last used.
    pub activity: Activity,
}

/// Renders an error for a person. Implemented in `api` with our own pages.
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
    /// The URL path below the base URL, as sent.
    pub path: &'a str,
}

/// When somebody who is logged in last used the API. Asking for the status is no activity.
#[derive(Clone)]
pub struct Activity(
    /// Held only to read or write the time.
    Arc<Mutex<SystemTime>>,
);

impl Activity {
    /// Nobody was active since this time, the start of the server.
    #[must_use]
    pub fn since(start: SystemTime) -> Self {
        Self(Arc::new(Mutex::new(start)))
    }

    /// When it was.
    #[must_use]
    pub fn last(&self) -> SystemTime {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn touch(&self, now: SystemTime) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = now;
    }
}
