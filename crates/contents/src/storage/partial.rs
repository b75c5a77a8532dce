//! What an upload has sent so far: a file beside the one it will become, so that becoming it is a rename.

use std::fs::File;
use std::io;
use std::os::fd::OwnedFd;
use std::time::SystemTime;

use rustix::fs::{AtFlags, Dir, Mode, OFlags, fchmod, fstat, fstatvfs, openat, unlinkat};

use super::attributes::set_time;
use super::save::{New, Source};
use super::target::{Failure, Target};
use super::temporary::Temporary;
use super::{Existing, Storage};
use crate::path::ContentsPath;
use crate::version::FileVersion;

/// What the name of every partial file begins with.
const BEGINNING: &str = ".~";
/// What the name of every partial file ends with, after a dot and the id.
const ENDING: &str = ".upload";
/// Bytes of the name of the file that are kept in it (a name may have 255).
const NAME_BYTES_KEPT: usize = 200;
/// Digits of the id in the name of a partial file.
const ID_DIGITS: usize = 32;

/// How a partial file is opened: nothing else is waited for.
const OPENED: OFlags = OFlags::RDWR
    .union(OFlags::NOFOLLOW)
    .union(OFlags::NONBLOCK)
    .union(OFlags::CLOEXEC);

/// The name of the partial file of the upload `id` (32 digits) to a file called `name`.
pub(crate) fn partial_name(name: &str, id: &str) -> String {
    let kept = (0..=NAME_BYTES_KEPT.min(name.len()))
        .rev()
        .find_map(|end| name.get(..end))
        .unwrap_or_default();
    format!("{BEGINNING}{kept}.{id}{ENDING}")
}

/// Whether this is the name of a partial file, which nobody may see or touch but the upload itself.
pub(crate) fn is_partial_name(name: &str) -> bool {
    is_partial(name.as_bytes())
}

pub(super) fn is_partial(name: &[u8]) -> bool {
    id_of_partial(name).is_some()
}

fn id_of_partial(name: &[u8]) -> Option<&str> {
    let rest = name
        .strip_prefix(BEGINNING.as_bytes())?
        .strip_suffix(ENDING.as_bytes())?;
    let id = rest.rsplit(|byte| *byte == b'.').next()?;
    // A dot stands before it, so that it is not all there is.
    let is_id = rest.len() > id.len()
        && id.len() == ID_DIGITS
        && id.iter().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
    str::from_utf8(id).ok().filter(|_| is_id)
}

impl Storage {
    /// Makes an empty partial file for `path`, which only this process's user can read, if an upload may end there:
    /// there is a directory to put it in and nothing but a file of that name, one that `existing` allows to replace.
    /// The mode that the file shall have at its end if it is new: what umask and directory leave of 0666.
    pub(crate) fn create_partial(
        &self,
        path: &ContentsPath,
        partial: &str,
        existing: Existing<'_>,
    ) -> io::Result<u32> {
        let _change = self.changes.begin();
        let target = self.target_of_upload(path, existing)?;
        target.old_file()?;
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let file = openat(&target.directory, partial, flags, Mode::from_raw_mode(0o666))?;
        let mode = fstat(&file)?.st_mode;
        fchmod(&file, Mode::from_raw_mode(0o600))?;
        Ok(mode)
    }

    /// Opens a partial file to write on; [`io::ErrorKind::NotFound`] when it, or its directory, is gone.
    pub(crate) fn open_partial(&self, path: &ContentsPath, partial: &str) -> io::Result<File> {
        open(&self.target(path)?.directory, partial)
    }

    /// Removes a partial file; that it is gone already is as well.
    pub(crate) fn remove_partial(&self, path: &ContentsPath, partial: &str) -> io::Result<()> {
        let removed = self
            .target(path)
            .and_then(|target| Ok(unlinkat(&target.directory, partial, AtFlags::empty())?));
        match removed {
            Err(error)
                if !matches!(
                    error.kind(),
                    io::ErrorKind::NotFound | io::ErrorKind::NotADirectory
                ) =>
            {
                Err(error)
            }
            _ => Ok(()),
        }
    }

