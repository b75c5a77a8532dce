//! The operating system's own word that something has changed.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use notify::event::{AccessKind, AccessMode, EventKind, ModifyKind, RenameMode};
use notify::{Config, RecommendedWatcher, RecursiveMode, Watcher as _};

/// What was heard.
#[derive(Debug)]
pub(super) enum Heard {
    /// About a directory itself, or one of its entries.
    Change {
        /// The name the directory is watched under.
        directory: PathBuf,
        /// The entry; `None`: the directory itself.
        name: Option<OsString>,
        /// Whether it was moved away from this name.
        moved_away: bool,
    },
    /// Something was lost: look at everything.
    Lost,
}

/// Watches directories, none of them with those beneath it.
pub(super) struct Notifier(RecommendedWatcher);

impl Notifier {
    /// Hands what is heard to `tell`, which must not block.
    pub(super) fn new(tell: impl Fn(Heard) + Send + 'static) -> notify::Result<Self> {
        let handler = move |result: notify::Result<notify::Event>| match result {
            Ok(event) if event.need_rescan() => tell(Heard::Lost),
            Ok(event) => changes(&event).for_each(&tell),
            Err(error) => {
                tracing::debug!(%error, "a change on disk could not be read");
                tell(Heard::Lost);
            }
        };
        Ok(Self(RecommendedWatcher::new(handler, Config::default())?))
    }

    pub(super) fn watch(&mut self, directory: &Path) -> notify::Result<()> {
        self.0.watch(directory, RecursiveMode::NonRecursive)
    }

    pub(super) fn unwatch(&mut self, directory: &Path) {
        // A directory that is gone is watched no more.
        if let Err(error) = self.0.unwatch(directory) {
            tracing::trace!(%error, "a directory was not watched any more");
        }
    }
}

/// What an event says, both of the directory it names and of the one that name lies in: only one of them is watched
/// under it.
fn changes(event: &notify::Event) -> impl Iterator<Item = Heard> {
    let is_change = match event.kind {
        EventKind::Access(access) => access == AccessKind::Close(AccessMode::Write),
        // A second word about the two that came before it.
        EventKind::Modify(ModifyKind::Name(RenameMode::Both)) => false,
        EventKind::Any
        | EventKind::Create(_)
        | EventKind::Modify(_)
        | EventKind::Remove(_)
        | EventKind::Other => true,
    };
    let moved_away = event.kind == EventKind::Modify(ModifyKind::Name(RenameMode::From));
    let paths = if is_change { event.paths.as_slice() } else { &[] };
    paths.iter().flat_map(move |path| {
        let itself = Heard::Change {
            directory: path.clone(),
            name: None,
            moved_away,
        };
        let entry = path
            .parent()
            .zip(path.file_name())
            .map(|(parent, name)| Heard::Change {
                directory: parent.to_owned(),
                name: Some(name.to_owned()),
                moved_away,
            });
        std::iter::once(itself).chain(entry)
    })
}
