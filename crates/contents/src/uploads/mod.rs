//! Uploads that come in parts and go on where they stopped: after a connection that broke, and after a server that was
//! killed.
//!
//! What has come lies in a hidden *partial file* beside the file it will become; a *record* of this server says how much
//! of it is safe. At the end the partial file is renamed: whoever reads finds the old file or the new.

mod config;
mod digest;
mod error;
mod id;
mod record;
mod writer;

#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use tokio::sync::{OwnedMutexGuard, watch};

pub use self::config::UploadsConfig;
pub use self::digest::Checksum;
use self::digest::Summing;
pub use self::error::UploadError;
pub use self::id::UploadId;
use self::record::{Beginning, Record, Records};
pub use self::writer::UploadWriter;
use self::writer::Writing;
use crate::error::ContentsError;
use crate::manager::{self, ContentsManager};
use crate::path::ContentsPath;
use crate::storage::partial_name;
use crate::version::Precondition;

/// Uploads that have ended and are still known, so that a client that missed the answer can ask. The oldest go first.
const ENDED_MAX: usize = 1000;

/// The uploads of a server. A cheap clone.
#[derive(Clone)]
pub struct UploadManager {
    shared: Arc<Shared>,
}

struct Shared {
    contents: ContentsManager,
    config: UploadsConfig,
    records: Records,
    /// Held only for a lookup or a change, never across an await.
    uploads: Mutex<HashMap<UploadId, Arc<Upload>>>,
}

/// One upload.
struct Upload {
    id: UploadId,
    /// Held by whoever writes.
    record: Arc<tokio::sync::Mutex<Record>>,
    /// How many have wanted to write; whoever writes makes room when it grows.
    wanted: watch::Sender<u64>,
    /// Held only for a look or a change, never across an await.
    status: Mutex<UploadStatus>,
}

/// What there is to know of an upload.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UploadStatus {
    /// Which one.
    pub id: UploadId,
    /// The file it is to be.
    pub path: ContentsPath,
    /// How many bytes have come.
    pub offset: u64,
    /// How many are to come.
    pub length: u64,
    /// What the client called it, word for word.
    pub metadata: String,
    /// The checksum of the whole, once the file is in its place.
    pub sha256: Option<Checksum>,
    /// When it began.
    pub created: SystemTime,
    /// When it is given up, or forgotten.
    pub expires: SystemTime,
}

/// What an upload begins with.
#[derive(Clone, Debug)]
pub struct NewUpload {
    /// Its name.
    pub id: UploadId,
    /// The file it is to be.
    pub path: ContentsPath,
    /// How many bytes are to come.
    pub length: u64,
    /// Whether a file that is there is replaced.
    pub overwrite: bool,
    /// What must hold of the file that is replaced, at the beginning and at the end.
    pub precondition: Precondition,
    /// The checksum the whole must have.
    pub sha256: Option<Checksum>,
    /// What the client calls it, word for word.
    pub metadata: String,
}

impl UploadManager {
    /// The uploads that an earlier server left behind, and those to come.
    ///
    /// # Errors
    /// [`UploadError::Record`] if the records can't be read.
    pub fn open(contents: ContentsManager, config: UploadsConfig) -> Result<Self, UploadError> {
        let records = Records::new(config.records_dir.clone()).map_err(UploadError::Record)?;
        let shared = Shared {
            contents,
            config,
            records,
            uploads: Mutex::default(),
        };
        for (id, record) in shared.records.all().map_err(UploadError::Record)? {
            shared.take_up(id, record);
        }
        Ok(Self {
            shared: Arc::new(shared),
        })
    }

    /// Begins an upload. `of_same_user` tells which of the others count together with this one.
    ///
    /// # Errors
    /// When it is too large, there are too many, the disk is too full, or no file can be of that name.
    pub async fn create(
        &self,
        new: NewUpload,
        of_same_user: impl Fn(&UploadId) -> bool,
        now: SystemTime,
    ) -> Result<UploadStatus, UploadError> {
        let limit = self.shared.config.bytes_max;
        if new.length > limit {
            return Err(UploadError::TooLarge {
                length: new.length,
                limit,
            });
        }
        let record = Record::new(Beginning {
            path: &new.path,
            length: new.length,
            overwrite: new.overwrite,
            precondition: new.precondition,
            metadata: new.metadata,
            expected: new.sha256,
            partial: partial_name(new.path.name(), new.id.as_str()),
            mode_if_new: 0,
            summing: Summing::default().state(),
            now,
        });
        let upload = Upload::new(new.id, new.path, record, self.shared.config.expiry);
        let begun = Arc::clone(&upload.record).lock_owned().await;
        self.shared.add(&upload, of_same_user)?;
        let (shared, id, path) = (Arc::clone(&self.shared), upload.id.clone(), upload.status().path);
        let created = blocking(move || {
            shared.sweep_beside(&path, now);
            shared.begin(&id, &path, begun)
        })
        .await?;
        if created.is_err() {
            self.shared.uploads().remove(&upload.id);
        }
        created.map(|()| upload.status())
    }

