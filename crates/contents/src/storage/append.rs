//! Adding to a file: the later parts of an upload in chunks. A part is added whole or not at all, but the file has its
//! name all the while, as in the reference; an upload that appears when it is whole is another one.

use std::fs::File;
use std::io::{self, Write};

use rustix::fs::{Mode, OFlags, fstat, openat};
use serde::{Deserialize, Serialize};

use super::describe::version;
use super::journal::{Journal, Left, Note};
use super::target::Target;
use super::{Existing, Storage};
use crate::path::ContentsPath;
use crate::version::FileVersion;

/// What [`Note`]s of appending end with.
const APPENDING: &str = "append";

/// What must be known to take back a part of which only some bytes arrived.
#[derive(Debug, Serialize, Deserialize)]
struct Appending {
    path: String,
    bytes_before: u64,
    bytes_after: u64,
}

impl Storage {
    /// Adds `bytes` at the end; makes the file when there is none, as a save does. Forced to disk with the `last` part.
    pub(crate) fn append(&self, path: &ContentsPath, bytes: &[u8], last: bool) -> io::Result<FileVersion> {
        let change = self.changes.begin();
        let target = self.target(path)?;
        let Some(stat) = &target.old else {
            drop(change);
            // As every save does it: a link to nothing is followed, if links may be.
            return self.save(path, &[bytes], Existing::Replace);
        };
        target.old_file()?; // nothing that is no file, and none that may not be written
        let file = target.open_to_append()?;
        let bytes_before = u64::try_from(stat.st_size).unwrap_or(0);
        let _note: Option<Note> = match self.journal.as_deref() {
            Some(journal) => Some(note(journal, path, bytes_before, bytes.len())?),
            None => None,
        };
        if let Err(error) = (&file).write_all(bytes) {
            file.set_len(bytes_before)?;
            return Err(error);
        }
        if last {
            file.sync_all()?;
        }
        Ok(version(&fstat(&file)?))
    }

    /// Takes back the parts of which only some bytes arrived when the server was killed.
    pub(super) fn take_back_parts(&self, left: &Left) -> io::Result<()> {
        for told in left.notes(APPENDING)? {
            let Ok(told) = serde_json::from_slice::<Appending>(&told) else {
                continue; // killed before it was written, so before anything was added
            };
            let Ok(path) = told.path.parse() else { continue };
            let Ok(target) = self.target(&path) else { continue };
            let now = target
                .old
                .as_ref()
                .map(|stat| u64::try_from(stat.st_size).unwrap_or(0));
            if now.is_none_or(|now| now >= told.bytes_after || now < told.bytes_before) {
                continue; // all of it arrived, or it is another file now
            }
            tracing::warn!(%path, "part of an upload was interrupted; it is taken back");
            target.open_to_append()?.set_len(told.bytes_before)?;
        }
        Ok(())
    }
}

/// Not forced to disk: neither is what is added before the last part.
fn note(journal: &Journal, path: &ContentsPath, bytes_before: u64, bytes: usize) -> io::Result<Note> {
    let appending = Appending {
        path: path.as_str().to_owned(),
        bytes_before,
        bytes_after: bytes_before.saturating_add(bytes as u64),
    };
    journal.note(APPENDING, &serde_json::to_vec(&appending)?)
}

impl Target {
    fn open_to_append(&self) -> io::Result<File> {
        let flags = OFlags::WRONLY | OFlags::APPEND | OFlags::NONBLOCK | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let file = File::from(openat(&self.directory, &self.name, flags, Mode::empty())?);
        match file.metadata()?.is_file() {
            true => Ok(file),
            false => Err(io::ErrorKind::InvalidInput.into()),
        }
    }
}
