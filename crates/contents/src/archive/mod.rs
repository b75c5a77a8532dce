//! A directory as a zip archive that is made while it is sent, in the same little memory for any size.
//!
//! What listings show is in it. What can't be read is told in [`ERRORS`] at its end; a file that breaks off in the middle
//! ends the whole, so that no one takes the archive for complete. Which entries the reader may see is asked outside.

mod zip;

use std::fs::File;
use std::io::{self, Read};

use bytes::Bytes;

use self::zip::Zip;
use crate::error::ContentsError;
use crate::manager::{ContentsManager, Shared};
use crate::path::ContentsPath;
use crate::storage::{Entry, Kind, Listing};
use crate::time::FileTime;

/// Bytes that are made ready at once.
const READY_BYTES: usize = 256 * 1024;
/// Bytes read from a file at once.
const READ_BYTES: usize = 128 * 1024;
/// Entries that are asked about at once.
const BATCH_ENTRIES: usize = 256;
/// Deepest nesting of directories. Each level keeps a directory open.
const DEPTH_MAX: usize = 128;
/// What could not be read: a file at the end of the archive.
const ERRORS: &str = "ERRORS.txt";
/// Most lines of it; more are counted.
const ERRORS_MAX: usize = 1000;

/// An archive in the making.
pub struct Archive {
    contents: ContentsManager,
    /// `None` while a blocking task has it, and after one that did not end well.
    making: Option<Making>,
}

/// What comes next of an archive.
#[derive(Debug)]
pub enum ArchiveStep {
    /// Bytes to send.
    Bytes(Bytes),
    /// Entries of `directory`: which of them may the reader see? [`Archive::allow`] them.
    Ask {
        /// Where they are.
        directory: ContentsPath,
        /// The entries.
        entries: Vec<ArchiveEntry>,
    },
}

/// An entry that may go into the archive.
#[derive(Clone, Debug)]
pub struct ArchiveEntry {
    /// Which one.
    pub path: ContentsPath,
    kind: Kind,
    is_link: bool,
    modified: FileTime,
}

struct Making {
    /// What is cut off the paths: the directory the archived one lies in.
    above: usize,
    zip: Zip,
    levels: Vec<Level>,
    file: Option<(ContentsPath, File)>,
    errors: Vec<String>,
    errors_more: u64,
    /// A file of the archive may have the name that the errors would have.
    errors_name_taken: bool,
    end: Option<End>,
}

/// A directory on the way down.
struct Level {
    directory: ContentsPath,
    listing: Listing,
    /// Entries that were allowed, the next one last.
    left: Vec<ArchiveEntry>,
}

/// What is sent after the last file.
type End = Box<dyn Read + Send>;

impl Archive {
    pub(crate) async fn new(contents: ContentsManager, path: &ContentsPath) -> Result<Self, ContentsError> {
        let path = path.clone();
        let making = contents.blocking(move |shared| Making::new(shared, path)).await?;
        Ok(Self {
            contents,
            making: Some(making),
        })
    }

    /// What comes next; `None` at the end. After an error there is no more, and what was sent is no archive.
    ///
    /// # Errors
    /// When a file breaks off while it is read.
    pub async fn next(&mut self) -> Result<Option<ArchiveStep>, ContentsError> {
        let Some(mut making) = self.making.take() else {
            return Err(ContentsError::Stopping);
        };
        let worked = self.contents.blocking(move |shared| {
            let step = making.work(shared)?;
            Ok((making, step))
        });
        let (making, step) = worked.await?;
        self.making = Some(making);
        Ok(step)
    }

    /// Lets these of the entries that were asked about into the archive.
    pub fn allow(&mut self, mut entries: Vec<ArchiveEntry>) {
        entries.reverse();
        if let Some(level) = self.making.as_mut().and_then(|making| making.levels.last_mut()) {
            level.left = entries;
        }
    }
}

impl Making {
    fn new(shared: &Shared, path: ContentsPath) -> Result<Self, ContentsError> {
        let listing = shared.listing(&path)?;
        let above = path
            .parent()
            .map_or(0, |parent| parent.as_str().len() + usize::from(!parent.is_root()));
        let zip = Zip::new().map_err(|source| broken(&path, source))?;
        Ok(Self {
            above,
            zip,
            levels: vec![Level {
                directory: path,
                listing,
                left: Vec::new(),
            }],
            file: None,
            errors: Vec::new(),
            errors_more: 0,
            errors_name_taken: false,
            end: None,
        })
    }

    fn work(&mut self, shared: &Shared) -> Result<Option<ArchiveStep>, ContentsError> {
        loop {
            if self.zip.out.len() >= READY_BYTES {
                return Ok(Some(ArchiveStep::Bytes(self.zip.take().into())));
            }
            if let Some(end) = &mut self.end {
                let mut bytes = Vec::new();
                let read = end.take(READY_BYTES as u64).read_to_end(&mut bytes);
                read.map_err(|source| broken(&ContentsPath::root(), source))?;
                return Ok((!bytes.is_empty()).then(|| ArchiveStep::Bytes(bytes.into())));
            }
            if self.file.is_some() {
                self.read()?;
                continue;
            }
            let Some(level) = self.levels.last_mut() else {
                self.finish()
                    .map_err(|source| broken(&ContentsPath::root(), source))?;
                continue;
            };
            if let Some(entry) = level.left.pop() {
                self.add(shared, entry)?;
                continue;
            }
            let directory = level.directory.clone();
            match level.listing.next(BATCH_ENTRIES) {
                Ok(Some(found)) => {
                    let shown = found.into_iter().filter(|entry| shared.is_listed(entry));
                    let entries = shown.filter_map(|entry| self.entry(&directory, &entry)).collect();
                    return Ok(Some(ArchiveStep::Ask { directory, entries }));
                }
                Ok(None) => drop(self.levels.pop()),
                Err(error) => {
                    self.levels.pop();
                    self.note(&directory, &format!("the rest could not be listed: {error}"));
                }
            }
        }
    }