    /// What is known of one.
    ///
    /// # Errors
    /// [`UploadError::NoSuchUpload`].
    pub fn get(&self, id: &UploadId) -> Result<UploadStatus, UploadError> {
        Ok(self.shared.find(id)?.status())
    }

    /// All there are, the oldest first.
    #[must_use]
    pub fn list(&self) -> Vec<UploadStatus> {
        let mut all: Vec<_> = self
            .shared
            .uploads()
            .values()
            .map(|upload| upload.status())
            .collect();
        all.sort_by(|one, other| (one.created, &one.id).cmp(&(other.created, &other.id)));
        all
    }

    /// The right to go on with an upload at `offset`. Whoever has it now is told to stop and waited for.
    ///
    /// # Errors
    /// [`UploadError::WrongOffset`] when the upload is somewhere else, and always when it has ended.
    pub async fn writer(&self, id: &UploadId, offset: u64) -> Result<UploadWriter, UploadError> {
        let upload = self.shared.find(id)?;
        upload.wanted.send_modify(|count| *count += 1);
        let wanted = upload.wanted.subscribe();
        let record = Arc::clone(&upload.record).lock_owned().await;
        // It may have been given up meanwhile.
        if !Arc::ptr_eq(&self.shared.find(id)?, &upload) {
            return Err(UploadError::NoSuchUpload(id.clone()));
        }
        if offset != record.offset || record.is_placed() {
            return Err(UploadError::WrongOffset {
                offset: record.offset,
                given: offset,
            });
        }
        let (shared, path) = (Arc::clone(&self.shared), upload.status().path);
        let file = {
            let shared = Arc::clone(&shared);
            blocking(move || Writing::open(&shared, path, record)).await??
        };
        Ok(UploadWriter::new(shared, upload, wanted, file))
    }

    /// Gives an upload up, or forgets one that has ended; the file of that one stays.
    ///
    /// # Errors
    /// [`UploadError::NoSuchUpload`].
    pub async fn terminate(&self, id: &UploadId) -> Result<(), UploadError> {
        let upload = self.shared.find(id)?;
        upload.wanted.send_modify(|count| *count += 1);
        let record = Arc::clone(&upload.record).lock_owned().await;
        Arc::clone(&self.shared).give_up(&upload, record).await
    }

    /// Gives up those of which nothing came for too long. Which they were.
    ///
    /// # Errors
    /// When a partial file or a record can't be removed; it is tried again the next time.
    pub async fn expire(&self, now: SystemTime) -> Result<Vec<UploadId>, UploadError> {
        let mut ended = Vec::new();
        let mut late = Vec::new();
        for status in self.list().into_iter().rev() {
            if status.sha256.is_some() {
                ended.push(status.id.clone());
            }
            if status.expires <= now || ended.len() > ENDED_MAX {
                late.push(status.id);
            }
        }
        let mut given_up = Vec::new();
        for id in late {
            let Ok(upload) = self.shared.find(&id) else {
                continue;
            };
            // Somebody writes on it: it is alive.
            let Ok(record) = Arc::clone(&upload.record).try_lock_owned() else {
                continue;
            };
            Arc::clone(&self.shared).give_up(&upload, record).await?;
            given_up.push(id);
        }
        Ok(given_up)
    }

    /// How often to call [`expire`](Self::expire).
    #[must_use]
    pub fn expire_every(&self) -> Duration {
        (self.shared.config.expiry / 4).clamp(Duration::from_millis(100), Duration::from_secs(60))
    }

    /// Largest upload, in bytes.
    #[must_use]
    pub fn bytes_max(&self) -> u64 {
        self.shared.config.bytes_max
    }
}

impl Shared {
    fn uploads(&self) -> MutexGuard<'_, HashMap<UploadId, Arc<Upload>>> {
        // A panic while it was held leaves it whole: every change is a single insertion or removal.
        self.uploads.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn files(&self) -> &manager::Shared {
        self.contents.shared()
    }

    fn find(&self, id: &UploadId) -> Result<Arc<Upload>, UploadError> {
        let found = self.uploads().get(id).cloned();
        found.ok_or_else(|| UploadError::NoSuchUpload(id.clone()))
    }

