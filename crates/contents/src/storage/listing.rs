//! What lies in a directory: its names, which cost one call for hundreds of them, and what is known of each, which
//! costs a few calls for one.

use std::cmp::Ordering;
use std::ffi::{CStr, CString, OsStr};
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::sync::Arc;

use rustix::fs::{AtFlags, Dir, FileType, OFlags, statat};
use rustix::io::Errno;

use super::describe::{Entry, escaped};
use super::temporary::is_on_its_way;
use super::{Root, Storage};
use crate::path::ContentsPath;

/// A directory that is listed name by name, however many entries it has.
#[derive(Debug)]
pub(crate) struct Listing {
    root: Arc<Root>,
    path: ContentsPath,
    directory: Dir,
}

/// One name in a directory. Ordered by what is shown.
#[derive(Clone, Debug)]
pub(crate) struct Name {
    /// As it is shown: what is not UTF-8 is escaped.
    pub(crate) text: String,
    /// As it is on disk.
    raw: CString,
    /// What the directory says that it is, which may be nothing.
    file_type: FileType,
}

/// What a name alone tells about its entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Told {
    File,
    Directory,
    /// A fifo, socket or device.
    Special,
    /// A link, or the file system doesn't say.
    Nothing,
}

impl Name {
    pub(crate) fn told(&self) -> Told {
        match self.file_type {
            FileType::RegularFile => Told::File,
            FileType::Directory => Told::Directory,
            FileType::Fifo | FileType::Socket | FileType::CharacterDevice | FileType::BlockDevice => {
                Told::Special
            }
            _ => Told::Nothing,
        }
    }

    fn path(&self) -> &Path {
        Path::new(OsStr::from_bytes(self.raw.to_bytes()))
    }
}

impl Ord for Name {
    fn cmp(&self, other: &Self) -> Ordering {
        (&self.text, &self.raw).cmp(&(&other.text, &other.raw))
    }
}

impl PartialOrd for Name {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Name {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Name {}

impl Storage {
    /// Begins to list a directory.
    pub(crate) fn listing(&self, path: &ContentsPath) -> io::Result<Listing> {
        let descriptor = self.root.resolve(path, OFlags::RDONLY | OFlags::DIRECTORY)?;
        Ok(Listing {
            root: Arc::clone(&self.root),
            path: path.clone(),
            // Not opened anew, which would take the right to enter the directory.
            directory: Dir::new(descriptor)?,
        })
    }

    /// Whether `path` is missing and leads through what a listing shows under this text because its name is not UTF-8.
    pub(crate) fn names_what_is_not_utf8(&self, path: &ContentsPath) -> bool {
        // Nothing else is escaped, so that hardly any path costs more than this.
        if !path.as_str().contains(r"\x") {
            return false;
        }
        let mut directory = ContentsPath::root();
        for part in path.parts() {
            let Ok(next) = directory.join(part) else {
                return false;
            };
            if matches!(self.describe(&next), Ok(None)) {
                let names = self
                    .listing(&directory)
                    .and_then(|mut listing| listing.names(usize::MAX));
                // A text that stands for itself is in the directory, or it is missing.
                return names.is_ok_and(|names| names.iter().any(|name| name.text == part));
            }
            directory = next;
        }
        false
    }
}

impl Listing {
    /// The next name, in the order the file system gives them.
    fn next_name(&mut self) -> io::Result<Option<Name>> {
        for found in &mut self.directory {
            let found = found?;
            let raw = found.file_name();
            if matches!(raw.to_bytes(), b"." | b"..") || is_on_its_way(raw.to_bytes()) {
                continue;
            }
            return Ok(Some(Name {
                text: shown(raw),
                raw: raw.to_owned(),
                file_type: found.file_type(),
            }));
        }
        Ok(None)
    }

    /// All names that are left. [`io::ErrorKind::QuotaExceeded`] for more than `entries_max`.
    pub(crate) fn names(&mut self, entries_max: usize) -> io::Result<Vec<Name>> {
        let mut names = Vec::new();
        while let Some(name) = self.next_name()? {
            if names.len() >= entries_max {
                return Err(io::ErrorKind::QuotaExceeded.into());
            }
            names.push(name);
        }
        Ok(names)
    }

    /// The next entries, at most so many; `None` after the last. One that vanishes meanwhile is left out.
    pub(crate) fn next(&mut self, count: usize) -> io::Result<Option<Vec<Entry>>> {
        let mut entries = Vec::new();
        while entries.len() < count {
            match self.next_name()? {
                Some(name) => entries.extend(self.entry(&name)?),
                None => return Ok((!entries.is_empty()).then_some(entries)),
            }
        }
        Ok(Some(entries))
    }

    /// What is known of an entry; `None` if it has vanished. What can't be looked at is there all the same.
    pub(crate) fn entry(&self, name: &Name) -> io::Result<Option<Entry>> {
        let directory = self.directory.fd()?;
        let stat = match statat(directory, &name.raw, AtFlags::SYMLINK_NOFOLLOW) {
            Ok(stat) => stat,
            Err(Errno::NOENT) => return Ok(None),
            Err(_) => return Ok(Some(Entry::unknown(name.text.clone(), name.file_type))),
        };
        let path = || self.path.join(name.raw.to_str().ok()?).ok();
        Ok(Some(self.root.entry(directory, name.path(), &stat, path)))
    }
}

fn shown(raw: &CStr) -> String {
    raw.to_str().map_or_else(
        |_| escaped(Path::new(OsStr::from_bytes(raw.to_bytes()))),
        str::to_owned,
    )
}
