//! Writing a file so that whoever reads it finds the old content or the new, whole.
//!
//! The new bytes go to a temporary file beside the target, are forced to the disk, and are renamed over it; mode,
//! owner and extended attributes of the old file are kept and a link is followed to its target. Where a rename can't
//! work or would lose something the file is written [in place](super::in_place).

use std::fs::File;
use std::io::{self, Seek, Write};

use super::{Existing, Storage};
use crate::path::ContentsPath;
use crate::version::FileVersion;

/// Bytes to be written.
pub(super) enum Source<'a> {
    Bytes(&'a [u8]),
    /// One after the other.
    Pieces(&'a [&'a [u8]]),
    /// All of this file.
    File(&'a File),
}

/// What a file is to become.
pub(super) struct New<'a> {
    pub(super) content: Source<'a>,
    /// Where mode, times and attributes come from, if not from the file that was there.
    pub(super) like: Option<&'a File>,
}

impl Source<'_> {
    /// Writes all of it where `file` stands; how much that was.
    pub(super) fn write_to(&self, mut file: &File) -> io::Result<u64> {
        match self {
            Self::Bytes(bytes) => {
                file.write_all(bytes)?;
                Ok(bytes.len() as u64)
            }
            Self::Pieces(pieces) => pieces.iter().try_fold(0, |written, piece| {
                file.write_all(piece)?;
                Ok(written + piece.len() as u64)
            }),
            Self::File(source) => {
                let mut source = *source;
                source.rewind()?;
                io::copy(&mut source, &mut file)
            }
        }
    }

    pub(super) fn bytes(&self) -> io::Result<u64> {
        match self {
            Self::Bytes(bytes) => Ok(bytes.len() as u64),
            Self::Pieces(pieces) => Ok(pieces.iter().map(|piece| piece.len() as u64).sum()),
            Self::File(file) => Ok(file.metadata()?.len()),
        }
    }
}

impl Storage {
    /// Writes a whole file, durably; the version of what was written.
    pub(crate) fn save(
        &self,
        path: &ContentsPath,
        pieces: &[&[u8]],
        existing: Existing<'_>,
    ) -> io::Result<FileVersion> {
        let new = New {
            content: Source::Pieces(pieces),
            like: None,
        };
        self.write(path, &new, existing)
    }

    /// The same with the bytes of `source`, of which nothing else is taken over.
    pub(crate) fn save_from(
        &self,
        path: &ContentsPath,
        source: &File,
        existing: Existing<'_>,
    ) -> io::Result<FileVersion> {
        let new = New {
            content: Source::File(source),
            like: None,
        };
        self.write(path, &new, existing)
    }

    /// Copies a regular file over `to`, with mode, times and attributes, as Python's `copy2`.
    pub(crate) fn copy_file(
        &self,
        from: &ContentsPath,
        to: &ContentsPath,
        existing: Existing<'_>,
    ) -> io::Result<FileVersion> {
        let source = self.open_file(from)?.file;
        let new = New {
            content: Source::File(&source),
            like: Some(&source),
        };
        self.write(to, &new, existing)
    }
}
