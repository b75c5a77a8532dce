//! Moving an entry to another name, never over another one.

use std::io;

use rustix::fs::{AtFlags, FileType, RenameFlags, readlinkat, renameat, renameat_with, statat, symlinkat};
use rustix::io::Errno;

use super::Storage;
use crate::path::ContentsPath;

impl Storage {
    /// Renames; [`io::ErrorKind::AlreadyExists`] if `to` is there and is not the very same file (on a file system
    /// that ignores case a name may differ from itself in case only). Across devices: copies and removes.
    pub(crate) fn rename(&self, from: &ContentsPath, to: &ContentsPath) -> io::Result<()> {
        let (from_directory, from_name) = self.root.parent(from)?;
        let (to_directory, to_name) = self.root.parent(to)?;
        let source = statat(&from_directory, from_name, AtFlags::SYMLINK_NOFOLLOW)?;
        if let Ok(target) = statat(&to_directory, to_name, AtFlags::SYMLINK_NOFOLLOW) {
            if (source.st_dev, source.st_ino) != (target.st_dev, target.st_ino) {
                return Err(io::ErrorKind::AlreadyExists.into());
            }
            return Ok(renameat(&from_directory, from_name, &to_directory, to_name)?);
        }
        match renameat_with(
            &from_directory,
            from_name,
            &to_directory,
            to_name,
            RenameFlags::NOREPLACE,
        ) {
            Ok(()) => Ok(()),
            Err(Errno::NOSYS | Errno::INVAL) if !to.is_within(from) => {
                Ok(renameat(&from_directory, from_name, &to_directory, to_name)?)
            }
            Err(Errno::XDEV) if FileType::from_raw_mode(source.st_mode) == FileType::Symlink => {
                let leads_to = readlinkat(&from_directory, from_name, Vec::new())?;
                symlinkat(&*leads_to, &to_directory, to_name)?;
                self.remove_file(from)
            }
            Err(Errno::XDEV) => {
                // All of it: a rename has no limit.
                self.copy_tree(from, to, u64::MAX)?;
                self.remove_tree(from)
            }
            Err(error) => Err(error.into()),
        }
    }
}
