//! Copying files and directories with their modes and times, as Python's `copytree` does.

use std::ffi::{CStr, CString, OsStr, OsString};
use std::fs::File;
use std::io::{self, Read};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::ffi::OsStringExt;

use rustix::fs::{AtFlags, Dir, Mode, OFlags, Stat, mkdirat, openat, readlinkat, statat, symlinkat};
use rustix::io::Errno;

use super::resolve::Root;
use super::target::sync_directory;
use super::temporary::{Temporary, is_on_its_way, is_temporary};
use super::{Existing, Kind, Storage, attributes};
use crate::path::ContentsPath;

/// Deepest nesting of directories that is copied.
const DEPTH_MAX: usize = 256;

/// Most entries that are copied at once; links into a lattice of directories make many out of few.
const ENTRIES_MAX: usize = 500_000;

/// How what is copied is opened: a fifo is not waited for.
const SOURCE: OFlags = OFlags::RDONLY.union(OFlags::NONBLOCK).union(OFlags::CLOEXEC);

impl Storage {
    /// Copies a file, or a directory with all that is in it, to a name that must be free, whole or not at all. Links
    /// are followed as far as allowed; one that leads back to a directory it lies in is an error, and so is more than
    /// `bytes_max` in all files together or too many entries ([`io::ErrorKind::FileTooLarge`]).
    pub(crate) fn copy_tree(&self, from: &ContentsPath, to: &ContentsPath, bytes_max: u64) -> io::Result<()> {
        let _change = self.changes.begin();
        let (to_directory, to_name) = self.root.parent(to)?;
        if statat(&to_directory, to_name, AtFlags::SYMLINK_NOFOLLOW).is_ok() {
            return Err(io::ErrorKind::AlreadyExists.into());
        }
        let source = self.root.resolve(from, SOURCE)?;
        if let Some(journal) = &self.journal {
            journal.about_to_write(to, to_directory.as_fd())?;
        }
        self.copy_opened(&source, from, (&to_directory, to_name), bytes_max, Links::Follow)
    }

    /// Copies what is called `name` in `directory` to a name in another one, all of it as it is: links stay links, and
    /// what uploads have sent comes along.
    pub(super) fn copy_as_it_is(
        &self,
        (directory, name): (&OwnedFd, &str),
        from: &ContentsPath,
        (to_directory, to_name): (&OwnedFd, &str),
    ) -> io::Result<()> {
        let source = openat(directory, name, SOURCE | OFlags::NOFOLLOW, Mode::empty())?;
        self.copy_opened(&source, from, (to_directory, to_name), u64::MAX, Links::Keep)
    }

    fn copy_opened(
        &self,
        source: &OwnedFd,
        from: &ContentsPath,
        (to_directory, to_name): (&OwnedFd, &str),
        bytes_max: u64,
        links: Links,
    ) -> io::Result<()> {
        let stat = rustix::fs::fstat(source)?;
        let mut temporary = match Kind::of_mode(stat.st_mode) {
            Kind::File => Temporary::file(to_directory.as_fd(), Mode::RUSR | Mode::WUSR)?,
            Kind::Directory => Temporary::directory(to_directory.as_fd())?,
            Kind::Other => return Err(io::ErrorKind::InvalidInput.into()),
        };
        let mut copying = Copying {
            root: &self.root,
            path: from.as_str().as_bytes().to_vec(),
            made: identity(&rustix::fs::fstat(temporary.get())?),
            above: Vec::new(),
            entries_left: ENTRIES_MAX,
            bytes_left: bytes_max,
            links,
        };
        copying.fill(source, &stat, temporary.get())?;
        force_to_disk(temporary.get())?;
        temporary.rename_to(OsStr::new(to_name), Existing::Keep)?;
        sync_directory(to_directory)
    }

    /// Bytes on disk of a directory and all in it, as `du` counts; stops counting above `bytes_max`.
    pub(crate) fn disk_usage(&self, path: &ContentsPath, bytes_max: u64) -> io::Result<u64> {
        let (directory, name) = self.root.parent(path)?;
        let mut bytes = 0;
        usage(
            directory.as_fd(),
            &CString::new(name)?,
            &mut bytes,
            bytes_max,
            DEPTH_MAX,
        )?;
        Ok(bytes)
    }
}

/// What becomes of links in a copy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Links {
    /// What they lead to is copied.
    Follow,
    /// They are.
    Keep,
}

/// One copy of a tree, on its way down.
struct Copying<'a> {
    root: &'a Root,
    /// Of the directory being copied, relative to the root: links in it that must not lead outside start there.
    path: Vec<u8>,
    /// The top of the copy, so that a copy into itself does not copy the copy.
    made: (u64, u64),
    /// The directories being copied, from the top. Two links back to one of them would double on each level.
    above: Vec<(u64, u64)>,
    entries_left: usize,
    /// What may still be copied. Counted here because what links lead to is not in [`Storage::disk_usage`].
    bytes_left: u64,
    links: Links,
}

