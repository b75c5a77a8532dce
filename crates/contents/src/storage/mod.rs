//! Bytes on disk beneath one root directory.
//!
//! Architecture invariant: every operation here takes a [`ContentsPath`] and plain values and gives plain values
//! back, so that a `Storage` can be moved into a process of its own. Nothing here knows Jupyter's models.
//! All operations block: the manager calls them from one blocking task a request.

mod append;
mod attributes;
mod changes;
mod copy;
mod describe;
mod existing;
mod in_place;
mod journal;
mod listing;
mod partial;
mod place;
mod remove;
mod rename;
mod resolve;
mod save;
mod target;
mod temporary;
mod trash;
mod turns;
mod walk;
mod watched;

#[cfg(test)]
mod tests;

use std::fs::File;
use std::io::{self, Read};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use bytes::Bytes;
use rustix::fs::{Mode, OFlags};
use rustix::io::Errno;

use self::changes::Changes;
pub(crate) use self::describe::{Entry, Kind};
pub(crate) use self::existing::{Existing, is_changed};
use self::journal::Journal;
pub(crate) use self::listing::{Listing, Name, Told};
pub(crate) use self::partial::{is_partial_name, partial_name};
pub(crate) use self::place::Place;
pub use self::resolve::OutsideLinks;
use self::resolve::Root;
use self::turns::Turns;
pub(crate) use self::watched::{OpenDirectory, Stamp};
use crate::path::ContentsPath;
use crate::version::FileVersion;

/// Bytes of a file that are compared at once.
const COMPARED_BYTES: usize = 128 * 1024;

/// The files beneath one root directory. A cheap clone.
#[derive(Clone, Debug)]
pub struct Storage {
    root: Arc<Root>,
    turns: Arc<Turns>,
    changes: Arc<Changes>,
    journal: Option<Arc<Journal>>,
}

/// A regular file opened for reading, for a server that streams it.
#[derive(Debug)]
pub struct OpenFile {
    /// The file, positioned at its start.
    pub file: File,
    /// Its size in bytes when it was opened.
    pub size: u64,
    /// When it was last modified.
    pub modified: crate::FileTime,
    /// Its version when it was opened.
    pub version: FileVersion,
    /// The name of the file itself, where a link has another.
    pub name: String,
    /// All its bytes, where the manager has read them because they are few.
    pub small: Option<Bytes>,
}

/// A regular file that was read.
#[derive(Debug)]
pub(crate) struct ReadFile {
    pub(crate) bytes: Vec<u8>,
    /// From before the first byte was read: what is written meanwhile makes another version.
    pub(crate) version: FileVersion,
}

impl Storage {
    /// Opens the root directory, and puts right what a server that was killed left there: `journal_dir` tells what
    /// that was. Without one what is written in place does not survive the end of the server, and what it leaves
    /// behind stays.
    ///
    /// # Errors
    /// When `root_dir` is no directory or can't be entered.
    pub fn open(
        root_dir: &Path,
        outside_links: OutsideLinks,
        journal_dir: Option<&Path>,
    ) -> io::Result<Self> {
        let root = Root::open(root_dir, outside_links)?;
        let opened = journal_dir.map(|directory| Journal::open(directory, &root.real_path));
        let (journal, left) = match opened.transpose() {
            Ok(opened) => opened.map_or((None, Vec::new()), |(journal, left)| (Some(journal), left)),
            Err(error) => {
                tracing::warn!(
                    ?journal_dir, %error,
                    "no journal of saves: those that must be made in place may be torn if the server is killed"
                );
                (None, Vec::new())
            }
        };
        let storage = Self {
            root: Arc::new(root),
            journal: journal.map(Arc::new),
            turns: Arc::default(),
            changes: Arc::default(),
        };
        for one in left {
            storage.put_right(one);
        }
        Ok(storage)
    }

    /// Where the root directory lies, for messages that the reference words with it.
    pub(crate) fn root_dir(&self) -> &Path {
        &self.root.path
    }

    /// The absolute name of `path`, for messages and for programs outside; never for opening.
    pub(crate) fn os_path(&self, path: &ContentsPath) -> PathBuf {
        self.root.path.join(path.as_str())
    }

