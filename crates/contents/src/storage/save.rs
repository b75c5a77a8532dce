//! Writing a file so that whoever reads it finds the old content or the new, whole.
//!
//! The new bytes go to a temporary file beside the target, are forced to the disk, and are renamed over it; mode
//! and owner of the old file are kept and a link is followed to its target. Where a rename can't work or would
//! lose something (a hard link, a foreign owner, a directory one may not write in, a mounted file) the file is
//! written in place, with a copy beside it meanwhile where that is possible.

use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io::{self, Read, Write};
use std::os::fd::OwnedFd;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use rustix::fs::{
    Access, AtFlags, Gid, Mode, OFlags, RenameFlags, Stat, Uid, accessat, fchmod, fchown, openat, readlinkat,
    renameat, renameat_with, statat, unlinkat,
};
use rustix::io::Errno;

use super::describe::version;
use super::resolve::{OutsideLinks, Root};
use super::{Kind, Storage};
use crate::path::ContentsPath;
use crate::version::{FileVersion, Found, Precondition};

/// Links followed from one name before we give up, as Linux does.
const LINKS_MAX: usize = 40;
/// Bytes of the old name kept in the name of a temporary file (a name may have 255).
const NAME_BYTES_KEPT: usize = 200;

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
    fn never_replaces(self) -> bool {
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
    fn check(self, now: Option<&Stat>) -> io::Result<()> {
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

fn changed() -> io::Error {
    io::Error::other(Changed)
}

/// Whether a save failed because of its precondition.
pub(crate) fn is_changed(error: &io::Error) -> bool {
    error.get_ref().is_some_and(|inner| inner.is::<Changed>())
}

/// Where the bytes really go: a directory and a name in it that is no link.
pub(super) struct Target {
    pub(super) directory: OwnedFd,
    pub(super) name: OsString,
    /// Of the file that is there now.
    pub(super) old: Option<Stat>,
}

impl Storage {
    /// Writes a whole file, durably; the version of what was written.
    pub(crate) fn save(
        &self,
        path: &ContentsPath,
        bytes: &[u8],
        existing: Existing<'_>,
    ) -> io::Result<FileVersion> {
        let mut target = Target::find(&self.root, path)?;
        if target.is_link() {
            if existing == Existing::Keep {
                return Err(io::ErrorKind::AlreadyExists.into());
            }
            if self.root.links == OutsideLinks::Refuse {
                // Only the kernel can say whether the link stays inside, and only for opening.
                let file = File::from(self.root.resolve(path, OFlags::WRONLY | OFlags::NONBLOCK)?);
                existing.check(Some(&rustix::fs::fstat(&file)?))?;
                return write_in_place(&file, bytes);
            }
            target.follow_links()?;
        }
        // Before any work; compared once more right before the change.
        existing.check(target.old.as_ref())?;
        target.write(bytes, existing)
    }
}

impl Target {
    /// What `path` itself names, be it a link.
    pub(super) fn find(root: &Root, path: &ContentsPath) -> io::Result<Self> {
        let (directory, name) = root.parent(path)?;
        let mut target = Self {
            directory,
            name: OsString::from(name),
            old: None,
        };
        target.look()?;
        Ok(target)
    }

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
        use rustix::fs::FileType;
        self.old
            .as_ref()
            .is_some_and(|stat| FileType::from_raw_mode(stat.st_mode) == FileType::Symlink)
    }

    /// Moves to where the link points, so that the link stays a link.
    pub(super) fn follow_links(&mut self) -> io::Result<()> {
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
            self.directory = openat(
                &self.directory,
                directory,
                OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC,
                Mode::empty(),
            )?;
            self.name = name;
            self.look()?;
        }
        Err(Errno::LOOP.into())
    }

    fn write(&self, bytes: &[u8], existing: Existing<'_>) -> io::Result<FileVersion> {
        let Some(old) = &self.old else {
            return self
                .write_beside(bytes, None, existing)
                .map_err(Failure::into_error);
        };
        match Kind::of_mode(old.st_mode) {
            Kind::File => {}
            Kind::Directory => return Err(io::ErrorKind::IsADirectory.into()),
            Kind::Other => return Err(io::ErrorKind::InvalidInput.into()),
        }
        // A rename would also replace a file that may not be written: ask first, as an open for writing would.
        accessat(&self.directory, &self.name, Access::WRITE_OK, AtFlags::empty())?;
        if old.st_nlink > 1 {
            return self.write_over(bytes, existing);
        }
        match self.write_beside(bytes, Some(old), existing) {
            Err(Failure::RenameCannotWork) => self.write_over(bytes, existing),
            result => result.map_err(Failure::into_error),
        }
    }

    /// The usual way: a temporary file, forced to disk, renamed.
    fn write_beside(
        &self,
        bytes: &[u8],
        old: Option<&Stat>,
        existing: Existing<'_>,
    ) -> Result<FileVersion, Failure> {
        let name = temporary_name(&self.name)?;
        // A new file gets what the umask leaves of 0666; a replaced one is private until it has its old mode.
        let mode = Mode::from_raw_mode(if old.is_some() { 0o600 } else { 0o666 });
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let file = match openat(&self.directory, &name, flags, mode) {
            Ok(descriptor) => File::from(descriptor),
            Err(Errno::ACCESS | Errno::PERM) if old.is_some() => return Err(Failure::RenameCannotWork),
            Err(error) => return Err(error.into()),
        };
        let temporary = Temporary {
            directory: &self.directory,
            name: &name,
        };
        if let Some(old) = old {
            keep_owner_and_mode(&file, old)?;
        }
        (&file).write_all(bytes)?;
        set_time(&file);
        file.sync_all()?;
        self.rename_over(&name, existing)?;
        std::mem::forget(temporary); // it has become the file
        // Of our own file, whoever has taken its name meanwhile; and after the rename, which the version tells.
        let version = version(&rustix::fs::fstat(&file)?);
        self.sync_directory();
        Ok(version)
    }

    fn rename_over(&self, temporary: &OsStr, existing: Existing<'_>) -> Result<(), Failure> {
        let directory = &self.directory;
        let renamed = match existing.never_replaces() {
            false => {
                existing.check(self.now()?.as_ref())?;
                renameat(directory, temporary, directory, &self.name)
            }
            true => {
                match renameat_with(
                    directory,
                    temporary,
                    directory,
                    &self.name,
                    RenameFlags::NOREPLACE,
                ) {
                    // Not every file system knows the flag; a hard link does not replace either.
                    Err(Errno::INVAL | Errno::NOSYS) => {
                        rustix::fs::linkat(directory, temporary, directory, &self.name, AtFlags::empty())
                            .and_then(|()| unlinkat(directory, temporary, AtFlags::empty()))
                    }
                    result => result,
                }
            }
        };
        match renamed {
            Ok(()) => Ok(()),
            // A file mounted on its own, or a sticky directory.
            Err(Errno::BUSY | Errno::XDEV | Errno::PERM | Errno::ACCESS) if !existing.never_replaces() => {
                Err(Failure::RenameCannotWork)
            }
            Err(Errno::EXIST) if existing != Existing::Keep => Err(changed().into()),
            Err(error) => Err(error.into()),
        }
    }

    /// Writes the file itself. A copy of the old bytes lies beside it until the new ones are on the disk, named
    /// as the reference names it, and is put back when writing fails.
    fn write_over(&self, bytes: &[u8], existing: Existing<'_>) -> io::Result<FileVersion> {
        let flags = OFlags::RDWR | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
        let mut file = File::from(openat(&self.directory, &self.name, flags, Mode::empty())?);
        existing.check(Some(&rustix::fs::fstat(&file)?))?;
        let mut old = Vec::new();
        file.read_to_end(&mut old)?;
        let mut copy_name = OsString::from(".~");
        copy_name.push(&self.name);
        let copied = self.write_copy(&copy_name, &old);
        let result = write_in_place(&file, bytes).or_else(|error| {
            write_in_place(&file, &old)?;
            Err(error)
        });
        if copied.is_ok() {
            unlinkat(&self.directory, &copy_name, AtFlags::empty())?;
        }
        result
    }

    fn write_copy(&self, name: &OsStr, bytes: &[u8]) -> io::Result<()> {
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::TRUNC | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let mut file = File::from(openat(&self.directory, name, flags, Mode::from_raw_mode(0o600))?);
        file.write_all(bytes)?;
        file.sync_all()
    }

    /// Makes the rename itself durable. The content is safe already, and some file systems can't do it.
    fn sync_directory(&self) {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let synced = openat(&self.directory, ".", flags, Mode::empty()).and_then(rustix::fs::fsync);
        if let Err(error) = synced {
            tracing::debug!(%error, "the directory of a saved file could not be forced to disk");
        }
    }
}

