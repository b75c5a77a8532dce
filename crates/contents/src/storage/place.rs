//! Where a file that is open really lies. Asked of the descriptor, so that no link can be swapped in meanwhile.

use std::io;
use std::os::fd::AsFd;
#[cfg(target_os = "linux")]
use std::os::fd::BorrowedFd;

use super::Storage;
#[cfg(target_os = "linux")]
use super::copy::identity;
use crate::path::ContentsPath;

/// What Linux adds to the name of a file that lies there no more.
#[cfg(target_os = "linux")]
const DELETED: &str = " (deleted)";

/// Where a file lies, all links followed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    /// In the root directory, under this name; or it lay there until it was removed or replaced.
    Beneath(ContentsPath),
    /// Elsewhere: a link led to it.
    Outside,
    /// It has a name that is not UTF-8, or the system does not tell.
    Unknown,
}

impl Storage {
    /// The place of an open file.
    #[cfg(target_os = "linux")]
    pub(crate) fn place(&self, file: impl AsFd) -> io::Result<Place> {
        use std::ffi::OsString;
        use std::os::fd::AsRawFd;
        use std::os::unix::ffi::OsStringExt;
        use std::path::PathBuf;

        use rustix::fs::readlink;
        use rustix::io::Errno;

        let file = file.as_fd();
        let link = format!("/proc/self/fd/{}", file.as_raw_fd());
        let name = match readlink(link, Vec::new()) {
            Ok(name) => PathBuf::from(OsString::from_vec(name.into_bytes())),
            Err(Errno::NOENT) => return Ok(Place::Unknown), // no /proc in this sandbox
            Err(error) => return Err(error.into()),
        };
        let Ok(beneath) = name.strip_prefix(&self.root.real_path) else {
            return Ok(Place::Outside);
        };
        let Some(path) = beneath
            .to_str()
            .and_then(|text| text.parse::<ContentsPath>().ok())
        else {
            return Ok(Place::Unknown);
        };
        // Not the name that was asked for: a link may have led to something hidden.
        match path.as_str().strip_suffix(DELETED).map(str::parse) {
            Some(Ok(before)) if !self.lies_at(file, &path)? => Ok(Place::Beneath(before)),
            _ => Ok(Place::Beneath(path)),
        }
    }

    /// Whether `path` itself is the open file. Only that tells a name from what Linux adds to it: one that was replaced
    /// may have another name left.
    #[cfg(target_os = "linux")]
    fn lies_at(&self, file: BorrowedFd<'_>, path: &ContentsPath) -> io::Result<bool> {
        let open = identity(&rustix::fs::fstat(file)?);
        // What cannot be looked at is not there.
        let found = self.name_itself(path).ok().and_then(|target| target.old);
        Ok(found.is_some_and(|stat| identity(&stat) == open))
    }

    /// The place of an open file: not asked here.
    #[cfg(not(target_os = "linux"))]
    pub(crate) fn place(&self, _file: impl AsFd) -> io::Result<Place> {
        Ok(Place::Unknown)
    }
}
