//! Uploads that come in parts and go on where they stopped: after a connection that broke, and after a server that was
//! killed.
//!
//! What has come lies in a hidden *partial file* beside the file it will become; a *record* of this server says how much
//! of it is safe. At the end the partial file is renamed: whoever reads finds the old file or the new.

mod config;
mod digest;
mod error;
mod give_up;
mod id;
mod record;
mod upload;
mod writer;

#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::SystemTime;

use tokio::sync::OwnedMutexGuard;

pub use self::config::UploadsConfig;
pub use self::digest::Checksum;
use self::digest::Summing;
pub use self::error::UploadError;
pub use self::give_up::Expired;
pub use self::id::UploadId;
use self::record::{Beginning, Record, Records};
use self::upload::Upload;
pub use self::upload::{NewUpload, UploadStatus};
pub use self::writer::UploadWriter;
use self::writer::Writing;
use crate::error::ContentsError;
use crate::manager::{self, ContentsManager};
use crate::path::ContentsPath;
use crate::storage::partial_name;

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
}

async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T, UploadError> {
    match tokio::task::spawn_blocking(work).await {
        Ok(done) => Ok(done),
        Err(stopped) if stopped.is_cancelled() => Err(ContentsError::Stopping.into()),
        Err(panicked) => std::panic::resume_unwind(panicked.into_panic()),
    }
}
