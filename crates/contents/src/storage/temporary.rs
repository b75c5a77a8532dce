//! Files and directories on their way to a name: made beside it, locked as long as someone works on them, and renamed
//! when they are whole.
//!
//! The lock tells a temporary of a server that runs from one that was left by a server that was killed: whoever gets
//! it may remove the stray ([`sweep`]).

use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;

use rustix::fs::{
    AtFlags, Dir, FlockOperation, Mode, OFlags, RenameFlags, flock, fstat, linkat, mkdirat, openat, renameat,
    renameat_with, statat, unlinkat,
};
use rustix::io::Errno;

use super::partial::is_partial;
use super::{Existing, Kind, remove};

/// Hidden, and left alone by programs that synchronize directories.
const PREFIX: &str = ".~";
const SUFFIX: &str = ".adrastea";
const RANDOM_BYTES: usize = 8;
/// Names tried when a sweep elsewhere takes one away before it is locked.
const ATTEMPTS_MAX: usize = 100;

/// Something new beside a name, removed unless it is renamed to it.
pub(super) struct Temporary {
    directory: OwnedFd,
    name: OsString,
    /// The file or the directory, opened; its lock lives as long.
    file: File,
    is_there: bool,
}

impl Temporary {
    /// An empty file.
    pub(super) fn file(directory: BorrowedFd<'_>, mode: Mode) -> io::Result<Self> {
        let flags = OFlags::RDWR | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        Self::make(directory, |name| openat(directory, name, flags, mode))
    }

    /// An empty directory.
    pub(super) fn directory(directory: BorrowedFd<'_>) -> io::Result<Self> {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        Self::make(directory, |name| {
            mkdirat(directory, name, Mode::RWXU)?;
            let opened = openat(directory, name, flags, Mode::empty());
            // Swept before it was opened: another name is tried.
            opened.map_err(|error| {
                if error == Errno::NOENT {
                    Errno::EXIST
                } else {
                    error
                }
            })
        })
    }

    /// A file that is there already and is to be renamed like the others. It stays until it is.
    pub(super) fn adopt(directory: OwnedFd, name: &str, file: File) -> Self {
        Self {
            directory,
            name: OsString::from(name),
            file,
            is_there: false,
        }
    }

    fn make(directory: BorrowedFd<'_>, make: impl Fn(&OsStr) -> Result<OwnedFd, Errno>) -> io::Result<Self> {
        let directory = directory.try_clone_to_owned()?;
        for _ in 0..ATTEMPTS_MAX {
            let name = random_name()?;
            let file = match make(&name) {
                Ok(descriptor) => File::from(descriptor),
                Err(Errno::EXIST) => continue,
                Err(error) => return Err(error.into()),
            };
            // Some network file systems know no locks; then nobody sweeps there either.
            let swept_meanwhile = match flock(&file, FlockOperation::NonBlockingLockExclusive) {
                Err(Errno::WOULDBLOCK) => true,
                _ => fstat(&file)?.st_nlink == 0,
            };
            if !swept_meanwhile {
                return Ok(Self {
                    directory,
                    name,
                    file,
                    is_there: true,
                });
            }
        }
        Err(io::ErrorKind::AlreadyExists.into())
    }

    /// The file itself; a directory for `openat` and the like.
    pub(super) fn get(&self) -> &File {
        &self.file
    }

    /// Gives it its name. What is there is replaced, or is an error.
    pub(super) fn rename_to(&mut self, name: &OsStr, existing: Existing<'_>) -> Result<(), Errno> {
        let (directory, own) = (&self.directory, &self.name);
        match existing.never_replaces() {
            false => renameat(directory, own, directory, name)?,
            true => match renameat_with(directory, own, directory, name, RenameFlags::NOREPLACE) {
                // Not every file system knows the flag. A directory replaces nothing but an empty one; for a file,
                // a hard link replaces nothing either.
                Err(Errno::INVAL | Errno::NOSYS) => {
                    let is_directory = Kind::of_mode(fstat(&self.file)?.st_mode) == Kind::Directory;
                    if is_directory {
                        renameat(directory, own, directory, name)?;
                    } else {
                        linkat(directory, own, directory, name, AtFlags::empty())?;
                        unlinkat(directory, own, AtFlags::empty())?;
                    }
                }
                result => result?,
            },
        }
        self.is_there = false;
        Ok(())
    }
}

