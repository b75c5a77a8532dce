//! A directory held open, to see what changes in it.

use std::collections::HashMap;
use std::io;
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::path::PathBuf;
use std::time::{Duration, SystemTime};

use rustix::fs::{AtFlags, Dir, FileType, OFlags, Stat, statat};
use rustix::io::Errno;

use super::describe::version;
use super::{Place, Storage};
use crate::path::ContentsPath;
use crate::version::FileVersion;

/// Which directory it is, under whatever names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct DirectoryId {
    device: u64,
    inode: u64,
}

/// A directory that stays the same one whatever it is renamed to.
#[derive(Debug)]
pub(crate) struct OpenDirectory {
    descriptor: OwnedFd,
    pub(crate) id: DirectoryId,
}

/// What an entry was when it was looked at. A link is looked at itself, not what it leads to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Stamp {
    version: FileVersion,
    is_directory: bool,
}

impl Stamp {
    fn of(stat: &Stat) -> Option<Self> {
        let is_directory = match FileType::from_raw_mode(stat.st_mode) {
            FileType::Directory => true,
            FileType::RegularFile | FileType::Symlink => false,
            _ => return None,
        };
        Some(Self {
            version: version(stat),
            is_directory,
        })
    }

    /// Whether it is in the version of before: that tells also of writes whose time was set back, and of another mode.
    /// What happens inside of a directory does not change it.
    pub(crate) fn is_unwritten_since(&self, earlier: &Self) -> bool {
        self.is_same_file(earlier) && (self.is_directory || self.version == earlier.version)
    }

    /// Whether it may be the other one under a new name. An inode may be used again, so the rest must fit, too.
    pub(crate) fn is_renamed(&self, earlier: &Self) -> bool {
        self.is_same_file(earlier) && self.has_same_bytes(earlier)
    }

    /// Whether it may have been written since `time`.
    pub(crate) fn is_written_since(&self, time: SystemTime) -> bool {
        is_after(self.version.modified, time)
    }

    /// Whether it is the same inode.
    pub(crate) fn is_same_file(&self, other: &Self) -> bool {
        self.version.inode == other.version.inode && self.is_directory == other.is_directory
    }

    fn has_same_bytes(&self, other: &Self) -> bool {
        self.version.modified == other.version.modified && self.version.size == other.version.size
    }
}

impl Storage {
    /// Where a directory lies now, beneath the root; `None` where the system does not tell.
    pub(crate) fn place_of_directory(&self, directory: &OpenDirectory) -> Option<ContentsPath> {
        let Ok(Place::Beneath(path)) = self.place(directory.descriptor.as_fd()) else {
            return None;
        };
        let found = self.directory_id(&path).ok()?;
        (found == directory.id).then_some(path)
    }

    /// Opens a directory.
    pub(crate) fn open_directory(&self, path: &ContentsPath) -> io::Result<OpenDirectory> {
        let descriptor = self.root.resolve(path, OFlags::RDONLY | OFlags::DIRECTORY)?;
        let id = id(&rustix::fs::fstat(&descriptor)?);
        Ok(OpenDirectory { descriptor, id })
    }

    /// Which directory `path` names now.
    pub(crate) fn directory_id(&self, path: &ContentsPath) -> io::Result<DirectoryId> {
        let descriptor = self.root.resolve(path, OFlags::RDONLY | OFlags::DIRECTORY)?;
        Ok(id(&rustix::fs::fstat(&descriptor)?))
    }

    /// What `path` is now; `None` if there is nothing that a listing would show.
    pub(crate) fn stamp(&self, path: &ContentsPath) -> Option<Stamp> {
        let (parent, name) = self.root.parent(path).ok()?;
        Stamp::of(&statat(&parent, name, AtFlags::SYMLINK_NOFOLLOW).ok()?)
    }
}

