//! Saving under a given name: PUT, whole or in chunks.

use std::fs::File;

use super::{Get, Shared};
use crate::base64_text;
use crate::error::{ContentsError, SAVING};
use crate::model::ContentsModel;
use crate::notebook::{self, Notary, Notebook, Sent, Unreadable};
use crate::path::ContentsPath;
use crate::raw_json::RawJson;
use crate::save_model::{FIRST_CHUNK, LAST_CHUNK, SaveModel};
use crate::storage::{Existing, Kind, is_changed};
use crate::version::{FileVersion, Found, Precondition};

/// What a save did.
#[derive(Clone, Debug, PartialEq)]
pub struct Saved {
    /// The model of what is there now, without content.
    pub model: ContentsModel,
    /// Whether the name is new.
    pub created: bool,
}

/// What was written.
#[derive(Debug, Default)]
pub(super) struct Written {
    /// Of the file; a directory has none.
    version: Option<FileVersion>,
    /// What validation of a notebook found.
    pub(super) message: Option<String>,
}

impl Written {
    fn whole(version: FileVersion) -> Self {
        Self {
            version: Some(version),
            message: None,
        }
    }
}

impl Shared {
    /// The whole of PUT.
    pub(super) fn put(
        &self,
        path: &ContentsPath,
        mut model: SaveModel,
        precondition: &Precondition,
    ) -> Result<Saved, ContentsError> {
        if model.copy_from.as_ref().is_some_and(|from| !from.is_empty()) {
            return Err(ContentsError::CopyWithPut);
        }
        if let Some(named) = model.path.as_ref().filter(|named| !named.is_empty()) {
            let hidden = self.is_hidden(&named.parse()?)?;
            if hidden {
                return Err(ContentsError::Hidden {
                    verb: "create",
                    path: path.clone(),
                });
            }
        }
        self.refuse_hidden("create", path)?;
        let is_new = self.kind(path)? != Some(Kind::File);
        if is_new {
            self.complete_new(path, &mut model);
        }
        let (begins, ends) = match model.chunk {
            None => (true, true),
            // A later part that finds no file makes one, and nobody passes by a command that way.
            Some(chunk) => (chunk == FIRST_CHUNK || is_new, chunk == LAST_CHUNK),
        };
        if begins {
            self.before_save(path, &mut model)?;
        }
        let turn = self.storage.turn(path);
        let created = self.kind(path)? != Some(Kind::File);
        let existing = Existing::ReplaceIf(precondition);
        let written = match model.chunk {
            Some(chunk) => self.save_chunk(path, &model, chunk, precondition)?,
            None => self.save(path, &model, existing)?,
        };
        // The command may save something itself.
        drop(turn);
        if ends {
            self.after_save(path, model.entry_type.as_ref().and_then(Option::as_deref))?;
        }
        let mut model = self.get(path, Get::default())?;
        model.message = written.message;
        // Not what somebody else has put there meanwhile: whoever saved has not seen that.
        model.version = written.version;
        Ok(Saved { model, created })
    }

    /// What a new entry is when the model does not say: a notebook by its name, else a file; empty.
    pub(super) fn complete_new(&self, path: &ContentsPath, model: &mut SaveModel) {
        let by_name = if path.as_str().ends_with(".ipynb") {
            "notebook"
        } else {
            "file"
        };
        let entry_type = model.entry_type.get_or_insert_with(|| Some(by_name.to_owned()));
        if model.content.is_none() && entry_type.as_deref() != Some("directory") {
            if entry_type.as_deref() == Some("notebook") {
                model.content = Some(RawJson::of_ours(notebook::NEW_NOTEBOOK));
            } else {
                *entry_type = Some("file".to_owned());
                model.format = Some("text".to_owned());
                model.content = Some(RawJson::of_ours("\"\""));
            }
        }
    }