impl Copying<'_> {
    /// Copies what was opened into a new file or a new directory.
    fn fill(&mut self, source: &OwnedFd, stat: &Stat, copy: &File) -> io::Result<()> {
        self.entries_left = self.entries_left.checked_sub(1).ok_or(Errno::FBIG)?;
        match Kind::of_mode(stat.st_mode) {
            Kind::Other => return Err(io::ErrorKind::InvalidInput.into()),
            Kind::File => self.fill_file(source, copy)?,
            Kind::Directory => {
                let directory = identity(stat);
                if self.above.contains(&directory) {
                    return Err(Errno::LOOP.into());
                }
                if self.above.len() >= DEPTH_MAX {
                    return Err(io::Error::other("the directories are nested too deeply"));
                }
                self.above.push(directory);
                self.fill_directory(source, copy.as_fd())?;
                self.above.pop();
            }
        }
        attributes::copy_stat(copy, source);
        Ok(())
    }

    fn fill_directory(&mut self, source: &OwnedFd, copy: BorrowedFd<'_>) -> io::Result<()> {
        for entry in Dir::read_from(source)? {
            let entry = entry?;
            let name = entry.file_name();
            let is_left_out = match self.links {
                Links::Follow => is_on_its_way(name.to_bytes()),
                Links::Keep => is_temporary(name.to_bytes()),
            };
            if matches!(name.to_bytes(), b"." | b"..") || is_left_out {
                continue;
            }
            let entry_identity = statat(source, name, AtFlags::SYMLINK_NOFOLLOW).map(|stat| identity(&stat));
            if entry_identity != Ok(self.made) {
                let above = self.path.len();
                self.path.push(b'/');
                self.path.extend_from_slice(name.to_bytes());
                self.copy_entry(source.as_fd(), name, copy)?;
                self.path.truncate(above);
            }
        }
        Ok(())
    }

    fn copy_entry(&mut self, from: BorrowedFd<'_>, name: &CStr, to: BorrowedFd<'_>) -> io::Result<()> {
        let source = match openat(from, name, SOURCE | OFlags::NOFOLLOW, Mode::empty()) {
            Err(Errno::LOOP) if self.links == Links::Keep => {
                return Ok(symlinkat(&*readlinkat(from, name, Vec::new())?, to, name)?);
            }
            Err(Errno::LOOP) => {
                let path = OsString::from_vec(self.path.clone());
                self.root.resolve_name(path.as_os_str(), SOURCE)?
            }
            source => source?,
        };
        let stat = rustix::fs::fstat(&source)?;
        let copy = match Kind::of_mode(stat.st_mode) {
            Kind::Directory => {
                mkdirat(to, name, Mode::RWXU)?;
                let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
                openat(to, name, flags, Mode::empty())?
            }
            Kind::File => {
                let flags =
                    OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
                openat(to, name, flags, Mode::RUSR | Mode::WUSR)?
            }
            Kind::Other => return Err(io::ErrorKind::InvalidInput.into()),
        };
        self.fill(&source, &stat, &File::from(copy))
    }

    fn fill_file(&mut self, source: &OwnedFd, mut copy: &File) -> io::Result<()> {
        // One byte more than allowed tells too much from just enough, also of a file that grows meanwhile.
        let bytes_max = self.bytes_left.saturating_add(1);
        let bytes = io::copy(&mut File::from(source.try_clone()?).take(bytes_max), &mut copy)?;
        self.bytes_left = self.bytes_left.checked_sub(bytes).ok_or(Errno::FBIG)?;
        Ok(())
    }
}

/// Once for all that was copied: file by file would take a while.
#[cfg(target_os = "linux")]
fn force_to_disk(copy: &File) -> io::Result<()> {
    Ok(rustix::fs::syncfs(copy)?)
}

#[cfg(not(target_os = "linux"))]
fn force_to_disk(copy: &File) -> io::Result<()> {
    rustix::fs::sync();
    copy.sync_all()
}

#[expect(
    clippy::useless_conversion,
    reason = "the field types differ between platforms"
)]
pub(super) fn identity(stat: &Stat) -> (u64, u64) {
    (u64::from(stat.st_dev), u64::from(stat.st_ino))
}

fn usage(
    directory: BorrowedFd<'_>,
    name: &CStr,
    bytes: &mut u64,
    bytes_max: u64,
    depth: usize,
) -> io::Result<()> {
    let stat = statat(directory, name, AtFlags::SYMLINK_NOFOLLOW)?;
    *bytes = bytes.saturating_add(u64::try_from(stat.st_blocks).unwrap_or(0).saturating_mul(512));
    if *bytes > bytes_max || Kind::of_mode(stat.st_mode) != Kind::Directory {
        return Ok(());
    }
    let Some(depth) = depth.checked_sub(1) else {
        return Err(io::Error::other("the directories are nested too deeply"));
    };
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let inner = openat(directory, name, flags, Mode::empty())?;
    for entry in Dir::read_from(&inner)? {
        let entry = entry?;
        if entry.file_name().to_bytes() != b"." && entry.file_name().to_bytes() != b".." {
            usage(inner.as_fd(), entry.file_name(), bytes, bytes_max, depth)?;
        }
    }
    Ok(())
}
