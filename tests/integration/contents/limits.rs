//! Limits that have a name, and what cannot be named: the answer says which it was.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;

use serde_json::json;
use test_support::TestServer;

use super::tree;

#[tokio::test]
async fn limits_are_told_with_their_names() {
    let server = TestServer::builder()
        .setting("Adrastea.content_bytes_max", "10")
        .setting("Adrastea.directory_entries_max", "2")
        .setting("Adrastea.path_bytes_max", "20")
        .setting("ServerApp.max_body_size", "1000")
        .file("large.txt", "more than ten bytes")
        .file("d/1", "")
        .file("d/2", "")
        .file("d/3", "")
        .start()
        .await;
    let owner = server.with_token();
    let long = "x".repeat(21);
    for (path, status, sentence) in [
        ("large.txt", 413, "larger than 10 bytes (content_bytes_max)"),
        ("d", 413, "more than 2 entries (directory_entries_max)"),
        ("d?limit=1", 413, "more than 2 entries (directory_entries_max)"),
        (&long, 400, "longer than 20 bytes (path_bytes_max)"),
    ] {
        let body = owner
            .get(&format!("/api/contents/{path}"))
            .await
            .expect(status)
            .json();
        assert!(
            body["message"].as_str().unwrap().contains(sentence),
            "{path}: {body}"
        );
        assert_eq!(body["reason"], json!(null));
    }
    let file = json!({"type": "file", "format": "text", "content": ""});
    owner
        .put(&format!("/api/contents/{long}"), &file)
        .await
        .expect(400);
    owner
        .patch("/api/contents/large.txt", &json!({"path": long}))
        .await
        .expect(400);
    owner.get(&format!("/files/{long}")).await.expect(400);
    let large = json!({"type": "file", "format": "text", "content": "x".repeat(1000)});
    owner.put("/api/contents/a", &large).await.expect(413);
    // What is streamed has no such limit.
    owner
        .get("/api/contents/large.txt?content=0&hash=1")
        .await
        .expect(200);
    owner.get("/files/large.txt").await.expect(200);
    owner.get("/api/contents/large.txt?content=0").await.expect(200);
    assert_eq!(tree(&server), ["d", "d/1", "d/2", "d/3", "large.txt"]);
}

#[tokio::test]
async fn a_path_longer_than_any_file_system_takes_is_a_400_that_says_so() {
    let server = TestServer::start().await;
    let owner = server.with_token();
    let long = vec!["x"; 3000].join("/");
    for url in [format!("/api/contents/{long}"), format!("/files/{long}")] {
        let answer = owner.get(&url).await.expect(400);
        assert!(
            answer.text().contains("the path is longer than 4095 bytes"),
            "{}",
            answer.text()
        );
    }
    let answer = owner
        .post("/api/contents", &json!({"copy_from": long}))
        .await
        .expect(400);
    assert_eq!(
        answer.json()["message"],
        "the path is longer than 4095 bytes (path_bytes_max)"
    );
}

#[tokio::test]
async fn a_name_that_is_not_utf8_is_listed_and_refused_with_the_reason() {
    let server = TestServer::builder().file("a.txt", "x").start().await;
    let name = server.root().join(OsStr::from_bytes(b"n\xff.txt"));
    std::fs::write(&name, "x").unwrap();
    let owner = server.with_token();
    let listing = owner.get("/api/contents").await.expect(200).json();
    let entries = listing["content"].as_array().unwrap();
    let listed = entries
        .iter()
        .find(|entry| entry["name"] == r"n\xff.txt")
        .expect("it is listed");
    assert_eq!(
        (&listed["writable"], &listed["path"]),
        (&json!(false), &json!(r"n\xff.txt"))
    );

    let file = json!({"type": "file", "format": "text", "content": ""});
    for name in ["n%5Cxff.txt", "n%FF.txt"] {
        let url = format!("/api/contents/{name}");
        for answer in [
            owner.get(&url).await,
            owner.put(&url, &file).await,
            owner.patch(&url, &json!({"path": "b.txt"})).await,
            owner.delete(&url).await,
            owner.get(&format!("{url}/checkpoints")).await,
            owner.post_empty(&format!("{url}/checkpoints")).await,
            owner.get(&format!("/files/{name}")).await,
        ] {
            assert!(
                answer.clone().expect(400).text().contains("not UTF-8"),
                "{}",
                answer.text()
            );
        }
        owner.head(&url).await.expect(400);
    }
    for answer in [
        owner
            .patch("/api/contents/a.txt", &json!({"path": r"n\xff.txt"}))
            .await,
        owner
            .post("/api/contents", &json!({"copy_from": r"n\xff.txt"}))
            .await,
    ] {
        assert!(
            answer.clone().expect(400).text().contains("is not UTF-8"),
            "{}",
            answer.text()
        );
    }
    assert_eq!(std::fs::read(&name).unwrap(), b"x");
    assert_eq!(tree(&server).len(), 2);
}