    /// Saves what a whole model describes.
    pub(super) fn save(
        &self,
        path: &ContentsPath,
        model: &SaveModel,
        existing: Existing<'_>,
    ) -> Result<Written, ContentsError> {
        let is_missing = model.content.is_none() && model.entry_type != Some(Some("directory".to_owned()));
        if is_missing && model.entry_type.is_some() {
            return Err(ContentsError::NoContent);
        }
        let entry_type = save_type(model)?;
        let content = match (&model.content, entry_type) {
            (_, "directory") => return self.save_directory(path, existing),
            (Some(content), _) => content,
            (None, _) => return Err(ContentsError::NoContent),
        };
        if entry_type == "notebook" {
            return self.save_notebook(path, content, existing);
        }
        let bytes = self.decode(path, content, model.format.as_deref())?;
        self.write_unless_held(path, &[bytes], existing)
            .map(Written::whole)
    }

    fn save_chunk(
        &self,
        path: &ContentsPath,
        model: &SaveModel,
        chunk: i64,
        precondition: &Precondition,
    ) -> Result<Written, ContentsError> {
        let entry_type = save_type(model)?;
        if entry_type != "file" {
            return Err(ContentsError::NotInChunks(entry_type.to_owned()));
        }
        let content = model.content.as_ref().ok_or(ContentsError::NoContent)?;
        let bytes = self.decode(path, content, model.format.as_deref())?;
        if chunk == FIRST_CHUNK {
            let existing = Existing::ReplaceIf(precondition);
            return self.write(path, &bytes, existing).map(Written::whole);
        }
        self.require(path, precondition)?;
        let appended = self.storage.append(path, &bytes, chunk == LAST_CHUNK);
        let version = appended.map_err(|source| self.save_error(path, source))?;
        Ok(Written::whole(version))
    }

    fn save_directory(&self, path: &ContentsPath, existing: Existing<'_>) -> Result<Written, ContentsError> {
        if let Existing::ReplaceIf(precondition) = existing {
            self.require(path, precondition)?;
        }
        match self.kind(path)? {
            Some(Kind::Directory) => {}
            Some(_) => return Err(ContentsError::FileInTheWay(self.os_path(path))),
            None => self
                .storage
                .create_directory(path)
                .map_err(|source| self.save_error(path, source))?,
        }
        Ok(Written::default())
    }

    /// Signs, normalizes and writes a notebook given as JSON text.
    pub(super) fn save_notebook(
        &self,
        path: &ContentsPath,
        json: &RawJson,
        existing: Existing<'_>,
    ) -> Result<Written, ContentsError> {
        let wrong = |why: Unreadable| ContentsError::NotANotebook {
            path: path.clone(),
            why: why.to_string(),
        };
        let text = json.get();
        let texts = notebook::Texts::of(text);
        let (message, version) = match notebook::from_model(text, &texts).map_err(wrong)? {
            Sent::Current(mut notebook) => {
                let trusted = Notary::check_cells(&mut notebook);
                let message = notebook.message();
                notebook.strip_transient();
                let is_newly_trusted = trusted && self.notary.sign(&notebook);
                let held = self.held_notebook(path, &notebook);
                let version = match held.filter(|version| existing.allows(Found::File(*version))) {
                    Some(version) if is_newly_trusted => self.renew_version(path).unwrap_or(version),
                    Some(version) => version,
                    None => {
                        let pieces = notebook.into_file(json.source());
                        let version = self.write_unless_held(path, &pieces, existing)?;
                        self.spelling.remember(path, version);
                        version
                    }
                };
                (message, version)
            }
            Sent::Old(mut notebook) => {
                if notebook.check_cells() {
                    self.notary.sign_old(&notebook);
                }
                let message = notebook.message();
                let version = self.write_unless_held(path, &[notebook.into_file()], existing)?;
                (message, version)
            }
        };
        // One checkpoint should always exist for notebooks. The save itself has succeeded without it.
        if self.checkpoints(path)?.is_empty()
            && let Err(error) = self.create_checkpoint(path)
        {
            tracing::warn!(%path, %error, "no checkpoint of a saved notebook");
        }
        Ok(Written {
            version: Some(version),
            message,
        })
    }

