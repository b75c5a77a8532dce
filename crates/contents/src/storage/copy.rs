//! Copying files and directories with their modes and times, as Python's `copy2` and `copytree` do.

use std::ffi::{CStr, CString};
use std::fs::File;
use std::io::{self, Read};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use rustix::fs::{
    AtFlags, Dir, Mode, OFlags, Stat, Timespec, Timestamps, fchmod, futimens, mkdirat, openat, statat,
};
use rustix::io::Errno;

use super::{Existing, Kind, OutsideLinks, Storage};
use crate::path::ContentsPath;

/// Deepest nesting of directories that is copied.
const DEPTH_MAX: usize = 256;

/// Most entries that are copied at once; links into a lattice of directories make many out of few.
const ENTRIES_MAX: usize = 500_000;

impl Storage {
    /// Copies the bytes of a regular file over `to`, with mode and times, atomically.
    pub(crate) fn copy_file(
        &self,
        from: &ContentsPath,
        to: &ContentsPath,
        bytes_max: u64,
        existing: Existing<'_>,
    ) -> io::Result<()> {
        let bytes = self.read(from, bytes_max)?.bytes;
        let source = rustix::fs::fstat(&self.open_file(from)?.file)?;
        self.save(to, &bytes, existing)?;
        let copy = self.open_file(to)?.file;
        keep_mode_and_times(copy.as_fd(), &source);
        Ok(())
    }

    /// Copies a file, or a directory with all that is in it, to a name that must be free. Links are followed; one that
    /// leads back to a directory it lies in is an error, and so is more than `bytes_max` in all files together or too
    /// many entries ([`io::ErrorKind::FileTooLarge`]). What was copied before an error is removed again.
    pub(crate) fn copy_tree(&self, from: &ContentsPath, to: &ContentsPath, bytes_max: u64) -> io::Result<()> {
        let (from_directory, from_name) = self.root.parent(from)?;
        let (to_directory, to_name) = self.root.parent(to)?;
        let (from_name, to_name) = (CString::new(from_name)?, CString::new(to_name)?);
        if statat(&to_directory, &to_name, AtFlags::SYMLINK_NOFOLLOW).is_ok() {
            return Err(io::ErrorKind::AlreadyExists.into());
        }
        let mut copying = Copying {
            links: self.root.links,
            made: None,
            above: Vec::new(),
            entries_left: ENTRIES_MAX,
            bytes_left: bytes_max,
        };
        let copied = copying.copy(from_directory.as_fd(), &from_name, to_directory.as_fd(), &to_name);
        if copied.is_err() {
            self.remove_tree(to).or_else(|error| match error.kind() {
                io::ErrorKind::NotFound => Ok(()), // nothing was copied yet
                _ => Err(error),
            })?;
        }
        copied
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

/// One copy of a tree, on its way down.
struct Copying {
    /// Where links must not lead outside, none is followed here: a copy would bring in what they lead to.
    links: OutsideLinks,
    /// The top of the copy once it exists, so that a copy into itself does not copy the copy.
    made: Option<(u64, u64)>,
    /// The directories being copied, from the top. Two links back to one of them would double on each level.
    above: Vec<(u64, u64)>,
    entries_left: usize,
    /// What may still be copied. Counted here because what links lead to is not in [`Storage::disk_usage`].
    bytes_left: u64,
}

impl Copying {
    fn copy(
        &mut self,
        from: BorrowedFd<'_>,
        from_name: &CStr,
        to: BorrowedFd<'_>,
        to_name: &CStr,
    ) -> io::Result<()> {
        self.entries_left = self.entries_left.checked_sub(1).ok_or(Errno::FBIG)?;
        let follow = match self.links {
            OutsideLinks::Follow => OFlags::empty(),
            OutsideLinks::Refuse => OFlags::NOFOLLOW,
        };
        let flags = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::CLOEXEC | follow;
        let source = openat(from, from_name, flags, Mode::empty())?;
        let stat = rustix::fs::fstat(&source)?;
        match Kind::of_mode(stat.st_mode) {
            Kind::File => self.copy_file(source, &stat, to, to_name),
            Kind::Other => Err(io::ErrorKind::InvalidInput.into()),
            Kind::Directory => {
                let directory = identity(&stat);
                if self.above.contains(&directory) {
                    return Err(Errno::LOOP.into());
                }
                if self.above.len() >= DEPTH_MAX {
                    return Err(io::Error::other("the directories are nested too deeply"));
                }
                self.above.push(directory);
                let copied = self.copy_directory(&source, &stat, to, to_name);
                self.above.pop();
                copied
            }
        }
    }

    fn copy_directory(
        &mut self,
        source: &OwnedFd,
        stat: &Stat,
        to: BorrowedFd<'_>,
        to_name: &CStr,
    ) -> io::Result<()> {
        mkdirat(to, to_name, Mode::from_raw_mode(0o700))?;
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let inner = openat(to, to_name, flags, Mode::empty())?;
        self.made.get_or_insert(identity(&rustix::fs::fstat(&inner)?));
        for entry in Dir::read_from(source)? {
            let entry = entry?;
            let name = entry.file_name();
            if name.to_bytes() == b"." || name.to_bytes() == b".." {
                continue;
            }
            let entry_identity = statat(source, name, AtFlags::SYMLINK_NOFOLLOW).map(|stat| identity(&stat));
            if entry_identity.ok() != self.made {
                self.copy(source.as_fd(), name, inner.as_fd(), name)?;
            }
        }
        keep_mode_and_times(inner.as_fd(), stat);
        Ok(())
    }

    fn copy_file(
        &mut self,
        source: OwnedFd,
        stat: &Stat,
        to: BorrowedFd<'_>,
        to_name: &CStr,
    ) -> io::Result<()> {
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let mut copy = File::from(openat(to, to_name, flags, Mode::from_raw_mode(0o600))?);
        // One byte more than allowed tells too much from just enough, also of a file that grows meanwhile.
        let bytes_max = self.bytes_left.saturating_add(1);
        let bytes = io::copy(&mut File::from(source).take(bytes_max), &mut copy)?;
        self.bytes_left = self.bytes_left.checked_sub(bytes).ok_or(Errno::FBIG)?;
        keep_mode_and_times(copy.as_fd(), stat);
        copy.sync_all()
    }
}

#[expect(
    clippy::useless_conversion,
    reason = "the field types differ between platforms"
)]
fn identity(stat: &Stat) -> (u64, u64) {
    (u64::from(stat.st_dev), u64::from(stat.st_ino))
}

/// The content counts; a file system that keeps no modes or times only gets a line in the log, as the reference.
#[expect(
    clippy::useless_conversion,
    reason = "the field types differ between platforms"
)]
fn keep_mode_and_times(copy: BorrowedFd<'_>, source: &Stat) {
    let times = Timestamps {
        last_access: Timespec {
            tv_sec: source.st_atime.into(),
            tv_nsec: nanoseconds(source.st_atime_nsec),
        },
        last_modification: Timespec {
            tv_sec: source.st_mtime.into(),
            tv_nsec: nanoseconds(source.st_mtime_nsec),
        },
    };
    let kept = fchmod(copy, Mode::from_raw_mode(source.st_mode)).and_then(|()| futimens(copy, &times));
    if let Err(error) = kept {
        tracing::debug!(%error, "mode and times of a copied file could not be kept");
    }
}

fn nanoseconds<T: TryInto<rustix::fs::Nsecs>>(value: T) -> rustix::fs::Nsecs {
    value.try_into().unwrap_or(0)
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
