//! Where a file that is open really lies. Asked of the descriptor, so that no link can be swapped in meanwhile.

use std::fs::File;
use std::io;

use super::Storage;
use crate::path::ContentsPath;

/// Where a file lies, all links followed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    /// In the root directory, under this name.
    Beneath(ContentsPath),
    /// Elsewhere: a link led to it.
    Outside,
    /// It has a name that is not UTF-8, or the system does not tell.
    Unknown,
}

impl Storage {
    /// The place of an open file.
    #[cfg(target_os = "linux")]
    pub(crate) fn place(&self, file: &File) -> io::Result<Place> {
        use std::ffi::OsString;
        use std::os::fd::AsRawFd;
        use std::os::unix::ffi::OsStringExt;
        use std::path::PathBuf;

        use rustix::fs::readlink;
        use rustix::io::Errno;

        let link = format!("/proc/self/fd/{}", file.as_raw_fd());
        let name = match readlink(link, Vec::new()) {
            Ok(name) => PathBuf::from(OsString::from_vec(name.into_bytes())),
            Err(Errno::NOENT) => return Ok(Place::Unknown), // no /proc in this sandbox
            Err(error) => return Err(error.into()),
        };
        let Ok(beneath) = name.strip_prefix(&self.root.real_path) else {
            return Ok(Place::Outside);
        };
        let path = beneath.to_str().and_then(|text| text.parse().ok());
        Ok(path.map_or(Place::Unknown, Place::Beneath))
    }

    /// The place of an open file: not asked here.
    #[cfg(not(target_os = "linux"))]
    pub(crate) fn place(&self, _file: &File) -> io::Result<Place> {
        Ok(Place::Unknown)
    }
}
