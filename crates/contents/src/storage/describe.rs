//! What is known of an entry without opening it: one `lstat`, for a link one `stat`, one `access`.

use std::ffi::OsStr;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::sync::Arc;

use rustix::fs::{Access, AtFlags, Dir, FileType, OFlags, RawMode, Stat, accessat, statat};
use rustix::io::Errno;

use super::resolve::{NAMED, OutsideLinks};
use super::temporary::is_on_its_way;
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
    pub(crate) size: u64,
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

    /// All entries of a directory, in the order the file system gives them. One that vanishes meanwhile is left
    /// out. [`io::ErrorKind::QuotaExceeded`] for more than `entries_max`.
    pub(crate) fn list(&self, directory: &ContentsPath, entries_max: usize) -> io::Result<Vec<Entry>> {
        let descriptor: OwnedFd = self.root.resolve(directory, OFlags::RDONLY | OFlags::DIRECTORY)?;
        let mut entries = Vec::new();
        for found in Dir::read_from(&descriptor)? {
            let found = found?;
            let bytes = found.file_name().to_bytes();
            if bytes == b"." || bytes == b".." || is_on_its_way(bytes) {
                continue;
            }
            if entries.len() >= entries_max {
                return Err(io::ErrorKind::QuotaExceeded.into());
            }
            let Ok(stat) = statat(&descriptor, found.file_name(), AtFlags::SYMLINK_NOFOLLOW) else {
                continue;
            };
            let name = Path::new(<std::ffi::OsStr as std::os::unix::ffi::OsStrExt>::from_bytes(
                bytes,
            ));
            let path = || directory.join(name.to_str()?).ok();
            entries.push(self.root.entry(descriptor.as_fd(), name, &stat, path));
        }
        Ok(entries)
    }
}

/// A directory that is listed piece by piece, however many entries it has.
pub(crate) struct Listing {
    root: Arc<Root>,
    path: ContentsPath,
    directory: Dir,
}

impl Storage {
    /// Begins to list a directory.
    pub(crate) fn listing(&self, directory: &ContentsPath) -> io::Result<Listing> {
        let descriptor = self.root.resolve(directory, OFlags::RDONLY | OFlags::DIRECTORY)?;
        Ok(Listing {
            root: Arc::clone(&self.root),
            path: directory.clone(),
            directory: Dir::new(descriptor)?,
        })
    }
}

impl Listing {
    /// The next entries, at most so many; `None` after the last. One that vanishes meanwhile is left out.
    pub(crate) fn next(&mut self, count: usize) -> io::Result<Option<Vec<Entry>>> {
        let mut entries = Vec::new();
        while entries.len() < count {
            let Some(found) = self.directory.next() else {
                return Ok((!entries.is_empty()).then_some(entries));
            };
            let found = found?;
            let name = found.file_name();
            let bytes = name.to_bytes();
            if bytes == b"." || bytes == b".." || is_on_its_way(bytes) {
                continue;
            }
            let descriptor = self.directory.fd()?;
            let Ok(stat) = statat(descriptor, name, AtFlags::SYMLINK_NOFOLLOW) else {
                continue;
            };
            let name = Path::new(OsStr::from_bytes(bytes));
            let path = || self.path.join(name.to_str()?).ok();
            entries.push(self.root.entry(descriptor, name, &stat, path));
        }
        Ok(Some(entries))
    }
}

impl Root {
    /// `path` is the entry's own: only asked for when it is a link and links outside are refused.
    fn entry(
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
        let may = |access| accessat(directory, name, access, AtFlags::empty()).is_ok();
        let closed = kind == Kind::Directory && !may(Access::READ_OK | Access::EXEC_OK);
        let text = name.to_str();
        Entry {
            name: text.map_or_else(|| escaped(name), str::to_owned),
            kind,
            is_link,
            size: u64::try_from(stat.st_size).unwrap_or(0),
            modified: modified(stat),
            created: created(stat),
            writable: text.is_some() && !leads_nowhere && may(Access::WRITE_OK),
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
fn escaped(name: &Path) -> String {
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