    /// Adds one if there may be one more.
    fn add(&self, upload: &Arc<Upload>, of_same_user: impl Fn(&UploadId) -> bool) -> Result<(), UploadError> {
        let mut uploads = self.uploads();
        let running: Vec<_> = uploads
            .values()
            .filter(|upload| upload.status().sha256.is_none())
            .map(|upload| &upload.id)
            .collect();
        let limit = self.config.in_progress_max;
        if running.len() >= limit {
            return Err(UploadError::TooMany { limit });
        }
        let limit = self.config.in_progress_per_user_max;
        if running.into_iter().filter(|id| of_same_user(id)).count() >= limit {
            return Err(UploadError::TooManyOfYours { limit });
        }
        uploads.insert(upload.id.clone(), Arc::clone(upload));
        Ok(())
    }

    /// Removes what uploads left beside `path` of which nobody has a record any more. Another server may have one: so
    /// only what is older than any upload gets.
    fn sweep_beside(&self, path: &ContentsPath, now: SystemTime) {
        let Some(before) = now.checked_sub(self.config.expiry) else {
            return;
        };
        let is_known = |id: &str| {
            let id = id.parse::<UploadId>();
            id.is_ok_and(|id| self.uploads().contains_key(&id))
        };
        if let Err(error) = self.files().sweep_uploads(path, before, is_known) {
            tracing::debug!(%path, %error, "could not look for what uploads left beside a file");
        }
    }

    fn begin(
        &self,
        id: &UploadId,
        path: &ContentsPath,
        mut record: OwnedMutexGuard<Record>,
    ) -> Result<(), UploadError> {
        let (length, existing) = (record.length, record.existing());
        let mode = self
            .files()
            .begin_upload(path, &record.partial, length, existing)?;
        record.mode_if_new = mode;
        if let Err(error) = self.records.keep(id, &record) {
            self.files().abandon_upload(path, &record.partial)?;
            return Err(UploadError::Record(error));
        }
        Ok(())
    }

    /// Takes up what an earlier server left behind.
    fn take_up(&self, id: UploadId, mut record: Record) {
        let Some(path) = record.path() else {
            tracing::warn!(upload.id = %id, "the record of an upload names no path");
            return;
        };
        if !record.is_placed() {
            match self.files().open_upload(&path, &record.partial) {
                Ok(_) => {}
                // It was killed between the rename and the record of it.
                Err(UploadError::Vanished(_))
                    if record.sha256().is_some() && self.files().is_there(&path) =>
                {
                    record.is_in_its_place();
                }
                // What is out of reach now may be back later; what is not expires.
                Err(error) => {
                    tracing::warn!(upload.id = %id, %error, "what an upload has sent is out of reach");
                }
            }
        }
        let upload = Upload::new(id.clone(), path, record, self.config.expiry);
        self.uploads().insert(id, upload);
    }

    /// Removes what there is of an upload; a file in its place stays.
    async fn give_up(
        self: Arc<Self>,
        upload: &Arc<Upload>,
        record: OwnedMutexGuard<Record>,
    ) -> Result<(), UploadError> {
        let (shared, id, path) = (Arc::clone(&self), upload.id.clone(), upload.status().path);
        blocking(move || {
            if !record.is_placed() {
                shared.files().abandon_upload(&path, &record.partial)?;
            }
            shared.records.forget(&id).map_err(UploadError::Record)?;
            // Before the record is let go: who waits for it must not find the upload any more.
            shared.uploads().remove(&id);
            drop(record);
            Ok(())
        })
        .await?
    }
}

impl Upload {
    fn new(id: UploadId, path: ContentsPath, record: Record, expiry: Duration) -> Arc<Self> {
        let mut status = UploadStatus {
            id: id.clone(),
            path,
            offset: 0,
            length: record.length,
            metadata: record.metadata.clone(),
            sha256: None,
            created: record.created(),
            expires: record.created(),
        };
        status.follow(&record, expiry);
        Arc::new(Self {
            id,
            record: Arc::new(tokio::sync::Mutex::new(record)),
            wanted: watch::Sender::new(0),
            status: Mutex::new(status),
        })
    }

    fn status(&self) -> UploadStatus {
        self.status.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn show(&self, change: impl FnOnce(&mut UploadStatus)) {
        change(&mut self.status.lock().unwrap_or_else(PoisonError::into_inner));
    }
}

impl UploadStatus {
    /// Whether the file is in its place.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        self.sha256.is_some()
    }

    fn follow(&mut self, record: &Record, expiry: Duration) {
        self.offset = record.offset;
        self.expires = record.expires(expiry);
        self.sha256 = record.sha256().filter(|_| record.is_placed());
    }
}

async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T, UploadError> {
    match tokio::task::spawn_blocking(work).await {
        Ok(done) => Ok(done),
        Err(stopped) if stopped.is_cancelled() => Err(ContentsError::Stopping.into()),
        Err(panicked) => std::panic::resume_unwind(panicked.into_panic()),
    }
}
