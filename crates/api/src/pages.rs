//! Pages for people: the front ends', and errors.

mod answer;
mod lab;
mod nbclassic;
mod notebook;
pub(crate) mod permissions;
mod root;

use authorization::{ErrorPages, Guard, GuardedRouter, PageError};
use contents::{ContentsError, ContentsManager, ContentsPath, EntryType, Get};
use frontends::{ErrorPage, OwnPages};

use crate::AppState;

pub(crate) fn routes(guard: Guard) -> GuardedRouter<AppState> {
    GuardedRouter::new(guard.clone())
        .merge(root::routes(guard.clone()))
        .merge(lab::routes(guard.clone()))
        .merge(notebook::routes(guard.clone()))
        .merge(nbclassic::routes(guard))
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

/// What a path is; an error when it does not exist or is hidden.
async fn entry_type(contents: &ContentsManager, path: &ContentsPath) -> Result<EntryType, ContentsError> {
    let described = contents
        .get(
            path,
            Get {
                content: false,
                ..Get::default()
            },
        )
        .await?;
    Ok(described.entry_type)
}