    /// Opens a regular file. A fifo or a device is refused instead of waited for.
    pub(crate) fn open_file(&self, path: &ContentsPath) -> io::Result<OpenFile> {
        let descriptor = self.root.resolve(path, OFlags::RDONLY | OFlags::NONBLOCK);
        let descriptor = descriptor.map_err(|error| match Errno::from_io_error(&error) {
            // A link to itself leads to nothing.
            Some(Errno::LOOP) => io::ErrorKind::NotFound.into(),
            // A socket, or a device that is not there.
            Some(Errno::NXIO | Errno::NODEV) => io::ErrorKind::InvalidInput.into(),
            _ => error,
        })?;
        let stat = rustix::fs::fstat(&descriptor)?;
        match Kind::of_mode(stat.st_mode) {
            Kind::File => {}
            Kind::Directory => return Err(io::ErrorKind::IsADirectory.into()),
            Kind::Other => return Err(io::ErrorKind::InvalidInput.into()),
        }
        Ok(OpenFile {
            size: u64::try_from(stat.st_size).unwrap_or(0),
            modified: describe::modified(&stat),
            version: describe::version(&stat),
            file: File::from(descriptor),
            name: path.name().to_owned(),
            small: None,
        })
    }

    /// Reads a whole regular file; [`io::ErrorKind::FileTooLarge`] above `bytes_max`.
    pub(crate) fn read(&self, path: &ContentsPath, bytes_max: u64) -> io::Result<ReadFile> {
        let open = self.open_file(path)?;
        if open.size > bytes_max {
            return Err(io::ErrorKind::FileTooLarge.into());
        }
        let mut bytes = Vec::with_capacity(usize::try_from(open.size).unwrap_or(0).saturating_add(1));
        open.file
            .take(bytes_max.saturating_add(1))
            .read_to_end(&mut bytes)?;
        if bytes.len() as u64 > bytes_max {
            return Err(io::ErrorKind::FileTooLarge.into());
        }
        Ok(ReadFile {
            bytes,
            version: open.version,
        })
    }

    /// Makes another version of a file that holds what it held.
    pub(crate) fn touch(&self, path: &ContentsPath) -> io::Result<FileVersion> {
        let file = self.open_file(path)?.file;
        let mode = rustix::fs::fstat(&file)?.st_mode;
        rustix::fs::fchmod(&file, Mode::from_raw_mode(mode))?;
        Ok(describe::version(&rustix::fs::fstat(&file)?))
    }

    /// The version of a file that holds just these bytes. Reads no further than to the first difference.
    pub(crate) fn holding<B: AsRef<[u8]>>(
        &self,
        path: &ContentsPath,
        pieces: &[B],
    ) -> io::Result<Option<FileVersion>> {
        let mut open = self.open_file(path)?;
        let pieces = || pieces.iter().map(AsRef::as_ref);
        if open.size != pieces().map(|piece| piece.len() as u64).sum::<u64>() {
            return Ok(None);
        }
        let mut read = vec![0; COMPARED_BYTES.min(usize::try_from(open.size).unwrap_or(COMPARED_BYTES))];
        for expected in pieces().flat_map(|piece| piece.chunks(COMPARED_BYTES)) {
            let Some(found) = read.get_mut(..expected.len()) else {
                return Ok(None);
            };
            match open.file.read_exact(found) {
                Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(None),
                done => done?,
            }
            if found != expected {
                return Ok(None);
            }
        }
        Ok(Some(open.version))
    }

    /// Reads the whole of what was opened, without moving its position. What cannot be read is left to who streams
    /// it, so that the error is met where all others are.
    pub(crate) fn read_small(open: &mut OpenFile) {
        let mut bytes = vec![0; usize::try_from(open.size).unwrap_or(0)];
        if open.file.read_exact_at(&mut bytes, 0).is_ok() {
            open.small = Some(bytes.into());
        }
    }

    /// Makes one directory.
    pub(crate) fn create_directory(&self, path: &ContentsPath) -> io::Result<()> {
        let _change = self.changes.begin();
        let (parent, name) = self.root.parent(path)?;
        rustix::fs::mkdirat(&parent, name, Mode::from_raw_mode(0o777))?;
        Ok(())
    }
}
