//! Uploads that end before they are files, and how many there may be.

use super::*;

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
    assert_eq!(served.expire(now).await, []);
    let later = now + Duration::from_secs(25 * 60 * 60);
    let mut expected = [old, ended];
    expected.sort();
    assert_eq!(served.expire(later).await, expected);
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
async fn an_upload_that_can_not_be_removed_keeps_no_other() {
    let served = serve();
    let record = |id: &UploadId| served.directory.path().join(format!("records/{id}.json"));
    let mut uploads = Vec::new();
    for name in ["a", "b", "c"] {
        uploads.push(served.begin(name, 6, false).await.unwrap());
    }
    uploads.sort();
    let [stuck, other, stuck_too] = &uploads[..] else {
        panic!("three uploads")
    };
    for id in [stuck, stuck_too] {
        std::fs::remove_file(record(id)).unwrap();
        std::fs::create_dir(record(id)).unwrap();
    }
    let later = SystemTime::now() + Duration::from_secs(25 * 60 * 60);
    let expired = served.uploads.expire(later).await;
    assert_eq!(expired.given_up, std::slice::from_ref(other));
    let mut failed: Vec<_> = expired.failed.into_iter().map(|(id, _)| id).collect();
    failed.sort();
    assert_eq!(failed, [stuck.clone(), stuck_too.clone()]);

    // It is tried again, by this server and by the next, which starts all the same.
    std::fs::remove_dir(record(stuck)).unwrap();
    let again = served.uploads.expire(later).await;
    assert_eq!(again.given_up, std::slice::from_ref(stuck));
    assert!(served.killed().uploads.list().is_empty());
}
