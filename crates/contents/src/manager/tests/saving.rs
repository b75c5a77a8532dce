use std::os::unix::fs::{MetadataExt, PermissionsExt};

use super::{Served, serve, serve_with, text};
use crate::ContentsErrorKind as Kind;

const NOTEBOOK: &str = r##"{"type":"notebook","content":{"nbformat":4,"nbformat_minor":5,"metadata":{"b":1.0,"a":"ü"},
    "cells":[{"id":"x","cell_type":"markdown","metadata":{"trusted":true},"source":"# a\nb"}]}}"##;
const NOTEBOOK_ON_DISK: &str = "{\n \"cells\": [\n  {\n   \"cell_type\": \"markdown\",\n   \"id\": \"x\",\n   \"metadata\": {},\n   \"source\": [\n    \"# a\\n\",\n    \"b\"\n   ]\n  }\n ],\n \"metadata\": {\n  \"a\": \"ü\",\n  \"b\": 1.0\n },\n \"nbformat\": 4,\n \"nbformat_minor\": 5\n}\n";

#[tokio::test]
async fn a_notebook_is_written_as_nbformat_writes_it_and_has_a_checkpoint() {
    let served = serve();
    let saved = served.put("n.ipynb", NOTEBOOK).await.unwrap();
    assert!(saved.created);
    assert_eq!(saved.model.content, None);
    assert_eq!(
        String::from_utf8(served.read("n.ipynb")).unwrap(),
        NOTEBOOK_ON_DISK
    );
    assert_eq!(
        served.read(".ipynb_checkpoints/n-checkpoint.ipynb"),
        NOTEBOOK_ON_DISK.as_bytes()
    );
    assert!(!served.put("n.ipynb", NOTEBOOK).await.unwrap().created);
    assert_eq!(
        served.tree(),
        [
            ".ipynb_checkpoints/",
            ".ipynb_checkpoints/n-checkpoint.ipynb",
            "n.ipynb"
        ]
    );
}

