//! Where an upload may go, and what is there already.

use super::*;

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
