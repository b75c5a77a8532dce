use sha2::{Digest, Sha256};

use super::super::Get;
use super::{WITH_CONTENT, names, path, serve, serve_with, text};
use crate::{Content, ContentsError, EntryType, Format};

#[tokio::test]
async fn a_listing_shows_what_the_reference_shows() {
    let served = serve();
    for name in [
        "a.txt",
        "b.ipynb",
        ".hidden",
        "c.pyc",
        "d~",
        "__pycache__/x",
        "e/f.txt",
    ] {
        served.write(name, b"{}");
    }
    std::os::unix::fs::symlink("nowhere", served.root.join("broken")).unwrap();
    std::os::unix::fs::symlink("circle", served.root.join("circle")).unwrap();
    rustix::fs::mknodat(
        rustix::fs::CWD,
        served.root.join("fifo"),
        rustix::fs::FileType::Fifo,
        rustix::fs::Mode::RUSR,
        0,
    )
    .unwrap();
    let model = served.get("").await.unwrap();
    assert_eq!(names(&model), ["a.txt", "b.ipynb", "broken", "circle", "e"]);
    assert_eq!((model.name.as_str(), model.format()), ("", Some("json")));
}

#[tokio::test]
async fn entries_of_a_listing_equal_their_models_without_content() {
    let served = serve();
    served.write("d/a.txt", b"hello");
    served.write("d/n.ipynb", b"{}");
    served.write("d/e/x", b"");
    std::os::unix::fs::symlink("a.txt", served.root.join("d/link")).unwrap();
    let Some(Content::Directory(entries)) = served.get("d").await.unwrap().content else {
        panic!()
    };
    assert_eq!(entries.len(), 4);
    for entry in entries {
        assert_eq!(
            served.manager.get(&entry.path, Get::default()).await.unwrap(),
            entry
        );
    }
}

#[tokio::test]
async fn names_that_are_not_utf8_are_listed_escaped_and_not_writable() {
    let served = serve();
    let name: &std::ffi::OsStr = std::os::unix::ffi::OsStrExt::from_bytes(b"b\xffd");
    std::fs::write(served.root.join(name), b"").unwrap();
    let model = served.get("").await.unwrap();
    assert_eq!(names(&model), ["b\\xffd"]);
    let Some(Content::Directory(entries)) = model.content else {
        panic!()
    };
    assert!(!entries[0].writable);
}

#[tokio::test]
async fn files_are_text_or_base64() {
    let served = serve();
    served.write("a.txt", "ä".as_bytes());
    served.write("b", b"\xff\x00");
    let get = |name: &'static str, format| {
        let served = &served;
        async move {
            served
                .manager
                .get(
                    &path(name),
                    Get {
                        format,
                        ..WITH_CONTENT
                    },
                )
                .await
        }
    };
    let model = get("a.txt", None).await.unwrap();
    assert_eq!(
        (text(&model), model.format(), model.mimetype.as_deref()),
        ("ä", Some("text"), Some("text/plain"))
    );
    let model = get("a.txt", Some(Format::Base64)).await.unwrap();
    assert_eq!(model.content, Some(Content::Base64("ä".into())));
    assert_eq!(model.format(), Some("base64"));
    let model = get("b", None).await.unwrap();
    assert_eq!(model.content, Some(Content::Base64(b"\xff\x00"[..].into())));
    assert_eq!(model.mimetype.as_deref(), Some("application/octet-stream"));
    let error = get("b", Some(Format::Text)).await.unwrap_err();
    assert_eq!(error.reason(), Some("bad format"));
    assert!(error.to_string().ends_with("/b is not UTF-8 encoded"), "{error}");
}

#[tokio::test]
async fn a_socket_is_no_file() {
    let served = serve();
    let _listener = std::os::unix::net::UnixListener::bind(served.root.join("s")).unwrap();
    let hash = Get {
        hash: true,
        ..Get::default()
    };
    for get in [WITH_CONTENT, hash] {
        let error = served.manager.get(&path("s"), get).await.unwrap_err();
        assert!(matches!(error, ContentsError::NotAFile(_)), "{error}");
    }
    let error = served.manager.open_file(&path("s")).await.unwrap_err();
    assert!(matches!(error, ContentsError::NotAFile(_)), "{error}");
}

#[tokio::test]
async fn a_type_that_does_not_fit_is_refused() {
    let served = serve();
    served.write("d/a.txt", b"");
    let get = async |name: &str, entry_type| {
        let get = Get {
            entry_type: Some(entry_type),
            ..Get::default()
        };
        served.manager.get(&path(name), get).await.unwrap_err()
    };
    let error = get("d", EntryType::Notebook).await;
    assert_eq!(
        (error.to_string().as_str(), error.reason()),
        ("d is a directory, not a notebook", Some("bad type"))
    );
    let error = get("d/a.txt", EntryType::Directory).await;
    assert_eq!(error.to_string(), "d/a.txt is not a directory");
    let error = get("it's", EntryType::File).await;
    assert_eq!(error.to_string(), "No such file or directory: it's");
}

