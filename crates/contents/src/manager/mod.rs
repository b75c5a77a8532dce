//! Jupyter's semantics over the storage. Each public method is one blocking task.

mod change;
mod checkpoints;
mod conditional;
mod copy;
mod create;
mod get;
mod large;
mod list;
mod save;
mod save_commands;
mod spelling;
mod told;
mod trust;
mod upload;

#[cfg(test)]
mod tests;

use std::fmt;
use std::sync::Arc;
use std::time::SystemTime;

pub use self::conditional::Conditional;
pub use self::create::NewEntry;
pub use self::get::Get;
use self::large::Room;
pub use self::list::{Page, ShownName};
pub use self::save::Saved;
pub use self::save_commands::SaveCommands;
use self::spelling::Spelling;
use self::told::{done, done_from};
use crate::archive::Archive;
use crate::config::ContentsConfig;
use crate::error::ContentsError;
use crate::hidden::{is_hidden_name, is_shown_name};
use crate::mime::{Guess, MimeTypes};
use crate::model::{CheckpointModel, ContentsModel};
use crate::notebook::{Notary, SignatureStore};
use crate::observer::{ContentsAction, ContentsObserver, Unobserved};
use crate::path::{ContentsPath, PathError};
use crate::storage::{Entry, Kind, OpenFile, Storage, is_partial_name};
use crate::version::{Found, Precondition};
use crate::watch::DiskWatch;

/// Files, directories and notebooks beneath one root directory, as Jupyter's contents API shows them.
/// A cheap clone.
#[derive(Clone)]
pub struct ContentsManager {
    shared: Arc<Shared>,
}

impl fmt::Debug for ContentsManager {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("ContentsManager")
            .field("config", &self.shared.config)
            .finish_non_exhaustive()
    }
}

/// What all clones share; its methods block.
pub(crate) struct Shared {
    config: ContentsConfig,
    storage: Storage,
    notary: Notary,
    mime_types: MimeTypes,
    room: Room,
    observer: Arc<dyn ContentsObserver>,
    spelling: Spelling,
    watch: DiskWatch,
}

impl ContentsManager {
    /// Opens the root directory. Signatures of trusted notebooks go to `signatures`.
    ///
    /// # Errors
    /// [`ContentsError::Root`] if the root directory can't be opened.
    pub fn new(config: ContentsConfig, signatures: Arc<dyn SignatureStore>) -> Result<Self, ContentsError> {
        Self::observed(config, signatures, Arc::new(Unobserved))
    }

    /// The same, and `observer` is told of all that happens.
    ///
    /// # Errors
    /// As [`new`](Self::new).
    pub fn observed(
        config: ContentsConfig,
        signatures: Arc<dyn SignatureStore>,
        observer: Arc<dyn ContentsObserver>,
    ) -> Result<Self, ContentsError> {
        let storage = Storage::open(
            &config.root_dir,
            config.outside_links,
            config.journal_dir.as_deref(),
        )
        .map_err(|source| ContentsError::Root {
            root_dir: config.root_dir.display().to_string(),
            source,
        })?;
        let notary = Notary::new(
            config.signature_algorithm,
            config.signing_secret.clone(),
            signatures,
        );
        let mime_types = MimeTypes::new(config.mime_types_files.clone());
        let room = Room::new(config.large_documents_bytes_max);
        let shown = {
            let config = config.clone();
            Arc::new(move |name: &str| is_shown_name(&config, name))
        };
        let watch = DiskWatch::new(config.watch.clone(), storage.clone(), shown, observer.clone());
        Ok(Self {
            shared: Arc::new(Shared {
                config,
                storage,
                notary,
                mime_types,
                room,
                observer,
                spelling: Spelling::default(),
                watch,
            }),
        })
    }

    /// The model of a file or directory.
    ///
    /// # Errors
    /// What is missing or hidden is [`ContentsError::NotFound`]; see [`Get`] for what can be asked for.
    pub async fn get(&self, path: &ContentsPath, get: Get) -> Result<ContentsModel, ContentsError> {
        let at = SystemTime::now();
        let (looked_at, read) = (path.clone(), path.clone());
        let model = self.blocking_by_size(
            path,
            move |shared| shared.large_bytes_to_get(&looked_at, get),
            move |shared| shared.get(&read, get),
        );
        let model = model.await?;
        self.shared.got(path, &model, at);
        Ok(model)
    }

