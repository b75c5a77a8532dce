//! A session as Jupyter's API shows it.

use kernels::KernelModel;
use serde::Serialize;

use crate::SessionId;

/// The JSON of a session.
#[derive(Clone, Debug, Serialize)]
pub struct SessionModel {
    /// Its id.
    pub id: SessionId,
    /// The document's path; for consoles, any name that is there once.
    pub path: String,
    /// The document's name, mostly the last part of the path.
    pub name: Option<String>,
    /// `notebook`, `console` or `file`.
    #[serde(rename = "type")]
    pub kind: String,
    /// Its kernel.
    pub kernel: KernelModel,
    /// The same again in the old form, for notebooks only.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub notebook: Option<NotebookModel>,
}

/// What notebooks had before there were other documents.
#[derive(Clone, Debug, Serialize)]
pub struct NotebookModel {
    /// The session's path.
    pub path: String,
    /// The session's name.
    pub name: Option<String>,
}
