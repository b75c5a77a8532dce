//! `/custom/custom.css` and its like: a user's own style and scripts for Notebook 7 and NBClassic.

use std::path::PathBuf;

use crate::Frontends;

/// A file below `/custom`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CustomFile {
    /// A file of the user's or of a package.
    File(PathBuf),
    /// The front ends ask for these three whether or not they exist, and complain when they get a 404.
    Empty {
        /// For the `Content-Type` header.
        content_type: &'static str,
    },
}

impl Frontends {
    /// What `/custom/<path>` is: the user's own in `<config dir>/custom`, else a package's; `None` for neither.
    #[must_use]
    pub fn custom_file(&self, path: &str) -> Option<CustomFile> {
        if let Some(file) = crate::static_files::find(&self.shared.custom_dirs, path) {
            return Some(CustomFile::File(file));
        }
        match path {
            "custom.css" => Some(CustomFile::Empty {
                content_type: "text/css; charset=utf-8",
            }),
            "custom.js" | "custom-preload.js" => Some(CustomFile::Empty {
                content_type: "text/javascript; charset=utf-8",
            }),
            _ => None,
        }
    }
}
