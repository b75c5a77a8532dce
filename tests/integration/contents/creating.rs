//! POST: untitled entries and copies.

use serde_json::json;
use test_support::TestServer;

use super::{read, tree};

#[tokio::test]
async fn untitled_entries_get_the_next_free_name() {
    let server = TestServer::builder().file("d/x", "").start().await;
    let owner = server.as_owner();
    for (body, expected) in [
        (json!({"type": "notebook", "path": "d"}), "d/Untitled.ipynb"),
        (json!({"type": "notebook"}), "d/Untitled1.ipynb"),
        (json!({"ext": ".ipynb"}), "d/Untitled2.ipynb"),
        (json!({"type": "file", "ext": ".py"}), "d/untitled.py"),
        (json!({"type": "directory"}), "d/Untitled Folder"),
        (json!({"type": "directory"}), "d/Untitled Folder 1"),
        (json!({}), "d/untitled"),
    ] {
        let answer = owner.post("/api/contents/d", &body).await.expect(201);
        assert_eq!(answer.json()["path"], expected);
        assert_eq!(
            answer.header("location"),
            format!("/api/contents/{}", expected.replace(' ', "%20"))
        );
    }
    assert_eq!(
        owner.post_empty("/api/contents/d").await.expect(201).json()["path"],
        "d/untitled1"
    );
    let expected = "{\n \"cells\": [],\n \"metadata\": {},\n \"nbformat\": 4,\n \"nbformat_minor\": 5\n}\n";
    assert_eq!(
        String::from_utf8(read(&server, "d/Untitled.ipynb")).unwrap(),
        expected
    );
}

#[tokio::test]
async fn a_put_without_a_body_creates_something_untitled() {
    let server = TestServer::builder().file("d/x", "").start().await;
    let model = server
        .as_owner()
        .put("/api/contents/d", &json!({}))
        .await
        .expect(201)
        .json();
    assert_eq!(model["path"], "d/untitled");
}

#[tokio::test]
async fn copies_get_names_of_their_own() {
    let server = TestServer::builder()
        .file("a.txt", "x")
        .file("d/e/f", "y")
        .start()
        .await;
    let owner = server.as_owner();
    for (to, from, expected) in [
        ("", "a.txt", "a-Copy1.txt"),
        ("", "/a-Copy1.txt", "a-Copy2.txt"),
        ("d", "a.txt", "d/a.txt"),
        ("b.txt", "a.txt", "b.txt"),
        ("", "d/e", "e"),
        ("new", "d/e", "new/e"),
    ] {
        let answer = owner
            .post(&format!("/api/contents/{to}"), &json!({"copy_from": from}))
            .await
            .expect(201);
        assert_eq!(answer.json()["path"], expected);
    }
    assert_eq!(
        (read(&server, "a-Copy2.txt"), read(&server, "new/e/f")),
        (b"x".to_vec(), b"y".to_vec())
    );
}

#[tokio::test]
async fn what_cannot_be_created_is_refused_with_the_reference_s_sentences() {
    let server = TestServer::builder().file("a.txt", "x").start().await;
    let owner = server.as_owner();
    for (path, body, status, message) in [
        ("none", json!({}), 404, "No such directory: none"),
        ("a.txt", json!({}), 400, "Cannot POST to files, use PUT instead."),
        (
            "a.txt",
            json!({"copy_from": "a.txt"}),
            400,
            "Cannot POST to files, use PUT instead.",
        ),
        (
            "none/b.txt",
            json!({"copy_from": "a.txt"}),
            404,
            "No such parent directory: none to copy file in",
        ),
    ] {
        let answer = owner
            .post(&format!("/api/contents/{path}"), &body)
            .await
            .expect(status);
        assert_eq!(answer.json(), json!({"message": message, "reason": null}));
    }
    owner
        .post("/api/contents", &json!({"copy_from": "none"}))
        .await
        .expect(404);
    let answer = owner
        .put("/api/contents/b", &json!({"copy_from": "a.txt"}))
        .await
        .expect(400);
    assert_eq!(answer.json()["message"], "Cannot copy with PUT, only POST");
    assert_eq!(tree(&server), ["a.txt"]);
}
