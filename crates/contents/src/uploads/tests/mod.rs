//! Uploads on a real directory, without HTTP.

mod given_up;
mod parts;
mod places;

use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use sha2::{Digest, Sha256};
use tempfile::TempDir;

use super::*;
use crate::version::Precondition;
use crate::{ContentsConfig, Get, OutsideLinks, SignaturesInMemory};

struct Served {
    uploads: UploadManager,
    root: PathBuf,
    directory: TempDir,
}

fn serve() -> Served {
    serve_in(tempfile::tempdir().unwrap(), |_, _| {})
}

fn serve_in(directory: TempDir, configure: impl FnOnce(&mut ContentsConfig, &mut UploadsConfig)) -> Served {
    let root = directory.path().join("root");
    std::fs::create_dir_all(&root).unwrap();
    let mut config = ContentsConfig::new(&root);
    let mut limits = UploadsConfig {
        records_dir: Some(directory.path().join("records")),
        ..UploadsConfig::default()
    };
    configure(&mut config, &mut limits);
    let contents = ContentsManager::new(config, Arc::new(SignaturesInMemory::default())).unwrap();
    Served {
        uploads: UploadManager::open(contents, limits).unwrap(),
        root,
        directory,
    }
}

impl Served {
    /// What a server finds that starts after this one was killed.
    fn killed(self) -> Self {
        let Self {
            uploads, directory, ..
        } = self;
        drop(uploads);
        serve_in(directory, |_, _| {})
    }

    async fn begin(&self, path: &str, length: u64, overwrite: bool) -> Result<UploadId, UploadError> {
        let new = NewUpload {
            id: UploadId::random().unwrap(),
            path: path.parse().unwrap(),
            length,
            overwrite,
            precondition: Precondition::default(),
            sha256: None,
            metadata: String::new(),
        };
        let created = self.uploads.create(new, |_| true, SystemTime::now()).await;
        created.map(|status| status.id)
    }

    async fn append(&self, id: &UploadId, offset: u64, bytes: &[u8]) -> Result<UploadStatus, UploadError> {
        let mut writer = self.uploads.writer(id, offset).await?;
        writer.write(Bytes::copy_from_slice(bytes)).await?;
        writer.finish(None, SystemTime::now()).await
    }

    async fn upload(&self, path: &str, bytes: &[u8]) -> Result<UploadStatus, UploadError> {
        let id = self.begin(path, bytes.len() as u64, true).await?;
        self.append(&id, 0, bytes).await
    }

    /// Those that were given up, in the order of their ids; all could be.
    async fn expire(&self, now: SystemTime) -> Vec<UploadId> {
        let mut expired = self.uploads.expire(now).await;
        assert!(expired.failed.is_empty(), "{:?}", expired.failed);
        expired.given_up.sort();
        expired.given_up
    }

    fn names(&self) -> Vec<String> {
        let entries = std::fs::read_dir(&self.root).unwrap();
        let mut names: Vec<_> = entries
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    }

    fn read(&self, name: &str) -> Vec<u8> {
        std::fs::read(self.root.join(name)).unwrap()
    }
}
