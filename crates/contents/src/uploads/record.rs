//! What is written down of an upload, so that a server that was killed goes on where it was.
//!
//! A record tells an offset up to which the bytes are safely on the disk, and the state of the checksum there. It is
//! one small file in a directory of this server's own, replaced as a whole.

use std::fs::{self, File};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde::{Deserialize, Serialize};

use super::{Checksum, UploadId};
use crate::path::ContentsPath;
use crate::storage::Existing;
use crate::version::Precondition;

/// What the name of a record ends with.
const ENDING: &str = ".json";

/// One upload, as far as it is safe.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Record {
    /// Relative to the root directory.
    path: String,
    /// Bytes that are to come.
    pub(super) length: u64,
    /// Whether a file that is there may be replaced.
    pub(super) overwrite: bool,
    /// What must hold of a file that is there.
    #[serde(default)]
    precondition: Precondition,
    /// What the client called it, word for word.
    pub(super) metadata: String,
    /// The checksum the whole is to have, in hexadecimal.
    expected: Option<String>,
    /// The name of the partial file beside the target.
    pub(super) partial: String,
    /// The mode of the file if it is new.
    pub(super) mode_if_new: u32,
    /// Bytes that are on the disk for good.
    pub(super) offset: u64,
    /// The state of the checksum there.
    pub(super) summing: String,
    /// Seconds since 1970.
    created: u64,
    /// When something came last, in seconds since 1970.
    touched: u64,
    /// The checksum of the whole, once all is here and before the file goes to its place.
    sha256: Option<String>,
    /// Whether the file is in its place.
    placed: bool,
}

/// What an upload begins with.
pub(super) struct Beginning<'a> {
    pub(super) path: &'a ContentsPath,
    pub(super) length: u64,
    pub(super) overwrite: bool,
    pub(super) precondition: Precondition,
    pub(super) metadata: String,
    pub(super) expected: Option<Checksum>,
    pub(super) partial: String,
    pub(super) mode_if_new: u32,
    pub(super) summing: String,
    pub(super) now: SystemTime,
}

impl Record {
    pub(super) fn new(beginning: Beginning<'_>) -> Self {
        let now = seconds(beginning.now);
        Self {
            path: beginning.path.as_str().to_owned(),
            length: beginning.length,
            overwrite: beginning.overwrite,
            precondition: beginning.precondition,
            metadata: beginning.metadata,
            expected: beginning.expected.map(|checksum| checksum.to_string()),
            partial: beginning.partial,
            mode_if_new: beginning.mode_if_new,
            offset: 0,
            summing: beginning.summing,
            created: now,
            touched: now,
            sha256: None,
            placed: false,
        }
    }

    /// Where the file is to be; `None` for a record that somebody else has written.
    pub(super) fn path(&self) -> Option<ContentsPath> {
        self.path.parse().ok()
    }

    pub(super) fn existing(&self) -> Existing<'_> {
        if !self.overwrite {
            Existing::Keep
        } else if self.precondition == Precondition::default() {
            Existing::Replace
        } else {
            Existing::ReplaceIf(&self.precondition)
        }
    }

    pub(super) fn expected(&self) -> Option<Checksum> {
        self.expected.as_deref().and_then(Checksum::from_hex)
    }

    pub(super) fn sha256(&self) -> Option<Checksum> {
        self.sha256.as_deref().and_then(Checksum::from_hex)
    }

    pub(super) fn is_placed(&self) -> bool {
        self.placed
    }

    /// All is here and right. Written down before the file goes to its place: a partial file that is gone afterwards
    /// has become the file.
    pub(super) fn is_complete(&mut self, checksum: Checksum) {
        self.sha256 = Some(checksum.to_string());
    }

    /// It did not go to its place.
    pub(super) fn is_not_complete(&mut self) {
        self.sha256 = None;
    }

    pub(super) fn is_in_its_place(&mut self) {
        self.placed = true;
    }

    pub(super) fn touch(&mut self, now: SystemTime) {
        self.touched = self.touched.max(seconds(now));
    }

    pub(super) fn created(&self) -> SystemTime {
        UNIX_EPOCH + Duration::from_secs(self.created)
    }

    pub(super) fn expires(&self, expiry: Duration) -> SystemTime {
        let touched = UNIX_EPOCH + Duration::from_secs(self.touched);
        touched.checked_add(expiry).unwrap_or(touched)
    }
}

fn seconds(time: SystemTime) -> u64 {
    time.duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs())
}

/// The records of one server. Its methods block.
#[derive(Clone, Debug)]
pub(super) struct Records {
    /// `None`: they are kept nowhere.
    directory: Option<PathBuf>,
}

impl Records {
    pub(super) fn new(directory: Option<PathBuf>) -> io::Result<Self> {
        if let Some(directory) = &directory {
            fs::DirBuilder::new()
                .recursive(true)
                .mode(0o700)
                .create(directory)?;
        }
        Ok(Self { directory })
    }

    /// Writes one down, for good.
    pub(super) fn keep(&self, id: &UploadId, record: &Record) -> io::Result<()> {
        let Some(directory) = &self.directory else {
            return Ok(());
        };
        let new = directory.join(format!("{id}.new"));
        let mut file = fs::OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(true)
            .mode(0o600)
            .open(&new)?;
        file.write_all(&serde_json::to_vec(record)?)?;
        file.sync_all()?;
        fs::rename(&new, place(directory, id))?;
        File::open(directory)?.sync_all()
    }

    /// Forgets one; that there is none is as well.
    pub(super) fn forget(&self, id: &UploadId) -> io::Result<()> {
        let Some(directory) = &self.directory else {
            return Ok(());
        };
        match fs::remove_file(place(directory, id)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        }
    }

    /// All that are there. One that can't be read is told of and left where it is.
    pub(super) fn all(&self) -> io::Result<Vec<(UploadId, Record)>> {
        let Some(directory) = &self.directory else {
            return Ok(Vec::new());
        };
        let mut found = Vec::new();
        for entry in fs::read_dir(directory)? {
            let name = entry?.file_name();
            let id = name.to_str().and_then(|name| name.strip_suffix(ENDING));
            let Some(id) = id.and_then(|id| id.parse::<UploadId>().ok()) else {
                continue;
            };
            let read = fs::read(place(directory, &id));
            match read.and_then(|bytes| Ok(serde_json::from_slice::<Record>(&bytes)?)) {
                Ok(record) => found.push((id, record)),
                Err(error) => {
                    tracing::warn!(upload.id = %id, %error, "the record of an upload can't be read")
                }
            }
        }
        Ok(found)
    }
}

fn place(directory: &Path, id: &UploadId) -> PathBuf {
    directory.join(format!("{id}{ENDING}"))
}
