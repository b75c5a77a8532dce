//! Where links must not lead outside, one that is swapped while requests go through it never lets them out.

use std::os::unix::fs::symlink;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use http::Method;
use serde_json::{Value, json};
use test_support::TestServer;

use super::tree;

const SECRET: &str = "nobody may read this";
/// Rounds of requests that were answered from inside and that were refused, before the test has seen enough.
const SEEN_MIN: usize = 100;
const SWAPPING_MAX: Duration = Duration::from_secs(20);

/// Makes `name` lead here and there, by turns, without a moment in which it is missing.
fn swap(root: &Path, name: &str, targets: &[std::path::PathBuf; 2], stop: &AtomicBool) {
    let prepared = root.join(format!(".{name}"));
    for target in targets.iter().cycle() {
        symlink(target, &prepared).unwrap();
        std::fs::rename(&prepared, root.join(name)).unwrap();
        if stop.load(Ordering::Relaxed) {
            return;
        }
    }
}

fn outside_now(outside: &Path) -> Vec<(String, Vec<u8>)> {
    let mut found: Vec<_> = std::fs::read_dir(outside)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .map(|path| (path.display().to_string(), std::fs::read(&path).unwrap()))
        .collect();
    found.sort();
    found
}

#[tokio::test(flavor = "multi_thread")]
async fn a_link_that_is_swapped_during_requests_never_lets_them_out() {
    let server = TestServer::builder()
        .setting("Adrastea.outside_links", "refuse")
        .setting("FileContentsManager.delete_to_trash", "False")
        .file("inside/secret.txt", "for all")
        .file("../outside/secret.txt", SECRET)
        .file(
            "../outside/n.ipynb",
            r#"{"cells": [], "metadata": {}, "nbformat": 4, "nbformat_minor": 5}"#,
        )
        .start()
        .await;
    let root = server.root();
    let outside = root.join("../outside").canonicalize().unwrap();
    let before = outside_now(&outside);
    let stop = Arc::new(AtomicBool::new(false));
    let swappers: Vec<_> = [
        ("directory", [Path::new("inside").to_owned(), outside.clone()]),
        (
            "relative",
            [Path::new("inside").to_owned(), Path::new("../outside").to_owned()],
        ),
        (
            "file.txt",
            [root.join("inside/secret.txt"), outside.join("secret.txt")],
        ),
    ]
    .into_iter()
    .map(|(name, targets)| {
        let (root, stop) = (root.clone(), Arc::clone(&stop));
        // The link is there before the first request.
        symlink(&targets[0], root.join(name)).unwrap();
        thread::spawn(move || swap(&root, name, &targets, &stop))
    })
    .collect();
    let (mut let_in, mut refused) = (0, 0);
    let began = Instant::now();
    let save = json!({"type": "file", "format": "text", "content": "written"});
    let part = json!({"type": "file", "format": "text", "content": "written", "chunk": -1});
    let owner = server.as_owner();
    while (let_in < SEEN_MIN || refused < SEEN_MIN) && began.elapsed() < SWAPPING_MAX {
        let mut requests = Vec::new();
        for link in ["directory", "relative"] {
            let path = |name: &str| format!("/api/contents/{link}/{name}");
            requests.extend([
                (Method::GET, path(""), Value::Null),
                (Method::GET, path("secret.txt"), Value::Null),
                (Method::GET, format!("/files/{link}/secret.txt"), Value::Null),
                (Method::PUT, path("secret.txt"), save.clone()),
                (Method::PUT, path("new.txt"), save.clone()),
                (Method::PUT, path("grown.txt"), part.clone()),
                (Method::POST, path(""), json!({"type": "file"})),
                (Method::POST, path("secret.txt/checkpoints"), Value::Null),
                (
                    Method::POST,
                    path("secret.txt/checkpoints/checkpoint"),
                    Value::Null,
                ),
                (
                    Method::POST,
                    "/api/contents/".to_owned(),
                    json!({"copy_from": format!("{link}/secret.txt")}),
                ),
                (
                    Method::POST,
                    "/api/contents/copies".to_owned(),
                    json!({"copy_from": link}),
                ),
                (
                    Method::PATCH,
                    path("new.txt"),
                    json!({"path": format!("{link}/renamed.txt")}),
                ),
                (Method::DELETE, path("renamed.txt"), Value::Null),
                (Method::DELETE, path("secret.txt"), Value::Null),
                (
                    Method::PUT,
                    "/api/contents/inside/secret.txt".to_owned(),
                    save.clone(),
                ),
            ]);
        }
        for path in ["/api/contents/file.txt", "/files/file.txt"] {
            requests.push((Method::GET, path.to_owned(), Value::Null));
        }
        requests.push((Method::PUT, "/api/contents/file.txt".to_owned(), save.clone()));
        requests.push((Method::PUT, "/api/contents/file.txt".to_owned(), part.clone()));
        for (method, path, body) in requests {
            let answer = owner
                .send(owner.request(method.clone(), &path).body(body.to_string()))
                .await;
            assert!(
                !answer.text().contains(SECRET),
                "{method} {path}: {}",
                answer.text()
            );
            assert!(answer.status != 500, "{method} {path}: {}", answer.text());
            match answer.status.as_u16() {
                200..300 => let_in += 1,
                _ => refused += 1,
            }
        }
        assert_eq!(outside_now(&outside), before);
    }
    stop.store(true, Ordering::Relaxed);
    for swapper in swappers {
        swapper.join().unwrap();
    }
    assert!(
        let_in >= SEEN_MIN && refused >= SEEN_MIN,
        "{let_in} let in, {refused} refused"
    );
    assert_eq!(outside_now(&outside), before);
    for name in tree(&server) {
        let found = std::fs::read(root.join(&name)).unwrap_or_default();
        let is_link = root.join(&name).is_symlink();
        assert!(
            is_link || !found.windows(SECRET.len()).any(|part| part == SECRET.as_bytes()),
            "{name}"
        );
    }
}