#[tokio::test]
async fn hashes_are_of_the_bytes_on_disk() {
    let served = serve();
    served.write("a.txt", b"abc");
    let model = served
        .manager
        .get(
            &path("a.txt"),
            Get {
                hash: true,
                ..Get::default()
            },
        )
        .await
        .unwrap();
    assert_eq!(
        model.hash.as_deref(),
        Some("ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad")
    );
    assert_eq!(model.content, None);
}

#[tokio::test]
async fn a_hash_needs_no_more_memory_for_a_larger_file() {
    let served = serve_with(|config| config.content_bytes_max = 1000);
    let hash = Get {
        hash: true,
        ..Get::default()
    };
    for size in [0, 1000, 300_000, 5 << 20] {
        let bytes: Vec<u8> = (0..=250).cycle().take(size).collect();
        served.write("a.bin", &bytes);
        let model = served.manager.get(&path("a.bin"), hash).await.unwrap();
        assert_eq!(model.hash, Some(hex::encode(Sha256::digest(&bytes))), "{size}");
    }
    let get = Get {
        content: true,
        ..hash
    };
    let error = served.manager.get(&path("a.bin"), get).await.unwrap_err();
    assert!(matches!(error, ContentsError::TooLarge { .. }), "{error}");
}

#[tokio::test]
async fn a_notebook_can_be_read_as_a_file() {
    let served = serve();
    served.write("n.ipynb", b"{ }");
    let model = served
        .manager
        .get(
            &path("n.ipynb"),
            Get {
                entry_type: Some(EntryType::File),
                ..WITH_CONTENT
            },
        )
        .await
        .unwrap();
    assert_eq!((text(&model), model.entry_type), ("{ }", EntryType::File));
}

#[tokio::test]
async fn unreadable_notebooks_say_what_is_wrong() {
    let served = serve();
    for (content, expected) in [
        (
            &b"{ bad"[..],
            "NotJSONError(\"Notebook does not appear to be JSON: '{ bad'\") (a key in double quotes is expected at line 1 column 3)",
        ),
        (b"[]", "the notebook is not a JSON object but array"),
        (b"{\"nbformat\":4}", "missing an expected key: metadata"),
        (
            b"{\"nbformat\":4,\"metadata\":{}}",
            "missing an expected key: cells",
        ),
        (
            b"{\"nbformat\":9}",
            "NBFormatError('Unsupported nbformat version 9')",
        ),
        (b"{\"nbformat\":3}", "missing an expected key: worksheets"),
        (b"{\"a\":NaN}", "NaN and Infinity are not JSON"),
        (b"\xef\xbb\xbf{}", "byte order mark"),
        (b"\xff", "is not UTF-8 encoded"),
    ] {
        served.write("n.ipynb", content);
        let error = served.get("n.ipynb").await.unwrap_err();
        assert!(error.to_string().contains(expected), "{error}");
        assert_eq!(error.kind(), crate::ContentsErrorKind::BadRequest);
        assert_eq!(served.read("n.ipynb"), content);
    }
}

#[tokio::test]
async fn invalid_notebooks_open_with_a_message() {
    let served = serve();
    served.write("n.ipynb", br#"{"cells":[{"cell_type":"code","metadata":{},"source":"","outputs":[],"execution_count":"x","id":"a"}],"metadata":{},"nbformat":4,"nbformat_minor":5}"#);
    let model = served.get("n.ipynb").await.unwrap();
    assert_eq!(
        model.message.as_deref(),
        Some(
            "Notebook validation failed: 'x' is not of type 'integer', 'null'\n\nFailed validating 'type' in code_cell['properties']['execution_count']:\n\nOn instance['cells'][0]['execution_count']:\n'x':\n\"x\""
        )
    );
}

#[tokio::test]
async fn hidden_means_not_there() {
    let served = serve();
    served.write(".a/b", b"");
    served.write(".c", b"");
    for name in [".a", ".a/b", ".c", "x/.y"] {
        let error = served.get(name).await.unwrap_err();
        assert_eq!(error.kind(), crate::ContentsErrorKind::NotFound, "{name}");
    }
    assert!(served.manager.open_file(&path(".c")).await.is_err());
    let seeing = serve_with(|config| config.allow_hidden = true);
    seeing.write(".c", b"");
    assert!(seeing.get(".c").await.is_ok());
}

#[tokio::test]
async fn names_of_the_operating_system_are_resolved_beneath_the_root() {
    let served = serve_with(|config| config.home_dir = Some(config.root_dir.join("home")));
    served.write("home/a b.txt", b"");
    let root = served.root.display().to_string();
    for (name, expected) in [
        ("home/a b.txt", Some("home/a b.txt")),
        ("~/a b.txt", Some("home/a b.txt")),
        ("~/../home/a b.txt", Some("home/a b.txt")),
        ("~/../../../x", None),
        ("home/missing", None),
        ("../outside", None),
        (&format!("{root}/home"), Some("home")),
        (&root, Some("")),
    ] {
        let found = served.manager.resolve(name).await.unwrap();
        assert_eq!(
            found.as_ref().map(crate::ContentsPath::as_str),
            expected,
            "{name}"
        );
    }
}
