//! What the manager does, told to the observer.

use super::Shared;
use crate::observer::{ContentsAction, ContentsEvent, DoneBy};
use crate::path::ContentsPath;

impl Shared {
    /// Changes something by `work` and tells what `done` makes of the result, if anything.
    pub(super) fn tell<T, E>(
        &self,
        work: impl FnOnce(&Self) -> Result<T, E>,
        done: impl FnOnce(&T) -> Option<ContentsEvent>,
    ) -> Result<T, E> {
        let result = work(self)?;
        if let Some(event) = done(&result) {
            self.observer.happened(event);
        }
        Ok(result)
    }
}

/// `path` was read, saved or deleted by this manager.
pub(super) fn done(action: ContentsAction, path: &ContentsPath) -> ContentsEvent {
    ContentsEvent {
        action,
        path: path.clone(),
        source_path: None,
        by: DoneBy::Manager,
    }
}

/// `path` was made from `source` by this manager.
pub(super) fn done_from(action: ContentsAction, path: &ContentsPath, source: &ContentsPath) -> ContentsEvent {
    ContentsEvent {
        source_path: Some(source.clone()),
        ..done(action, path)
    }
}
