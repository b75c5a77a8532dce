//! Renaming and deleting.

use std::io;

use super::{Get, Shared};
use crate::error::ContentsError;
use crate::model::ContentsModel;
use crate::path::ContentsPath;
use crate::storage::Kind;
use crate::version::Precondition;

impl Shared {
    pub(super) fn rename(
        &self,
        from: &ContentsPath,
        to: &ContentsPath,
        precondition: &Precondition,
    ) -> Result<ContentsModel, ContentsError> {
        if self.is_hidden(from)? || self.is_hidden(to)? {
            return Err(ContentsError::Hidden {
                verb: "rename",
                path: from.clone(),
            });
        }
        let _turn = self.storage.turn(from);
        if from == to {
            self.require(from, precondition)?;
        } else {
            if !self.exists(from)? {
                return Err(ContentsError::NotFound(from.clone()));
            }
            if to.is_root() || from.is_root() {
                return Err(ContentsError::Exists(to.clone()));
            }
            if to.is_within(from) && !self.exists(to)? {
                return Err(ContentsError::Copy {
                    from: from.clone(),
                    to: to.clone(),
                    source: io::ErrorKind::InvalidInput.into(),
                });
            }
            self.require(from, precondition)?;
            self.storage
                .rename(from, to)
                .map_err(|source| match source.kind() {
                    io::ErrorKind::AlreadyExists => ContentsError::Exists(to.clone()),
                    io::ErrorKind::NotFound | io::ErrorKind::NotADirectory => {
                        ContentsError::NotFound(from.clone())
                    }
                    io::ErrorKind::InvalidFilename => ContentsError::BadName(to.clone()),
                    _ => ContentsError::from_io("renaming", from, source),
                })?;
            self.rename_checkpoint(from, to);
        }
        self.get(to, Get::default())
    }

    pub(super) fn delete(
        &self,
        path: &ContentsPath,
        precondition: &Precondition,
    ) -> Result<(), ContentsError> {
        self.refuse_hidden("delete", path)?;
        if path.is_root() {
            return Err(ContentsError::DeleteRoot);
        }
        let _turn = self.storage.turn(path);
        let entry = self
            .describe(path)?
            .ok_or_else(|| ContentsError::NotFound(path.clone()))?;
        if !precondition.allows(entry.found()) {
            return Err(ContentsError::Changed(path.clone()));
        }
        let failed = |source| ContentsError::from_io("deleting", path, source);
        if self.config.delete_to_trash {
            if !entry.writable && !entry.is_link {
                return Err(ContentsError::PermissionDenied(path.clone()));
            }
            let no_trash = || ContentsError::Trash(io::Error::other("no trash directory is configured"));
            let trash = self.config.trash_dir.as_ref().ok_or_else(no_trash)?;
            self.storage
                .move_to_trash(path, trash)
                .map_err(ContentsError::Trash)?;
        } else if entry.kind == Kind::Directory && !entry.is_link {
            if !self.config.always_delete_dir && self.holds_more_than_checkpoints(path)? {
                return Err(ContentsError::DirectoryNotEmpty(self.os_path(path)));
            }
            self.storage.remove_tree(path).map_err(failed)?;
        } else {
            self.storage.remove_file(path).map_err(failed)?;
        }
        self.remove_checkpoint(path);
        Ok(())
    }

    fn holds_more_than_checkpoints(&self, directory: &ContentsPath) -> Result<bool, ContentsError> {
        // One more than the directory of checkpoints is enough to know.
        let names = self
            .storage
            .listing(directory)
            .and_then(|mut listing| listing.names(1));
        match names {
            Ok(names) => Ok(names.iter().any(|name| name.text != self.config.checkpoint_dir)),
            Err(error) if error.kind() == io::ErrorKind::QuotaExceeded => Ok(true),
            Err(source) => Err(ContentsError::from_io("listing", directory, source)),
        }
    }
}
