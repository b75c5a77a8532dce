use super::super::NewEntry;
use super::{path, serve, text};
use crate::{ContentsError, ContentsErrorKind as Kind, ContentsModel};

async fn create(served: &super::Served, directory: &str, entry_type: &str, extension: &str) -> ContentsModel {
    let entry_type = (!entry_type.is_empty()).then(|| entry_type.to_owned());
    let new = NewEntry {
        entry_type,
        extension: extension.to_owned(),
    };
    served
        .manager
        .create_untitled(&path(directory), new)
        .await
        .unwrap()
}

#[tokio::test]
async fn untitled_names_count_as_in_the_reference() {
    let served = serve();
    served.write("d/x", b"");
    let mut names = Vec::new();
    for (entry_type, extension) in [
        ("notebook", ""),
        ("notebook", ""),
        ("", ".ipynb"),
        ("", ""),
        ("file", ""),
        ("file", ".foo.bar"),
        ("file", ".foo.bar"),
        ("directory", ""),
        ("directory", ""),
        ("nonsense", ".txt"),
    ] {
        names.push(create(&served, "d", entry_type, extension).await.path.to_string());
    }
    assert_eq!(
        names,
        [
            "d/Untitled.ipynb",
            "d/Untitled1.ipynb",
            "d/Untitled2.ipynb",
            "d/untitled",
            "d/untitled1",
            "d/untitled.foo.bar",
            "d/untitled1.foo.bar",
            "d/Untitled Folder",
            "d/Untitled Folder 1",
            "d/untitled.txt",
        ]
    );
    let notebook = served.get("d/Untitled.ipynb").await.unwrap();
    assert_eq!(
        text(&notebook),
        r#"{"cells":[],"metadata":{},"nbformat":4,"nbformat_minor":5}"#
    );
}

#[tokio::test]
async fn an_extension_leads_nowhere_else() {
    let served = serve();
    let new = NewEntry {
        entry_type: None,
        extension: "/../../outside/x".to_owned(),
    };
    let error = served.manager.create_untitled(&path(""), new).await.unwrap_err();
    assert_eq!(error.kind(), Kind::BadRequest);
    assert!(served.tree().is_empty());
}

#[tokio::test]
async fn creating_in_what_is_no_directory_is_refused() {
    let served = serve();
    served.write("a", b"");
    let create = |directory: &'static str| {
        let manager = served.manager.clone();
        async move {
            manager
                .create_untitled(&path(directory), NewEntry::default())
                .await
                .unwrap_err()
        }
    };
    assert_eq!(create("none").await.to_string(), "No such directory: none");
    assert_eq!(
        create("a").await.to_string(),
        "Cannot POST to files, use PUT instead."
    );
}

#[tokio::test]
async fn many_at_once_get_names_of_their_own() {
    let served = serve();
    let mut tasks = tokio::task::JoinSet::new();
    for _ in 0..20 {
        let manager = served.manager.clone();
        tasks.spawn(async move {
            manager
                .create_untitled(&path(""), NewEntry::default())
                .await
                .unwrap()
                .name
        });
    }
    let mut names = tasks.join_all().await;
    names.sort();
    names.dedup();
    assert_eq!(names.len(), 20);
}

#[tokio::test]
async fn copies_go_on_counting() {
    let served = serve();
    served.write("a.txt", b"hello");
    served.write(
        "d/n-Copy2.ipynb",
        br#"{"cells":[],"metadata":{},"nbformat":4,"nbformat_minor":4}"#,
    );
    let copy = async |from: &str, to: &str| {
        served
            .manager
            .copy(&path(from), &path(to))
            .await
            .map(|model| model.path.to_string())
    };
    assert_eq!(copy("a.txt", "").await.unwrap(), "a-Copy1.txt");
    assert_eq!(copy("a-Copy1.txt", "").await.unwrap(), "a-Copy2.txt");
    assert_eq!(copy("a.txt", "d").await.unwrap(), "d/a.txt");
    assert_eq!(copy("d/n-Copy2.ipynb", "d").await.unwrap(), "d/n.ipynb");
    assert_eq!(copy("a.txt", "b.txt").await.unwrap(), "b.txt");
    assert_eq!(
        copy("a.txt", "none/b.txt").await.unwrap_err().to_string(),
        "No such parent directory: none to copy file in"
    );
    assert_eq!(copy("none", "").await.unwrap_err().kind(), Kind::NotFound);
    assert_eq!(served.read("a-Copy2.txt"), b"hello");
}

