//! Parts, their checksums, and what goes on after a server that was killed.

use super::*;

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
