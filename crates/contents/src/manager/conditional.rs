//! The changes that can overwrite or remove what somebody else has written meanwhile, and what they may demand of the
//! file they meet.

use super::told::{done, done_from};
use super::{ContentsManager, Saved};
use crate::error::ContentsError;
use crate::model::ContentsModel;
use crate::observer::ContentsAction;
use crate::path::ContentsPath;
use crate::raw_json::RawJson;
use crate::save_model::SaveModel;
use crate::version::Precondition;

/// Changes that are made only if a precondition holds when they are made, else they are
/// [`ContentsError::Changed`] and change nothing.
#[derive(Debug)]
pub struct Conditional<'m> {
    manager: &'m ContentsManager,
    precondition: Precondition,
}

impl Conditional<'_> {
    /// [`ContentsManager::save`].
    ///
    /// # Errors
    /// [`ContentsError::Changed`], and those of [`ContentsManager::save`].
    pub async fn save(self, path: &ContentsPath, model: SaveModel) -> Result<Saved, ContentsError> {
        let (to, precondition) = (path.clone(), self.precondition);
        let bytes = model.content.as_ref().map_or(0, RawJson::bytes);
        self.manager
            .blocking_on(path, bytes, move |shared| {
                shared.tell(
                    &[&to],
                    |shared| shared.put(&to, model, &precondition),
                    |_| Some(done(ContentsAction::Save, &to)),
                )
            })
            .await
    }

    /// [`ContentsManager::rename`]; the precondition is about what is renamed.
    ///
    /// # Errors
    /// [`ContentsError::Changed`], and those of [`ContentsManager::rename`].
    pub async fn rename(
        self,
        from: &ContentsPath,
        to: &ContentsPath,
    ) -> Result<ContentsModel, ContentsError> {
        let (from, to, precondition) = (from.clone(), to.clone(), self.precondition);
        self.manager
            .blocking(move |shared| {
                shared.tell(
                    &[&from, &to],
                    |shared| shared.rename(&from, &to, &precondition),
                    // As in the reference: a new name that is the old one renames nothing.
                    |_| (from != to).then(|| done_from(ContentsAction::Rename, &to, &from)),
                )
            })
            .await
    }

    /// [`ContentsManager::delete`].
    ///
    /// # Errors
    /// [`ContentsError::Changed`], and those of [`ContentsManager::delete`].
    pub async fn delete(self, path: &ContentsPath) -> Result<(), ContentsError> {
        let (path, precondition) = (path.clone(), self.precondition);
        self.manager
            .blocking(move |shared| {
                shared.tell(
                    &[&path],
                    |shared| shared.delete(&path, &precondition),
                    |()| Some(done(ContentsAction::Delete, &path)),
                )
            })
            .await
    }

    /// [`ContentsManager::restore_checkpoint`]; the precondition is about the file.
    ///
    /// # Errors
    /// [`ContentsError::Changed`], and those of [`ContentsManager::restore_checkpoint`].
    pub async fn restore_checkpoint(self, path: &ContentsPath, id: &str) -> Result<(), ContentsError> {
        let (path, id, precondition) = (path.clone(), id.to_owned(), self.precondition);
        self.manager
            .blocking(move |shared| {
                shared.tell(
                    &[&path],
                    |shared| shared.restore_checkpoint(&path, &id, &precondition),
                    |()| Some(done(ContentsAction::Save, &path)),
                )
            })
            .await
    }

    /// [`ContentsManager::delete_checkpoint`]; the precondition is about the file.
    ///
    /// # Errors
    /// [`ContentsError::Changed`], and those of [`ContentsManager::delete_checkpoint`].
    pub async fn delete_checkpoint(self, path: &ContentsPath, id: &str) -> Result<(), ContentsError> {
        let (path, id, precondition) = (path.clone(), id.to_owned(), self.precondition);
        self.manager
            .blocking(move |shared| shared.delete_checkpoint(&path, &id, &precondition))
            .await
    }
}

impl ContentsManager {
    /// For changes that are to be made only if `precondition` holds.
    pub fn only_if(&self, precondition: Precondition) -> Conditional<'_> {
        Conditional {
            manager: self,
            precondition,
        }
    }

    /// Saves a file, notebook or directory under its name: the whole of PUT.
    ///
    /// # Errors
    /// As the reference; the file on disk is unchanged after any of them.
    pub async fn save(&self, path: &ContentsPath, model: SaveModel) -> Result<Saved, ContentsError> {
        self.only_if(Precondition::default()).save(path, model).await
    }

    /// Renames, with checkpoints.
    ///
    /// # Errors
    /// [`ContentsError::Exists`] if the name is taken, [`ContentsError::NotFound`], [`ContentsError::Hidden`].
    pub async fn rename(
        &self,
        from: &ContentsPath,
        to: &ContentsPath,
    ) -> Result<ContentsModel, ContentsError> {
        self.only_if(Precondition::default()).rename(from, to).await
    }

    /// Deletes, with checkpoints: into the trash unless configured otherwise.
    ///
    /// # Errors
    /// As the reference.
    pub async fn delete(&self, path: &ContentsPath) -> Result<(), ContentsError> {
        self.only_if(Precondition::default()).delete(path).await
    }

    /// Brings a file back to its checkpoint.
    ///
    /// # Errors
    /// [`ContentsError::NoSuchCheckpoint`].
    pub async fn restore_checkpoint(&self, path: &ContentsPath, id: &str) -> Result<(), ContentsError> {
        self.only_if(Precondition::default())
            .restore_checkpoint(path, id)
            .await
    }

    /// Deletes a checkpoint.
    ///
    /// # Errors
    /// [`ContentsError::NoSuchCheckpoint`].
    pub async fn delete_checkpoint(&self, path: &ContentsPath, id: &str) -> Result<(), ContentsError> {
        self.only_if(Precondition::default())
            .delete_checkpoint(path, id)
            .await
    }
}
