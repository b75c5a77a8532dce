//! Finds JupyterLab, Notebook 7 and NBClassic on disk, renders their pages from their own templates, and
//! keeps what they keep on the server: settings, workspaces, configuration sections.
//!
//! **Architecture invariant:** this crate knows no users and no kernels. What a user may do comes in as
//! plain booleans, and it is the only crate that names the template engine.

mod error;
mod own_pages;
mod templates;

pub use error::FrontendsError;
pub use own_pages::{
    Asset, ErrorPage, HomeEntry, HomePage, LoginPage, LogoutPage, Message, MessageKind, MissingEntry,
    OWN_ASSETS_PREFIX, OwnPages, ViewPage,
};
