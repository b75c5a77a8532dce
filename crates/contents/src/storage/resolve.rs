//! From a [`ContentsPath`] to a file descriptor, beneath the root by construction.
//!
//! A `ContentsPath` holds no `..` and is opened relative to the descriptor of the root, so only a symbolic link can
//! lead outside. Whether that is allowed is [`OutsideLinks`]; when it is not, the kernel itself checks each step
//! (`openat2` with `RESOLVE_BENEATH`), or [`walk`](super::walk) does, so a link swapped in during the call changes
//! nothing.

use std::ffi::OsStr;
use std::io;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock};

use rustix::fs::{CWD, Mode, OFlags, fstat, openat};
use rustix::io::Errno;

use crate::path::ContentsPath;

/// What becomes of a symbolic link that leads out of the root directory.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum OutsideLinks {
    /// It is followed, as the reference does: right for one user, who made the link.
    #[default]
    Follow,
    /// It is refused: right where several users share a server. Links that stay inside are followed.
    Refuse,
}

/// A descriptor that only names something.
#[cfg(target_os = "linux")]
pub(super) const NAMED: OFlags = OFlags::PATH;
#[cfg(not(target_os = "linux"))]
pub(super) const NAMED: OFlags = OFlags::RDONLY.union(OFlags::NONBLOCK);
/// A descriptor that only names a directory.
pub(super) const DIRECTORY: OFlags = NAMED.union(OFlags::DIRECTORY);

/// The root directory, held open for the life of the storage.
#[derive(Debug)]
pub(super) struct Root {
    /// As configured, made absolute.
    pub(super) path: PathBuf,
    /// Without links, so that absolute links to what is inside are known.
    pub(super) real_path: PathBuf,
    pub(super) links: OutsideLinks,
    directory: RwLock<Arc<OwnedFd>>,
}

impl Root {
    pub(super) fn open(path: &Path, links: OutsideLinks) -> io::Result<Self> {
        let path = std::path::absolute(path)?;
        let directory = open_directory(&path)?;
        Ok(Self {
            real_path: path.canonicalize()?,
            path,
            links,
            directory: RwLock::new(Arc::new(directory)),
        })
    }

    /// The root directory. One that was deleted, or whose server forgot it, is looked for again by its name: what was
    /// taken away may have been put back.
    pub(super) fn directory(&self) -> io::Result<Arc<OwnedFd>> {
        let held = Arc::clone(&self.directory.read().unwrap_or_else(PoisonError::into_inner));
        if fstat(&held).is_ok_and(|stat| stat.st_nlink > 0) {
            return Ok(held);
        }
        let found = Arc::new(open_directory(&self.path)?);
        *self.directory.write().unwrap_or_else(PoisonError::into_inner) = Arc::clone(&found);
        Ok(found)
    }

    /// Opens what `path` names, following links as far as allowed. Never creates.
    pub(super) fn resolve(&self, path: &ContentsPath, flags: OFlags) -> io::Result<OwnedFd> {
        let text = if path.is_root() { "." } else { path.as_str() };
        self.resolve_name(OsStr::new(text), flags)
    }

    /// The same for a name that may not be UTF-8, relative to the root.
    pub(super) fn resolve_name(&self, name: &OsStr, flags: OFlags) -> io::Result<OwnedFd> {
        let flags = flags | OFlags::CLOEXEC;
        match self.links {
            OutsideLinks::Follow => Ok(openat(&*self.directory()?, name, flags, Mode::empty())?),
            OutsideLinks::Refuse => self.resolve_beneath(name, flags),
        }
    }

    /// The directory `path` lies in, opened, and the last part of `path`; for the root itself `.`.
    pub(super) fn parent<'a>(&self, path: &'a ContentsPath) -> io::Result<(OwnedFd, &'a str)> {
        match path.parent() {
            Some(parent) => Ok((self.resolve(&parent, DIRECTORY)?, path.name())),
            None => Ok((self.directory()?.try_clone()?, ".")),
        }
    }

    #[cfg(target_os = "linux")]
    fn resolve_beneath(&self, name: &OsStr, flags: OFlags) -> io::Result<OwnedFd> {
        use rustix::fs::{ResolveFlags, openat2};
        let beneath = ResolveFlags::BENEATH | ResolveFlags::NO_MAGICLINKS;
        let directory = self.directory()?;
        loop {
            match openat2(&*directory, name, flags, Mode::empty(), beneath) {
                Err(Errno::AGAIN | Errno::INTR) => {} // a rename elsewhere made the walk ambiguous
                // An absolute link, which may lead inside all the same; or a kernel before 5.6.
                Err(Errno::XDEV | Errno::NOSYS) => return self.open_by_walking(name, flags),
                result => return Ok(result?),
            }
        }
    }

    #[cfg(not(target_os = "linux"))]
    fn resolve_beneath(&self, name: &OsStr, flags: OFlags) -> io::Result<OwnedFd> {
        self.open_by_walking(name, flags)
    }

    fn open_by_walking(&self, name: &OsStr, flags: OFlags) -> io::Result<OwnedFd> {
        let place = self.walk(name)?;
        Ok(openat(
            &place.directory,
            &place.name,
            flags | OFlags::NOFOLLOW,
            Mode::empty(),
        )?)
    }
}

fn open_directory(path: &Path) -> io::Result<OwnedFd> {
    Ok(openat(CWD, path, DIRECTORY | OFlags::CLOEXEC, Mode::empty())?)
}

pub(super) fn leads_outside() -> io::Error {
    io::Error::new(
        io::ErrorKind::PermissionDenied,
        "the link leads outside the root directory",
    )
}
