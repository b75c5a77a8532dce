//! Where a path leads with all its links followed, one step at a time and never out of the root.
//!
//! Each step opens one ordinary name in a directory already held, without following: so a link swapped in during the
//! walk is an error, not a way out. For what the kernel can't say in one call: absolute links that lead inside, the
//! place of a file that is to be replaced or made, and systems without `openat2`.

use std::ffi::{OsStr, OsString};
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::Path;

use rustix::fs::{Mode, OFlags, openat, readlinkat};
use rustix::io::Errno;

use super::resolve::{DIRECTORY, Root, leads_outside};

/// Links followed from one name before we give up, as Linux does.
pub(super) const LINKS_MAX: usize = 40;

/// A directory, and a name in it that was no link (or nothing) when it was looked at.
#[derive(Debug)]
pub(super) struct Place {
    pub(super) directory: OwnedFd,
    pub(super) name: OsString,
}

impl Root {
    /// The end of all links of `path`, which is relative to the root. The last name need not exist.
    pub(super) fn walk(&self, path: &OsStr) -> io::Result<Place> {
        let mut open = vec![self.directory()?.try_clone()?];
        let mut left = parts(path);
        let mut links = 0;
        loop {
            let directory = open.last().ok_or_else(leads_outside)?;
            let Some(part) = left.pop() else {
                return Ok(Place {
                    directory: directory.try_clone()?,
                    name: OsString::from("."),
                });
            };
            if part == ".." {
                open.pop();
                continue;
            }
            match readlinkat(directory, &part, Vec::new()) {
                Ok(target) => {
                    links += 1;
                    if links > LINKS_MAX {
                        return Err(Errno::LOOP.into());
                    }
                    let target = OsString::from_vec(target.into_bytes());
                    if target.as_bytes().starts_with(b"/") {
                        let inside = self.beneath(Path::new(&target)).ok_or_else(leads_outside)?;
                        open.truncate(1);
                        left.extend(parts(inside.as_os_str()));
                    } else {
                        left.extend(parts(&target));
                    }
                }
                Err(Errno::INVAL | Errno::NOENT) if left.is_empty() => {
                    let directory = open.pop().ok_or_else(leads_outside)?;
                    return Ok(Place {
                        directory,
                        name: part,
                    });
                }
                Err(Errno::INVAL) => {
                    let flags = DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
                    let inner = openat(directory, &part, flags, Mode::empty())?;
                    open.push(inner);
                }
                Err(error) => return Err(error.into()),
            }
        }
    }

    /// What is left of an absolute name beneath the root, however the root was named.
    fn beneath<'a>(&self, absolute: &'a Path) -> Option<&'a Path> {
        absolute
            .strip_prefix(&self.path)
            .or_else(|_| absolute.strip_prefix(&self.real_path))
            .ok()
    }
}

/// The parts of a path, the first one last, to be taken from the end.
fn parts(path: &OsStr) -> Vec<OsString> {
    let parts = path.as_bytes().split(|byte| *byte == b'/').rev();
    parts
        .filter(|part| !part.is_empty() && *part != b".")
        .map(|part| OsStr::from_bytes(part).to_owned())
        .collect()
}
