//! What makes no sense is a 4xx with a sentence, and changes nothing on disk.

use http::Method;
use serde_json::json;
use test_support::{Answer, TestClient, TestServer};

use super::{read, tree};

async fn send(client: &TestClient, method: Method, path: &str, body: impl Into<reqwest::Body>) -> Answer {
    client.send(client.request(method, path).body(body)).await
}

#[tokio::test]
async fn paths_that_leave_the_root_lead_nowhere() {
    let server = TestServer::builder()
        .file("../secret.txt", "s")
        .file("a.txt", "x")
        .start()
        .await;
    let owner = server.as_owner();
    let ways_out = [
        "%2e%2e/secret.txt",
        "a/%2e%2e/%2e%2e/secret.txt",
        "..%2fsecret.txt",
        "%2E%2E%2Fsecret.txt",
    ];
    let file = json!({"type": "file", "format": "text", "content": "!"});
    for way in ways_out {
        let url = format!("/api/contents/{way}");
        for answer in [
            owner.get(&url).await,
            owner.put(&url, &file).await,
            owner.delete(&url).await,
            owner.post_empty(&format!("{url}/checkpoints")).await,
            owner.get(&format!("/files/{way}")).await,
            owner.get(&format!("/view/{way}")).await,
        ] {
            answer.expect(404);
        }
        // The client itself resolves `%2e%2e` between slashes; what is sent then is no route at all.
        if way.to_lowercase().contains("%2f") {
            let told = owner.get(&url).await.expect(404).json();
            assert_eq!(
                told["message"],
                "../secret.txt is outside root contents directory"
            );
        }
    }
    for way in ["../secret.txt", "a/../../secret.txt", "/../secret.txt"] {
        owner
            .patch("/api/contents/a.txt", &json!({"path": way}))
            .await
            .expect(404);
        owner
            .post("/api/contents", &json!({"copy_from": way}))
            .await
            .expect(404);
        owner
            .put(
                "/api/contents/b",
                &json!({"path": way, "type": "file", "format": "text", "content": ""}),
            )
            .await
            .expect(404);
    }
    assert_eq!(std::fs::read(server.root().join("../secret.txt")).unwrap(), b"s");
    assert_eq!(
        (tree(&server), read(&server, "a.txt")),
        (vec!["a.txt".to_owned()], b"x".to_vec())
    );
}

#[tokio::test]
async fn an_extension_with_a_slash_creates_nothing() {
    let server = TestServer::start().await;
    let owner = server.as_owner();
    owner
        .post("/api/contents", &json!({"ext": "/../../evil"}))
        .await
        .expect(400);
    assert!(tree(&server).is_empty());
    assert!(!server.root().join("../evil").exists());
}

#[tokio::test]
async fn bodies_that_are_no_json_or_the_wrong_json_are_refused() {
    let server = TestServer::builder().file("a.txt", "x").start().await;
    let owner = server.as_owner();
    for body in [
        "{bad",
        "[1]",
        "\"x\"",
        "{\"type\": []}",
        "{\"format\": {}}",
        "\u{0}",
        "{\"type\":\"file\"",
        "{\"path\": 3}",
    ] {
        let answer = send(&owner, Method::PUT, "/api/contents/a.txt", body)
            .await
            .expect(400);
        assert!(
            answer.json()["message"].as_str().unwrap().contains("JSON"),
            "{}",
            answer.text()
        );
    }
    for body in ["{bad", "[1]", "{\"path\": 3}"] {
        send(&owner, Method::PATCH, "/api/contents/a.txt", body)
            .await
            .expect(400);
    }
    for body in ["{bad", "[1]", "{\"copy_from\": 3}"] {
        send(&owner, Method::POST, "/api/contents", body)
            .await
            .expect(400);
    }
    let latin = b"{\"type\":\"file\",\"format\":\"text\",\"content\":\"\xe4\"}".to_vec();
    send(&owner, Method::PUT, "/api/contents/a.txt", latin)
        .await
        .expect(400);
    assert_eq!(
        (tree(&server), read(&server, "a.txt")),
        (vec!["a.txt".to_owned()], b"x".to_vec())
    );
}

