//! Writing a file itself, where a rename can't take its place or would lose something: a hard link, a foreign owner, a
//! directory one may not write in, a file mounted on its own.
//!
//! The old and the new bytes lie in the [journal](super::journal) meanwhile, so that a server that is killed half-way
//! finds them at its next start.

use std::fs::File;
use std::io::{self, Read, Seek};
use std::os::fd::AsFd;

use rustix::fs::{FallocateFlags, Mode, OFlags, fallocate, fstat, openat};
use rustix::io::Errno;

use super::attributes::set_time;
use super::journal::{Interrupted, Journal, Left, Overwriting, Progress};
use super::save::Source;
use super::target::Target;
use super::{Existing, Storage, temporary};
use crate::path::ContentsPath;

/// Where the old bytes are while the new ones are written.
enum Old {
    Journal(Overwriting),
    /// Without a journal they are only safe from failures, not from the end of the server.
    Memory(Vec<u8>),
}

impl Target {
    /// Writes `new` over the file; after a failure it is what it was.
    pub(super) fn overwrite(
        &self,
        path: &ContentsPath,
        new: &Source<'_>,
        existing: Existing<'_>,
        journal: Option<&Journal>,
    ) -> io::Result<File> {
        let file = self.open_to_overwrite()?;
        existing.check(Some(&fstat(&file)?))?;
        let old = match journal {
            Some(journal) => Old::Journal(journal.about_to_overwrite(path, &file, new)?),
            None => {
                let mut bytes = Vec::new();
                (&file).read_to_end(&mut bytes)?;
                Old::Memory(bytes)
            }
        };
        let bytes_before = file.metadata()?.len();
        // Where space can be had beforehand, a full disk is known before anything is changed.
        reserve(&file, bytes_before, new.bytes()?)?;
        match write_over(&file, new) {
            Ok(()) => Ok(file),
            Err(error) => {
                old.put_back(&file, path);
                Err(error)
            }
        }
    }

    fn open_to_overwrite(&self) -> io::Result<File> {
        let flags = OFlags::RDWR | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
        let file = File::from(openat(&self.directory, &self.name, flags, Mode::empty())?);
        match file.metadata()?.is_file() {
            true => Ok(file),
            false => Err(io::ErrorKind::InvalidInput.into()),
        }
    }
}

impl Old {
    fn put_back(self, file: &File, path: &ContentsPath) {
        let put_back = match &self {
            Self::Journal(entry) => entry.old().and_then(|old| write_over(file, &Source::File(&old))),
            Self::Memory(bytes) => write_over(file, &Source::Bytes(bytes)),
        };
        if let Err(error) = put_back {
            tracing::error!(%path, %error, "a file that could not be overwritten could not be put back either");
            if let Self::Journal(entry) = self {
                entry.keep();
            }
        }
    }
}

/// Not before the bytes are all there is the file cut: a disk that fills up meanwhile cuts nothing.
fn write_over(mut file: &File, new: &Source<'_>) -> io::Result<()> {
    file.rewind()?;
    let bytes = new.write_to(file)?;
    file.set_len(bytes)?;
    set_time(file);
    file.sync_all()
}

fn reserve(file: &File, bytes_before: u64, bytes: u64) -> io::Result<()> {
    let Some(more) = bytes.checked_sub(bytes_before).filter(|more| *more > 0) else {
        return Ok(());
    };
    match fallocate(file, FallocateFlags::KEEP_SIZE, bytes_before, more) {
        Err(Errno::OPNOTSUPP | Errno::NOSYS | Errno::INVAL) => Ok(()),
        result => Ok(result?),
    }
}

impl Storage {
    /// Puts right what a server that was killed left behind.
    pub(super) fn put_right(&self, left: Left) {
        let put_right = || -> io::Result<()> {
            for interrupted in left.overwritten()? {
                self.finish(&interrupted)?;
            }
            self.take_back_parts(&left)?;
            self.end_moves(&left)?;
            for path in left.written() {
                self.sweep_beside(&path);
            }
            Ok(())
        };
        let done = put_right().and_then(|()| left.forget());
        if let Err(error) = done {
            tracing::warn!(%error, "could not put right what an earlier server left behind; the next start tries again");
        }
    }

    /// Writes the new bytes once more where only some of them arrived.
    fn finish(&self, interrupted: &Interrupted) -> io::Result<()> {
        let path = &interrupted.path;
        let file = match self.target(path).and_then(|target| target.open_to_overwrite()) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()), // deleted since
            Err(error) => return Err(error),
        };
        match interrupted.progress(&file)? {
            Progress::Whole => Ok(()),
            Progress::Torn => {
                tracing::warn!(%path, "a save was interrupted; it is finished now");
                reserve(&file, file.metadata()?.len(), interrupted.new.metadata()?.len())
                    .and_then(|()| write_over(&file, &Source::File(&interrupted.new)))
                    .or_else(|_| write_over(&file, &Source::File(&interrupted.old)))
            }
            Progress::Foreign => {
                let copies = interrupted.keep()?;
                tracing::warn!(
                    %path, ?copies,
                    "a save was interrupted, and another program has written to the file since: it is left as it is"
                );
                Ok(())
            }
        }
    }

    /// Most often the directory is still there; if not, neither is what was in it.
    fn sweep_beside(&self, path: &ContentsPath) {
        let swept = self
            .target(path)
            .and_then(|target| temporary::sweep(target.directory.as_fd()));
        match swept {
            Ok(0) => {}
            Ok(count) => tracing::info!(%path, count, "removed what an interrupted save left beside a file"),
            Err(error) => tracing::debug!(%path, %error, "could not look for what was left beside a file"),
        }
    }
}
