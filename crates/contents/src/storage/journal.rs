//! What must be put right after the server was killed, kept outside the root directory: where temporaries may lie, and
//! the old and the new bytes of a file that is being overwritten in place.
//!
//! Each server has a directory of its own here, locked as long as it runs. Whoever opens the same root next finds the
//! directories whose lock is free, puts right what they tell of, and removes them.

use std::collections::HashSet;
use std::fs::File;
use std::io::{self, Write};
use std::os::fd::BorrowedFd;
use std::os::unix::fs::{DirBuilderExt, FileExt, MetadataExt};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use rustix::fs::{FlockOperation, flock, fstat};
use sha2::{Digest, Sha256};

use super::save::Source;
use super::temporary;
use crate::path::ContentsPath;

/// Locked by the server whose directory it is in.
const LOCK: &str = "lock";
/// Lists files beside which temporaries were made, a JSON string a line.
const DIRECTORIES: &str = "directories";
/// Bytes compared at a time.
const BLOCK_BYTES: usize = 64 * 1024;
/// Names tried when another server that starts takes one away before it is locked.
const ATTEMPTS_MAX: usize = 100;

/// The directory of this server.
#[derive(Debug)]
pub(super) struct Journal {
    directory: PathBuf,
    _lock: File,
    directories: File,
    /// Which directories are listed already, by device and inode.
    listed: Mutex<HashSet<(u64, u64)>>,
    next: AtomicU64,
}

impl Journal {
    /// A journal in `base` for the root directory `root`, and what servers that are gone left there.
    pub(super) fn open(base: &Path, root: &Path) -> io::Result<(Self, Vec<Left>)> {
        let root = hex::encode(Sha256::digest(root.as_os_str().as_encoded_bytes()));
        let base = base.join(root.get(..16).unwrap_or(&root));
        let private = |path: &Path, recursive| {
            let mut builder = std::fs::DirBuilder::new();
            builder.recursive(recursive).mode(0o700).create(path)
        };
        private(&base, true)?;
        let left = left(&base)?;
        for _ in 0..ATTEMPTS_MAX {
            let mut random = [0_u8; 8];
            getrandom::fill(&mut random).map_err(io::Error::other)?;
            let directory = base.join(hex::encode(random));
            private(&directory, false)?;
            let Ok(lock) = File::create(directory.join(LOCK)) else {
                continue;
            };
            if flock(&lock, FlockOperation::NonBlockingLockExclusive).is_ok() && fstat(&lock)?.st_nlink > 0 {
                let journal = Self {
                    directories: File::create(directory.join(DIRECTORIES))?,
                    directory,
                    _lock: lock,
                    listed: Mutex::default(),
                    next: AtomicU64::new(0),
                };
                return Ok((journal, left));
            }
        }
        Err(io::ErrorKind::ResourceBusy.into())
    }

    /// Tells of a temporary that is about to be made in `directory`, where `path` leads. The first time also sweeps
    /// there: nobody else may have.
    pub(super) fn about_to_write(&self, path: &ContentsPath, directory: BorrowedFd<'_>) -> io::Result<()> {
        #[expect(
            clippy::useless_conversion,
            reason = "the field types differ between platforms"
        )]
        let is_new = {
            let stat = fstat(directory)?;
            let mut listed = self.listed.lock().unwrap_or_else(PoisonError::into_inner);
            listed.insert((u64::from(stat.st_dev), u64::from(stat.st_ino)))
        };
        if !is_new {
            return Ok(());
        }
        let mut line = serde_json::to_vec(path.as_str())?;
        line.push(b'\n');
        (&self.directories).write_all(&line)?;
        self.directories.sync_data()?;
        if let Err(error) = temporary::sweep(directory) {
            tracing::debug!(%path, %error, "could not look for what was left beside a file");
        }
        Ok(())
    }

    /// Keeps `text` until the note is dropped. It is not forced to disk: it is there after the end of the server, not of
    /// the machine.
    pub(super) fn note(&self, kind: &str, text: &[u8]) -> io::Result<Note> {
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        let file_name = self.directory.join(format!("{number}.{kind}"));
        File::create_new(&file_name)?.write_all(text)?;
        Ok(Note { file_name })
    }

    /// Keeps the old and the new bytes of a file until [`Overwriting`] is dropped.
    pub(super) fn about_to_overwrite(
        &self,
        path: &ContentsPath,
        file: &File,
        new: &Source<'_>,
    ) -> io::Result<Overwriting> {
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        let entry = Overwriting {
            directory: self.directory.clone(),
            number,
        };
        for (bytes, name) in [(&Source::File(file), "old"), (new, "new")] {
            let copy = entry.create(name)?;
            bytes.write_to(&copy)?;
            copy.sync_all()?;
        }
        // With this the entry counts: both copies are whole.
        let told = entry.create("path")?;
        (&told).write_all(&serde_json::to_vec(path.as_str())?)?;
        told.sync_all()?;
        File::open(&self.directory)?.sync_all()?;
        Ok(entry)
    }
}