    /// Removes the partial files beside `path` that were last written on before `before`, of uploads that are not known.
    pub(crate) fn sweep_partials(
        &self,
        path: &ContentsPath,
        before: SystemTime,
        is_known: impl Fn(&str) -> bool,
    ) -> io::Result<()> {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let directory = openat(&self.target(path)?.directory, ".", flags, Mode::empty())?;
        for entry in Dir::read_from(&directory)? {
            let entry = entry?;
            let name = entry.file_name();
            if id_of_partial(name.to_bytes()).is_none_or(&is_known) {
                continue;
            }
            let file = File::from(openat(&directory, name, OPENED, Mode::empty())?);
            let found = file.metadata()?;
            if found.is_file() && found.modified()? < before {
                unlinkat(&directory, name, AtFlags::empty())?;
                tracing::info!(%path, ?name, "removed what an upload that is not known left beside a file");
            }
        }
        Ok(())
    }

    /// Bytes that may still be written where `path` lies.
    pub(crate) fn bytes_free(&self, path: &ContentsPath) -> io::Result<u64> {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let directory = openat(&self.target(path)?.directory, ".", flags, Mode::empty())?;
        let space = fstatvfs(&directory)?;
        Ok(space.f_bavail.saturating_mul(space.f_frsize))
    }

    /// The partial file becomes `path`, durably, under the rules of [`Storage::save`]: whoever reads finds the old
    /// content or the new. The version of what was put there. After an error the partial file is still there.
    pub(crate) fn finish_partial(
        &self,
        path: &ContentsPath,
        partial: &str,
        mode_if_new: u32,
        existing: Existing<'_>,
    ) -> io::Result<FileVersion> {
        let _change = self.changes.begin();
        let target = self.target_of_upload(path, existing)?;
        let old = target.old_file()?;
        let file = open(&target.directory, partial)?;
        if target.is_alone() {
            if old.is_none() {
                fchmod(&file, Mode::from_raw_mode(mode_if_new))?;
            }
            set_time(&file);
            let mut temporary = Temporary::adopt(target.directory.try_clone()?, partial, file.try_clone()?);
            match target.put(&mut temporary, old.as_ref(), None, existing) {
                Err(Failure::RenameCannotWork) if !existing.never_replaces() => {}
                result => return result.map_err(Failure::into_error),
            }
        }
        let new = New {
            content: Source::File(&file),
            like: None,
        };
        let version = self.write_in_place(path, &target, &new, existing)?;
        unlinkat(&target.directory, partial, AtFlags::empty())?;
        Ok(version)
    }

    /// Where `path` leads, if `existing` allows what is there.
    fn target_of_upload(&self, path: &ContentsPath, existing: Existing<'_>) -> io::Result<Target> {
        if existing == Existing::Keep {
            // Be it a link to nothing.
            existing.check(self.name_itself(path)?.old.as_ref())?;
        }
        let target = self.target(path)?;
        existing.check(target.old.as_ref())?;
        Ok(target)
    }
}

fn open(directory: &OwnedFd, partial: &str) -> io::Result<File> {
    let file = File::from(openat(directory, partial, OPENED, Mode::empty())?);
    if !file.metadata()?.is_file() {
        return Err(io::ErrorKind::NotFound.into());
    }
    Ok(file)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn partial_files_are_told_from_all_others() {
        let id = "0123456789abcdef0123456789abcdef";
        for name in ["a.txt", "", "ü", &"ü".repeat(120), &"x".repeat(255)] {
            let partial = partial_name(name, id);
            assert!(partial.len() < 248, "{partial}");
            assert!(is_partial_name(&partial), "{partial}");
            assert!(!is_partial_name(name), "{name}");
        }
        for other in [
            ".~a.txt",
            ".~a.0123.upload",
            "a.0123456789abcdef0123456789abcdef.upload",
            ".~a.0123456789ABCDEF0123456789abcdef.upload",
        ] {
            assert!(!is_partial_name(other), "{other}");
        }
    }
}