    fn entry(&mut self, directory: &ContentsPath, entry: &Entry) -> Option<ArchiveEntry> {
        match directory.join(&entry.name) {
            Ok(path) => Some(ArchiveEntry {
                path,
                kind: entry.kind,
                is_link: entry.is_link,
                modified: entry.modified,
            }),
            Err(error) => {
                self.note(directory, &format!("`{}`: {error}", entry.name));
                None
            }
        }
    }

    fn add(&mut self, shared: &Shared, entry: ArchiveEntry) -> Result<(), ContentsError> {
        let (name, path) = (self.name(&entry.path), entry.path);
        let failed = |source| broken(&path, source);
        if entry.kind == Kind::Directory {
            if entry.is_link {
                self.note(&path, "a link to a directory, which is not followed");
            } else if self.levels.len() >= DEPTH_MAX {
                self.note(&path, "nested too deeply");
            } else {
                self.zip.directory(&name, entry.modified).map_err(failed)?;
                match shared.listing(&path) {
                    Ok(listing) => self.levels.push(Level {
                        directory: path,
                        listing,
                        left: Vec::new(),
                    }),
                    Err(error) => self.note(&path, &error.to_string()),
                }
            }
            return Ok(());
        }
        match shared.open_file(&path) {
            Ok(open) => {
                self.errors_name_taken |= name == ERRORS;
                self.zip.begin(name, open.modified, open.size).map_err(failed)?;
                // A file of the system has no size and may have bytes all the same.
                match open.small.filter(|bytes| !bytes.is_empty()) {
                    None => self.file = Some((path, open.file)),
                    Some(bytes) => self
                        .zip
                        .write(&bytes)
                        .and_then(|()| self.zip.end())
                        .map_err(failed)?,
                }
            }
            Err(error) => self.note(&path, &error.to_string()),
        }
        Ok(())
    }

    /// The next bytes of the file that is being read.
    fn read(&mut self) -> Result<(), ContentsError> {
        let Some((path, file)) = &mut self.file else {
            return Ok(());
        };
        let mut bytes = vec![0; READ_BYTES];
        let count = file.read(&mut bytes).map_err(|source| broken(path, source))?;
        let bytes = bytes.get(..count).unwrap_or_default();
        let written = match bytes.is_empty() {
            true => self.zip.end(),
            false => self.zip.write(bytes),
        };
        written.map_err(|source| broken(path, source))?;
        if count == 0 {
            self.file = None;
        }
        Ok(())
    }

    fn finish(&mut self) -> io::Result<()> {
        if !self.errors.is_empty() {
            let mut text = String::from("These are missing in this archive:\n");
            for line in &self.errors {
                text.push_str(line);
                text.push('\n');
            }
            if self.errors_more > 0 {
                text.push_str(&format!("and {} more\n", self.errors_more));
            }
            let name = match self.errors_name_taken {
                false => ERRORS.to_owned(),
                true => format!("{ERRORS}.of-this-archive.txt"),
            };
            self.zip
                .begin(name, FileTime::from_stat(0, 0), text.len() as u64)?;
            self.zip.write(text.as_bytes())?;
            self.zip.end()?;
        }
        let mut zip = std::mem::replace(&mut self.zip, Zip::new()?);
        let files = zip.take();
        let (list, after) = zip.finish()?;
        self.end = Some(Box::new(
            io::Cursor::new(files).chain(list).chain(io::Cursor::new(after)),
        ));
        Ok(())
    }

    /// Notes what is missing.
    fn note(&mut self, path: &ContentsPath, why: &str) {
        if self.errors.len() < ERRORS_MAX {
            self.errors.push(format!("{path}: {why}"));
        } else {
            self.errors_more += 1;
        }
    }

    /// What a path is called in the archive.
    fn name(&self, path: &ContentsPath) -> String {
        path.as_str().get(self.above..).unwrap_or_default().to_owned()
    }
}

fn broken(path: &ContentsPath, source: io::Error) -> ContentsError {
    ContentsError::Io {
        doing: "archiving",
        path: path.clone(),
        source,
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::{ContentsConfig, SignaturesInMemory};

    #[tokio::test]
    async fn an_archive_ends_with_a_file_that_breaks_off() {
        let directory = tempfile::tempdir().unwrap();
        let config = ContentsConfig::new(directory.path());
        let contents = ContentsManager::new(config, Arc::new(SignaturesInMemory::default())).unwrap();
        let mut archive = contents.archive(&ContentsPath::root()).await.unwrap();
        let unreadable = std::fs::File::create(directory.path().join("a")).unwrap(); // only for writing
        let making = archive.making.as_mut().unwrap();
        making
            .zip
            .begin("a".to_owned(), FileTime::from_stat(0, 0), 9)
            .unwrap();
        making.file = Some(("a".parse().unwrap(), unreadable));
        assert!(matches!(archive.next().await, Err(ContentsError::Io { .. })));
        assert!(archive.next().await.is_err(), "no end that looks like a good one");
    }
}
