//! Reading: models of files, notebooks and directories.

use std::io::{self, Read};
use std::path::Path;

use bytes::Bytes;
use sha2::{Digest, Sha256};

use super::Shared;
use crate::error::ContentsError;
use crate::model::{Content, ContentsModel, EntryType, Format};
use crate::notebook;
use crate::path::ContentsPath;
use crate::storage::{Entry, Kind, OpenFile, Place, ReadFile, Storage};
use crate::version::FileVersion;

/// A file of so many bytes is read when it is opened: going to the disk twice takes longer.
const SMALL_FILE_BYTES: u64 = 64 << 10;

/// Bytes of a file that are hashed at once.
const HASHED_BYTES: usize = 128 << 10;

/// What a model is to hold.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Get {
    /// What the entry must be, or shall be read as: a notebook can be read as a file.
    pub entry_type: Option<EntryType>,
    /// How a file is to be written. Without it text if it is UTF-8, else base64.
    pub format: Option<Format>,
    /// Whether the model has content.
    pub content: bool,
    /// Whether the model has the hash of the bytes.
    pub hash: bool,
}

impl Get {
    /// The same without what takes reading the file.
    #[must_use]
    pub fn without_bytes(self) -> Self {
        Self {
            content: false,
            hash: false,
            ..self
        }
    }
}

impl Shared {
    /// The room that it takes, if that is large.
    pub(super) fn large_bytes_to_get(&self, path: &ContentsPath, get: Get) -> Option<u64> {
        match (get.content, get.hash) {
            (false, false) => None,
            (content, _) => self.large_bytes(path, !content),
        }
    }

    pub(super) fn get(&self, path: &ContentsPath, get: Get) -> Result<ContentsModel, ContentsError> {
        let entry = self
            .describe(path)?
            .ok_or_else(|| ContentsError::NoSuchEntry(path.clone()))?;
        // A directory that may not be looked into is shown, as its listing shows it; what is in it is not.
        if self.is_hidden_by_name(path) {
            return Err(ContentsError::Concealed {
                what: match entry.kind {
                    Kind::Directory => "directory",
                    Kind::File | Kind::Other => "file or directory",
                },
                path: path.clone(),
            });
        }
        let mut model = self.model(path.clone(), &entry);
        match (entry.kind, get.entry_type) {
            (Kind::Directory, None | Some(EntryType::Directory)) => {
                if get.content {
                    model.content = Some(Content::Directory(self.list(path)?));
                }
                return Ok(model);
            }
            (Kind::Directory, Some(wanted)) => {
                return Err(ContentsError::IsDirectory {
                    path: path.clone(),
                    wanted: wanted.as_str(),
                });
            }
            (_, Some(EntryType::Directory)) => return Err(ContentsError::IsNotDirectory(path.clone())),
            (_, Some(EntryType::Notebook)) => self.set_type(&mut model, EntryType::Notebook),
            (_, Some(EntryType::File)) => self.set_type(&mut model, EntryType::File),
            (_, None) => {}
        }
        if get.hash && !get.content {
            let (hash, version) = self.hash(path)?;
            (model.hash, model.version) = (Some(hash), Some(version));
        }
        if get.content {
            let ReadFile { bytes, version } = self.read(path)?;
            model.version = Some(version);
            if get.hash {
                model.hash = Some(hex::encode(Sha256::digest(&bytes)));
            }
            if model.entry_type == EntryType::Notebook {
                self.fill_notebook(&mut model, &bytes.into(), version)?;
            } else {
                self.fill_file(&mut model, bytes, get.format)?;
            }
        }
        Ok(model)
    }

