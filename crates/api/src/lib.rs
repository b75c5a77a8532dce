//! The HTTP handlers, one file for each of Jupyter's services.
//!
//! A handler is a verb in the file of its service. Its first argument says who may call it
//! (`Authorized<Write, Kernels>`, `Identified`, `Anyone`), then come the `State` of the manager it uses and its
//! input; it answers with a type or an [`ApiError`].
//!
//! Architecture invariant: `api` knows HTTP and calls the services; it touches no socket, no file and no environment.
#![cfg_attr(not(test), deny(clippy::indexing_slicing))]

mod arguments;
mod channels;
mod conditions;
mod config_sections;
mod connections;
mod contents;
mod directories;
mod error;
mod error_as_page;
mod events;
mod files;
mod http_text;
mod json;
mod kernel_directory;
mod kernel_quota;
mod kernels;
mod kernelspecs;
mod lab;
mod login;
mod lsp;
mod me;
mod merge;
mod metrics;
mod nbconvert;
mod notebooks;
mod pages;
mod requests;
mod resolve_path;
mod resources;
mod security;
mod served_file;
mod sessions;
mod shutdown;
mod specification;
mod state;
mod static_files;
mod status;
mod table;
mod to_the_end;
mod uploads;
mod version;
mod view;
mod websocket;

pub use channels::ChannelsConfig;
pub use connections::Connections;
pub use error::ApiError;
pub use error_as_page::ErrorAsPage;
pub use events::Publisher;
pub use json::Json;
pub use kernel_quota::KernelQuota;
pub use kernels::release_ended_kernels;
pub use merge::Merging;
pub use metrics::{Metrics, ResourceUseDisplay};
pub use pages::OurErrorPages;
pub use state::AppState;
pub use status::Started;
pub use table::route_table_markdown;
pub use uploads::{UPLOADS, expire_uploads};
pub use version::JUPYTER_SERVER_API;

use authorization::{Guard, GuardedRouter, Ownership, RouteEntry, fallbacks, policies};

/// Every route of the server, each behind the guard.
#[must_use]
pub fn routes(guard: Guard) -> GuardedRouter<AppState> {
    // One line a service, in the order of docs/routes.md.
    GuardedRouter::new(guard.clone())
        .merge(version::routes(guard.clone()))
        .merge(login::routes(guard.clone()))
        .merge(me::routes(guard.clone()))
        .merge(status::routes(guard.clone()))
        .merge(specification::routes(guard.clone()))
        .merge(security::routes(guard.clone()))
        .merge(shutdown::routes(guard.clone()))
        .merge(contents::routes(guard.clone()))
        .merge(uploads::routes(guard.clone()))
        .merge(files::routes(guard.clone()))
        .merge(directories::routes(guard.clone()))
        .merge(view::routes(guard.clone()))
        .merge(notebooks::routes(guard.clone()))
        .merge(nbconvert::routes(guard.clone()))
        .merge(resolve_path::routes(guard.clone()))
        .merge(kernels::routes(guard.clone()))
        .merge(kernelspecs::routes(guard.clone()))
        .merge(sessions::routes(guard.clone()))
        .merge(channels::routes(guard.clone()))
        .merge(requests::routes(guard.clone()))
        .merge(metrics::routes(guard.clone()))
        .merge(events::routes(guard.clone()))
        .merge(config_sections::routes(guard.clone()))
        .merge(lsp::routes(guard.clone()))
        .merge(lab::routes(guard.clone()))
        .merge(pages::routes(guard.clone()))
        .merge(static_files::routes(guard))
}

/// Every route, for documentation and for the tests that walk them all.
#[must_use]
pub fn route_table() -> Vec<RouteEntry> {
    let guard = Guard::new(policies::owner(), Ownership::in_memory());
    let mut table = routes(guard).table().to_vec();
    table.extend(fallbacks());
    table
}
