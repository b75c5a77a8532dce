//! Writing a file whole or not at all.

use std::fs::{self, File, OpenOptions};
use std::io::{self, ErrorKind, Write};
use std::path::{Path, PathBuf};

use crate::FrontendsError;

/// Leftovers of interrupted writes that are tolerated beside a file before giving up.
const TEMPORARY_NAMES_MAX: u32 = 100;

/// Replaces the file's content. Directories are made, a symbolic link is followed to its target (settings are
/// often linked into a repository of dotfiles), the file's mode is kept, and readers see the old text or the new.
pub(crate) fn write(path: &Path, content: &[u8]) -> Result<(), FrontendsError> {
    replace(path, content).map_err(|source| FrontendsError::Write {
        path: path.to_owned(),
        source,
    })
}

fn replace(path: &Path, content: &[u8]) -> io::Result<()> {
    let target = fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
    let directory = target
        .parent()
        .ok_or_else(|| io::Error::from(ErrorKind::InvalidInput))?;
    fs::create_dir_all(directory)?;
    let (mut file, temporary) = create_temporary(&target)?;
    let written = file
        .write_all(content)
        .and_then(|()| match fs::metadata(&target) {
            Ok(old) => file.set_permissions(old.permissions()),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
            Err(error) => Err(error),
        })
        .and_then(|()| file.sync_all())
        .and_then(|()| fs::rename(&temporary, &target));
    if let Err(error) = written {
        let _ = fs::remove_file(&temporary); // the error that matters is the one we return
        return Err(error);
    }
    File::open(directory)?.sync_all()
}

fn create_temporary(target: &Path) -> io::Result<(File, PathBuf)> {
    let name = target
        .file_name()
        .ok_or_else(|| io::Error::from(ErrorKind::InvalidInput))?;
    for attempt in 0..TEMPORARY_NAMES_MAX {
        let mut temporary = std::ffi::OsString::from(".~");
        temporary.push(name);
        temporary.push(format!(".{}-{attempt}", std::process::id()));
        let temporary = target.with_file_name(temporary);
        match OpenOptions::new().write(true).create_new(true).open(&temporary) {
            Ok(file) => return Ok((file, temporary)),
            Err(error) if error.kind() == ErrorKind::AlreadyExists => {}
            Err(error) => return Err(error),
        }
    }
    Err(io::Error::from(ErrorKind::AlreadyExists))
}
