//! A disk that is full, that may not be written, or on which files may not grow: the error says so, what was there is
//! still there, and nothing is left beside it.

use std::path::Path;

use reqwest::Method;
use serde_json::{Value, json};

use super::process::{Home, Running};

/// Nothing goes to a trash, so that what is deleted is gone.
const ARGUMENTS: &[&str] = &["--port=0", "--FileContentsManager.delete_to_trash=False"];

fn text(content: &str) -> Value {
    json!({"type": "file", "format": "text", "content": content})
}

fn notebook(source: &str) -> Value {
    json!({"type": "notebook", "content": {"nbformat": 4, "nbformat_minor": 5, "metadata": {},
        "cells": [{"cell_type": "markdown", "id": "a", "metadata": {}, "source": source}]}})
}

/// Expects a status; the sentence must name no temporary file.
async fn expect(server: &Running, status: u16, method: Method, path: &str, body: Value) -> Value {
    let (found, answer) = server.contents(method.clone(), path, body).await;
    assert_eq!(found, status, "{method} {path}: {answer}; {}", server.log());
    assert!(!answer.to_string().contains(".~"), "{answer}");
    answer
}

/// All names beneath a directory and the sizes of files, sorted.
fn tree(directory: &Path) -> Vec<(String, u64)> {
    fn walk(directory: &Path, top: &Path, found: &mut Vec<(String, u64)>) {
        for entry in std::fs::read_dir(directory).expect("a directory") {
            let path = entry.expect("an entry").path();
            let metadata = path.symlink_metadata().expect("metadata");
            let name = path.strip_prefix(top).expect("below").display().to_string();
            found.push((name, if metadata.is_dir() { 0 } else { metadata.len() }));
            if metadata.is_dir() {
                walk(&path, top, found);
            }
        }
    }
    let mut found = Vec::new();
    walk(directory, directory, &mut found);
    found.sort();
    found
}

#[tokio::test]
async fn a_full_disk_is_a_507_and_changes_nothing() {
    let home = Home::new();
    let root = home.path("root");
    std::fs::create_dir_all(root.join("large/inner")).unwrap();
    std::fs::create_dir(root.join("small")).unwrap();
    std::fs::write(root.join("large/inner/a.txt"), "a".repeat(1_500_000)).unwrap();
    std::fs::write(root.join("large/b.txt"), "b".repeat(1_500_000)).unwrap();
    let script = "mount -t tmpfs -o size=2m,nr_inodes=24 none small";
    let Some(server) = home.start_after(script, ARGUMENTS).await else {
        return;
    };
    let small = server.seen(&root.join("small"));
    for (path, body) in [
        ("a.txt", text("old")),
        ("linked.txt", text("old")),
        ("n.ipynb", notebook("old")),
    ] {
        expect(&server, 201, Method::PUT, &format!("small/{path}"), body).await;
    }
    std::fs::hard_link(small.join("linked.txt"), small.join("same.txt")).unwrap();
    let half = "x".repeat(1_200_000);
    expect(&server, 201, Method::PUT, "small/half.txt", text(&half)).await;
    let part = |chunk: i64, content: &str| json!({"type": "file", "format": "text", "chunk": chunk, "content": content});
    expect(&server, 201, Method::PUT, "small/parts.txt", part(1, "one")).await;
    let before = tree(&small);
    let too_large = "y".repeat(3_000_000);
    for (method, path, body) in [
        (Method::PUT, "small/a.txt", text(&too_large)),
        (Method::PUT, "small/new.txt", text(&too_large)),
        (Method::PUT, "small/linked.txt", text(&too_large)),
        (Method::PUT, "small/n.ipynb", notebook(&too_large)),
        (Method::PUT, "small/parts.txt", part(2, &too_large)),
        (Method::PUT, "small/parts2.txt", part(1, &too_large)),
        (Method::PUT, "small/parts3.txt", part(2, &too_large)),
        (Method::POST, "small", json!({"copy_from": "large"})),
        (Method::POST, "small", json!({"copy_from": "large/b.txt"})),
        (Method::POST, "small/half.txt/checkpoints", Value::Null),
        (Method::PATCH, "large", json!({"path": "small/moved"})),
        (Method::PATCH, "large/b.txt", json!({"path": "small/moved.txt"})),
    ] {
        let answer = expect(&server, 507, method, path, body).await;
        assert!(
            answer["message"].as_str().unwrap().contains("No space left"),
            "{answer}"
        );
        let mut now = tree(&small);
        now.retain(|(name, _)| name != ".ipynb_checkpoints"); // made before the checkpoint did not fit
        let mut expected = before.clone();
        expected.retain(|(name, _)| name != ".ipynb_checkpoints");
        assert_eq!(now, expected, "{path}");
    }
    assert_eq!(std::fs::read_to_string(small.join("same.txt")).unwrap(), "old");
    assert_eq!(tree(&root.join("large")).len(), 3);
    // No name is left either.
    let mut status = 201;
    for number in 0.. {
        if status != 201 {
            break;
        }
        (status, _) = server
            .contents(
                Method::PUT,
                &format!("small/{number}"),
                json!({"type": "directory"}),
            )
            .await;
    }
    assert_eq!(status, 507);
    expect(&server, 507, Method::POST, "small", json!({"type": "notebook"})).await;
    // What fits is saved as before.
    expect(&server, 204, Method::DELETE, "small/0", Value::Null).await;
    expect(&server, 204, Method::DELETE, "small/half.txt", Value::Null).await;
    expect(&server, 200, Method::PUT, "small/linked.txt", text(&half)).await;
    assert_eq!(std::fs::read_to_string(small.join("same.txt")).unwrap(), half);
}