impl Drop for Temporary {
    fn drop(&mut self) {
        if self.is_there
            && let Err(error) = remove_entry(self.directory.as_fd(), &self.name)
        {
            tracing::warn!(name = ?self.name, %error, "a temporary file is left behind");
        }
    }
}

/// Whether a name is one of these, or holds what an upload has sent: such a name is never listed and never copied.
pub(super) fn is_on_its_way(name: &[u8]) -> bool {
    is_temporary(name) || is_partial(name)
}

pub(super) fn is_temporary(name: &[u8]) -> bool {
    let random = name
        .strip_prefix(PREFIX.as_bytes())
        .and_then(|rest| rest.strip_suffix(SUFFIX.as_bytes()));
    random.is_some_and(|random| random.len() == 2 * RANDOM_BYTES && random.iter().all(u8::is_ascii_hexdigit))
}

/// Removes what killed servers left in a directory; how many that was.
pub(super) fn sweep(directory: BorrowedFd<'_>) -> io::Result<usize> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
    let directory = openat(directory, ".", flags, Mode::empty())?;
    let mut swept = 0;
    for entry in Dir::read_from(&directory)? {
        let entry = entry?;
        let name = entry.file_name().to_bytes();
        if !is_temporary(name) {
            continue;
        }
        let name = OsStr::from_bytes(name);
        if let Some(_lock) = lock_stray(directory.as_fd(), name)? {
            remove_entry(directory.as_fd(), name)?;
            swept += 1;
        }
    }
    Ok(swept)
}

/// The lock of what nobody works on, to be held until it is removed.
fn lock_stray(directory: BorrowedFd<'_>, name: &OsStr) -> io::Result<Option<OwnedFd>> {
    let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
    let Ok(descriptor) = openat(directory, name, flags, Mode::empty()) else {
        return Ok(None); // gone, or not ours
    };
    let stat = fstat(&descriptor)?;
    if Kind::of_mode(stat.st_mode) == Kind::Other
        || flock(&descriptor, FlockOperation::NonBlockingLockExclusive).is_err()
    {
        return Ok(None);
    }
    // It may have been renamed to its name between the two.
    let now = statat(directory, name, AtFlags::SYMLINK_NOFOLLOW);
    let is_same = now.is_ok_and(|now| (now.st_dev, now.st_ino) == (stat.st_dev, stat.st_ino));
    Ok(is_same.then_some(descriptor))
}

pub(super) fn remove_entry(directory: BorrowedFd<'_>, name: &OsStr) -> io::Result<()> {
    let name = std::ffi::CString::new(name.as_bytes())?;
    remove::remove(directory, &name, remove::Closed::Open, remove::DEPTH_MAX)
}

fn random_name() -> io::Result<OsString> {
    Ok(OsString::from(format!("{PREFIX}{}{SUFFIX}", random_digits()?)))
}

pub(super) fn random_digits() -> io::Result<String> {
    let mut random = [0_u8; RANDOM_BYTES];
    getrandom::fill(&mut random).map_err(io::Error::other)?;
    Ok(hex::encode(random))
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicBool, Ordering};

    use super::*;

    #[test]
    fn a_directory_is_made_while_strays_are_swept() {
        let place = tempfile::tempdir().unwrap();
        let directory = File::open(place.path()).unwrap();
        let done = AtomicBool::new(false);
        std::thread::scope(|scope| {
            scope.spawn(|| {
                while !done.load(Ordering::Relaxed) {
                    sweep(directory.as_fd()).unwrap();
                }
            });
            let made = (0..5_000).try_for_each(|_| Temporary::directory(directory.as_fd()).map(drop));
            done.store(true, Ordering::Relaxed);
            made.unwrap();
        });
    }
}
