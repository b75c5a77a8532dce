//! What an upload asks of the files: room for what comes, and the file in its place at the end.

use std::fs::File;
use std::io;
use std::time::SystemTime;

use super::Shared;
use super::told::done;
use crate::error::{ContentsError, SAVING};
use crate::observer::ContentsAction;
use crate::path::ContentsPath;
use crate::save_model::SaveModel;
use crate::storage::{Existing, Kind, is_changed};
use crate::uploads::UploadError;
use crate::version::FileVersion;

impl Shared {
    /// Makes the partial file of an upload to `path`, if one may end there and the disk has room for it. The mode that
    /// the file gets if it is new.
    pub(crate) fn begin_upload(
        &self,
        path: &ContentsPath,
        partial: &str,
        length: u64,
        existing: Existing<'_>,
    ) -> Result<u32, UploadError> {
        self.refuse_hidden("create", path)?;
        if path.is_root() {
            return Err(is_directory(path).into());
        }
        let saving = |source: io::Error| match source.kind() {
            io::ErrorKind::NotFound | io::ErrorKind::NotADirectory => {
                ContentsError::NoSuchDirectory(path.parent().unwrap_or_default())
            }
            _ => of_file(path, source),
        };
        self.before_save(path, &mut of_upload())?;
        let free = self.storage.bytes_free(path).map_err(saving)?;
        let mode = self.storage.create_partial(path, partial, existing);
        let mode = mode.map_err(saving)?;
        if length > free {
            self.abandon_upload(path, partial)?;
            return Err(UploadError::NoRoom {
                path: path.clone(),
                length,
                free,
            });
        }
        Ok(mode)
    }

    /// Opens the partial file of an upload.
    pub(crate) fn open_upload(&self, path: &ContentsPath, partial: &str) -> Result<File, UploadError> {
        self.storage
            .open_partial(path, partial)
            .map_err(|source| match source.kind() {
                io::ErrorKind::NotFound | io::ErrorKind::NotADirectory => UploadError::Vanished(path.clone()),
                _ => ContentsError::from_io(SAVING, path, source).into(),
            })
    }

    /// The partial file becomes the file, in this version.
    pub(crate) fn finish_upload(
        &self,
        path: &ContentsPath,
        partial: &str,
        mode_if_new: u32,
        existing: Existing<'_>,
    ) -> Result<FileVersion, UploadError> {
        let finish = |shared: &Self| -> Result<FileVersion, UploadError> {
            let _turn = shared.storage.turn(path);
            shared.refuse_hidden("create", path)?;
            shared.open_upload(path, partial)?;
            let finished = shared
                .storage
                .finish_partial(path, partial, mode_if_new, existing);
            Ok(finished.map_err(|source| of_file(path, source))?)
        };
        let version = self.tell(&[path], finish, |_| Some(done(ContentsAction::Save, path)))?;
        // The file is there: an upload that failed now would be begun once more.
        if let Err(error) = self.after_save(path, Some("file")) {
            tracing::error!(%path, %error, "after an upload");
        }
        Ok(version)
    }

    /// Whether there is a file of this name.
    pub(crate) fn is_there(&self, path: &ContentsPath) -> bool {
        self.kind(path).is_ok_and(|kind| kind == Some(Kind::File))
    }

    /// Removes the partial files beside `path` that were last written on before `before`, of uploads nobody knows.
    pub(crate) fn sweep_uploads(
        &self,
        path: &ContentsPath,
        before: SystemTime,
        is_known: impl Fn(&str) -> bool,
    ) -> io::Result<()> {
        self.storage.sweep_partials(path, before, is_known)
    }

    /// Removes the partial file of an upload.
    pub(crate) fn abandon_upload(&self, path: &ContentsPath, partial: &str) -> Result<(), ContentsError> {
        self.storage
            .remove_partial(path, partial)
            .map_err(|source| ContentsError::from_io("deleting", path, source))
    }
}

/// What the pre-save command is told of an upload, of which nothing has come yet.
fn of_upload() -> SaveModel {
    SaveModel {
        entry_type: Some(Some("file".to_owned())),
        ..SaveModel::default()
    }
}

fn of_file(path: &ContentsPath, source: io::Error) -> ContentsError {
    if is_changed(&source) {
        return ContentsError::Changed(path.clone());
    }
    match source.kind() {
        io::ErrorKind::IsADirectory => is_directory(path),
        io::ErrorKind::InvalidInput => ContentsError::NotAFile(path.to_string()),
        _ => ContentsError::from_io(SAVING, path, source),
    }
}

fn is_directory(path: &ContentsPath) -> ContentsError {
    ContentsError::IsDirectory {
        path: path.clone(),
        wanted: "file",
    }
}