#[tokio::test]
async fn a_read_only_file_system_is_a_403_and_a_mounted_file_is_written_in_place() {
    let home = Home::new();
    let root = home.path("root");
    std::fs::create_dir(root.join("ro")).unwrap();
    for name in [
        "ro/a.txt",
        "ro/n.ipynb",
        "mounted.txt",
        "mounted-ro.txt",
        "behind.txt",
        "behind-ro.txt",
        "b.txt",
    ] {
        std::fs::write(root.join(name), "old").unwrap();
    }
    let script = "mount --bind ro ro; mount -o remount,bind,ro ro; mount --bind behind.txt mounted.txt; \
                  mount --bind behind-ro.txt mounted-ro.txt; mount -o remount,bind,ro mounted-ro.txt";
    let Some(server) = home.start_after(script, ARGUMENTS).await else {
        return;
    };
    let before = tree(&root);
    let part = json!({"type": "file", "format": "text", "chunk": -1, "content": "more"});
    for (status, method, path, body) in [
        (403, Method::PUT, "ro/a.txt", text("new")),
        (403, Method::PUT, "ro/n.ipynb", notebook("new")),
        (403, Method::PUT, "ro/new.txt", text("new")),
        (403, Method::PUT, "ro/d", json!({"type": "directory"})),
        (403, Method::PUT, "ro/a.txt", part.clone()),
        (403, Method::PUT, "ro/new.txt", part),
        (403, Method::POST, "ro", json!({"type": "notebook"})),
        (403, Method::POST, "ro", json!({"copy_from": "b.txt"})),
        (403, Method::POST, "ro/a.txt/checkpoints", Value::Null),
        (403, Method::PATCH, "ro/a.txt", json!({"path": "ro/b.txt"})),
        (403, Method::DELETE, "ro/a.txt", Value::Null),
        (403, Method::PUT, "mounted-ro.txt", text("new")),
        (
            409,
            Method::PATCH,
            "mounted.txt",
            json!({"path": "elsewhere.txt"}),
        ),
        (409, Method::DELETE, "mounted.txt", Value::Null),
    ] {
        expect(&server, status, method, path, body).await;
        assert_eq!(tree(&root), before, "{path}");
    }
    for content in ["new", "longer than before", ""] {
        expect(&server, 200, Method::PUT, "mounted.txt", text(content)).await;
        assert_eq!(std::fs::read_to_string(root.join("behind.txt")).unwrap(), content);
    }
    assert_eq!(std::fs::read_to_string(root.join("mounted.txt")).unwrap(), "old");
    assert_eq!(tree(&root).len(), before.len());
}

#[tokio::test]
async fn a_limit_on_the_size_of_files_does_not_end_the_server() {
    let home = Home::new();
    let root = home.path("root");
    // In blocks of 512 bytes.
    let server = home.start_limited("ulimit -f 2000", ARGUMENTS).await;
    expect(&server, 201, Method::PUT, "a.txt", text("old")).await;
    expect(&server, 507, Method::PUT, "a.txt", text(&"x".repeat(3_000_000))).await;
    expect(&server, 200, Method::PUT, "a.txt", text("new")).await;
    assert_eq!(tree(&root), [("a.txt".to_owned(), 3)]);
}

#[tokio::test]
async fn a_directory_that_has_vanished_is_a_404_also_the_root_itself() {
    let home = Home::new();
    let root = home.path("root");
    let server = home.start(ARGUMENTS).await;
    for (directory, prefix) in [(root.join("d"), "d/"), (root.clone(), "")] {
        std::fs::create_dir_all(&directory).unwrap();
        expect(&server, 201, Method::PUT, &format!("{prefix}a.txt"), text("old")).await;
        expect(
            &server,
            201,
            Method::POST,
            &format!("{prefix}a.txt/checkpoints"),
            Value::Null,
        )
        .await;
        std::fs::remove_dir_all(&directory).unwrap();
        let part = json!({"type": "file", "format": "text", "chunk": -1, "content": "more"});
        for (method, path, body) in [
            (Method::GET, "", Value::Null),
            (Method::GET, "a.txt", Value::Null),
            (Method::PUT, "a.txt", text("new")),
            (Method::PUT, "n.ipynb", notebook("new")),
            (Method::PUT, "a.txt", part),
            (Method::POST, "a.txt/checkpoints", Value::Null),
            (Method::PATCH, "a.txt", json!({"path": "b.txt"})),
            (Method::DELETE, "a.txt", Value::Null),
        ] {
            expect(&server, 404, method, &format!("{prefix}{path}"), body).await;
        }
        assert!(!directory.exists());
    }
    std::fs::create_dir(&root).unwrap();
    expect(&server, 201, Method::PUT, "a.txt", text("again")).await;
    assert_eq!(std::fs::read_to_string(root.join("a.txt")).unwrap(), "again");
}
