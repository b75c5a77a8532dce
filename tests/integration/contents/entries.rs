//! GET, PUT, PATCH and DELETE of files, directories and notebooks.

use serde_json::{Value, json};
use test_support::TestServer;

use super::{notebook, read, tree};

#[tokio::test]
async fn a_model_has_exactly_the_keys_of_the_reference() {
    let server = TestServer::builder().file("d/a.txt", "hi\n").start().await;
    let owner = server.as_owner();
    let answer = owner.get("/api/contents/d/a.txt").await.expect(200);
    let model = answer.json();
    let keys: Vec<&str> = model.as_object().unwrap().keys().map(String::as_str).collect();
    assert_eq!(
        keys,
        [
            "name",
            "path",
            "last_modified",
            "created",
            "content",
            "format",
            "mimetype",
            "size",
            "writable",
            "hash",
            "hash_algorithm",
            "type"
        ]
    );
    assert_eq!(model["content"], "hi\n");
    assert_eq!(
        (&model["format"], &model["type"], &model["size"]),
        (&json!("text"), &json!("file"), &json!(3))
    );
    assert_eq!(
        (&model["path"], &model["name"]),
        (&json!("d/a.txt"), &json!("a.txt"))
    );
    assert_eq!((&model["hash"], &model["writable"]), (&Value::Null, &json!(true)));
    assert_eq!(answer.header("content-type"), "application/json");
    assert!(answer.header("last-modified").ends_with(" GMT"));
    assert_eq!(answer.header("location"), "");
}

#[tokio::test]
async fn the_root_is_reached_with_and_without_a_slash() {
    let server = TestServer::builder()
        .file("a.txt", "")
        .file(".hidden", "")
        .start()
        .await;
    let owner = server.as_owner();
    for path in ["/api/contents", "/api/contents/"] {
        let model = owner.get(path).await.expect(200).json();
        assert_eq!(
            (&model["path"], &model["type"], &model["size"]),
            (&json!(""), &json!("directory"), &Value::Null)
        );
        let names: Vec<&Value> = model["content"]
            .as_array()
            .unwrap()
            .iter()
            .map(|entry| &entry["name"])
            .collect();
        assert_eq!(names, ["a.txt"]);
    }
    owner.head("/api/contents").await.expect(200);
}