    /// A model without content.
    pub(super) fn model(&self, path: ContentsPath, entry: &Entry) -> ContentsModel {
        let mut model = ContentsModel {
            name: if path.is_root() {
                String::new()
            } else {
                entry.name.clone()
            },
            path,
            entry_type: EntryType::Directory,
            last_modified: entry.modified,
            created: entry.created,
            content: None,
            mimetype: None,
            size: entry.size.filter(|_| entry.kind != Kind::Directory),
            writable: entry.writable,
            hash: None,
            message: None,
            version: entry.version,
            paged: None,
        };
        if entry.kind != Kind::Directory {
            let is_notebook = model.name.ends_with(".ipynb");
            self.set_type(
                &mut model,
                if is_notebook {
                    EntryType::Notebook
                } else {
                    EntryType::File
                },
            );
        }
        model
    }

    fn set_type(&self, model: &mut ContentsModel, entry_type: EntryType) {
        model.entry_type = entry_type;
        model.mimetype = match entry_type {
            EntryType::File => self.mime_types.guess(&model.name).mimetype,
            EntryType::Notebook | EntryType::Directory => None,
        };
    }

    pub(super) fn read(&self, path: &ContentsPath) -> Result<ReadFile, ContentsError> {
        self.storage
            .read(path, self.config.content_bytes_max)
            .map_err(|source| self.read_error(path, source))
    }

    /// The hash of a file, however large, and the version that it had before.
    fn hash(&self, path: &ContentsPath) -> Result<(String, FileVersion), ContentsError> {
        let hashed = || {
            let mut open = self.storage.open_file(path)?;
            let mut hash = Sha256::new();
            let mut block = vec![0; HASHED_BYTES];
            loop {
                match open.file.read(&mut block) {
                    Ok(0) => return Ok((hex::encode(hash.finalize()), open.version)),
                    Ok(read) => hash.update(block.get(..read).unwrap_or_default()),
                    Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                    Err(error) => return Err(error),
                }
            }
        };
        hashed().map_err(|source| self.read_error(path, source))
    }

    pub(super) fn read_error(&self, path: &ContentsPath, source: io::Error) -> ContentsError {
        match source.kind() {
            // A link to nothing is there and can't be read, as everything else that is no file.
            io::ErrorKind::InvalidInput | io::ErrorKind::IsADirectory | io::ErrorKind::NotFound => {
                ContentsError::NotAFile(self.os_path(path))
            }
            _ => self.reading_error("reading file", path, source),
        }
    }

    /// As usual, but with the limit.
    pub(super) fn reading_error(
        &self,
        doing: &'static str,
        path: &ContentsPath,
        source: io::Error,
    ) -> ContentsError {
        match source.kind() {
            io::ErrorKind::FileTooLarge => ContentsError::TooLarge {
                path: path.clone(),
                bytes_max: self.config.content_bytes_max,
            },
            _ => ContentsError::from_io(doing, path, source),
        }
    }

    fn fill_file(
        &self,
        model: &mut ContentsModel,
        bytes: Vec<u8>,
        format: Option<Format>,
    ) -> Result<(), ContentsError> {
        let content = match format {
            Some(Format::Base64) => Content::Base64(bytes.into()),
            Some(Format::Text) => Content::Text(
                String::from_utf8(bytes).map_err(|_| ContentsError::NotText(self.os_path(&model.path)))?,
            ),
            None => match String::from_utf8(bytes) {
                Ok(text) => Content::Text(text),
                Err(error) => Content::Base64(error.into_bytes().into()),
            },
        };
        if model.mimetype.is_none() {
            let is_text = matches!(content, Content::Text(_));
            model.mimetype = Some(
                if is_text {
                    "text/plain"
                } else {
                    "application/octet-stream"
                }
                .to_owned(),
            );
        }
        model.content = Some(content);
        Ok(())
    }

    fn fill_notebook(
        &self,
        model: &mut ContentsModel,
        bytes: &Bytes,
        version: FileVersion,
    ) -> Result<(), ContentsError> {
        let text = self.notebook_text(&model.path, bytes)?;
        let texts = notebook::Texts::of(text);
        let mut notebook = self.read_notebook(&model.path, text, &texts)?;
        self.notary.mark_read(&mut notebook, version);
        model.message = notebook.message();
        model.content = Some(Content::Notebook(notebook.into_model_json(bytes)));
        Ok(())
    }

