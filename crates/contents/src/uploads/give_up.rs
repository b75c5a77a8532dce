//! Uploads that end before they are files: given up by their client, expired, or left behind by a server that has no
//! record of them.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use tokio::sync::OwnedMutexGuard;

use super::record::Record;
use super::upload::Upload;
use super::{Shared, UploadError, UploadId, UploadManager, blocking};
use crate::path::ContentsPath;

/// Uploads that have ended and are still known, so that a client that missed the answer can ask. The oldest go first.
const ENDED_MAX: usize = 1000;

/// What became of the uploads whose time was over.
#[derive(Debug, Default)]
pub struct Expired {
    /// Those that are gone.
    pub given_up: Vec<UploadId>,
    /// Those of which a partial file or a record can't be removed: it is tried again the next time.
    pub failed: Vec<(UploadId, UploadError)>,
}

impl UploadManager {
    /// Gives up those of which nothing came for too long, each on its own: one that stays keeps none of the others.
    pub async fn expire(&self, now: SystemTime) -> Expired {
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
        let mut expired = Expired::default();
        for id in late {
            let Ok(upload) = self.shared.find(&id) else {
                continue;
            };
            // Somebody writes on it: it is alive.
            let Ok(record) = Arc::clone(&upload.record).try_lock_owned() else {
                continue;
            };
            match Arc::clone(&self.shared).give_up(&upload, record).await {
                Ok(()) => expired.given_up.push(id),
                Err(error) => expired.failed.push((id, error)),
            }
        }
        expired
    }

    /// How often to call [`expire`](Self::expire).
    #[must_use]
    pub fn expire_every(&self) -> Duration {
        (self.shared.config.expiry / 4).clamp(Duration::from_millis(100), Duration::from_secs(60))
    }
}

impl Shared {
    /// Removes what uploads left beside `path` of which nobody has a record any more. Another server may have one: so
    /// only what is older than any upload gets.
    pub(super) fn sweep_beside(&self, path: &ContentsPath, now: SystemTime) {
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

    /// Removes what there is of an upload; a file in its place stays.
    pub(super) async fn give_up(
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
