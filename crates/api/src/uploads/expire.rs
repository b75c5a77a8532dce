//! Uploads that nobody goes on with.

use authorization::{Ownership, ResourceKind};
use contents::UploadManager;
use tracing::{error, info};

/// Gives up uploads of which nothing came for too long, and forgets whose they were. Runs as long as the server.
pub async fn expire_uploads(uploads: UploadManager, ownership: Ownership) {
    let mut clock = tokio::time::interval(uploads.expire_every());
    loop {
        clock.tick().await;
        let expired = uploads.expire(super::now()).await;
        for id in expired.given_up {
            info!(upload.id = %id, "the upload {id} has expired");
            if let Err(error) = ownership.release(ResourceKind::Uploads, id.as_str()).await {
                error!(upload.id = %id, %error, "failed to forget who owned an upload that has expired");
            }
        }
        for (id, error) in expired.failed {
            error!(upload.id = %id, %error, "failed to remove the upload {id}, which has expired: {error}");
        }
    }
}
