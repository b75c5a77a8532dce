//! What the manager does, told to the observer.

use std::time::SystemTime;

use super::{ContentsManager, Shared};
use crate::model::{ContentsModel, EntryType};
use crate::observer::{ContentsAction, ContentsEvent, DoneBy};
use crate::path::ContentsPath;
use crate::watch::ListeningToDisk;

impl Shared {
    /// Does `work`, which touches these paths, and tells what `done` makes of the result, if anything.
    pub(super) fn tell<T, E>(
        &self,
        touches: &[&ContentsPath],
        work: impl FnOnce(&Self) -> Result<T, E>,
        done: impl FnOnce(&T) -> Option<ContentsEvent>,
    ) -> Result<T, E> {
        let change = self.watch.change(touches);
        let result = work(self)?;
        let event = done(&result);
        if let Some(event) = &event {
            self.observer.happened(event.clone());
        }
        // What has failed may have changed something all the same, which nobody was told.
        if let Some(change) = change {
            change.finish(event.map(|event| event.path));
        }
        Ok(result)
    }

    /// Tells that `path` was read, by somebody who began to look `at` that time.
    pub(super) fn got(&self, path: &ContentsPath, model: &ContentsModel, at: SystemTime) {
        match (model.entry_type, path.parent()) {
            (EntryType::Directory, _) | (_, None) => self.watch.asked(path, at),
            (EntryType::File | EntryType::Notebook, Some(parent)) => self.watch.asked(&parent, at),
        }
        self.observer.happened(done(ContentsAction::Get, path));
    }
}

impl ContentsManager {
    /// While what this gives is held, the observer is also told what others do in directories that were asked for
    /// lately.
    #[must_use]
    pub fn listen_to_disk(&self) -> ListeningToDisk {
        self.shared.watch.listen()
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
