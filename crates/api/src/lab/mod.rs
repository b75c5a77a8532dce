//! `/lab/api`: what JupyterLab and Notebook 7 ask of their server.

mod build;
mod extensions;
mod licenses;
mod listings;
mod news;
mod settings;
mod themes;
mod translations;
mod workspaces;

use authorization::{Guard, GuardedRouter};

use crate::AppState;

pub(crate) fn routes(guard: Guard) -> GuardedRouter<AppState> {
    GuardedRouter::new(guard.clone())
        .merge(settings::routes(guard.clone()))
        .merge(workspaces::routes(guard.clone()))
        .merge(themes::routes(guard.clone()))
        .merge(translations::routes(guard.clone()))
        .merge(extensions::routes(guard.clone()))
        .merge(listings::routes(guard.clone()))
        .merge(licenses::routes(guard.clone()))
        .merge(build::routes(guard.clone()))
        .merge(news::routes(guard))
}
