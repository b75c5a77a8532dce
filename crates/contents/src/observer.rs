//! Who is told what happens to contents.

use crate::path::ContentsPath;

/// Told of everything that has happened; what has failed has not happened. It must not block.
pub trait ContentsObserver: Send + Sync + 'static {
    /// This has happened.
    fn happened(&self, event: ContentsEvent);
}

/// Something that has happened to a file or directory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ContentsEvent {
    /// What was done.
    pub action: ContentsAction,
    /// What it was done to; of a rename and a copy the new name.
    pub path: ContentsPath,
    /// What was renamed or copied.
    pub source_path: Option<ContentsPath>,
    /// Who has done it.
    pub by: DoneBy,
}

/// What can be done to a file or directory, in Jupyter's words.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the words are Jupyter's own")]
pub enum ContentsAction {
    Get,
    Create,
    Save,
    Rename,
    Copy,
    Delete,
    /// A directory has changed in more ways than are told one by one. Not a word of Jupyter's.
    Refresh,
}

/// Who has done something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DoneBy {
    /// The manager, for somebody who asked.
    Manager,
    /// Anybody else who works in the same directory.
    Others,
}

impl ContentsAction {
    /// The word in events.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Get => "get",
            Self::Create => "create",
            Self::Save => "save",
            Self::Rename => "rename",
            Self::Copy => "copy",
            Self::Delete => "delete",
            Self::Refresh => "refresh",
        }
    }
}

/// Tells nobody.
pub(crate) struct Unobserved;

impl ContentsObserver for Unobserved {
    fn happened(&self, _event: ContentsEvent) {}
}
