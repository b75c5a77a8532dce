//! Uploads on a real directory, without HTTP.

use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use sha2::{Digest, Sha256};
use tempfile::TempDir;

use super::*;
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

#[tokio::test]
async fn a_file_comes_in_parts_and_appears_with_the_last() {
    let served = serve();
    let id = served.begin("a.txt", 6, false).await.unwrap();
    let status = served.append(&id, 0, b"abc").await.unwrap();
    assert_eq!((status.offset, status.is_complete()), (3, false));
    let [partial] = &served.names()[..] else {
        panic!("one partial file")
    };
    let mode = std::fs::metadata(served.root.join(partial)).unwrap().mode();
    assert_eq!(mode & 0o777, 0o600);

    let wrong = served.append(&id, 2, b"cdef").await;
    assert!(matches!(
        wrong,
        Err(UploadError::WrongOffset { offset: 3, given: 2 })
    ));
    let status = served.append(&id, 3, b"def").await.unwrap();
    assert_eq!(
        status.sha256.unwrap().as_bytes(),
        Sha256::digest(b"abcdef").as_slice()
    );
    assert_eq!(served.names(), ["a.txt"]);
    assert_eq!(served.read("a.txt"), b"abcdef");
    // As a save would have left it.
    std::fs::write(served.root.join("b"), "").unwrap();
    let mode = |name| std::fs::metadata(served.root.join(name)).unwrap().mode();
    assert_eq!(mode("a.txt"), mode("b"));
}

#[tokio::test]
async fn a_killed_server_goes_on_from_what_was_safe() {
    let served = serve();
    let id = served.begin("a.txt", 6, false).await.unwrap();
    served.append(&id, 0, b"abc").await.unwrap();
    let mut writer = served.uploads.writer(&id, 3).await.unwrap();
    writer.write(Bytes::from_static(b"d")).await.unwrap();
    writer.write_waiting_for_tests().await;
    drop(writer); // as in a crash: in the file, but not safe
    let served = served.killed();
    assert_eq!(served.uploads.get(&id).unwrap().offset, 3);
    let status = served.append(&id, 3, b"xyz").await.unwrap();
    assert_eq!(
        status.sha256.unwrap().as_bytes(),
        Sha256::digest(b"abcxyz").as_slice()
    );
    assert_eq!(served.read("a.txt"), b"abcxyz");
    let served = served.killed();
    assert!(served.uploads.get(&id).unwrap().is_complete());
}

#[tokio::test]
async fn a_server_killed_after_the_rename_knows_that_the_file_is_in_its_place() {
    let served = serve();
    let id = served.begin("a.txt", 3, false).await.unwrap();
    let record = served.directory.path().join(format!("records/{id}.json"));
    served.append(&id, 0, b"abc").await.unwrap();
    let text = std::fs::read_to_string(&record).unwrap();
    std::fs::write(&record, text.replace("\"placed\":true", "\"placed\":false")).unwrap();
    let served = served.killed();
    assert!(served.uploads.get(&id).unwrap().is_complete());
}

#[tokio::test]
async fn the_newer_of_two_writers_goes_on() {
    let served = serve();
    let id = served.begin("a.txt", 6, false).await.unwrap();
    let mut old = served.uploads.writer(&id, 0).await.unwrap();
    old.write(Bytes::from_static(b"abc")).await.unwrap();
    let newcomer = served.uploads.clone();
    let next_id = id.clone();
    let new = tokio::spawn(async move { newcomer.writer(&next_id, 3).await.map(|writer| writer.offset()) });
    old.taken_over().await;
    old.pause(SystemTime::now()).await.unwrap();
    assert_eq!(new.await.unwrap().unwrap(), 3);
}