impl OpenDirectory {
    /// Whether entries may have come or gone since `time`.
    pub(crate) fn is_written_since(&self, time: SystemTime) -> bool {
        rustix::fs::fstat(&self.descriptor).is_ok_and(|stat| is_after(version(&stat).modified, time))
    }

    /// What the entry is now; `None` if it is not there.
    pub(crate) fn stamp(&self, name: &str) -> io::Result<Option<Stamp>> {
        match statat(&self.descriptor, name, AtFlags::SYMLINK_NOFOLLOW) {
            Ok(stat) => Ok(Stamp::of(&stat)),
            Err(Errno::NOENT) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    /// All entries that `is_shown`; `None` if there are more than `entries_max`. Names that are not UTF-8 are left out:
    /// no path names them.
    pub(crate) fn stamps(
        &self,
        entries_max: usize,
        is_shown: impl Fn(&str) -> bool,
    ) -> io::Result<Option<HashMap<String, Stamp>>> {
        let mut stamps = HashMap::new();
        for found in Dir::read_from(&self.descriptor)? {
            let found = found?;
            let Ok(name) = found.file_name().to_str() else {
                continue;
            };
            if name == "." || name == ".." || !is_shown(name) {
                continue;
            }
            if stamps.len() >= entries_max {
                return Ok(None);
            }
            if let Some(stamp) = self.stamp(name)? {
                stamps.insert(name.to_owned(), stamp);
            }
        }
        Ok(Some(stamps))
    }

    /// A name by which the operating system finds this very directory, wherever it is by now.
    #[cfg(target_os = "linux")]
    pub(crate) fn os_name(&self, _storage: &Storage, _path: &ContentsPath) -> PathBuf {
        PathBuf::from(format!("/proc/self/fd/{}", self.descriptor.as_raw_fd()))
    }

    /// A name by which the operating system finds this directory, unless it is renamed.
    #[cfg(not(target_os = "linux"))]
    pub(crate) fn os_name(&self, storage: &Storage, path: &ContentsPath) -> PathBuf {
        storage.os_path(path)
    }

    /// Whether others can write it who do not go through this machine's kernel.
    #[cfg(target_os = "linux")]
    pub(crate) fn is_remote(&self) -> bool {
        /// The `f_type` of network and FUSE file systems, from Linux's `statfs(2)`.
        const REMOTE: [u64; 13] = [
            0x6969,      // NFS
            0x517b,      // SMB
            0xff53_4d42, // CIFS
            0xfe53_4d42, // SMB 2
            0x6573_5546, // FUSE
            0x0102_1997, // 9P
            0x5346_414f, // AFS
            0x00c3_6400, // Ceph
            0x0bd0_0bd0, // Lustre
            0x4750_4653, // GPFS
            0x1983_0326, // BeeGFS
            0x7375_7245, // Coda
            0x786f_4256, // VirtualBox
        ];
        rustix::fs::fstatfs(&self.descriptor)
            .is_ok_and(|found| u64::try_from(found.f_type).is_ok_and(|kind| REMOTE.contains(&kind)))
    }

    /// Not told elsewhere.
    #[cfg(not(target_os = "linux"))]
    pub(crate) fn is_remote(&self) -> bool {
        false
    }
}

/// File systems tell the time in steps.
const STEP: Duration = Duration::from_millis(10);

fn is_after((seconds, nanoseconds): (i64, i64), time: SystemTime) -> bool {
    let (Ok(seconds), Ok(nanoseconds)) = (u64::try_from(seconds), u32::try_from(nanoseconds)) else {
        return false;
    };
    let written = Duration::new(seconds, nanoseconds).checked_add(STEP);
    let written = written.and_then(|written| SystemTime::UNIX_EPOCH.checked_add(written));
    written.is_some_and(|written| written > time)
}

#[expect(
    clippy::useless_conversion,
    reason = "the field types differ between platforms"
)]
fn id(stat: &Stat) -> DirectoryId {
    DirectoryId {
        device: u64::try_from(stat.st_dev).unwrap_or(0),
        inode: stat.st_ino,
    }
}
