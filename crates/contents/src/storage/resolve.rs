//! From a [`ContentsPath`] to a file descriptor, beneath the root by construction.
//!
//! A `ContentsPath` holds no `..` and is opened relative to the descriptor of the root, so only a symbolic link can
//! lead outside. Whether that is allowed is [`OutsideLinks`]; when it is not, the kernel itself checks each step
//! (`openat2` with `RESOLVE_BENEATH`), so a link swapped in during the call changes nothing.

use std::io;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};

use rustix::fs::{CWD, Mode, OFlags, openat};
use rustix::io::Errno;

use crate::path::ContentsPath;

/// What becomes of a symbolic link that leads out of the root directory.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum OutsideLinks {
    /// It is followed, as the reference does: right for one user, who made the link.
    #[default]
    Follow,
    /// It is refused: right where several users share a server.
    Refuse,
}

/// A descriptor that only names a directory.
#[cfg(target_os = "linux")]
const DIRECTORY: OFlags = OFlags::PATH.union(OFlags::DIRECTORY);
#[cfg(not(target_os = "linux"))]
const DIRECTORY: OFlags = OFlags::RDONLY.union(OFlags::DIRECTORY);

/// The root directory, held open for the life of the storage.
#[derive(Debug)]
pub(super) struct Root {
    pub(super) path: PathBuf,
    pub(super) directory: OwnedFd,
    pub(super) links: OutsideLinks,
}

impl Root {
    pub(super) fn open(path: &Path, links: OutsideLinks) -> io::Result<Self> {
        let path = std::path::absolute(path)?;
        let directory = openat(CWD, &path, DIRECTORY | OFlags::CLOEXEC, Mode::empty())?;
        Ok(Self {
            path,
            directory,
            links,
        })
    }

    /// Opens what `path` names, following links as far as allowed. Never creates.
    pub(super) fn resolve(&self, path: &ContentsPath, flags: OFlags) -> io::Result<OwnedFd> {
        let text = if path.is_root() { "." } else { path.as_str() };
        let flags = flags | OFlags::CLOEXEC;
        match self.links {
            OutsideLinks::Follow => Ok(openat(&self.directory, text, flags, Mode::empty())?),
            OutsideLinks::Refuse => self.resolve_beneath(text, flags),
        }
    }

    /// The directory `path` lies in, opened, and the last part of `path`; for the root itself `.`.
    pub(super) fn parent<'a>(&self, path: &'a ContentsPath) -> io::Result<(OwnedFd, &'a str)> {
        match path.parent() {
            Some(parent) => Ok((self.resolve(&parent, DIRECTORY)?, path.name())),
            None => Ok((self.directory.try_clone()?, ".")),
        }
    }

    #[cfg(target_os = "linux")]
    fn resolve_beneath(&self, text: &str, flags: OFlags) -> io::Result<OwnedFd> {
        use rustix::fs::{ResolveFlags, openat2};
        let beneath = ResolveFlags::BENEATH | ResolveFlags::NO_MAGICLINKS;
        loop {
            match openat2(&self.directory, text, flags, Mode::empty(), beneath) {
                Err(Errno::AGAIN | Errno::INTR) => {} // a rename elsewhere made the walk ambiguous
                // Kernels before 5.6 and some sandboxes lack the call.
                Err(Errno::NOSYS) => return self.walk_without_links(text, flags),
                Err(Errno::XDEV) => return Err(leads_outside()),
                result => return Ok(result?),
            }
        }
    }

    #[cfg(not(target_os = "linux"))]
    fn resolve_beneath(&self, text: &str, flags: OFlags) -> io::Result<OwnedFd> {
        self.walk_without_links(text, flags)
    }

    /// Where the kernel can't check: one step at a time and no link at all.
    fn walk_without_links(&self, text: &str, flags: OFlags) -> io::Result<OwnedFd> {
        let mut directory = self.directory.try_clone()?;
        let (parents, name) = text.rsplit_once('/').unwrap_or(("", text));
        for part in parents.split('/').filter(|part| !part.is_empty()) {
            directory = no_link(openat(
                &directory,
                part,
                DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC,
                Mode::empty(),
            ))?;
        }
        no_link(openat(&directory, name, flags | OFlags::NOFOLLOW, Mode::empty()))
    }
}

fn no_link(result: Result<OwnedFd, Errno>) -> io::Result<OwnedFd> {
    match result {
        Err(Errno::LOOP) => Err(leads_outside()),
        result => Ok(result?),
    }
}

fn leads_outside() -> io::Error {
    io::Error::new(
        io::ErrorKind::PermissionDenied,
        "the link leads outside the root directory",
    )
}
