//! Where a save goes: links followed to their end, and the new file put in the place of the old one.

use std::ffi::OsString;
use std::fs::File;
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::ffi::OsStringExt;
use std::path::{Path, PathBuf};

use rustix::fs::{
    Access, AtFlags, FileType, Mode, OFlags, Stat, accessat, fstat, openat, readlinkat, statat,
};
use rustix::io::Errno;

use super::attributes::{self, set_time};
use super::describe::version;
use super::existing::changed;
use super::resolve::{DIRECTORY, OutsideLinks};
use super::save::New;
use super::temporary::Temporary;
use super::walk::LINKS_MAX;
use super::{Existing, Kind, Storage};
use crate::path::ContentsPath;
use crate::version::FileVersion;

/// Where the bytes really go: a directory and a name in it that is no link.
pub(super) struct Target {
    pub(super) directory: OwnedFd,
    pub(super) name: OsString,
    /// Of what is there now.
    pub(super) old: Option<Stat>,
}

/// Why the new file did not take the place of the old one.
pub(super) enum Failure {
    /// Nothing was changed; writing in place may still work.
    RenameCannotWork,
    Io(io::Error),
}

impl Storage {
    /// Where `path` leads. Nothing needs to be there.
    pub(super) fn target(&self, path: &ContentsPath) -> io::Result<Target> {
        let mut target = self.name_itself(path)?;
        if target.is_link() {
            match self.root.links {
                OutsideLinks::Follow => target.follow_links()?,
                OutsideLinks::Refuse => {
                    let place = self.root.walk(path.as_str().as_ref())?;
                    (target.directory, target.name) = (place.directory, place.name);
                    target.look()?;
                }
            }
        }
        Ok(target)
    }

    /// What `path` itself names, be it a link.
    pub(super) fn name_itself(&self, path: &ContentsPath) -> io::Result<Target> {
        let (directory, name) = self.root.parent(path)?;
        let mut target = Target {
            directory,
            name: OsString::from(name),
            old: None,
        };
        target.look()?;
        Ok(target)
    }

    /// Writes `new` to where `path` leads, durably, whole or not at all.
    pub(super) fn write(
        &self,
        path: &ContentsPath,
        new: &New<'_>,
        existing: Existing<'_>,
    ) -> io::Result<FileVersion> {
        let _change = self.changes.begin();
        if existing == Existing::Keep {
            // Be it a link to nothing.
            existing.check(self.name_itself(path)?.old.as_ref())?;
        }
        let target = self.target(path)?;
        // Before any work; compared once more right before the change.
        existing.check(target.old.as_ref())?;
        let old = target.old_file()?;
        if old.is_some() && !target.is_alone() {
            return self.write_in_place(path, &target, new, existing);
        }
        if let Some(journal) = &self.journal {
            journal.about_to_write(path, target.directory.as_fd())?;
        }
        // A file like another one is private until it is.
        let is_private = old.is_some() || new.like.is_some();
        let mode = Mode::from_raw_mode(if is_private { 0o600 } else { 0o666 });
        let mut temporary = match Temporary::file(target.directory.as_fd(), mode) {
            Err(error) if old.is_some() && error.kind() == io::ErrorKind::PermissionDenied => {
                return self.write_in_place(path, &target, new, existing);
            }
            temporary => temporary?,
        };
        new.content.write_to(temporary.get())?;
        set_time(temporary.get());
        match target.put(&mut temporary, old.as_ref(), new.like, existing) {
            Err(Failure::RenameCannotWork) if !existing.never_replaces() => {
                drop(temporary);
                self.write_in_place(path, &target, new, existing)
            }
            result => result.map_err(Failure::into_error),
        }
    }

    pub(super) fn write_in_place(
        &self,
        path: &ContentsPath,
        target: &Target,
        new: &New<'_>,
        existing: Existing<'_>,
    ) -> io::Result<FileVersion> {
        let written = target.overwrite(path, &new.content, existing, self.journal.as_deref())?;
        if let Some(like) = new.like {
            attributes::copy_stat(&written, like);
        }
        Ok(version(&fstat(&written)?))
    }
}

impl Target {
    fn look(&mut self) -> io::Result<()> {
        self.old = self.now()?;
        Ok(())
    }