impl Drop for Journal {
    fn drop(&mut self) {
        // What is left of overwriting that could not be undone is for the next start.
        let is_needed = std::fs::read_dir(&self.directory).is_ok_and(|entries| {
            entries
                .flatten()
                .any(|entry| Path::new(&entry.file_name()).extension().is_some())
        });
        if !is_needed && let Err(error) = std::fs::remove_dir_all(&self.directory) {
            tracing::debug!(%error, "the journal of the contents manager stays behind");
        }
    }
}

/// Something that is being done, as long as this lives.
#[must_use = "the note is gone when this is dropped"]
pub(super) struct Note {
    file_name: PathBuf,
}

impl Note {
    /// Leaves it to the next start.
    pub(super) fn keep(self) {
        std::mem::forget(self);
    }
}

impl Drop for Note {
    fn drop(&mut self) {
        if let Err(error) = std::fs::remove_file(&self.file_name) {
            tracing::warn!(%error, "could not remove a note from the journal of the contents manager");
        }
    }
}

/// A file that is being overwritten. Removed from the journal when dropped; [`Self::keep`] leaves it there.
pub(super) struct Overwriting {
    directory: PathBuf,
    number: u64,
}

impl Overwriting {
    fn file_name(&self, name: &str) -> PathBuf {
        self.directory.join(format!("{}.{name}", self.number))
    }

    fn create(&self, name: &str) -> io::Result<File> {
        File::create_new(self.file_name(name))
    }

    /// The bytes that were there.
    pub(super) fn old(&self) -> io::Result<File> {
        File::open(self.file_name("old"))
    }

    /// Leaves it to the next start.
    pub(super) fn keep(self) {
        std::mem::forget(self);
    }
}

impl Drop for Overwriting {
    fn drop(&mut self) {
        // The one that makes the others count goes first, for good: an entry of a file that has been overwritten
        // must not come back with a later crash.
        let removed = std::fs::remove_file(self.file_name("path"))
            .and_then(|()| File::open(&self.directory)?.sync_all())
            .and_then(|()| std::fs::remove_file(self.file_name("old")))
            .and_then(|()| std::fs::remove_file(self.file_name("new")));
        if let Err(error) = removed
            && error.kind() != io::ErrorKind::NotFound
        {
            tracing::warn!(%error, "could not remove the copies of a file that was overwritten");
        }
    }
}

/// What a server that is gone left in its directory, locked until it is put right.
pub(super) struct Left {
    directory: PathBuf,
    _lock: File,
}

fn left(base: &Path) -> io::Result<Vec<Left>> {
    let mut left = Vec::new();
    for entry in std::fs::read_dir(base)? {
        let directory = entry?.path();
        match File::open(directory.join(LOCK)) {
            Ok(lock) => {
                if flock(&lock, FlockOperation::NonBlockingLockExclusive).is_ok() {
                    left.push(Left {
                        directory,
                        _lock: lock,
                    });
                }
            }
            // Killed before it had a lock; when it holds more than nothing, this fails and does no harm.
            Err(_) => drop(std::fs::remove_dir(&directory)),
        }
    }
    Ok(left)
}

impl Left {
    /// A file in each directory that may hold temporaries.
    pub(super) fn written(&self) -> Vec<ContentsPath> {
        let text = std::fs::read_to_string(self.directory.join(DIRECTORIES)).unwrap_or_default();
        let paths = text
            .lines()
            .filter_map(|line| serde_json::from_str::<String>(line).ok());
        paths.filter_map(|path| path.parse().ok()).collect()
    }

