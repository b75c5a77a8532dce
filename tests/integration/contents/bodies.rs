//! Bodies that front ends of other makes send: what is in them counts as it counts in Python.

use http::Method;
use serde_json::json;
use test_support::TestServer;

use super::{read, tree};

#[tokio::test]
async fn a_body_with_any_member_is_a_save_under_the_name_of_the_url() {
    let server = TestServer::builder()
        .file("a.txt", "old")
        .file("d/x", "")
        .start()
        .await;
    let owner = server.as_owner();
    for body in [
        json!({"name": "x"}),
        json!({"ext": ".txt"}),
        json!({"mimetype": null}),
        json!({"format": null}),
        json!({"chunk": null}),
    ] {
        let made = owner.put("/api/contents/new.txt", &body).await.expect(201).json();
        assert_eq!(
            (&made["path"], &made["size"]),
            (&json!("new.txt"), &json!(0)),
            "{body}"
        );
        let refused = owner.put("/api/contents/a.txt", &body).await.expect(400).json();
        assert_eq!(refused["message"], "No file type provided", "{body}");
        owner.put("/api/contents/d", &body).await.expect(400);
        assert_eq!(tree(&server), ["a.txt", "d", "d/x", "new.txt"]);
        owner.delete("/api/contents/new.txt").await.expect(204);
    }
    let untitled = owner.put("/api/contents/d", &json!({})).await.expect(201).json();
    assert_eq!(untitled["path"], "d/untitled");
}

#[tokio::test]
async fn of_members_that_occur_twice_the_last_counts() {
    let server = TestServer::builder().file("a.txt", "old").start().await;
    let owner = server.as_owner();
    let send = async |method: Method, path: &str, body: &'static str| {
        owner.send(owner.request(method, path).body(body)).await
    };
    let saved = r#"{"type":"directory","format":"text","content":"1","type":"file","content":"2"}"#;
    send(Method::PUT, "/api/contents/a.txt", saved).await.expect(200);
    assert_eq!(read(&server, "a.txt"), b"2");
    let made = r#"{"type":"file","type":"directory"}"#;
    let made = send(Method::POST, "/api/contents", made).await.expect(201).json();
    assert_eq!(made["type"], "directory");
    let renamed = r#"{"path":"none/x","path":"b.txt"}"#;
    send(Method::PATCH, "/api/contents/a.txt", renamed)
        .await
        .expect(200);
    assert_eq!(read(&server, "b.txt"), b"2");
}

#[tokio::test]
async fn a_type_or_chunk_of_another_kind_is_compared_and_not_refused() {
    let server = TestServer::start().await;
    let owner = server.as_owner();
    for (content, chunk) in [
        ("a", json!(1.0)),
        ("b", json!("1")),
        ("c", json!(1.5)),
        ("d", json!(-1.0)),
    ] {
        let body = json!({"type": 1, "format": "text", "content": content, "chunk": chunk});
        let status = if content == "a" { 201 } else { 200 };
        owner.put("/api/contents/u.txt", &body).await.expect(status);
    }
    assert_eq!(read(&server, "u.txt"), b"abcd");
    let made = owner
        .post("/api/contents", &json!({"type": 1, "copy_from": false}))
        .await;
    assert_eq!(made.expect(201).json()["path"], "untitled");
}
