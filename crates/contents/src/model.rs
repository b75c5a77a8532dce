//! Jupyter's models of files and directories, and their JSON.

use bytes::Bytes;
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::value::RawValue;

use crate::notebook::encode;
use crate::path::ContentsPath;
use crate::raw_json::RawJson;
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
    /// Of any other file: base64 in lines of 76.
    Base64(String),
    /// Of a notebook: JSON text, in pieces that follow one another.
    Notebook(Vec<Bytes>),
    /// Of a directory: its entries without content.
    Directory(Vec<ContentsModel>),
}

/// About what an entry of a listing takes.
const ENTRY_BYTES: usize = 400;

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
    /// The JSON of the model, in pieces that follow one another: a notebook is not copied into it.
    pub fn to_json(&self) -> Vec<Bytes> {
        let length = match &self.content {
            Some(Content::Text(text) | Content::Base64(text)) => text.len(),
            Some(Content::Directory(entries)) => entries.len() * ENTRY_BYTES,
            Some(Content::Notebook(_)) | None => 0,
        };
        let mut out = Vec::with_capacity(length + 1024);
        self.push_before_content(&mut out);
        match &self.content {
            Some(Content::Notebook(json)) => {
                let mut after = Vec::with_capacity(1024);
                self.push_after_content(&mut after);
                let (before, after) = ([out.into()], [after.into()]);
                before
                    .into_iter()
                    .chain(json.iter().cloned())
                    .chain(after)
                    .collect()
            }
            _ => {
                self.push_content(&mut out);
                self.push_after_content(&mut out);
                vec![out.into()]
            }
        }
    }

    fn push_json(&self, out: &mut Vec<u8>) {
        self.push_before_content(out);
        self.push_content(out);
        self.push_after_content(out);
    }

    fn push_before_content(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(b"{\"name\":");
        encode::string(&self.name, out);
        out.extend_from_slice(b",\"path\":");
        encode::string(self.path.as_str(), out);
        out.extend_from_slice(b",\"last_modified\":");
        encode::string(&self.last_modified.to_iso(), out);
        out.extend_from_slice(b",\"created\":");
        encode::string(&self.created.to_iso(), out);
        out.extend_from_slice(b",\"content\":");
    }

    fn push_after_content(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(b",\"format\":");
        optional(self.format(), out);
        out.extend_from_slice(b",\"mimetype\":");
        optional(self.mimetype.as_deref(), out);
        out.extend_from_slice(b",\"size\":");
        match self.size {
            Some(size) => out.extend_from_slice(size.to_string().as_bytes()),
            None => out.extend_from_slice(b"null"),
        }
        out.extend_from_slice(if self.writable {
            b",\"writable\":true"
        } else {
            b",\"writable\":false"
        });
        out.extend_from_slice(b",\"hash\":");
        optional(self.hash.as_deref(), out);
        out.extend_from_slice(b",\"hash_algorithm\":");
        optional(self.hash.as_ref().map(|_| "sha256"), out);
        out.extend_from_slice(b",\"type\":");
        encode::string(self.entry_type.as_str(), out);
        if let Some(message) = &self.message {
            out.extend_from_slice(b",\"message\":");
            encode::string(message, out);
        }
        if let Some(Paged { total, next }) = &self.paged {
            out.extend_from_slice(b",\"total\":");
            out.extend_from_slice(total.to_string().as_bytes());
            out.extend_from_slice(b",\"next\":");
            optional(next.as_deref(), out);
        }
        out.push(b'}');
    }

    fn push_content(&self, out: &mut Vec<u8>) {
        match &self.content {
            None => out.extend_from_slice(b"null"),
            Some(Content::Text(text) | Content::Base64(text)) => encode::string(text, out),
            Some(Content::Notebook(json)) => json.iter().for_each(|piece| out.extend_from_slice(piece)),
            Some(Content::Directory(entries)) => {
                out.push(b'[');
                for (count, entry) in entries.iter().enumerate() {
                    if count > 0 {
                        out.push(b',');
                    }
                    entry.push_json(out);
                }
                out.push(b']');
            }
        }
    }

    /// The word for how the content is written; none without content.
    pub fn format(&self) -> Option<&'static str> {
        Some(match self.content.as_ref()? {
            Content::Text(_) => "text",
            Content::Base64(_) => "base64",
            Content::Notebook(_) | Content::Directory(_) => "json",
        })
    }
}

fn optional(text: Option<&str>, out: &mut Vec<u8>) {
    match text {
        Some(text) => encode::string(text, out),
        None => out.extend_from_slice(b"null"),
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

/// What to save: the body of a PUT. Content is left as the text it came as.
#[derive(Debug, Default)]
pub struct SaveModel {
    /// `None`: not given. `Some(None)`: null.
    pub entry_type: Option<Option<String>>,
    /// `text` or `base64` for files.
    pub format: Option<String>,
    /// The JSON text of the content, `null` included.
    pub content: Option<RawJson>,
    /// Which part of an upload this is: 1, 2, …, and -1 for the last.
    pub chunk: Option<i64>,
    /// Where the front end believes the file is; only looked at for hidden names.
    pub path: Option<String>,
    /// Not allowed here; see POST.
    pub copy_from: Option<String>,
}

/// [`SaveModel`] as it stands in a body.
#[derive(Deserialize)]
struct SaveBody<'a> {
    #[serde(default, rename = "type", deserialize_with = "given")]
    entry_type: Option<Option<String>>,
    #[serde(default)]
    format: Option<String>,
    #[serde(default, borrow, deserialize_with = "raw")]
    content: Option<&'a RawValue>,
    #[serde(default)]
    chunk: Option<i64>,
    #[serde(default)]
    path: Option<String>,
    #[serde(default)]
    copy_from: Option<String>,
}

impl SaveModel {
    /// From the body of a request; `None` for `null`.
    ///
    /// # Errors
    /// When it is no JSON, or describes nothing that could be saved.
    pub fn from_json(body: &Bytes) -> Result<Option<Self>, serde_json::Error> {
        let found: Option<SaveBody<'_>> = serde_json::from_slice(body)?;
        Ok(found.map(|found| Self {
            entry_type: found.entry_type,
            format: found.format,
            content: found.content.map(|raw| RawJson::within(body, raw)),
            chunk: found.chunk,
            path: found.path,
            copy_from: found.copy_from,
        }))
    }

    /// Whether nothing was given: then a PUT creates something untitled, as in the reference.
    pub fn is_empty(&self) -> bool {
        let Self {
            entry_type,
            format,
            content,
            chunk,
            path,
            copy_from,
        } = self;
        entry_type.is_none()
            && format.is_none()
            && content.is_none()
            && chunk.is_none()
            && path.is_none()
            && copy_from.is_none()
    }
}

/// Tells a member that is null from one that is missing.
fn given<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Option<String>>, D::Error> {
    Option::<String>::deserialize(deserializer).map(Some)
}

/// Keeps `null` as a text, unlike an `Option`.
fn raw<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<&'de RawValue>, D::Error> {
    <&RawValue>::deserialize(deserializer).map(Some)
}