#[tokio::test]
async fn corrupt_notebooks_are_explained_and_left_alone() {
    let server = TestServer::builder()
        .file("bad.ipynb", "{ \"cells\": [")
        .file(
            "nan.ipynb",
            "{\"nbformat\": 4, \"metadata\": {\"x\": NaN}, \"cells\": []}",
        )
        .file("binary.ipynb", b"\xff\xfe\x00")
        .file("future.ipynb", "{\"nbformat\": 5}")
        .start()
        .await;
    let owner = server.as_owner();
    for (name, sentence) in [
        ("bad.ipynb", "the text ends too early at line 1 column 13"),
        ("nan.ipynb", "NaN and Infinity are not JSON"),
        ("binary.ipynb", "is not UTF-8 encoded"),
        ("future.ipynb", "Unsupported nbformat version 5"),
    ] {
        let before = read(&server, name);
        let answer = owner
            .get(&format!("/api/contents/{name}?type=notebook"))
            .await
            .expect(400);
        assert!(
            answer.json()["message"].as_str().unwrap().contains(sentence),
            "{}",
            answer.text()
        );
        owner
            .post("/api/contents", &json!({"copy_from": name}))
            .await
            .expect(400);
        owner
            .post_empty(&format!("/api/contents/{name}/trust"))
            .await
            .expect(400);
        // Its text can still be read and repaired.
        owner
            .get(&format!("/api/contents/{name}?type=file"))
            .await
            .expect(200);
        assert_eq!(read(&server, name), before);
    }
    assert_eq!(tree(&server).len(), 4);
}

#[tokio::test]
async fn contents_that_cannot_be_saved_leave_the_old_file() {
    let server = TestServer::builder()
        .file("a.txt", "x")
        .file("n.ipynb", "y")
        .start()
        .await;
    let owner = server.as_owner();
    for body in [
        json!({"type": "notebook", "content": "text"}),
        json!({"type": "notebook", "content": {}}),
        json!({"type": "notebook", "content": {"nbformat": 4, "cells": 3, "metadata": {}}}),
        json!({"type": "notebook", "content": {"nbformat": 4, "cells": [], "metadata": {}}, "chunk": 1}),
        json!({"type": "file", "content": "x", "format": "json"}),
        json!({"type": "file", "content": "abc", "format": "base64"}),
        json!({"type": "file", "content": {"a": 1}, "format": "text"}),
    ] {
        owner.put("/api/contents/n.ipynb", &body).await.expect(400);
        owner.put("/api/contents/a.txt", &body).await.expect(400);
    }
    let half = "{\"type\":\"file\",\"format\":\"text\",\"content\":\"\\ud800\"}";
    send(&owner, Method::PUT, "/api/contents/a.txt", half)
        .await
        .expect(400);
    let nan = "{\"type\":\"notebook\",\"content\":{\"nbformat\":4,\"metadata\":{\"x\":NaN},\"cells\":[]}}";
    send(&owner, Method::PUT, "/api/contents/n.ipynb", nan)
        .await
        .expect(400);
    assert_eq!(
        (read(&server, "a.txt"), read(&server, "n.ipynb")),
        (b"x".to_vec(), b"y".to_vec())
    );
    assert_eq!(tree(&server), ["a.txt", "n.ipynb"]);
}

#[tokio::test]
async fn odd_names_and_queries_are_refused() {
    let server = TestServer::builder().file("d/a.txt", b"\xff").start().await;
    let owner = server.as_owner();
    let file = json!({"type": "file", "format": "text", "content": ""});
    owner.get("/api/contents/a%00b").await.expect(404);
    owner.put("/api/contents/a%00b", &file).await.expect(404);
    owner
        .put(&format!("/api/contents/{}", "x".repeat(300)), &file)
        .await
        .expect(400);
    owner.put("/api/contents/none/a.txt", &file).await.expect(404);
    owner.put("/api/contents/d/a.txt/b", &file).await.expect(404);
    for (query, message, reason) in [
        ("format=bogus", "Format 'bogus' is invalid", json!(null)),
        ("content=2", "Content '2' is invalid", json!(null)),
        (
            "hash=x",
            "Hash argument 'x' is invalid. It must be '0' or '1'.",
            json!(null),
        ),
        ("type=directory", "d/a.txt is not a directory", json!("bad type")),
    ] {
        let answer = owner
            .get(&format!("/api/contents/d/a.txt?{query}"))
            .await
            .expect(400);
        assert_eq!(answer.json(), json!({"message": message, "reason": reason}));
    }
    let answer = owner.get("/api/contents/d/a.txt?format=text").await.expect(400);
    assert_eq!(answer.json()["reason"], "bad format");
    let answer = owner.get("/api/contents/d?type=notebook").await.expect(400);
    assert_eq!(
        answer.json(),
        json!({"message": "d is a directory, not a notebook", "reason": "bad type"})
    );
    assert_eq!(tree(&server), ["d", "d/a.txt"]);
}
