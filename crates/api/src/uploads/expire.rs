//! Uploads that nobody goes on with.

use authorization::{Ownership, ResourceKind};
use contents::UploadManager;
use tracing::{error, info};

/// Gives up uploads of which nothing came for too long, and forgets whose they were. Runs as long as the server.
pub async fn expire_uploads(uploads: UploadManager, ownership: Ownership) {
    let mut clock = tokio::time::interval(uploads.expire_every());
    loop {
        clock.tick().await;
        let expired = match uploads.expire(super::now()).await {
            Ok(expired) => expired,
            Err(error) => {
                error!(%error, "failed to remove an upload that has expired: {error}");
                continue;
            }
        };
        for id in expired {
            info!(upload.id = %id, "the upload {id} has expired");
            if let Err(error) = ownership.release(ResourceKind::Uploads, id.as_str()).await {
                error!(upload.id = %id, %error, "failed to forget who owned an upload that has expired");
            }
        }
    }
}
