//! Checkpoints: one copy of each file, in `.ipynb_checkpoints` beside it, named as the reference names it.

use std::io;

use super::Shared;
use crate::error::ContentsError;
use crate::mime::split_extension;
use crate::model::CheckpointModel;
use crate::path::ContentsPath;
use crate::storage::{Existing, Kind, is_changed};
use crate::version::Precondition;

/// The id of the one checkpoint a file has.
const CHECKPOINT_ID: &str = "checkpoint";

impl Shared {
    pub(super) fn checkpoints(&self, path: &ContentsPath) -> Result<Vec<CheckpointModel>, ContentsError> {
        let checkpoint = self.checkpoint_path(path)?;
        let entry = self
            .describe(&checkpoint)?
            .filter(|entry| entry.kind == Kind::File);
        let model = |modified| CheckpointModel {
            id: CHECKPOINT_ID.to_owned(),
            last_modified: modified,
        };
        Ok(entry.map(|entry| model(entry.modified)).into_iter().collect())
    }

    /// The checkpoint has mode and times of the file.
    pub(super) fn create_checkpoint(&self, path: &ContentsPath) -> Result<CheckpointModel, ContentsError> {
        match self.kind(path)? {
            Some(Kind::File) => {}
            Some(_) => return Err(ContentsError::NotAFile(self.os_path(path))),
            None => return Err(ContentsError::NotFound(path.clone())),
        }
        let checkpoint = self.checkpoint_path(path)?;
        self.create_missing(&checkpoint.parent().unwrap_or_default())?;
        self.copy_over(path, &checkpoint, Existing::Replace)?;
        let made = self.checkpoints(path)?.pop();
        made.ok_or_else(|| no_such(path, CHECKPOINT_ID))
    }

    pub(super) fn restore_checkpoint(
        &self,
        path: &ContentsPath,
        id: &str,
        precondition: &Precondition,
    ) -> Result<(), ContentsError> {
        let checkpoint = self.existing_checkpoint(path, id)?;
        let _turn = self.storage.turn(path);
        self.copy_over(&checkpoint, path, Existing::ReplaceIf(precondition))
    }

    pub(super) fn delete_checkpoint(
        &self,
        path: &ContentsPath,
        id: &str,
        precondition: &Precondition,
    ) -> Result<(), ContentsError> {
        let checkpoint = self.existing_checkpoint(path, id)?;
        self.require(path, precondition)?;
        let removed = self.storage.remove_file(&checkpoint);
        removed.map_err(|source| ContentsError::from_io("deleting checkpoint", path, source))
    }

    /// Takes the checkpoint along. The rename itself has happened, so a failure is only worth a line.
    pub(super) fn rename_checkpoint(&self, from: &ContentsPath, to: &ContentsPath) {
        let moved = || -> Result<(), ContentsError> {
            if self.checkpoints(from)?.is_empty() {
                return Ok(());
            }
            let target = self.checkpoint_path(to)?;
            self.create_missing(&target.parent().unwrap_or_default())?;
            let remove_old = self.storage.remove_file(&target);
            match remove_old {
                Err(error) if error.kind() != io::ErrorKind::NotFound => {
                    return Err(ContentsError::from_io("renaming checkpoint", to, error));
                }
                _ => {}
            }
            let renamed = self.storage.rename(&self.checkpoint_path(from)?, &target);
            renamed.map_err(|source| ContentsError::from_io("renaming checkpoint", from, source))
        };
        if let Err(error) = moved() {
            tracing::warn!(%from, %to, %error, "the checkpoint of a renamed file stays behind");
        }
    }

    /// Removes the checkpoint of what was deleted. That has happened, so a failure is only worth a line.
    pub(super) fn remove_checkpoint(&self, path: &ContentsPath) {
        let is_there = self
            .checkpoints(path)
            .is_ok_and(|checkpoints| !checkpoints.is_empty());
        if is_there && let Err(error) = self.delete_checkpoint(path, CHECKPOINT_ID, &Precondition::default())
        {
            tracing::warn!(%path, %error, "the checkpoint of a deleted file stays behind");
        }
    }

    fn existing_checkpoint(&self, path: &ContentsPath, id: &str) -> Result<ContentsPath, ContentsError> {
        // With any other id the name might be that of another file's: `b-c-checkpoint.txt` is of `b-c.txt`.
        if id != CHECKPOINT_ID {
            return Err(no_such(path, id));
        }
        let checkpoint = self.checkpoint_path(path)?;
        match self.kind(&checkpoint)? {
            Some(Kind::File) => Ok(checkpoint),
            _ => Err(no_such(path, id)),
        }
    }

    /// `a/b.ipynb` → `a/.ipynb_checkpoints/b-checkpoint.ipynb`.
    fn checkpoint_path(&self, path: &ContentsPath) -> Result<ContentsPath, ContentsError> {
        let (base, extension) = split_extension(path.name());
        let directory = path
            .parent()
            .unwrap_or_default()
            .join(&self.config.checkpoint_dir)?;
        Ok(directory.join(&format!("{base}-{CHECKPOINT_ID}{extension}"))?)
    }

    fn copy_over(
        &self,
        from: &ContentsPath,
        to: &ContentsPath,
        existing: Existing<'_>,
    ) -> Result<(), ContentsError> {
        let copied = self.storage.copy_file(from, to, existing);
        copied.map(drop).map_err(|source| match is_changed(&source) {
            true => ContentsError::Changed(to.clone()),
            false => self.reading_error("copying checkpoint", to, source),
        })
    }
}

fn no_such(path: &ContentsPath, id: &str) -> ContentsError {
    ContentsError::NoSuchCheckpoint {
        path: path.clone(),
        id: id.to_owned(),
    }
}
