//! Jupyter's models of files and directories, and their JSON.

use bytes::Bytes;
use serde::Serialize;

use crate::path::ContentsPath;
use crate::time::FileTime;
use crate::version::FileVersion;

/// What an entry is for Jupyter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EntryType {
    /// A directory.
    Directory,
    /// A file that is shown as it is.
    File,
    /// A notebook.
    Notebook,
}

impl EntryType {
    /// The word in a model.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Directory => "directory",
            Self::File => "file",
            Self::Notebook => "notebook",
        }
    }

    /// From a query or a body; what is no type counts as a file, as in the reference.
    pub fn or_file(text: &str) -> Self {
        match text {
            "directory" => Self::Directory,
            "notebook" => Self::Notebook,
            _ => Self::File,
        }
    }
}

/// How the content of a file is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// As text.
    Text,
    /// As base64.
    Base64,
}

/// The content of a model.
#[derive(Clone, Debug, PartialEq)]
pub enum Content {
    /// Of a text file.
    Text(String),
    /// Of any other file: its bytes, which are written as base64 in lines of 76.
    Base64(Bytes),
    /// Of a notebook: JSON text, in pieces that follow one another.
    Notebook(Vec<Bytes>),
    /// Of a directory: its entries without content.
    Directory(Vec<ContentsModel>),
}

/// A file or directory, as `/api/contents` shows it.
#[derive(Clone, Debug, PartialEq)]
pub struct ContentsModel {
    /// The last part of the path; empty for the root.
    pub name: String,
    /// The path.
    pub path: ContentsPath,
    /// What it is.
    pub entry_type: EntryType,
    /// When its content last changed.
    pub last_modified: FileTime,
    /// When its inode last changed, as the reference has it on Linux.
    pub created: FileTime,
    /// Missing unless asked for.
    pub content: Option<Content>,
    /// Of files; the reference gives none for notebooks and directories.
    pub mimetype: Option<String>,
    /// In bytes; none for directories.
    pub size: Option<u64>,
    /// Whether the server's process may write it.
    pub writable: bool,
    /// SHA-256 of the bytes, in hexadecimal, if asked for.
    pub hash: Option<String>,
    /// What validation of a notebook found.
    pub message: Option<String>,
    /// Of the file, whatever the model holds of it; no part of the JSON. Directories have none.
    pub version: Option<FileVersion>,
    /// Of a listing in pages: where the content stands in the whole.
    pub paged: Option<Paged>,
}

/// Where a page stands in the whole listing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Paged {
    /// Entries of all pages.
    pub total: usize,
    /// The name after which the next page begins; none on the last.
    pub next: Option<String>,
}

impl ContentsModel {
    /// The word for how the content is written; none without content.
    pub fn format(&self) -> Option<&'static str> {
        Some(match self.content.as_ref()? {
            Content::Text(_) => "text",
            Content::Base64(_) => "base64",
            Content::Notebook(_) | Content::Directory(_) => "json",
        })
    }
}

/// A checkpoint of a file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct CheckpointModel {
    /// Always `checkpoint`: there is one for each file.
    pub id: String,
    /// Of the file, when the checkpoint was made.
    pub last_modified: FileTime,
}