#[tokio::test]
async fn an_upload_that_is_given_up_leaves_nothing() {
    let served = serve();
    let id = served.begin("a.txt", 6, false).await.unwrap();
    served.append(&id, 0, b"abc").await.unwrap();
    served.uploads.terminate(&id).await.unwrap();
    assert_eq!(served.names(), Vec::<String>::new());
    let gone = served.append(&id, 3, b"def").await;
    assert!(matches!(gone, Err(UploadError::NoSuchUpload(_))));
    assert!(served.killed().uploads.list().is_empty());
}

#[tokio::test]
async fn what_nobody_goes_on_with_expires() {
    let served = serve();
    let (old, ended) = (
        served.begin("a.txt", 6, false).await.unwrap(),
        served.upload("b.txt", b"b").await.unwrap().id,
    );
    let writing = served.begin("c.txt", 6, false).await.unwrap();
    let _writer = served.uploads.writer(&writing, 0).await.unwrap();
    let now = SystemTime::now();
    assert_eq!(served.uploads.expire(now).await.unwrap(), []);
    let later = now + Duration::from_secs(25 * 60 * 60);
    let mut expired = served.uploads.expire(later).await.unwrap();
    expired.sort();
    let mut expected = [old, ended];
    expected.sort();
    assert_eq!(expired, expected);
    // What is written on is alive, and what has ended keeps its file.
    let partials = served
        .names()
        .into_iter()
        .filter(|name| name.starts_with(".~c.txt"));
    assert_eq!(partials.count(), 1);
    assert_eq!(served.names().len(), 2);
    assert_eq!(served.read("b.txt"), b"b");
}

#[tokio::test]
async fn a_wrong_checksum_of_the_whole_changes_nothing() {
    let served = serve();
    std::fs::write(served.root.join("a.txt"), "old").unwrap();
    let id = served.begin("a.txt", 3, true).await.unwrap();
    let mut writer = served.uploads.writer(&id, 0).await.unwrap();
    writer.write(Bytes::from_static(b"abc")).await.unwrap();
    let zeros = Checksum::from_bytes(&[0; 32]);
    let refused = writer.finish(zeros, SystemTime::now()).await;
    assert!(matches!(refused, Err(UploadError::WholeChecksum { .. })));
    assert_eq!(served.names(), ["a.txt"]);
    assert_eq!(served.read("a.txt"), b"old");
    assert!(served.uploads.get(&id).is_err());
}

#[tokio::test]
async fn bytes_with_a_wrong_checksum_do_not_count() {
    let served = serve();
    let id = served.begin("a.txt", 6, true).await.unwrap();
    served.append(&id, 0, b"abc").await.unwrap();
    let digest = |bytes: &[u8]| Checksum::from_bytes(&Sha256::digest(bytes)).unwrap();
    let mut writer = served.uploads.writer(&id, 3).await.unwrap();
    writer.expect(digest(b"def"));
    writer.write(Bytes::from_static(b"dxf")).await.unwrap();
    let refused = writer.finish(None, SystemTime::now()).await;
    assert!(matches!(
        refused,
        Err(UploadError::ChunkChecksum { offset: 3, .. })
    ));
    // Nor do those of which not all came.
    let mut writer = served.uploads.writer(&id, 3).await.unwrap();
    writer.expect(digest(b"def"));
    writer.write(Bytes::from_static(b"de")).await.unwrap();
    assert_eq!(writer.pause(SystemTime::now()).await.unwrap().offset, 3);

    let mut writer = served.uploads.writer(&id, 3).await.unwrap();
    writer.expect(digest(b"def"));
    writer.write(Bytes::from_static(b"def")).await.unwrap();
    let status = writer.finish(None, SystemTime::now()).await.unwrap();
    assert_eq!(status.sha256.unwrap(), digest(b"abcdef"));
}

