//! Pages for people: the front ends', and errors.

mod answer;
mod lab;
pub(crate) mod permissions;
mod root;

use authorization::{ErrorPages, Guard, GuardedRouter, PageError};
use frontends::{ErrorPage, OwnPages};

use crate::AppState;

pub(crate) fn routes(guard: Guard) -> GuardedRouter<AppState> {
    GuardedRouter::new(guard.clone())
        .merge(root::routes(guard.clone()))
        .merge(lab::routes(guard))
}

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