#[tokio::test]
async fn files_are_saved_as_text_or_base64() {
    let served = serve();
    served
        .put("a", r#"{"type":"file","format":"text","content":"\u00e4\r\n"}"#)
        .await
        .unwrap();
    assert_eq!(served.read("a"), "ä\r\n".as_bytes());
    served
        .put("a", r#"{"type":"file","format":"base64","content":"/wA\n="}"#)
        .await
        .unwrap();
    assert_eq!(served.read("a"), b"\xff\x00");
    served.put("b", "{}").await.unwrap();
    assert_eq!(served.read("b"), b"");
    served.put("d", r#"{"type":"directory"}"#).await.unwrap();
    served.put("d", r#"{"type":"directory"}"#).await.unwrap();
    assert_eq!(served.tree(), ["a", "b", "d/"]);
}

#[tokio::test]
async fn a_refused_save_changes_nothing() {
    let served = serve();
    served.write("a.txt", b"old");
    served.write("n.ipynb", b"old");
    for (name, json, message) in [
        (
            "a.txt",
            r#"{"content":"x","format":"text"}"#,
            "No file type provided",
        ),
        (
            "a.txt",
            r#"{"type":"file","format":"text"}"#,
            "No file content provided",
        ),
        (
            "a.txt",
            r#"{"type":"file","content":"x"}"#,
            "Must specify format of file contents as 'text' or 'base64'",
        ),
        (
            "a.txt",
            r#"{"type":"file","content":"x","format":"base64"}"#,
            "Encoding error saving",
        ),
        (
            "a.txt",
            r#"{"type":"file","content":7,"format":"text"}"#,
            "Encoding error saving",
        ),
        (
            "a.txt",
            r#"{"type":"file","content":"\ud800","format":"text"}"#,
            "surrogate",
        ),
        (
            "a.txt",
            r#"{"type":null,"content":"x"}"#,
            "Unhandled contents type: None",
        ),
        ("a.txt", r#"{"copy_from":"b"}"#, "Cannot copy with PUT, only POST"),
        (
            "a.txt",
            r#"{"type":"notebook","content":{},"chunk":1}"#,
            "not supported for large file transfer",
        ),
        ("a.txt", r#"{"type":"directory"}"#, "Not a directory: "),
        (
            "n.ipynb",
            r#"{"type":"notebook","content":null}"#,
            "Cannot save n.ipynb as a notebook",
        ),
        (
            "n.ipynb",
            r#"{"type":"notebook","content":{"nbformat":4}}"#,
            "missing an expected key",
        ),
        (
            "n.ipynb",
            r#"{"type":"notebook","content":{"nbformat":4,"metadata":{},"cells":[1]}}"#,
            "cell is not an object",
        ),
        (
            ".x",
            r#"{"type":"file","format":"text","content":""}"#,
            "Cannot create file or directory '/.x'",
        ),
        (
            "y",
            r#"{"path":"a/.x","type":"file","format":"text","content":""}"#,
            "Cannot create file or directory '/y'",
        ),
    ] {
        let error = served.put(name, json).await.unwrap_err();
        assert!(error.to_string().contains(message), "{error}");
        assert_eq!(error.kind(), Kind::BadRequest, "{error}");
    }
    let error = served.put("no/where.txt", "{}").await.unwrap_err();
    assert_eq!(
        (error.to_string().as_str(), error.kind()),
        ("No such directory: no", Kind::NotFound)
    );
    let error = served.put(&"x".repeat(300), "{}").await.unwrap_err();
    assert_eq!(error.kind(), Kind::BadRequest, "{error}");
    assert_eq!(
        (served.read("a.txt"), served.read("n.ipynb")),
        (b"old".to_vec(), b"old".to_vec())
    );
    assert_eq!(served.tree(), ["a.txt", "n.ipynb"]);
}

#[tokio::test]
async fn an_upload_in_chunks_is_put_together() {
    let served = serve();
    served.write("a", b"old and long");
    let chunk = |number: i64, content: &str| {
        format!(r#"{{"type":"file","format":"base64","chunk":{number},"content":"{content}"}}"#)
    };
    served.put("a", &chunk(1, "aGVs")).await.unwrap();
    served.put("a", &chunk(2, "bG8g")).await.unwrap();
    served.put("a", &chunk(-1, "d29ybGQ=")).await.unwrap();
    assert_eq!(served.read("a"), b"hello world");
}

#[tokio::test]
async fn mode_links_and_hard_links_are_kept() {
    let served = serve();
    served.write("a", b"old");
    std::fs::set_permissions(served.root.join("a"), std::fs::Permissions::from_mode(0o640)).unwrap();
    std::os::unix::fs::symlink("a", served.root.join("link")).unwrap();
    let body = r#"{"type":"file","format":"text","content":"new"}"#;
    served.put("link", body).await.unwrap();
    assert_eq!(served.read("a"), b"new");
    assert!(served.root.join("link").symlink_metadata().unwrap().is_symlink());
    assert_eq!(served.root.join("a").metadata().unwrap().mode() & 0o7777, 0o640);
    std::fs::hard_link(served.root.join("a"), served.root.join("hard")).unwrap();
    served.put("a", &body.replace("new", "newer")).await.unwrap();
    assert_eq!(served.read("hard"), b"newer");
    assert_eq!(served.tree(), ["a", "hard", "link"]);
}

#[tokio::test]
async fn new_files_get_what_the_umask_leaves() {
    let served = serve();
    std::fs::write(served.root.join("by-hand"), b"").unwrap();
    served.put("by-us", "{}").await.unwrap();
    let mode = |name: &str| served.root.join(name).metadata().unwrap().mode();
    assert_eq!(mode("by-us"), mode("by-hand"));
}

#[tokio::test]
async fn a_link_to_nothing_is_saved_to_where_it_points() {
    let served = serve();
    std::os::unix::fs::symlink("target", served.root.join("link")).unwrap();
    served
        .put("link", r#"{"type":"file","format":"text","content":"x"}"#)
        .await
        .unwrap();
    assert_eq!(served.read("target"), b"x");
}

#[tokio::test]
async fn missing_ids_are_invented_once_and_for_all() {
    let served = serve();
    served.write("n.ipynb", br#"{"cells":[{"cell_type":"raw","metadata":{},"source":"a"},{"cell_type":"raw","metadata":{},"source":"a","id":"x"},{"cell_type":"raw","metadata":{},"source":"a","id":"x"}],"metadata":{},"nbformat":4,"nbformat_minor":5}"#);
    let first = served.get("n.ipynb").await.unwrap();
    assert_eq!(served.get("n.ipynb").await.unwrap().content, first.content);
    let notebook: serde_json::Value = serde_json::from_str(text(&first)).unwrap();
    let ids: Vec<&str> = (0..3)
        .map(|cell| notebook["cells"][cell]["id"].as_str().unwrap())
        .collect();
    assert_eq!((ids[0].len(), ids[1], ids[2].len()), (8, "x", 8));
    assert_ne!(ids[0], ids[2]);
}

/// Its bytes, and when it was written.
fn state(served: &Served, name: &str) -> (Vec<u8>, std::time::SystemTime, u64) {
    let metadata = std::fs::metadata(served.root.join(name)).unwrap();
    (served.read(name), metadata.modified().unwrap(), metadata.ino())
}

#[tokio::test]
async fn an_unmodified_save_keeps_the_bytes_and_times() {
    let spelt_otherwise = br#"{"nbformat":4,"nbformat_minor":4,"metadata":{"b":1.0},"cells":[]}"#;
    let notebook = |b: &str| {
        format!(
            r#"{{"type":"notebook","content":{{"cells":[],"metadata":{{"b":{b}}},"nbformat":4,"nbformat_minor":4}}}}"#
        )
    };
    let keeping = serve();
    keeping.write("n.ipynb", spelt_otherwise);
    let before = state(&keeping, "n.ipynb");
    for _ in 0..2 {
        let saved = keeping.put("n.ipynb", &notebook("1")).await.unwrap();
        assert_eq!(state(&keeping, "n.ipynb"), before);
        assert_eq!(saved.model.version, keeping.get("n.ipynb").await.unwrap().version);
    }
    // What it wrote itself it compares by its bytes.
    keeping.put("n.ipynb", &notebook("2")).await.unwrap();
    let written = state(&keeping, "n.ipynb");
    assert_ne!(written.0, before.0);
    keeping.put("n.ipynb", &notebook("2")).await.unwrap();
    assert_eq!(state(&keeping, "n.ipynb"), written);
    keeping.put("n.ipynb", &notebook("3")).await.unwrap();
    assert_ne!(state(&keeping, "n.ipynb").0, written.0);

    let text = |content: &str| format!(r#"{{"type":"file","format":"text","content":"{content}"}}"#);
    keeping.write("a.txt", b"one");
    let before = state(&keeping, "a.txt");
    keeping.put("a.txt", &text("one")).await.unwrap();
    keeping
        .put("a.txt", r#"{"type":"file","format":"base64","content":"b25l"}"#)
        .await
        .unwrap();
    assert_eq!(state(&keeping, "a.txt"), before);
    for content in ["two", "twofold", ""] {
        keeping.put("a.txt", &text(content)).await.unwrap();
        assert_eq!(keeping.read("a.txt"), content.as_bytes());
    }
}

#[tokio::test]
async fn every_save_is_written_where_that_is_wanted() {
    let spelt_otherwise = br#"{"nbformat":4,"nbformat_minor":4,"metadata":{},"cells":[]}"#;
    let served = serve_with(|config| config.keep_unmodified = false);
    served.write("n.ipynb", spelt_otherwise);
    served.write("a.txt", b"one");
    let before = state(&served, "a.txt");
    let same = r#"{"type":"notebook","content":{"cells":[],"metadata":{},"nbformat":4,"nbformat_minor":4}}"#;
    served.put("n.ipynb", same).await.unwrap();
    assert_ne!(served.read("n.ipynb"), spelt_otherwise);
    served
        .put("a.txt", r#"{"type":"file","format":"text","content":"one"}"#)
        .await
        .unwrap();
    assert_ne!(state(&served, "a.txt").1, before.1);
}

#[tokio::test]
async fn an_old_notebook_is_saved_in_the_new_format_though_nothing_else_changed() {
    let served = serve();
    served.write(
        "n.ipynb",
        br#"{"nbformat":3,"nbformat_minor":0,"metadata":{"name":""},"worksheets":[]}"#,
    );
    let model = served.get("n.ipynb").await.unwrap();
    let put = format!(r#"{{"type":"notebook","content":{}}}"#, text(&model));
    served.put("n.ipynb", &put).await.unwrap();
    let saved: serde_json::Value = serde_json::from_slice(&served.read("n.ipynb")).unwrap();
    assert_eq!(saved["nbformat"], 4);
}

#[tokio::test]
async fn a_notebook_that_is_trusted_by_an_unmodified_save_has_a_new_version() {
    let served = serve();
    let cell = r#"{"cell_type":"code","execution_count":null,"id":"x","metadata":{M},"outputs":[{"data":{"text/html":"x"},"metadata":{},"output_type":"display_data"}],"source":""}"#;
    let notebook = |metadata: &str| {
        let cell = cell.replace("{M}", metadata);
        format!(r#"{{"cells":[{cell}],"metadata":{{}},"nbformat":4,"nbformat_minor":5}}"#)
    };
    served.write("n.ipynb", notebook("{}").as_bytes());
    let before = state(&served, "n.ipynb");
    let put = format!(
        r#"{{"type":"notebook","content":{}}}"#,
        notebook(r#"{"trusted":true}"#)
    );
    let trusted = served.put("n.ipynb", &put).await.unwrap().model.version;
    assert_eq!(state(&served, "n.ipynb"), before);
    assert!(text(&served.get("n.ipynb").await.unwrap()).contains(r#""trusted":true"#));
    let again = served.put("n.ipynb", &put).await.unwrap().model.version;
    assert_eq!(again, trusted);
}