#[tokio::test]
async fn a_file_that_is_replaced_keeps_its_mode_and_its_links() {
    let served = serve();
    let path = |name: &str| served.root.join(name);
    std::fs::write(path("a"), "old").unwrap();
    std::fs::set_permissions(path("a"), std::fs::Permissions::from_mode(0o640)).unwrap();
    served.upload("a", b"new").await.unwrap();
    assert_eq!(std::fs::metadata(path("a")).unwrap().mode() & 0o777, 0o640);

    std::fs::hard_link(path("a"), path("hard")).unwrap();
    std::fs::create_dir(path("d")).unwrap();
    std::os::unix::fs::symlink("../a", path("d/soft")).unwrap();
    served.upload("hard", b"newer").await.unwrap();
    assert_eq!(served.read("a"), b"newer");
    served.upload("d/soft", b"the newest").await.unwrap();
    assert_eq!(served.read("hard"), b"the newest");
    assert!(path("d/soft").is_symlink());
    served.upload("d/soft", b"short").await.unwrap();
    assert_eq!(served.read("a"), b"short");
    assert_eq!(served.names(), ["a", "d", "hard"]);
}

#[tokio::test]
async fn links_that_lead_outside_are_refused_where_they_are_to_be() {
    let directory = tempfile::tempdir().unwrap();
    std::fs::write(directory.path().join("secret"), "old").unwrap();
    let served = serve_in(directory, |config, _| config.outside_links = OutsideLinks::Refuse);
    std::os::unix::fs::symlink("../secret", served.root.join("out")).unwrap();
    std::os::unix::fs::symlink("..", served.root.join("up")).unwrap();
    std::fs::write(served.root.join("a"), "old").unwrap();
    std::os::unix::fs::symlink("a", served.root.join("in")).unwrap();
    for outside in ["out", "up/secret", "up/new"] {
        assert!(served.upload(outside, b"new").await.is_err(), "{outside}");
    }
    let secret = served.directory.path().join("secret");
    assert_eq!(std::fs::read(secret).unwrap(), b"old");
    served.upload("in", b"new").await.unwrap();
    assert_eq!(served.read("a"), b"new");
}

#[tokio::test]
async fn an_upload_ends_only_where_a_file_can_be() {
    let served = serve();
    std::fs::create_dir(served.root.join("d")).unwrap();
    std::fs::write(served.root.join("a"), "old").unwrap();
    let long = "x".repeat(300);
    for path in ["", "d", "missing/a", "a/b", ".hidden", "d/.h/a", &long] {
        assert!(served.upload(path, b"new").await.is_err(), "{path}");
    }
    let refused = served.begin("a", 3, false).await;
    assert!(matches!(
        refused,
        Err(UploadError::Contents(ContentsError::Exists(_)))
    ));
    assert_eq!(served.names(), ["a", "d"]);
    assert_eq!(served.uploads.list(), []);
}

#[tokio::test]
async fn a_file_made_meanwhile_is_kept_and_the_last_step_can_be_tried_again() {
    let served = serve();
    let id = served.begin("a", 3, false).await.unwrap();
    std::fs::write(served.root.join("a"), "mine").unwrap();
    let refused = served.append(&id, 0, b"abc").await;
    assert!(matches!(
        refused,
        Err(UploadError::Contents(ContentsError::Exists(_)))
    ));
    assert_eq!(served.read("a"), b"mine");
    std::fs::remove_file(served.root.join("a")).unwrap();
    assert!(served.append(&id, 3, b"").await.unwrap().is_complete());
    assert_eq!(served.read("a"), b"abc");
}

#[tokio::test]
async fn an_upload_whose_directory_was_away_at_one_start_goes_on_after_the_next() {
    let served = serve();
    std::fs::create_dir(served.root.join("d")).unwrap();
    let id = served.begin("d/a", 6, false).await.unwrap();
    served.append(&id, 0, b"abc").await.unwrap();
    std::fs::rename(served.root.join("d"), served.root.join("away")).unwrap();
    let served = served.killed();
    assert_eq!(served.uploads.get(&id).unwrap().offset, 3);
    std::fs::rename(served.root.join("away"), served.root.join("d")).unwrap();
    let served = served.killed();
    assert!(served.append(&id, 3, b"def").await.unwrap().is_complete());
    assert_eq!(served.read("d/a"), b"abcdef");
}

