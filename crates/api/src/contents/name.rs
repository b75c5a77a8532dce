//! What the path of `/api/contents/{*path}` may mean.
//!
//! `a/b.txt/checkpoints` is the checkpoints of `a/b.txt`, and is an entry of a directory that happens to be called
//! `b.txt`. The name holds both readings, the guard asks about both, and only what is on disk says which it is: the
//! other one than the entry holds if there is a *file* before it. So a directory called `checkpoints` stays reachable,
//! which it is not in the reference.

use std::{fmt, str::FromStr};

use authorization::{NotFound, Resource, ResourceKind, ResourceRef, Unnamed};
use contents::{ContentsError, ContentsManager, ContentsPath, PathError, quoted};

/// The kinds of resources these routes are about.
const KINDS: &[ResourceKind] = &[
    ResourceKind::Contents,
    ResourceKind::Checkpoints,
    ResourceKind::Trust,
];

/// An entry, or something of a file: the guard asks about all that it may be.
pub(crate) enum Contents {}

/// [`Contents`] of a route that makes something in a directory, and says in other words that it is missing.
pub(crate) enum NewContents {}

/// [`Contents`] for reading, where the reference says in other words that something is missing.
pub(crate) enum ReadContents {}

/// What a path names in both readings.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ContentsName {
    entry: ContentsPath,
    other: Option<Reading>,
}

/// The reading in which the last parts of the path are no names of files.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Reading {
    /// `…/checkpoints`
    Checkpoints(ContentsPath),
    /// `…/checkpoints/{id}`
    Checkpoint(ContentsPath, String),
    /// `…/trust`
    Trust(ContentsPath),
}

impl Reading {
    fn of(entry: &ContentsPath) -> Option<Self> {
        let parent = entry.parent()?;
        match entry.name() {
            "checkpoints" => Some(Self::Checkpoints(parent)),
            "trust" => Some(Self::Trust(parent)),
            id if parent.name() == "checkpoints" && is_checkpoint_id(id) => {
                Some(Self::Checkpoint(parent.parent()?, id.to_owned()))
            }
            _ => None,
        }
    }

    fn file(&self) -> &ContentsPath {
        match self {
            Self::Checkpoints(file) | Self::Checkpoint(file, _) | Self::Trust(file) => file,
        }
    }

    fn kind(&self) -> ResourceKind {
        match self {
            Self::Checkpoints(_) | Self::Checkpoint(..) => ResourceKind::Checkpoints,
            Self::Trust(_) => ResourceKind::Trust,
        }
    }
}

/// The reference's `[\w-]+`, of what stands in the URL: nothing that is percent-encoded.
fn is_checkpoint_id(text: &str) -> bool {
    let is_part = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-');
    text.bytes().all(is_part)
}

impl ContentsName {
    /// An entry and nothing else: for paths in bodies.
    pub(crate) fn of(entry: ContentsPath) -> Self {
        Self { entry, other: None }
    }

    /// The path as that of an entry.
    pub(crate) fn entry(&self) -> &ContentsPath {
        &self.entry
    }

    /// The other reading, if it is the right one.
    pub(crate) async fn of_file(
        &self,
        contents: &ContentsManager,
    ) -> Result<Option<&Reading>, ContentsError> {
        match &self.other {
            Some(other) if contents.is_file(other.file()).await? => Ok(Some(other)),
            _ => Ok(None),
        }
    }

    fn references(&self) -> Vec<ResourceRef> {
        let mut references = vec![ResourceRef::path(ResourceKind::Contents, self.entry.as_str())];
        if let Some(other) = &self.other {
            let file = other.file().as_str();
            references.push(ResourceRef::path(ResourceKind::Contents, file));
            references.push(ResourceRef::path(other.kind(), file));
        }
        references
    }
}

impl FromStr for ContentsName {
    type Err = PathError;

    fn from_str(text: &str) -> Result<Self, PathError> {
        let entry: ContentsPath = text.parse()?;
        Ok(Self {
            other: Reading::of(&entry),
            entry,
        })
    }
}

impl fmt::Display for ContentsName {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.entry.fmt(formatter)
    }
}

impl Resource for Contents {
    const KINDS: &'static [ResourceKind] = KINDS;
    const PARAMETER: &'static str = "path";
    type Name = ContentsName;

    fn references(name: &ContentsName) -> Vec<ResourceRef> {
        name.references()
    }

    fn unnamed(error: &PathError) -> Option<Unnamed> {
        Some(no_path(error))
    }

    fn missing(name: &ContentsName) -> NotFound {
        NotFound::Json(ContentsError::NotFound(name.entry.clone()).to_string())
    }
}

impl Resource for NewContents {
    const KINDS: &'static [ResourceKind] = KINDS;
    const PARAMETER: &'static str = "path";
    type Name = ContentsName;

    fn references(name: &ContentsName) -> Vec<ResourceRef> {
        name.references()
    }

    fn unnamed(error: &PathError) -> Option<Unnamed> {
        Some(no_path(error))
    }

    fn missing(name: &ContentsName) -> NotFound {
        NotFound::Json(ContentsError::NoSuchDirectory(name.entry.clone()).to_string())
    }
}

impl Resource for ReadContents {
    const KINDS: &'static [ResourceKind] = KINDS;
    const PARAMETER: &'static str = "path";
    type Name = ContentsName;

    fn references(name: &ContentsName) -> Vec<ResourceRef> {
        name.references()
    }

    fn unnamed(error: &PathError) -> Option<Unnamed> {
        Some(no_path(error))
    }

    fn missing(name: &ContentsName) -> NotFound {
        NotFound::Text(format!(
            "file or directory {} does not exist",
            quoted(&name.entry)
        ))
    }
}

/// The reference's answer for what is no path below the root; a path that is too long has an answer of its own.
pub(crate) fn no_path(error: &PathError) -> Unnamed {
    match error {
        PathError::TooLong { .. } => Unnamed::BadRequest(error.to_string()),
        PathError::Outside(_) | PathError::Invalid(_) | PathError::NotAName(_) => {
            Unnamed::NotFound(NotFound::Json(error.to_string()))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_guard_is_asked_about_all_readings() {
        let references = |path: &str| {
            let name: ContentsName = path.parse().unwrap();
            let references = name.references();
            references
                .iter()
                .map(|one| format!("{}:{}", one.kind, one.name))
                .collect::<Vec<_>>()
                .join(" ")
        };
        assert_eq!(references("a/b"), "contents:a/b");
        assert_eq!(
            references("a/checkpoints"),
            "contents:a/checkpoints contents:a checkpoints:a"
        );
        assert_eq!(
            references("a/b/checkpoints/x-1"),
            "contents:a/b/checkpoints/x-1 contents:a/b checkpoints:a/b"
        );
        assert_eq!(references("a/trust"), "contents:a/trust contents:a trust:a");
        assert_eq!(references("a/checkpoints/x.y"), "contents:a/checkpoints/x.y");
        assert_eq!(
            references("checkpoints"),
            "contents:checkpoints contents: checkpoints:"
        );
        assert_eq!(references(""), "contents:");
    }
}
