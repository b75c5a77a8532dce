//! Adding to a file: the later parts of an upload in chunks.

use std::fs::File;
use std::io::{self, Write};

use rustix::fs::OFlags;
use rustix::io::Errno;

use super::describe::version;
use super::{Existing, Storage};
use crate::path::ContentsPath;
use crate::version::FileVersion;

impl Storage {
    /// Adds `bytes` at the end; makes the file when there is none, as a save does. Forced to disk with the
    /// `last` part.
    pub(crate) fn append(&self, path: &ContentsPath, bytes: &[u8], last: bool) -> io::Result<FileVersion> {
        let flags = OFlags::WRONLY | OFlags::APPEND | OFlags::NONBLOCK;
        let mut file = match self.root.resolve(path, flags) {
            Ok(descriptor) => File::from(descriptor),
            Err(error) if Errno::from_io_error(&error) == Some(Errno::NOENT) => {
                // As every save does it: a link to nothing is followed, if links may be.
                return self.save(path, bytes, Existing::Replace);
            }
            Err(error) => return Err(error),
        };
        if !file.metadata()?.is_file() {
            return Err(io::ErrorKind::InvalidInput.into());
        }
        file.write_all(bytes)?;
        if last {
            file.sync_all()?;
        }
        Ok(version(&rustix::fs::fstat(&file)?))
    }
}