#[tokio::test]
async fn hash_and_content_come_when_asked_for() {
    let server = TestServer::builder().file("a.txt", "abc").start().await;
    let owner = server.as_owner();
    let model = owner
        .get("/api/contents/a.txt?content=0&hash=1&1795349235713")
        .await
        .expect(200)
        .json();
    assert_eq!(model["content"], Value::Null);
    assert_eq!(
        model["hash"],
        "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    );
    assert_eq!(
        (&model["hash_algorithm"], &model["mimetype"]),
        (&json!("sha256"), &json!("text/plain"))
    );
}

#[tokio::test]
async fn saving_is_201_for_a_new_name_and_200_after() {
    let server = TestServer::start().await;
    let owner = server.as_owner();
    let body = json!({"type": "file", "format": "text", "content": "1"});
    let answer = owner.put("/api/contents/ä%20b.txt", &body).await.expect(201);
    assert_eq!(answer.header("location"), "/api/contents/%C3%A4%20b.txt");
    assert_eq!(answer.json()["content"], Value::Null);
    let body = json!({"type": "file", "format": "text", "content": "2"});
    owner.put("/api/contents/ä%20b.txt", &body).await.expect(200);
    assert_eq!(read(&server, "ä b.txt"), b"2");
}

#[tokio::test]
async fn names_with_all_kinds_of_characters_come_back_as_they_went() {
    let server = TestServer::builder()
        .setting("ServerApp.base_url", "/a%40b/")
        .start()
        .await;
    let owner = server.as_owner();
    for name in [
        "#?%.txt",
        "a&b=c+d.txt",
        "日本語.txt",
        "é.txt",
        "e\u{301}.txt",
        "a\\b.txt",
        "-",
        "~x",
        "a:b",
    ] {
        let encoded: String = name.bytes().map(|byte| format!("%{byte:02X}")).collect();
        let body = json!({"type": "file", "format": "text", "content": name});
        let saved = owner
            .put(&format!("/api/contents/{encoded}"), &body)
            .await
            .expect(201);
        assert!(saved.header("location").starts_with("/a%40b/api/contents/"));
        let model = owner
            .get(&format!("/api/contents/{encoded}"))
            .await
            .expect(200)
            .json();
        assert_eq!((&model["name"], &model["content"]), (&json!(name), &json!(name)));
        assert_eq!(read(&server, name), name.as_bytes());
    }
}

#[tokio::test]
async fn an_upload_in_chunks_is_one_file() {
    let server = TestServer::start().await;
    let owner = server.as_owner();
    for (chunk, content, status) in [(1, "aGVs", 201), (2, "bG8g", 200), (-1, "d29ybGQ=", 200)] {
        let body = json!({"type": "file", "format": "base64", "chunk": chunk, "content": content});
        let model = owner
            .put("/api/contents/up.bin", &body)
            .await
            .expect(status)
            .json();
        assert!(model.get("chunk").is_none());
    }
    assert_eq!(read(&server, "up.bin"), b"hello world");
}

#[tokio::test]
async fn a_large_body_is_taken() {
    let server = TestServer::start().await;
    let owner = server.as_owner();
    let text = "x".repeat(20 << 20);
    owner
        .put(
            "/api/contents/big",
            &json!({"type": "file", "format": "text", "content": text}),
        )
        .await
        .expect(201);
    assert_eq!(read(&server, "big").len(), 20 << 20);
}

#[tokio::test]
async fn renaming_answers_with_the_new_model() {
    let server = TestServer::builder()
        .file("a.txt", "x")
        .file("taken", "y")
        .start()
        .await;
    let owner = server.as_owner();
    let answer = owner
        .patch("/api/contents/a.txt", &json!({"path": "/b c.txt"}))
        .await
        .expect(200);
    assert_eq!(answer.header("location"), "/api/contents/b%20c.txt");
    assert_eq!(answer.json()["path"], "b c.txt");
    let answer = owner
        .patch("/api/contents/b%20c.txt", &json!({"path": "taken"}))
        .await
        .expect(409);
    assert_eq!(
        answer.json(),
        json!({"message": "File already exists: taken", "reason": null})
    );
    let answer = owner
        .patch("/api/contents/none", &json!({"path": "x"}))
        .await
        .expect(404);
    assert_eq!(
        answer.json(),
        json!({"message": "File or directory does not exist: none", "reason": null})
    );
    let same = owner
        .patch("/api/contents/taken", &json!({}))
        .await
        .expect(200)
        .json();
    assert_eq!(same["path"], "taken");
    assert_eq!(tree(&server), ["b c.txt", "taken"]);
}

#[tokio::test]
async fn deleting_moves_to_the_trash() {
    let server = TestServer::builder().file("d/a.txt", "x").start().await;
    let owner = server.as_owner();
    owner.delete("/api/contents/d").await.expect(204);
    assert!(tree(&server).is_empty());
    let trashed = server.root().join("../home/.local/share/Trash/files/d/a.txt");
    assert_eq!(std::fs::read(trashed).unwrap(), b"x");
    owner.delete("/api/contents/d").await.expect(404);
    let answer = owner.delete("/api/contents/").await.expect(400);
    assert_eq!(answer.json()["message"], "Can't delete root");
}

#[tokio::test]
async fn a_notebook_is_read_with_its_marks_of_trust_and_saved_without() {
    let server = TestServer::start().await;
    let owner = server.as_owner();
    let cell = json!({"id": "a", "cell_type": "code", "metadata": {}, "source": "1\n2", "outputs": [], "execution_count": null});
    let content = json!({"cells": [cell], "metadata": {}, "nbformat": 4, "nbformat_minor": 5});
    owner
        .put(
            "/api/contents/n.ipynb",
            &json!({"type": "notebook", "content": content}),
        )
        .await
        .expect(201);
    let model = owner
        .get("/api/contents/n.ipynb?type=notebook&content=1&hash=1&contentProviderId=undefined")
        .await
        .expect(200)
        .json();
    assert_eq!(model["content"]["cells"][0]["metadata"], json!({"trusted": true}));
    assert_eq!(
        (&model["content"]["cells"][0]["source"], &model["format"]),
        (&json!("1\n2"), &json!("json"))
    );
    let on_disk: Value = serde_json::from_slice(&read(&server, "n.ipynb")).unwrap();
    assert_eq!(on_disk["cells"][0]["metadata"], json!({}));
    assert_eq!(on_disk["cells"][0]["source"], json!(["1\n", "2"]));
}

#[tokio::test]
async fn hidden_entries_are_missing_for_readers_and_refused_for_writers() {
    let server = TestServer::builder().file(".h/a.txt", "x").start().await;
    let owner = server.as_owner();
    let answer = owner.get("/api/contents/.h/a.txt").await.expect(404);
    assert_eq!(answer.text(), "file or directory '/.h/a.txt' does not exist");
    assert_eq!(answer.header("content-type"), "application/json");
    let body = json!({"type": "file", "format": "text", "content": ""});
    owner.put("/api/contents/.h/b.txt", &body).await.expect(400);
    owner
        .put(
            "/api/contents/c.txt",
            &json!({"path": ".c", "type": "file", "format": "text", "content": ""}),
        )
        .await
        .expect(400);
    owner
        .patch("/api/contents/.h/a.txt", &json!({"path": "a.txt"}))
        .await
        .expect(400);
    owner
        .post("/api/contents", &json!({"copy_from": ".h/a.txt"}))
        .await
        .expect(400);
    owner.delete("/api/contents/.h").await.expect(400);
    assert_eq!(tree(&server), [".h", ".h/a.txt"]);
}

#[tokio::test]
async fn a_save_leaves_nothing_beside_the_file() {
    let server = TestServer::start().await;
    let owner = server.as_owner();
    for mark in 0..20 {
        let body = json!({"type": "notebook", "content": notebook(mark)});
        owner.put("/api/contents/n.ipynb", &body).await;
    }
    assert_eq!(
        tree(&server),
        [
            ".ipynb_checkpoints",
            ".ipynb_checkpoints/n-checkpoint.ipynb",
            "n.ipynb"
        ]
    );
}
