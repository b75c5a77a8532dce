//! Versions of files, and what a change may demand of the version it meets.

use std::fmt;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

/// Bytes of the hash that stand in the text of a version.
const TEXT_BYTES: usize = 16;

/// Which state a file is in, told without reading it: two states of one file differ in this. It is the same however
/// the file is shown, as a notebook, as text, in base64 or without content.
///
/// The time of the last write alone would not do: tools set it back, and two writes may fall into one tick of the
/// file system's clock. The time of the inode's last change can't be set back, and a save by rename brings another
/// inode.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct FileVersion {
    /// Seconds and nanoseconds.
    pub(crate) modified: (i64, i64),
    /// Seconds and nanoseconds.
    pub(crate) changed: (i64, i64),
    pub(crate) size: u64,
    pub(crate) inode: u64,
}

impl FileVersion {
    /// Whether the last change was so long before `now` that another one would have another time.
    pub(crate) fn is_settled(&self, now: SystemTime, after: Duration) -> bool {
        let changed = u64::try_from(self.changed.0).unwrap_or(0);
        let since = now.duration_since(UNIX_EPOCH + Duration::from_secs(changed));
        // A second more, as the nanoseconds are left out.
        since.is_ok_and(|since| since > after + Duration::from_secs(1))
    }
}

impl fmt::Display for FileVersion {
    /// Opaque, so that nobody reads anything else out of it.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut hash = Sha256::new();
        for number in [self.modified.0, self.modified.1, self.changed.0, self.changed.1] {
            hash.update(number.to_le_bytes());
        }
        hash.update(self.size.to_le_bytes());
        hash.update(self.inode.to_le_bytes());
        let text = hex::encode(hash.finalize());
        formatter.write_str(text.get(..2 * TEXT_BYTES).unwrap_or(&text))
    }
}

/// The versions that a request names.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Versions {
    /// `*`: whatever is there.
    Any,
    /// One of these texts of [`FileVersion`]s.
    OneOf(Vec<String>),
}

impl Versions {
    /// Whether `found` is one of them. A directory has no version, so only [`Versions::Any`] names it.
    pub fn name(&self, found: Found) -> bool {
        match (self, found) {
            (_, Found::Nothing) => false,
            (Self::Any, Found::Unversioned | Found::File(_)) => true,
            (Self::OneOf(_), Found::Unversioned) => false,
            (Self::OneOf(texts), Found::File(version)) => texts.contains(&version.to_string()),
        }
    }
}

/// What a change meets under a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Found {
    /// There is nothing.
    Nothing,
    /// Something that has no version: a directory, as its entries change without it.
    Unversioned,
    /// A file in this version.
    File(FileVersion),
}

/// What must hold for a change to be made: `If-Match` and `If-None-Match` of HTTP. The default demands nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Precondition {
    /// One of these must be there.
    pub if_match: Option<Versions>,
    /// None of these may be there.
    pub if_none_match: Option<Versions>,
}

impl Precondition {
    /// Whether `found` may be changed.
    pub fn allows(&self, found: Found) -> bool {
        let wanted = self.if_match.as_ref();
        let unwanted = self.if_none_match.as_ref();
        wanted.is_none_or(|versions| versions.name(found))
            && !unwanted.is_some_and(|versions| versions.name(found))
    }

    /// Whether the name must be free.
    pub(crate) fn wants_nothing_there(&self) -> bool {
        self.if_none_match == Some(Versions::Any)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ONE: FileVersion = FileVersion {
        modified: (1, 2),
        changed: (3, 4),
        size: 5,
        inode: 6,
    };

    #[test]
    fn every_part_of_a_version_counts() {
        let others = [
            FileVersion {
                modified: (1, 3),
                ..ONE
            },
            FileVersion {
                changed: (3, 5),
                ..ONE
            },
            FileVersion { size: 6, ..ONE },
            FileVersion { inode: 5, ..ONE },
        ];
        for other in others {
            assert_ne!(other.to_string(), ONE.to_string());
        }
        assert_eq!(ONE.to_string().len(), 32);
    }

    #[test]
    fn a_precondition_names_what_may_be_changed() {
        let other = FileVersion { size: 6, ..ONE };
        let of = |text: Option<&str>| {
            text.map(|text| match text {
                "*" => Versions::Any,
                "one" => Versions::OneOf(vec!["x".to_owned(), ONE.to_string()]),
                text => Versions::OneOf(vec![text.to_owned()]),
            })
        };
        let check = |if_match, if_none_match, expected: [bool; 4]| {
            let precondition = Precondition {
                if_match: of(if_match),
                if_none_match: of(if_none_match),
            };
            let found = [
                Found::Nothing,
                Found::Unversioned,
                Found::File(ONE),
                Found::File(other),
            ];
            assert_eq!(
                found.map(|found| precondition.allows(found)),
                expected,
                "{precondition:?}"
            );
        };
        check(None, None, [true, true, true, true]);
        check(Some("*"), None, [false, true, true, true]);
        check(Some("one"), None, [false, false, true, false]);
        check(Some("y"), None, [false, false, false, false]);
        check(None, Some("*"), [true, false, false, false]);
        check(None, Some("one"), [true, true, false, true]);
        check(Some("*"), Some("one"), [false, true, false, true]);
    }
}
