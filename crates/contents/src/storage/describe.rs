//! What is known of an entry without opening it: one `lstat`, for a link one `stat`, one `access`.

use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::path::Path;

use rustix::fs::{Access, AtFlags, FileType, RawMode, Stat, accessat, statat};
use rustix::io::Errno;

use super::resolve::{NAMED, OutsideLinks};
use super::{Root, Storage};
use crate::path::ContentsPath;
use crate::time::FileTime;
use crate::version::{FileVersion, Found};

/// What an entry is, links followed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    File,
    Directory,
    /// A fifo, socket or device, or a link that leads nowhere.
    Other,
}

impl Kind {
    pub(super) fn of_mode(mode: RawMode) -> Self {
        match FileType::from_raw_mode(mode) {
            FileType::RegularFile => Self::File,
            FileType::Directory => Self::Directory,
            _ => Self::Other,
        }
    }
}

/// What is known of one entry.
#[derive(Clone, Debug)]
pub(crate) struct Entry {
    /// The last part of its path. Not UTF-8: the escaped name, and it is not writable.
    pub(crate) name: String,
    /// Links followed; a broken link is `Other`.
    pub(crate) kind: Kind,
    pub(crate) is_link: bool,
    /// Of the entry itself: a link's own, as the reference reports them.
    pub(crate) size: Option<u64>,
    pub(crate) modified: FileTime,
    pub(crate) created: FileTime,
    /// Whether this process may write it (`access`).
    pub(crate) writable: bool,
    /// A directory this process may not enter or list; the reference treats it as hidden.
    pub(crate) closed: bool,
    /// Of the file, links followed; a broken link has its own. Directories have none.
    pub(crate) version: Option<FileVersion>,
}

impl Entry {
    /// Of an entry that its directory names and nobody may look at: a mount of somebody else's, a broken disk, a
    /// directory that may be listed but not entered.
    pub(super) fn unknown(name: String, file_type: FileType) -> Self {
        let nowhen = FileTime::from_stat(0, 0);
        Self {
            name,
            kind: match file_type {
                FileType::Directory => Kind::Directory,
                FileType::RegularFile | FileType::Unknown | FileType::Symlink => Kind::File,
                _ => Kind::Other,
            },
            is_link: file_type == FileType::Symlink,
            size: None,
            modified: nowhen,
            created: nowhen,
            writable: false,
            closed: false,
            version: None,
        }
    }

    /// What a precondition is compared with.
    pub(crate) fn found(&self) -> Found {
        self.version.map_or(Found::Unversioned, Found::File)
    }
}

impl Storage {
    /// Describes what `path` names; `None` if there is nothing, or nothing one may know of.
    pub(crate) fn describe(&self, path: &ContentsPath) -> io::Result<Option<Entry>> {
        let (parent, name) = match self.root.parent(path) {
            Ok(found) => found,
            Err(error) => return absent(error),
        };
        let stat = match statat(&parent, name, AtFlags::SYMLINK_NOFOLLOW) {
            Ok(stat) => stat,
            Err(error) => return absent(error.into()),
        };
        Ok(Some(self.root.entry(
            parent.as_fd(),
            Path::new(name),
            &stat,
            || Some(path.clone()),
        )))
    }
}

impl Root {
    /// A directory that may not be entered or not be listed.
    fn is_closed(directory: BorrowedFd<'_>, name: &Path) -> bool {
        !may(directory, name, Access::READ_OK | Access::EXEC_OK)
    }

