//! Writing on an upload: bytes as they come, in batches, each one blocking task.
//!
//! The bytes of every [`SAFE_EVERY_BYTES`] are forced to the disk, and only then the record says so: whatever happens,
//! the offset of a record is not ahead of the disk.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::sync::Arc;
use std::time::SystemTime;

use bytes::Bytes;
use tokio::sync::{OwnedMutexGuard, watch};

use super::digest::Summing;
use super::record::Record;
use super::{Checksum, Shared, Upload, UploadError, UploadStatus};
use crate::error::{ContentsError, SAVING};
use crate::path::ContentsPath;
use crate::version::FileVersion;

/// Bytes that are written at once.
const BATCH_BYTES: usize = 1024 * 1024;
/// Bytes after which what has come is made safe.
const SAFE_EVERY_BYTES: u64 = 64 * 1024 * 1024;

/// The right to write on an upload; only one exists at a time. To be given back with [`pause`](Self::pause) or
/// [`finish`](Self::finish): what was written since the upload was last safe is lost when it is just dropped.
pub struct UploadWriter {
    shared: Arc<Shared>,
    upload: Arc<Upload>,
    wanted: watch::Receiver<u64>,
    /// What has come and is not yet written.
    waiting: Vec<Bytes>,
    waiting_bytes: usize,
    /// `None` after a blocking task that was cancelled, as the server stops.
    file: Option<Writing>,
}

/// What a blocking task works on.
pub(super) struct Writing {
    path: ContentsPath,
    record: OwnedMutexGuard<Record>,
    file: File,
    summing: Summing,
    /// Bytes that are in the file.
    offset: u64,
    chunk: Option<Chunk>,
    /// Of the file, once it is in its place.
    version: Option<FileVersion>,
}

/// The bytes of one request, which count only if their checksum is right.
struct Chunk {
    start: u64,
    summing_at_start: Summing,
    summing: Summing,
    expected: Checksum,
}

impl Writing {
    /// Opens the partial file where the record says that it is safe.
    pub(super) fn open(
        shared: &Shared,
        path: ContentsPath,
        record: OwnedMutexGuard<Record>,
    ) -> Result<Self, UploadError> {
        let file = shared.files().open_upload(&path, &record.partial)?;
        let offset = record.offset;
        let here = file
            .metadata()
            .and_then(|found| match found.len() {
                longer if longer > offset => file.set_len(offset).map(|()| offset),
                length => Ok(length),
            })
            .map_err(|source| ContentsError::from_io(SAVING, &path, source))?;
        let summing = Summing::from_state(&record.summing).filter(|_| here == offset);
        let Some(summing) = summing else {
            return Err(UploadError::Vanished(path));
        };
        Ok(Self {
            path,
            record,
            file,
            summing,
            offset,
            chunk: None,
            version: None,
        })
    }

    fn write(&mut self, batch: &[Bytes]) -> Result<(), UploadError> {
        for bytes in batch {
            let written = self.file.write_all_at(bytes, self.offset);
            written.map_err(|source| self.failed(source))?;
            self.summing.update(bytes);
            if let Some(chunk) = &mut self.chunk {
                chunk.summing.update(bytes);
            }
            self.offset += bytes.len() as u64;
        }
        Ok(())
    }

    /// Makes what is in the file safe, and writes down that it is.
    fn make_safe(&mut self, shared: &Shared, id: &super::UploadId) -> Result<(), UploadError> {
        self.file.sync_data().map_err(|source| self.failed(source))?;
        self.record.offset = self.offset;
        self.record.summing = self.summing.state();
        shared.records.keep(id, &self.record).map_err(UploadError::Record)
    }

    /// Forgets the bytes of a request that may not count.
    fn forget_chunk(&mut self) -> Result<(), UploadError> {
        if let Some(chunk) = self.chunk.take() {
            self.offset = chunk.start;
            self.summing = chunk.summing_at_start;
        }
        self.file
            .set_len(self.offset)
            .map_err(|source| self.failed(source))
    }

    /// Counts the bytes of a request if they are what was sent.
    fn check_chunk(&mut self) -> Result<(), UploadError> {
        let Some(chunk) = &self.chunk else { return Ok(()) };
        let found = chunk.summing.clone().finish();
        if found == chunk.expected {
            self.chunk = None;
            return Ok(());
        }
        Err(UploadError::ChunkChecksum {
            expected: chunk.expected,
            found,
            offset: chunk.start,
        })
    }

    fn failed(&self, source: io::Error) -> UploadError {
        ContentsError::from_io(SAVING, &self.path, source).into()
    }
}

impl UploadWriter {
    pub(super) fn new(
        shared: Arc<Shared>,
        upload: Arc<Upload>,
        wanted: watch::Receiver<u64>,
        file: Writing,
    ) -> Self {
        Self {
            shared,
            upload,
            wanted,
            waiting: Vec::new(),
            waiting_bytes: 0,
            file: Some(file),
        }
    }

    /// How much has come, also what is not safe yet.
    #[must_use]
    pub fn offset(&self) -> u64 {
        let written = self.file.as_ref().map_or(0, |file| file.offset);
        written + self.waiting_bytes as u64
    }

    /// From here on the bytes count only if their checksum is this.
    pub fn expect(&mut self, expected: Checksum) {
        if let Some(file) = &mut self.file {
            file.chunk = Some(Chunk {
                start: file.offset,
                summing_at_start: file.summing.clone(),
                summing: Summing::default(),
                expected,
            });
        }
    }