    /// Creates something without a name in a directory.
    ///
    /// # Errors
    /// As the reference.
    pub async fn create_untitled(
        &self,
        directory: &ContentsPath,
        new: NewEntry,
    ) -> Result<ContentsModel, ContentsError> {
        let directory = directory.clone();
        self.blocking(move |shared| {
            shared.tell(
                &[&directory],
                |shared| shared.create_untitled(&directory, &new),
                |created| Some(done(ContentsAction::Save, &created.path)),
            )
        })
        .await
    }

    /// Copies a file or directory into a directory, under a free name, or to a new name.
    ///
    /// # Errors
    /// As the reference.
    pub async fn copy(&self, from: &ContentsPath, to: &ContentsPath) -> Result<ContentsModel, ContentsError> {
        let (looked_at, read, to) = (from.clone(), from.clone(), to.clone());
        self.blocking_by_size(
            from,
            move |shared| shared.large_bytes_to_copy(&looked_at),
            move |shared| {
                shared.tell(
                    &[&to],
                    |shared| shared.copy(&read, &to),
                    |copied| Some(done_from(ContentsAction::Copy, &copied.path, &read)),
                )
            },
        )
        .await
    }

    /// The checkpoints of a file: none or one.
    ///
    /// # Errors
    /// When the operating system fails.
    pub async fn checkpoints(&self, path: &ContentsPath) -> Result<Vec<CheckpointModel>, ContentsError> {
        let path = path.clone();
        self.blocking(move |shared| shared.checkpoints(&path)).await
    }

    /// Makes the checkpoint of a file, over an older one.
    ///
    /// # Errors
    /// [`ContentsError::NotFound`], [`ContentsError::NotAFile`].
    pub async fn create_checkpoint(&self, path: &ContentsPath) -> Result<CheckpointModel, ContentsError> {
        let path = path.clone();
        self.blocking(move |shared| shared.create_checkpoint(&path)).await
    }

    /// Trusts a notebook as it lies on disk.
    ///
    /// # Errors
    /// [`ContentsError::TrustsOnlyNotebooks`], and what reading it may give.
    pub async fn trust(&self, path: &ContentsPath) -> Result<(), ContentsError> {
        let path = path.clone();
        self.blocking(move |shared| shared.trust(&path)).await
    }

    /// Opens a file to stream its bytes.
    ///
    /// # Errors
    /// [`ContentsError::NotFound`] also for what is hidden, [`ContentsError::NotAFile`] for a directory,
    /// [`ContentsError::LeadsOutside`] for what a link out of the root leads to.
    pub async fn open_file(&self, path: &ContentsPath) -> Result<OpenFile, ContentsError> {
        let path = path.clone();
        self.blocking(move |shared| shared.open_file_inside(&path)).await
    }

    /// A directory as a zip archive, made while it is sent.
    ///
    /// # Errors
    /// [`ContentsError::NotFound`] also for what is hidden, [`ContentsError::IsNotDirectory`].
    pub async fn archive(&self, path: &ContentsPath) -> Result<Archive, ContentsError> {
        Archive::new(self.clone(), path).await
    }

    /// Whether there is a file (not a directory) of this name, hidden or not.
    ///
    /// # Errors
    /// When the operating system fails.
    pub async fn is_file(&self, path: &ContentsPath) -> Result<bool, ContentsError> {
        let path = path.clone();
        self.blocking(move |shared| Ok(shared.kind(&path)? == Some(Kind::File)))
            .await
    }

    /// Whether there is a file of this name that may be seen.
    ///
    /// # Errors
    /// When the operating system fails.
    pub async fn is_shown_file(&self, path: &ContentsPath) -> Result<bool, ContentsError> {
        let path = path.clone();
        self.blocking(move |shared| Ok(shared.kind(&path)? == Some(Kind::File) && !shared.is_hidden(&path)?))
            .await
    }

    /// Whether there is a directory of this name, hidden or not.
    ///
    /// # Errors
    /// When the operating system fails.
    pub async fn is_directory(&self, path: &ContentsPath) -> Result<bool, ContentsError> {
        let path = path.clone();
        self.blocking(move |shared| Ok(shared.kind(&path)? == Some(Kind::Directory)))
            .await
    }