    /// `path` is the entry's own: only asked for when it is a link and links outside are refused.
    pub(super) fn entry(
        &self,
        directory: BorrowedFd<'_>,
        name: &Path,
        stat: &Stat,
        path: impl FnOnce() -> Option<ContentsPath>,
    ) -> Entry {
        let is_link = FileType::from_raw_mode(stat.st_mode) == FileType::Symlink;
        let behind = if is_link {
            self.behind_link(directory, name, path)
        } else {
            Some(*stat)
        };
        let kind = behind.map_or(Kind::Other, |stat| Kind::of_mode(stat.st_mode));
        // What is behind a link that may not be followed is not told.
        let leads_nowhere = behind.is_none() && self.links == OutsideLinks::Refuse;
        let closed = kind == Kind::Directory && Self::is_closed(directory, name);
        let text = name.to_str();
        Entry {
            name: text.map_or_else(|| escaped(name), str::to_owned),
            kind,
            is_link,
            size: u64::try_from(stat.st_size).ok(),
            modified: modified(stat),
            created: created(stat),
            writable: text.is_some() && !leads_nowhere && may(directory, name, Access::WRITE_OK),
            closed,
            version: (kind != Kind::Directory).then(|| version(&behind.unwrap_or(*stat))),
        }
    }

    /// What a link leads to, if it leads anywhere.
    fn behind_link(
        &self,
        directory: BorrowedFd<'_>,
        name: &Path,
        path: impl FnOnce() -> Option<ContentsPath>,
    ) -> Option<Stat> {
        match self.links {
            OutsideLinks::Follow => statat(directory, name, AtFlags::empty()).ok(),
            OutsideLinks::Refuse => {
                let descriptor = self.resolve(&path()?, NAMED).ok()?;
                rustix::fs::fstat(descriptor).ok()
            }
        }
    }
}

fn may(directory: BorrowedFd<'_>, name: &Path, access: Access) -> bool {
    accessat(directory, name, access, AtFlags::empty()).is_ok()
}

/// "Not there" is no error for a description; neither is what one may not look into.
fn absent(error: io::Error) -> io::Result<Option<Entry>> {
    match Errno::from_io_error(&error) {
        Some(
            Errno::NOENT | Errno::NOTDIR | Errno::NAMETOOLONG | Errno::ACCESS | Errno::LOOP | Errno::PERM,
        ) => Ok(None),
        _ if error.kind() == io::ErrorKind::PermissionDenied => Ok(None),
        _ => Err(error),
    }
}

/// A name that is not UTF-8, with `\xNN` for what can't be shown.
pub(super) fn escaped(name: &Path) -> String {
    let bytes = std::os::unix::ffi::OsStrExt::as_bytes(name.as_os_str());
    bytes
        .utf8_chunks()
        .map(|chunk| {
            let invalid: String = chunk
                .invalid()
                .iter()
                .map(|byte| format!("\\x{byte:02x}"))
                .collect();
            format!("{}{invalid}", chunk.valid())
        })
        .collect()
}

#[expect(
    clippy::useless_conversion,
    reason = "the field types differ between platforms"
)]
pub(super) fn modified(stat: &Stat) -> FileTime {
    FileTime::from_stat(
        i64::from(stat.st_mtime),
        i64::try_from(stat.st_mtime_nsec).unwrap_or(0),
    )
}

/// The reference takes the time of the last inode change for "created" where Python tells no birth time: on Linux.
#[expect(
    clippy::useless_conversion,
    reason = "the field types differ between platforms"
)]
fn created(stat: &Stat) -> FileTime {
    FileTime::from_stat(
        i64::from(stat.st_ctime),
        i64::try_from(stat.st_ctime_nsec).unwrap_or(0),
    )
}

#[expect(
    clippy::useless_conversion,
    reason = "the field types differ between platforms"
)]
pub(super) fn version(stat: &Stat) -> FileVersion {
    FileVersion {
        modified: (
            i64::from(stat.st_mtime),
            i64::try_from(stat.st_mtime_nsec).unwrap_or(0),
        ),
        changed: (
            i64::from(stat.st_ctime),
            i64::try_from(stat.st_ctime_nsec).unwrap_or(0),
        ),
        size: u64::try_from(stat.st_size).unwrap_or(0),
        inode: stat.st_ino,
    }
}