    /// The version of the file if it holds this very notebook, however it is spelt. `None` also where comparing bytes
    /// tells the same for less: where the spelling is our own.
    fn held_notebook(&self, path: &ContentsPath, notebook: &Notebook<'_>) -> Option<FileVersion> {
        if !self.config.keep_unmodified {
            return None;
        }
        let open = self.storage.open_file(path).ok()?;
        if self.spelling.is_ours(path, open.version) {
            return None;
        }
        let file = self.storage.read(path, self.config.content_bytes_max).ok()?;
        let text = std::str::from_utf8(&file.bytes).ok()?;
        let texts = notebook::Texts::of(text);
        let on_disk = notebook::read(text, &texts).ok()?;
        on_disk.is_same_document(notebook).then_some(file.version)
    }

    /// Leaves a file as it is that holds just these bytes.
    fn write_unless_held<B: AsRef<[u8]>>(
        &self,
        path: &ContentsPath,
        pieces: &[B],
        existing: Existing<'_>,
    ) -> Result<FileVersion, ContentsError> {
        if self.config.keep_unmodified
            && let Ok(Some(version)) = self.storage.holding(path, pieces)
            && existing.allows(Found::File(version))
        {
            return Ok(version);
        }
        self.write_pieces(path, pieces, existing)
    }

    pub(super) fn write(
        &self,
        path: &ContentsPath,
        bytes: &[u8],
        existing: Existing<'_>,
    ) -> Result<FileVersion, ContentsError> {
        self.write_pieces(path, &[bytes], existing)
    }

    /// Writes what an open file holds, without reading it into memory.
    pub(super) fn write_from(
        &self,
        path: &ContentsPath,
        source: &File,
        existing: Existing<'_>,
    ) -> Result<FileVersion, ContentsError> {
        self.storage
            .save_from(path, source, existing)
            .map_err(|source| self.save_error(path, source))
    }

    fn write_pieces<B: AsRef<[u8]>>(
        &self,
        path: &ContentsPath,
        pieces: &[B],
        existing: Existing<'_>,
    ) -> Result<FileVersion, ContentsError> {
        let pieces: Vec<&[u8]> = pieces.iter().map(AsRef::as_ref).collect();
        self.storage
            .save(path, &pieces, existing)
            .map_err(|source| self.save_error(path, source))
    }

    /// A missing directory is named; everything else as usual.
    fn save_error(&self, path: &ContentsPath, source: std::io::Error) -> ContentsError {
        use std::io::ErrorKind;
        if is_changed(&source) {
            return ContentsError::Changed(path.clone());
        }
        match (source.kind(), path.parent()) {
            (ErrorKind::NotFound | ErrorKind::NotADirectory, Some(parent)) => {
                ContentsError::NoSuchDirectory(parent)
            }
            (ErrorKind::IsADirectory, _) => ContentsError::IsDirectory {
                path: path.clone(),
                wanted: "file",
            },
            (ErrorKind::InvalidInput, _) => ContentsError::NotAFile(self.os_path(path)),
            _ => ContentsError::from_io(SAVING, path, source),
        }
    }

    /// The bytes of a file's content.
    fn decode(
        &self,
        path: &ContentsPath,
        content: &RawJson,
        format: Option<&str>,
    ) -> Result<Vec<u8>, ContentsError> {
        if !matches!(format, Some("text" | "base64")) {
            return Err(ContentsError::NoFormat);
        }
        let wrong = |why: String| ContentsError::Encoding {
            os_path: self.os_path(path),
            why,
        };
        let text = match notebook::parse_string(content.get()) {
            Ok(Some(text)) => text,
            Ok(None) => return Err(wrong("the content is not a string".to_owned())),
            Err(error) => return Err(wrong(error.to_string())),
        };
        if format == Some("text") {
            return Ok(text.into_owned().into_bytes());
        }
        base64_text::decode(&text).map_err(wrong)
    }
}

/// The type of a model to save; what is no type counts as a file.
fn save_type(model: &SaveModel) -> Result<&str, ContentsError> {
    match model.entry_type.as_ref().ok_or(ContentsError::NoType)?.as_deref() {
        None => Err(ContentsError::UnhandledType("None".to_owned())),
        Some("") => Err(ContentsError::UnhandledType(String::new())),
        Some(known @ ("directory" | "notebook")) => Ok(known),
        Some(_) => Ok("file"),
    }
}