/// A temporary file that is removed unless it becomes the file.
struct Temporary<'a> {
    directory: &'a OwnedFd,
    name: &'a OsStr,
}

impl Drop for Temporary<'_> {
    fn drop(&mut self) {
        if let Err(error) = unlinkat(self.directory, self.name, AtFlags::empty()) {
            tracing::warn!(name = ?self.name, %error, "a temporary file is left behind");
        }
    }
}

/// Why the usual way did not end with the new file.
enum Failure {
    /// Nothing was changed; writing in place may still work.
    RenameCannotWork,
    Io(io::Error),
}

impl Failure {
    fn into_error(self) -> io::Error {
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

fn keep_owner_and_mode(file: &File, old: &Stat) -> Result<(), Failure> {
    let new = rustix::fs::fstat(file)?;
    if (new.st_uid, new.st_gid) != (old.st_uid, old.st_gid) {
        let kept = fchown(
            file,
            Some(Uid::from_raw(old.st_uid)),
            Some(Gid::from_raw(old.st_gid)),
        );
        if kept.is_err() {
            return Err(Failure::RenameCannotWork); // in place the owner stays
        }
    }
    fchmod(file, Mode::from_raw_mode(old.st_mode))?;
    Ok(())
}

/// Gives the file a time of its own. The file system's clock ticks every few milliseconds, and two saves within one
/// tick would have the same version.
fn set_time(file: &File) {
    if let Err(error) = file.set_modified(SystemTime::now()) {
        tracing::debug!(%error, "a saved file has the time that the file system gave it");
    }
}

fn write_in_place(file: &File, bytes: &[u8]) -> io::Result<FileVersion> {
    use std::os::unix::fs::FileExt;
    if !file.metadata()?.is_file() {
        return Err(io::ErrorKind::InvalidInput.into());
    }
    file.set_len(0)?;
    file.write_all_at(bytes, 0)?;
    set_time(file);
    file.sync_all()?;
    Ok(version(&rustix::fs::fstat(file)?))
}

/// A name beside `name` that nobody else uses; hidden, so that no listing shows it.
fn temporary_name(name: &OsStr) -> io::Result<OsString> {
    let mut random = [0_u8; 8];
    getrandom::fill(&mut random).map_err(io::Error::other)?;
    let bytes = name.as_bytes();
    let kept = bytes.get(..NAME_BYTES_KEPT).unwrap_or(bytes);
    let mut temporary = b".~".to_vec();
    temporary.extend_from_slice(kept);
    temporary.push(b'.');
    temporary.extend_from_slice(hex::encode(random).as_bytes());
    Ok(OsString::from_vec(temporary))
}