    /// Completes when somebody else wants to write: a client whose connection was cut comes back before we notice.
    pub async fn taken_over(&mut self) {
        if self.wanted.changed().await.is_err() {
            std::future::pending::<()>().await;
        }
    }

    /// Takes bytes. Not cancel safe: what was being written is lost.
    ///
    /// # Errors
    /// [`UploadError::MoreThanAnnounced`], and what writing a file can give.
    pub async fn write(&mut self, bytes: Bytes) -> Result<(), UploadError> {
        let length = self.upload.status().length;
        if self.offset() + bytes.len() as u64 > length {
            return Err(UploadError::MoreThanAnnounced { length });
        }
        self.waiting_bytes += bytes.len();
        self.waiting.push(bytes);
        // Also what is not written yet: it will be before anybody else writes.
        let offset = self.offset();
        self.upload.show(|status| status.offset = offset);
        if self.waiting_bytes < BATCH_BYTES {
            return Ok(());
        }
        self.write_waiting().await
    }

    #[cfg(test)]
    pub(super) async fn write_waiting_for_tests(&mut self) {
        self.write_waiting().await.unwrap();
    }

    async fn write_waiting(&mut self) -> Result<(), UploadError> {
        let batch = std::mem::take(&mut self.waiting);
        self.waiting_bytes = 0;
        self.work(move |shared, id, file| {
            file.write(&batch)?;
            if file.chunk.is_none() && file.offset - file.record.offset >= SAFE_EVERY_BYTES {
                file.make_safe(shared, id)?;
            }
            Ok(())
        })
        .await
    }

    /// Makes safe what has come and leaves the rest for later.
    ///
    /// # Errors
    /// What writing a file can give.
    pub async fn pause(mut self, now: SystemTime) -> Result<UploadStatus, UploadError> {
        let written = self.write_waiting().await;
        self.work(move |shared, id, file| {
            file.forget_chunk()?;
            file.record.touch(now);
            file.make_safe(shared, id)
        })
        .await?;
        let expiry = self.shared.config.expiry;
        if let Some(file) = &self.file {
            self.upload.show(|status| status.follow(&file.record, expiry));
        }
        written.map(|()| self.upload.status())
    }

    /// The same at the end of a request. If all has come and is right, the file goes to its place.
    ///
    /// # Errors
    /// [`UploadError::ChunkChecksum`] forgets the bytes of this request, [`UploadError::WholeChecksum`] the upload.
    /// After any other error all is as it was and the last step can be tried again.
    pub async fn finish(
        mut self,
        expected: Option<Checksum>,
        now: SystemTime,
    ) -> Result<UploadStatus, UploadError> {
        let checked = match self.write_waiting().await {
            Ok(()) => self.work(|_, _, file| file.check_chunk()).await,
            Err(error) => Err(error),
        };
        if let Err(error) = checked {
            self.pause(now).await?;
            return Err(error);
        }
        let length = self.upload.status().length;
        if self.offset() < length {
            return self.pause(now).await;
        }
        let placed = self
            .work(move |shared, id, file| {
                file.record.touch(now);
                file.make_safe(shared, id)?;
                let found = file.summing.clone().finish();
                let wrong = [expected, file.record.expected()]
                    .into_iter()
                    .flatten()
                    .find(|expected| *expected != found);
                if let Some(expected) = wrong {
                    return Err(UploadError::WholeChecksum { expected, found });
                }
                file.place(shared, id, found)
            })
            .await;
        let expiry = self.shared.config.expiry;
        if let Some(file) = &self.file {
            self.upload.show(|status| {
                status.follow(&file.record, expiry);
                status.version = file.version;
            });
        }
        if let Err(UploadError::WholeChecksum { .. }) = placed {
            let (shared, upload) = (Arc::clone(&self.shared), Arc::clone(&self.upload));
            if let Some(file) = self.file.take() {
                shared.give_up(&upload, file.record).await?;
            }
        }
        placed.map(|()| self.upload.status())
    }

    async fn work<F>(&mut self, work: F) -> Result<(), UploadError>
    where
        F: FnOnce(&Shared, &super::UploadId, &mut Writing) -> Result<(), UploadError> + Send + 'static,
    {
        let Some(mut file) = self.file.take() else {
            return Err(ContentsError::Stopping.into());
        };
        let (shared, id) = (Arc::clone(&self.shared), self.upload.id.clone());
        let task = move || {
            let result = work(&shared, &id, &mut file);
            (file, result)
        };
        let (file, result) = super::blocking(task).await?;
        self.file = Some(file);
        result
    }
}

impl Writing {
    /// The file goes to its place.
    fn place(
        &mut self,
        shared: &Shared,
        id: &super::UploadId,
        checksum: Checksum,
    ) -> Result<(), UploadError> {
        self.record.is_complete(checksum);
        shared
            .records
            .keep(id, &self.record)
            .map_err(UploadError::Record)?;
        let finished = shared.files().finish_upload(
            &self.path,
            &self.record.partial,
            self.record.mode_if_new,
            self.record.existing(),
        );
        match finished {
            Ok(version) => self.version = Some(version),
            Err(error) => {
                self.record.is_not_complete();
                shared
                    .records
                    .keep(id, &self.record)
                    .map_err(UploadError::Record)?;
                return Err(error);
            }
        }
        self.record.is_in_its_place();
        // The file is there: that it was this upload that brought it may be forgotten, but is no failure.
        if let Err(error) = shared.records.keep(id, &self.record) {
            tracing::warn!(upload.id = %id, %error, "the record of an upload that has ended can't be kept");
        }
        Ok(())
    }
}
