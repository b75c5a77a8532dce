//! JupyterLab's workspaces: which documents are open and where, one file for each.

mod slug;

use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use serde_json::{Map, Value, json};

use crate::blocking::blocking;
use crate::json_files::{read_json, read_object_or_warn, sorted_files};
use crate::{FrontendsError, atomic_write, times};
use slug::{EXTENSION, slug};

/// A workspace is at most this large.
const WORKSPACE_BYTES_MAX: usize = 16 * 1024 * 1024;

/// The workspaces of one user; a cheap clone.
#[derive(Debug, Clone)]
pub struct Workspaces {
    directory: PathBuf,
}

impl Workspaces {
    pub(crate) fn new(directory: PathBuf) -> Workspaces {
        Workspaces { directory }
    }

    /// All of them, by file name: `{"workspaces": {"ids": […], "values": […]}}`. A file that is none is left out
    /// with a line in the log, so that one broken file does not hide the others.
    ///
    /// # Errors
    /// Only when the server stops.
    pub async fn list(&self) -> Result<Value, FrontendsError> {
        let directory = self.directory.clone();
        blocking(move || {
            let (mut ids, mut values) = (Vec::new(), Vec::new());
            for path in sorted_files(&directory, &[EXTENSION]) {
                let Some(workspace) =
                    read_object_or_warn(&path).map(|workspace| with_times(workspace, &path))
                else {
                    continue;
                };
                if let Some(id) = workspace.pointer("/metadata/id") {
                    ids.push(id.clone());
                    values.push(workspace);
                }
            }
            Ok(json!({ "workspaces": { "ids": ids, "values": values } }))
        })
        .await
    }

    /// One workspace; one that does not exist is empty, as JupyterLab expects of its first start.
    ///
    /// # Errors
    /// When the file is no JSON object.
    pub async fn get(&self, name: &str) -> Result<Value, FrontendsError> {
        let path = self.path(name);
        let id = if name.starts_with('/') {
            name.to_owned()
        } else {
            format!("/{name}")
        };
        blocking(move || match read_json(&path)? {
            Some(Value::Object(workspace)) => Ok(with_times(workspace, &path)),
            Some(_) => Err(FrontendsError::ParseFile {
                path,
                reason: "it is no JSON object".to_owned(),
            }),
            None => Ok(json!({ "data": {}, "metadata": { "id": id } })),
        })
        .await
    }

    /// Keeps the text of a workspace exactly as it came.
    ///
    /// # Errors
    /// When the text is no JSON, or its `metadata.id` is another name (nothing is changed then), or the file cannot
    /// be written.
    pub async fn put(&self, name: &str, text: String) -> Result<(), FrontendsError> {
        check(name, &text)?;
        let path = self.path(name);
        blocking(move || atomic_write::write(&path, text.as_bytes())).await
    }

    /// Removes a workspace.
    ///
    /// # Errors
    /// [`FrontendsError::UnknownWorkspace`] when there is none of that name.
    pub async fn delete(&self, name: &str) -> Result<(), FrontendsError> {
        if name.is_empty() {
            return Err(FrontendsError::WorkspaceNameMissing);
        }
        let (path, name) = (self.path(name), name.to_owned());
        blocking(move || match std::fs::remove_file(&path) {
            Ok(()) => Ok(()),
            Err(error) if error.kind() == ErrorKind::NotFound => {
                Err(FrontendsError::UnknownWorkspace { name })
            }
            Err(source) => Err(FrontendsError::Remove { path, source }),
        })
        .await
    }

    fn path(&self, name: &str) -> PathBuf {
        self.directory.join(format!("{}.{EXTENSION}", slug(name)))
    }
}

/// That `text` is a workspace of this name.
fn check(name: &str, text: &str) -> Result<(), FrontendsError> {
    if name.is_empty() {
        return Err(FrontendsError::WorkspaceNameMissing);
    }
    if text.len() > WORKSPACE_BYTES_MAX {
        return Err(FrontendsError::TooLarge {
            what: "the workspace",
            limit_bytes: WORKSPACE_BYTES_MAX,
        });
    }
    let invalid = |reason: String| FrontendsError::WorkspaceInvalid { reason };
    let workspace: Value = serde_json::from_str(text).map_err(|error| invalid(error.to_string()))?;
    let id = workspace.pointer("/metadata/id").and_then(Value::as_str);
    let id = id.ok_or_else(|| invalid("a workspace must have a `metadata.id`".to_owned()))?;
    let id = percent_encoding::percent_decode_str(id).decode_utf8_lossy();
    let same = id.strip_prefix('/').unwrap_or(&id) == name;
    same.then_some(()).ok_or_else(|| {
        invalid(format!(
            "Workspace metadata ID mismatch: expected '{name}' got '/{}'",
            id.trim_start_matches('/')
        ))
    })
}

/// The workspace with the times of its file.
fn with_times(mut workspace: Map<String, Value>, path: &Path) -> Value {
    let metadata = workspace.entry("metadata").or_insert_with(|| json!({}));
    if let (Value::Object(metadata), Ok(file)) = (metadata, std::fs::metadata(path)) {
        metadata.insert("last_modified".into(), json!(times::modified(&file)));
        metadata.insert("created".into(), json!(times::created(&file)));
    }
    Value::Object(workspace)
}

#[cfg(test)]
mod tests;
