//! Copies: `a.txt` becomes `a-Copy1.txt`, a copy of that `a-Copy2.txt`.

use std::io;

use bytes::Bytes;

use super::create::Numbered;
use super::{Get, Shared};
use crate::error::{ContentsError, SAVING};
use crate::model::{ContentsModel, EntryType};
use crate::notebook::Texts;
use crate::path::ContentsPath;
use crate::raw_json::RawJson;
use crate::save_model::SaveModel;
use crate::storage::{Existing, Kind};

impl Shared {
    /// The room that it takes, if that is large. What is no notebook is copied as it is.
    pub(super) fn large_bytes_to_copy(&self, from: &ContentsPath) -> Option<u64> {
        let streamed = self.config.save_commands.is_empty() && !from.name().ends_with(".ipynb");
        self.large_bytes(from, streamed)
    }

    pub(super) fn copy(
        &self,
        from: &ContentsPath,
        to: &ContentsPath,
    ) -> Result<ContentsModel, ContentsError> {
        if self.kind(to)? == Some(Kind::File) {
            return Err(ContentsError::PostToFile);
        }
        if self.is_hidden(from)? || self.is_hidden(to)? {
            return Err(ContentsError::Hidden {
                verb: "copy",
                path: to.clone(),
            });
        }
        let source = self.get(from, Get::default())?;
        if self.kind(from)? == Some(Kind::Other) {
            return Err(ContentsError::NotAFile(self.os_path(from)));
        }
        match source.entry_type {
            EntryType::Directory => self.copy_directory(from, to),
            EntryType::File | EntryType::Notebook => self.copy_file(&source, to),
        }
    }

    fn copy_file(&self, source: &ContentsModel, to: &ContentsPath) -> Result<ContentsModel, ContentsError> {
        if self.kind(to)? == Some(Kind::Directory) {
            let name = without_copy_marks(&source.name);
            return self.create_numbered(to, &Numbered::new(&name, "-Copy"), |path| {
                self.copy_content(source, path, Existing::Keep)
            });
        }
        let parent = to.parent().unwrap_or_default();
        if self.kind(&parent)? != Some(Kind::Directory) {
            return Err(ContentsError::NoParentToCopyInto(parent));
        }
        let _turn = self.storage.turn(to);
        let message = self.copy_content(source, to, Existing::Replace)?;
        let model = self.get(to, Get::default())?;
        Ok(ContentsModel { message, ..model })
    }

    /// A notebook is read and written as one, as the reference does: the copy is of the current format, and
    /// trusted if the original is. The message of validation, if any.
    fn copy_content(
        &self,
        source: &ContentsModel,
        to: &ContentsPath,
        existing: Existing<'_>,
    ) -> Result<Option<String>, ContentsError> {
        let from = &source.path;
        if !self.config.save_commands.is_empty() {
            return self.copy_with_commands(source, to, existing);
        }
        if source.entry_type == EntryType::File {
            let open = self.storage.open_file(from);
            let open = open.map_err(|source| self.read_error(from, source))?;
            return self.write_from(to, &open.file, existing).map(|_| None);
        }
        let bytes = self.read(from)?.bytes;
        let text = self.notebook_text(from, &bytes)?;
        let texts = Texts::of(text);
        let mut notebook = self.read_notebook(from, text, &texts)?;
        self.notary.mark(&mut notebook);
        let json = RawJson::joined(&notebook.into_model_json(&Bytes::new()));
        self.save_notebook(to, &json, existing)
            .map(|written| written.message)
    }

    /// The commands see a copy as what it is, a save of what was read.
    fn copy_with_commands(
        &self,
        source: &ContentsModel,
        to: &ContentsPath,
        existing: Existing<'_>,
    ) -> Result<Option<String>, ContentsError> {
        let get = Get {
            entry_type: Some(source.entry_type),
            content: true,
            ..Get::default()
        };
        let json = self.get(&source.path, get)?.into_json().concat();
        let model = SaveModel::from_json(&json).map_err(|error| ContentsError::Io {
            doing: "copying",
            path: source.path.clone(),
            source: error.into(),
        })?;
        let mut model = model.unwrap_or_default();
        self.before_save(to, &mut model)?;
        let written = self.save(to, &model, existing)?;
        self.after_save(to, Some(source.entry_type.as_str()))?;
        Ok(written.message)
    }

    fn copy_directory(&self, from: &ContentsPath, to: &ContentsPath) -> Result<ContentsModel, ContentsError> {
        let limit_mb = self.config.max_copy_folder_size_mb;
        let limit = limit_mb.saturating_mul(1024 * 1024);
        let failed = |source: io::Error| match source.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => ContentsError::NoSpace(to.clone()),
            io::ErrorKind::ReadOnlyFilesystem => ContentsError::PermissionDenied(to.clone()),
            _ => ContentsError::Copy {
                from: from.clone(),
                to: to.clone(),
                source,
            },
        };
        let too_large = || ContentsError::FolderTooLarge {
            path: from.clone(),
            limit_mb,
        };
        if self.storage.disk_usage(from, limit).map_err(failed)? > limit {
            return Err(too_large());
        }
        self.create_missing(to)?;
        let name = without_copy_marks(from.name());
        self.create_numbered(to, &Numbered::new(&name, "-Copy"), |path| {
            self.storage
                .copy_tree(from, path, limit)
                .map(|()| None)
                .map_err(|source| match source.kind() {
                    io::ErrorKind::AlreadyExists => ContentsError::Exists(path.clone()),
                    io::ErrorKind::FileTooLarge => too_large(),
                    _ => failed(source),
                })
        })
    }

    /// Makes a directory and those above it.
    pub(super) fn create_missing(&self, directory: &ContentsPath) -> Result<(), ContentsError> {
        let mut missing = Vec::new();
        let mut next = Some(directory.clone());
        while let Some(path) = next {
            if self.exists(&path)? {
                break;
            }
            next = path.parent();
            missing.push(path);
        }
        for path in missing.iter().rev() {
            let made = self.storage.create_directory(path);
            match made {
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                made => made.map_err(|source| ContentsError::from_io(SAVING, path, source))?,
            }
        }
        Ok(())
    }
}

/// Takes each `-Copy`, `-Copy1`, … that stands before a dot from a name, so that copies of copies go on counting.
fn without_copy_marks(name: &str) -> String {
    let mut out = String::with_capacity(name.len());
    let mut rest = name;
    while let Some(place) = rest.find("-Copy") {
        let (before, mark) = rest.split_at(place);
        let after = mark.get("-Copy".len()..).unwrap_or_default();
        let unnumbered = after.trim_start_matches(|character: char| character.is_ascii_digit());
        out.push_str(before);
        if unnumbered.starts_with('.') {
            rest = unnumbered;
        } else {
            out.push_str("-Copy");
            rest = after;
        }
    }
    out + rest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn copy_marks_are_taken_away_before_a_dot() {
        for (name, expected) in [
            ("a-Copy2.txt", "a.txt"),
            ("a-Copy.txt", "a.txt"),
            ("a-Copy2", "a-Copy2"),
            ("a-Copy1-Copy2.ipynb", "a-Copy1.ipynb"),
            ("a-Copyright.txt", "a-Copyright.txt"),
            ("a-Copy1.b-Copy2.txt", "a.b.txt"),
        ] {
            assert_eq!(without_copy_marks(name), expected);
        }
    }
}