    /// The texts of all notes of a kind.
    pub(super) fn notes(&self, kind: &str) -> io::Result<Vec<Vec<u8>>> {
        self.files(kind)?.iter().map(std::fs::read).collect()
    }

    /// The files that were being overwritten.
    pub(super) fn overwritten(&self) -> io::Result<Vec<Interrupted>> {
        let mut found = Vec::new();
        for told in self.files("path")? {
            let path: Option<String> = serde_json::from_slice(&std::fs::read(&told)?).ok();
            if let Some(path) = path.and_then(|path| path.parse().ok()) {
                let copy = |extension| File::open(told.with_extension(extension));
                found.push(Interrupted {
                    path,
                    old: copy("old")?,
                    new: copy("new")?,
                    told,
                });
            }
        }
        Ok(found)
    }

    fn files(&self, wanted: &str) -> io::Result<Vec<PathBuf>> {
        let mut files = Vec::new();
        for entry in std::fs::read_dir(&self.directory)? {
            let file = entry?.path();
            if file.extension().is_some_and(|extension| extension == wanted) {
                files.push(file);
            }
        }
        Ok(files)
    }

    /// All is put right.
    pub(super) fn forget(self) -> io::Result<()> {
        std::fs::remove_dir_all(&self.directory)
    }
}

/// A file whose overwriting was interrupted, or was not: only its bytes tell.
pub(super) struct Interrupted {
    pub(super) path: ContentsPath,
    pub(super) old: File,
    pub(super) new: File,
    /// The file of the journal that tells of it.
    told: PathBuf,
}

/// How far overwriting got.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Progress {
    /// It holds the old bytes or the new ones, whole.
    Whole,
    /// Some of the new bytes, some of the old ones.
    Torn,
    /// Something else: another program wrote to it since.
    Foreign,
}

impl Interrupted {
    /// Puts the copies where they stay: beside the directory that is to be removed. They begin with what this gives.
    pub(super) fn keep(&self) -> io::Result<PathBuf> {
        let directory = self.told.parent().unwrap_or(Path::new("."));
        let mut name = directory.as_os_str().to_owned();
        name.push("-");
        name.push(self.told.file_stem().unwrap_or_default());
        let kept = PathBuf::from(name);
        for extension in ["old", "new"] {
            std::fs::rename(
                self.told.with_extension(extension),
                kept.with_extension(extension),
            )?;
        }
        Ok(kept)
    }

    pub(super) fn progress(&self, file: &File) -> io::Result<Progress> {
        let bytes = file.metadata()?.size();
        let (old_bytes, new_bytes) = (self.old.metadata()?.size(), self.new.metadata()?.size());
        let (mut is_old, mut is_new) = (bytes == old_bytes, bytes == new_bytes);
        // It is not cut before all new bytes are in it.
        let mut is_mix = (old_bytes.min(new_bytes)..=old_bytes.max(new_bytes)).contains(&bytes);
        let mut offset = 0;
        while offset < bytes && (is_old || is_new || is_mix) {
            let found = block(file, offset)?;
            let (old, new) = (block(&self.old, offset)?, block(&self.new, offset)?);
            let equal = |other: &[u8]| found.get(..) == other.get(..found.len());
            is_old &= equal(&old);
            is_new &= equal(&new);
            is_mix &= found.iter().enumerate().all(|(place, byte)| {
                // A block that never reached the disk reads as zeros.
                Some(byte) == old.get(place) || Some(byte) == new.get(place) || *byte == 0
            });
            if found.is_empty() {
                break;
            }
            offset += found.len() as u64;
        }
        Ok(match (is_old || is_new, is_mix) {
            (true, _) => Progress::Whole,
            (false, true) => Progress::Torn,
            (false, false) => Progress::Foreign,
        })
    }
}

/// Up to a block of bytes at `offset`; fewer only at the end.
fn block(file: &File, offset: u64) -> io::Result<Vec<u8>> {
    let mut block = vec![0; BLOCK_BYTES];
    let mut filled = 0;
    while let Some(rest) = block.get_mut(filled..).filter(|rest| !rest.is_empty()) {
        match file.read_at(rest, offset + filled as u64)? {
            0 => break,
            count => filled += count,
        }
    }
    block.truncate(filled);
    Ok(block)
}