#[tokio::test]
async fn a_file_is_copied_however_large_and_its_copy_is_a_new_file() {
    use std::os::unix::fs::PermissionsExt;
    let served = super::serve_with(|config| config.content_bytes_max = 1000);
    let source = served.root.join("a.bin");
    for size in [0, 5000, 5 << 20] {
        let bytes: Vec<u8> = (0..=250).cycle().take(size).collect();
        served.write("a.bin", &bytes);
        std::fs::set_permissions(&source, std::fs::Permissions::from_mode(0o700)).unwrap();
        let long_ago = std::time::UNIX_EPOCH;
        let file = std::fs::File::options().write(true).open(&source).unwrap();
        file.set_modified(long_ago).unwrap();
        served.manager.copy(&path("a.bin"), &path("b.bin")).await.unwrap();
        assert!(served.read("b.bin") == bytes, "{size}");
        let copy = served.root.join("b.bin").metadata().unwrap();
        assert_eq!(copy.permissions().mode() & 0o111, 0);
        assert!(copy.modified().unwrap() > long_ago);
        std::fs::remove_file(served.root.join("b.bin")).unwrap();
    }
}

#[tokio::test]
async fn directories_are_copied_whole_even_into_themselves() {
    let served = serve();
    served.write("d/e/f.txt", b"x");
    served.write("d/.hidden", b"y");
    let copy = async |to: &str| {
        served
            .manager
            .copy(&path("d"), &path(to))
            .await
            .unwrap()
            .path
            .to_string()
    };
    assert_eq!(copy("").await, "d-Copy1");
    assert_eq!(copy("new/deep").await, "new/deep/d");
    assert_eq!(copy("d/e").await, "d/e/d");
    for name in [
        "d-Copy1/e/f.txt",
        "d-Copy1/.hidden",
        "new/deep/d/e/f.txt",
        "d/e/d/e/f.txt",
    ] {
        assert!(served.root.join(name).is_file(), "{name}");
    }
    assert!(!served.root.join("d/e/d/e/d").exists());
}

#[tokio::test]
async fn a_directory_that_is_too_large_is_not_copied() {
    let served = super::serve_with(|config| config.max_copy_folder_size_mb = 0);
    served.write("d/f.txt", b"x");
    let error = served.manager.copy(&path("d"), &path("")).await.unwrap_err();
    assert!(
        error
            .to_string()
            .starts_with("Can't copy folders larger than 0MB"),
        "{error}"
    );
    assert_eq!(served.tree(), ["d/", "d/f.txt"]);
}

#[tokio::test]
async fn what_links_lead_to_counts_and_a_circle_of_links_is_no_tree() {
    use std::os::unix::fs::symlink;
    let served = super::serve_with(|config| config.max_copy_folder_size_mb = 1);
    served.write("big.bin", &vec![0; (1 << 20) + 1]);
    served.write("d/f.txt", b"x");
    symlink("../big.bin", served.root.join("d/link")).unwrap();
    let error = served.manager.copy(&path("d"), &path("")).await.unwrap_err();
    assert!(matches!(error, ContentsError::FolderTooLarge { .. }), "{error}");

    std::fs::remove_file(served.root.join("d/link")).unwrap();
    for name in ["a", "b"] {
        symlink(".", served.root.join("d").join(name)).unwrap();
    }
    let error = served.manager.copy(&path("d"), &path("")).await.unwrap_err();
    assert!(matches!(error, ContentsError::Copy { .. }), "{error}");
    assert!(!served.root.join("d-Copy1").exists());
}