    /// The directory of this name, or the nearest above it that exists; the root when that may not be seen.
    ///
    /// # Errors
    /// When the operating system fails.
    pub async fn nearest_shown_directory(&self, path: &ContentsPath) -> Result<ContentsPath, ContentsError> {
        let path = path.clone();
        self.blocking(move |shared| {
            for directory in std::iter::once(path.clone()).chain(path.parents()) {
                // What cannot be looked at (its name is too long, say) is none.
                if matches!(shared.kind(&directory), Ok(Some(Kind::Directory))) {
                    let hidden = shared.is_hidden(&directory)?;
                    return Ok(if hidden { ContentsPath::root() } else { directory });
                }
            }
            Ok(ContentsPath::root())
        })
        .await
    }

    /// What a name of the operating system (or of the contents API) is called in the contents API, if it is there
    /// and beneath the root: `~` is the home directory, an absolute name must begin with the root directory or is
    /// taken as beneath it.
    ///
    /// # Errors
    /// When the operating system fails.
    pub async fn resolve(&self, os_path: &str) -> Result<Option<ContentsPath>, ContentsError> {
        let os_path = os_path.to_owned();
        self.blocking(move |shared| shared.resolve(&os_path)).await
    }

    /// The type and compression that a name suggests.
    pub fn guess_type(&self, name: &str) -> Guess {
        self.shared.mime_types.guess(name)
    }

    pub(crate) fn shared(&self) -> &Shared {
        &self.shared
    }

    pub(crate) async fn blocking<T, F>(&self, work: F) -> Result<T, ContentsError>
    where
        T: Send + 'static,
        F: FnOnce(&Shared) -> Result<T, ContentsError> + Send + 'static,
    {
        let shared = Arc::clone(&self.shared);
        match tokio::task::spawn_blocking(move || work(&shared)).await {
            Ok(result) => result,
            Err(stopped) if stopped.is_cancelled() => Err(ContentsError::Stopping),
            Err(panicked) => std::panic::resume_unwind(panicked.into_panic()),
        }
    }
}

impl Shared {
    /// Every operation asks this first, so a path that cannot be used is refused here.
    fn describe(&self, path: &ContentsPath) -> Result<Option<Entry>, ContentsError> {
        let bytes_max = self.config.path_bytes_max;
        if path.as_str().len() > bytes_max {
            return Err(PathError::TooLong { bytes_max }.into());
        }
        let described = self.storage.describe(path);
        let entry = described.map_err(|source| ContentsError::from_io("looking at", path, source))?;
        if entry.is_none() && self.storage.names_what_is_not_utf8(path) {
            return Err(ContentsError::NotUtf8(path.clone()));
        }
        Ok(entry)
    }

    fn kind(&self, path: &ContentsPath) -> Result<Option<Kind>, ContentsError> {
        Ok(self.describe(path)?.map(|entry| entry.kind))
    }

    fn exists(&self, path: &ContentsPath) -> Result<bool, ContentsError> {
        Ok(self.describe(path)?.is_some())
    }

    /// Hidden by name, or a directory that may not be looked into. The root never is, a partial file always.
    fn is_hidden(&self, path: &ContentsPath) -> Result<bool, ContentsError> {
        if self.is_hidden_by_name(path) {
            return Ok(true);
        }
        if self.config.allow_hidden || path.is_root() {
            return Ok(false);
        }
        Ok(self.describe(path)?.is_some_and(|entry| entry.closed))
    }

    /// All that can hide a file.
    fn is_hidden_by_name(&self, path: &ContentsPath) -> bool {
        path.parts().any(is_partial_name) || (!self.config.allow_hidden && is_hidden_name(path))
    }

    /// Refuses unless `precondition` allows what is there now.
    fn require(&self, path: &ContentsPath, precondition: &Precondition) -> Result<(), ContentsError> {
        if *precondition == Precondition::default() {
            return Ok(());
        }
        let found = self.describe(path)?.map_or(Found::Nothing, |entry| entry.found());
        match precondition.allows(found) {
            true => Ok(()),
            false => Err(ContentsError::Changed(path.clone())),
        }
    }

    /// Refuses to do `verb` to something hidden.
    fn refuse_hidden(&self, verb: &'static str, path: &ContentsPath) -> Result<(), ContentsError> {
        match self.is_hidden(path)? {
            true => Err(ContentsError::Hidden {
                verb,
                path: path.clone(),
            }),
            false => Ok(()),
        }
    }

    /// The absolute name, where the reference's messages have it.
    fn os_path(&self, path: &ContentsPath) -> String {
        self.storage.os_path(path).display().to_string()
    }
}
