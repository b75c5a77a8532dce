//! Finds JupyterLab, Notebook 7 and NBClassic on disk, renders their pages from their own templates, and
//! keeps what they keep on the server: settings, workspaces, configuration sections.
//!
//! **Architecture invariant:** this crate knows no users and no kernels. What a user may do comes in as
//! plain booleans, and it is the only crate that names the template engine.

mod atomic_write;
mod blocking;
mod config;
mod config_sections;
mod custom_files;
mod discover;
mod error;
mod extensions;
mod frontends;
mod json_files;
mod labextensions;
mod licenses;
mod own_pages;
mod page_config;
mod pages;
mod settings;
mod static_files;
mod templates;
mod themes;
mod times;
mod translations;
mod workspaces;

pub use config::{FrontendsConfig, PythonEnvironment};
pub use config_sections::ConfigSections;
pub use custom_files::CustomFile;
pub use discover::{Found, FrontEnd};
pub use error::FrontendsError;
pub use extensions::{Extensions, Switch};
pub use frontends::Frontends;
pub use licenses::{LicenseFormat, Licenses};
pub use own_pages::{
    Asset, ErrorPage, HomeEntry, HomePage, LoginPage, LogoutPage, Message, MessageKind, MissingEntry,
    OWN_ASSETS_PREFIX, OwnPages, ViewPage,
};
pub use page_config::PagePermissions;
pub use pages::{LabMode, LabPage, NbclassicEdit, NbclassicNotebook, NbclassicTree, NotebookPage};
pub use settings::Settings;
pub use themes::{ThemeFile, Themes};
pub use translations::Translations;
pub use workspaces::Workspaces;
