//! What a save may replace.

use std::io;

use rustix::fs::Stat;

use super::Kind;
use super::describe::version;
use crate::version::{Found, Precondition};

/// What to do when the file is there already.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Existing<'p> {
    Replace,
    /// Fail with [`io::ErrorKind::AlreadyExists`].
    Keep,
    /// Replace what the precondition allows, else fail with an error that [`is_changed`].
    ReplaceIf(&'p Precondition),
}

impl Existing<'_> {
    /// Whether the name must be free when the new file takes it.
    pub(super) fn never_replaces(self) -> bool {
        match self {
            Self::Replace => false,
            Self::Keep => true,
            Self::ReplaceIf(precondition) => precondition.wants_nothing_there(),
        }
    }

    /// Whether what was found may be replaced.
    pub(crate) fn allows(self, found: Found) -> bool {
        match self {
            Self::Replace => true,
            Self::Keep => found == Found::Nothing,
            Self::ReplaceIf(precondition) => precondition.allows(found),
        }
    }

    /// Compares what is there now.
    pub(super) fn check(self, now: Option<&Stat>) -> io::Result<()> {
        let found = match now {
            None => Found::Nothing,
            Some(stat) if Kind::of_mode(stat.st_mode) == Kind::Directory => Found::Unversioned,
            Some(stat) => Found::File(version(stat)),
        };
        match (self.allows(found), self) {
            (true, _) => Ok(()),
            (false, Self::Replace | Self::ReplaceIf(_)) => Err(changed()),
            (false, Self::Keep) => Err(io::ErrorKind::AlreadyExists.into()),
        }
    }
}

/// The file is not as [`Existing::ReplaceIf`] demands it.
#[derive(Debug, thiserror::Error)]
#[error("the file is not in the version that was asked for")]
struct Changed;

pub(super) fn changed() -> io::Error {
    io::Error::other(Changed)
}

/// Whether a save failed because of its precondition.
pub(crate) fn is_changed(error: &io::Error) -> bool {
    error.get_ref().is_some_and(|inner| inner.is::<Changed>())
}