#[tokio::test]
async fn a_file_that_was_never_put_in_its_place_is_not_complete() {
    let served = serve();
    let id = served.begin("a", 3, false).await.unwrap();
    let [partial] = &served.names()[..] else {
        panic!("one partial file")
    };
    std::fs::write(served.root.join("a"), "mine").unwrap();
    served.append(&id, 0, b"abc").await.unwrap_err();
    std::fs::remove_file(served.root.join(partial)).unwrap();
    let served = served.killed();
    assert!(!served.uploads.get(&id).unwrap().is_complete());
}

#[tokio::test]
async fn what_an_upload_without_a_record_left_is_swept_when_it_is_old() {
    let served = serve();
    let known = served.begin("a", 3, false).await.unwrap();
    let stray = |digit: &str| partial_name("b", &digit.repeat(32));
    let age = Duration::from_secs(25 * 60 * 60);
    for name in [stray("1"), stray("2"), partial_name("a", known.as_str())] {
        let file = std::fs::OpenOptions::new()
            .create(true)
            .append(true)
            .open(served.root.join(&name))
            .unwrap();
        if name != stray("2") {
            file.set_modified(SystemTime::now() - age).unwrap();
        }
    }
    let other = served.begin("c", 3, false).await.unwrap();
    let mut left = [
        partial_name("a", known.as_str()),
        stray("2"),
        partial_name("c", other.as_str()),
    ];
    left.sort();
    assert_eq!(served.names(), left);
}

#[tokio::test]
async fn what_vanished_is_told() {
    let served = serve();
    std::fs::create_dir(served.root.join("d")).unwrap();
    let id = served.begin("d/a", 3, false).await.unwrap();
    std::fs::rename(served.root.join("d"), served.root.join("e")).unwrap();
    let gone = served.append(&id, 0, b"abc").await;
    assert!(matches!(gone, Err(UploadError::Vanished(_))));
    served.uploads.terminate(&id).await.unwrap();
}

#[tokio::test]
async fn limits_hold_and_ended_uploads_do_not_count() {
    let served = serve_in(tempfile::tempdir().unwrap(), |_, limits| {
        limits.bytes_max = 10;
        limits.in_progress_max = 2;
    });
    let large = served.begin("a", 11, false).await;
    assert!(matches!(
        large,
        Err(UploadError::TooLarge {
            length: 11,
            limit: 10
        })
    ));
    served.upload("a", b"a").await.unwrap();
    served.begin("b", 10, false).await.unwrap();
    let last = served.begin("c", 10, false).await.unwrap();
    let more = served.begin("d", 10, false).await;
    assert!(matches!(more, Err(UploadError::TooMany { limit: 2 })));
    served.uploads.terminate(&last).await.unwrap();
    served.begin("d", 10, false).await.unwrap();
}

#[tokio::test]
async fn partial_files_are_out_of_reach_also_where_hidden_files_are_not() {
    let served = serve_in(tempfile::tempdir().unwrap(), |config, _| {
        config.allow_hidden = true
    });
    served.begin("a", 3, false).await.unwrap();
    let [partial] = &served.names()[..] else {
        panic!("one partial file")
    };
    let path: ContentsPath = partial.parse().unwrap();
    let contents = &served.uploads.shared.contents;
    assert!(contents.get(&path, Get::default()).await.is_err());
    assert!(contents.open_file(&path).await.is_err());
    assert!(contents.delete(&path).await.is_err());
    let all = Get {
        content: true,
        ..Get::default()
    };
    let listing = contents.get(&ContentsPath::root(), all).await.unwrap();
    assert!(matches!(listing.content, Some(crate::Content::Directory(entries)) if entries.is_empty()));
}
