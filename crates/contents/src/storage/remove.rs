//! Removing entries for good.

use std::ffi::CStr;
use std::io;
use std::os::fd::{AsFd, BorrowedFd};

use rustix::fs::{AtFlags, Dir, Mode, OFlags, fchmod, openat, unlinkat};
use rustix::io::Errno;

use super::Storage;
use crate::path::ContentsPath;

/// Deepest nesting of directories that is removed, so that the stack stays bounded.
pub(super) const DEPTH_MAX: usize = 256;

/// What becomes of directories whose owner may not write in them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Closed {
    /// They stay.
    Respect,
    /// They are opened first: for copies of such directories.
    Open,
}

impl Storage {
    /// Removes a file, or a link but never what it points at.
    pub(crate) fn remove_file(&self, path: &ContentsPath) -> io::Result<()> {
        let (directory, name) = self.root.parent(path)?;
        Ok(unlinkat(&directory, name, AtFlags::empty())?)
    }

    /// Removes a file, or a directory with all that is in it. Links in it are removed, not followed.
    pub(crate) fn remove_tree(&self, path: &ContentsPath) -> io::Result<()> {
        let (directory, name) = self.root.parent(path)?;
        let name = std::ffi::CString::new(name)?;
        remove(directory.as_fd(), &name, Closed::Respect, DEPTH_MAX)
    }
}

pub(super) fn remove(directory: BorrowedFd<'_>, name: &CStr, closed: Closed, depth: usize) -> io::Result<()> {
    match unlinkat(directory, name, AtFlags::empty()) {
        Ok(()) => return Ok(()),
        // Linux says EISDIR for a directory, POSIX EPERM.
        Err(Errno::ISDIR | Errno::PERM) => {}
        Err(error) => return Err(error.into()),
    }
    let Some(depth) = depth.checked_sub(1) else {
        return Err(io::Error::other("the directories are nested too deeply"));
    };
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let inner = openat(directory, name, flags, Mode::empty())?;
    if closed == Closed::Open {
        fchmod(&inner, Mode::RWXU)?;
    }
    for entry in Dir::read_from(&inner)? {
        let entry = entry?;
        let entry_name = entry.file_name();
        if entry_name.to_bytes() != b"." && entry_name.to_bytes() != b".." {
            remove(inner.as_fd(), entry_name, closed, depth)?;
        }
    }
    Ok(unlinkat(directory, name, AtFlags::REMOVEDIR)?)
}