    pub(super) fn notebook_text<'b>(
        &self,
        path: &ContentsPath,
        bytes: &'b [u8],
    ) -> Result<&'b str, ContentsError> {
        std::str::from_utf8(bytes).map_err(|_| ContentsError::NotText(self.os_path(path)))
    }

    pub(super) fn read_notebook<'t>(
        &self,
        path: &ContentsPath,
        text: &'t str,
        texts: &'t notebook::Texts,
    ) -> Result<notebook::Notebook<'t>, ContentsError> {
        notebook::read(text, texts).map_err(|unreadable| ContentsError::UnreadableNotebook {
            os_path: self.os_path(path),
            why: unreadable.to_string(),
        })
    }

    /// Opens a file that lies in the root directory itself, wherever the links in its path lead: `/files`, as the
    /// reference serves it.
    pub(super) fn open_file_inside(&self, path: &ContentsPath) -> Result<OpenFile, ContentsError> {
        let mut open = self.open_file(path)?;
        let place = self.storage.place(&open.file);
        match place.map_err(|source| ContentsError::from_io("looking at", path, source))? {
            Place::Outside => return Err(ContentsError::LeadsOutside(path.clone())),
            Place::Beneath(real) if self.is_hidden_by_name(&real) => {
                return Err(ContentsError::NotFound(path.clone()));
            }
            Place::Beneath(real) => real.name().clone_into(&mut open.name),
            Place::Unknown => {}
        }
        Ok(open)
    }

    pub(crate) fn open_file(&self, path: &ContentsPath) -> Result<OpenFile, ContentsError> {
        let opened = self.storage.open_file(path);
        // Of what is open and a file only the name can hide it; all else takes another look.
        let hidden = match &opened {
            Ok(_) => self.is_hidden_by_name(path),
            Err(_) => self.is_hidden(path)? || !self.exists(path)?,
        };
        if hidden {
            return Err(ContentsError::NotFound(path.clone()));
        }
        let mut open = opened.map_err(|source| match source.kind() {
            // A link to nothing.
            io::ErrorKind::NotFound => ContentsError::NotFound(path.clone()),
            _ => self.read_error(path, source),
        })?;
        if open.size <= SMALL_FILE_BYTES {
            Storage::read_small(&mut open);
        }
        Ok(open)
    }

    pub(super) fn resolve(&self, os_path: &str) -> Result<Option<ContentsPath>, ContentsError> {
        let root_dir = self.storage.root_dir();
        let expanded = match (os_path.strip_prefix('~'), &self.config.home_dir) {
            (Some(rest), Some(home)) if rest.is_empty() || rest.starts_with('/') => {
                Some(home.join(rest.trim_start_matches('/')))
            }
            _ => None,
        };
        let relative = match expanded {
            Some(absolute) => match lexically_beneath(&absolute, root_dir) {
                Some(relative) => relative,
                None => return Ok(None),
            },
            None => os_path
                .strip_prefix(&*root_dir.to_string_lossy())
                .unwrap_or(os_path)
                .to_owned(),
        };
        let Ok(path) = relative.parse::<ContentsPath>() else {
            return Ok(None);
        };
        Ok(self.exists(&path)?.then_some(path))
    }
}

/// What is left of an absolute name beneath the root, `..` resolved by name.
fn lexically_beneath(absolute: &Path, root_dir: &Path) -> Option<String> {
    let normalized: ContentsPath = absolute.to_str()?.parse().ok()?;
    let root: ContentsPath = root_dir.to_str()?.parse().ok()?;
    normalized.is_within(&root).then(|| {
        normalized
            .as_str()
            .get(root.as_str().len()..)
            .unwrap_or_default()
            .to_owned()
    })
}