    fn now(&self) -> io::Result<Option<Stat>> {
        match statat(&self.directory, &self.name, AtFlags::SYMLINK_NOFOLLOW) {
            Ok(stat) => Ok(Some(stat)),
            Err(Errno::NOENT) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    fn is_link(&self) -> bool {
        self.old
            .as_ref()
            .is_some_and(|stat| FileType::from_raw_mode(stat.st_mode) == FileType::Symlink)
    }

    /// Moves to where the link points, so that the link stays a link.
    fn follow_links(&mut self) -> io::Result<()> {
        for _ in 0..LINKS_MAX {
            if !self.is_link() {
                return Ok(());
            }
            let link = readlinkat(&self.directory, &self.name, Vec::new())?;
            let pointed = PathBuf::from(OsString::from_vec(link.into_bytes()));
            let name = pointed.file_name().ok_or(io::ErrorKind::IsADirectory)?.to_owned();
            let directory = match pointed.parent() {
                Some(parent) if !parent.as_os_str().is_empty() => parent,
                _ => Path::new("."),
            };
            let flags = DIRECTORY | OFlags::CLOEXEC;
            self.directory = openat(&self.directory, directory, flags, Mode::empty())?;
            self.name = name;
            self.look()?;
        }
        Err(Errno::LOOP.into())
    }

    /// The regular file that is there, if any, and may be written.
    pub(super) fn old_file(&self) -> io::Result<Option<File>> {
        let Some(stat) = &self.old else { return Ok(None) };
        match Kind::of_mode(stat.st_mode) {
            Kind::File => {}
            Kind::Directory => return Err(io::ErrorKind::IsADirectory.into()),
            Kind::Other => return Err(io::ErrorKind::InvalidInput.into()),
        }
        // A rename would also replace a file that may not be written: ask first, as an open for writing would.
        accessat(&self.directory, &self.name, Access::WRITE_OK, AtFlags::empty())?;
        let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
        let file = openat(&self.directory, &self.name, flags, Mode::empty())?;
        Ok(Some(File::from(file)))
    }

    /// Whether this is the only name of what is there.
    pub(super) fn is_alone(&self) -> bool {
        self.old.as_ref().is_none_or(|stat| stat.st_nlink <= 1)
    }

    /// Puts a new file in the place of the old one.
    pub(super) fn put(
        &self,
        temporary: &mut Temporary,
        old: Option<&File>,
        like: Option<&File>,
        existing: Existing<'_>,
    ) -> Result<FileVersion, Failure> {
        let new = temporary.get();
        let kept = match (old, like) {
            (Some(old), None) => attributes::keep_all(new, old),
            (Some(old), Some(_)) => attributes::keep_owner(new, old),
            (None, _) => Ok(()),
        };
        kept.map_err(|_| Failure::RenameCannotWork)?; // in place they stay
        if let Some(like) = like {
            attributes::copy_stat(new, like);
        }
        new.sync_all()?;
        if !existing.never_replaces() {
            existing.check(self.now()?.as_ref())?;
        }
        match temporary.rename_to(&self.name, existing) {
            Ok(()) => {}
            // A file mounted on its own, or a sticky directory.
            Err(Errno::BUSY | Errno::XDEV | Errno::PERM | Errno::ACCESS) => {
                return Err(Failure::RenameCannotWork);
            }
            Err(Errno::EXIST) if existing != Existing::Keep => return Err(changed().into()),
            Err(error) => return Err(error.into()),
        }
        // Of our own file, whoever has taken its name meanwhile; and after the rename, which the version tells.
        let version = version(&fstat(temporary.get())?);
        sync_directory(&self.directory)?;
        Ok(version)
    }
}

/// Makes what was renamed in it durable, where the file system can.
pub(super) fn sync_directory(directory: impl AsFd) -> io::Result<()> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
    let synced = openat(directory, ".", flags, Mode::empty()).and_then(rustix::fs::fsync);
    match synced {
        Err(error @ (Errno::IO | Errno::NOSPC | Errno::DQUOT)) => Err(error.into()),
        Err(error) => {
            tracing::debug!(%error, "the directory of a saved file could not be forced to disk");
            Ok(())
        }
        Ok(()) => Ok(()),
    }
}

impl Failure {
    pub(super) fn into_error(self) -> io::Error {
        match self {
            Self::RenameCannotWork => io::ErrorKind::PermissionDenied.into(),
            Self::Io(error) => error,
        }
    }
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

impl From<Errno> for Failure {
    fn from(error: Errno) -> Self {
        Self::Io(error.into())
    }
}
