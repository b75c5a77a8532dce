//! Checkpoints and trust, and entries that are called so.

use serde_json::json;
use test_support::TestServer;

use super::{read, tree};

#[tokio::test]
async fn a_checkpoint_is_made_listed_restored_and_deleted() {
    let server = TestServer::builder().file("d/a b.txt", "old").start().await;
    let owner = server.as_owner();
    let url = "/api/contents/d/a%20b.txt/checkpoints";
    assert_eq!(owner.get(url).await.expect(200).json(), json!([]));
    let answer = owner.post_empty(url).await.expect(201);
    assert_eq!(
        answer.header("location"),
        "/api/contents/d/a%20b.txt/checkpoints/checkpoint"
    );
    let made = answer.json();
    let keys: Vec<&String> = made.as_object().unwrap().keys().collect();
    assert_eq!(keys, ["id", "last_modified"]);
    assert_eq!(owner.get(url).await.expect(200).json(), json!([made]));
    std::fs::write(server.root().join("d/a b.txt"), "new").unwrap();
    owner.post_empty(&format!("{url}/checkpoint")).await.expect(204);
    assert_eq!(read(&server, "d/a b.txt"), b"old");
    owner.delete(&format!("{url}/checkpoint")).await.expect(204);
    let answer = owner.delete(&format!("{url}/checkpoint")).await.expect(404);
    assert_eq!(
        answer.json()["message"],
        "Checkpoint does not exist: d/a b.txt@checkpoint"
    );
    owner.post_empty(&format!("{url}/checkpoint")).await.expect(404);
    assert_eq!(tree(&server), ["d", "d/.ipynb_checkpoints", "d/a b.txt"]);
}

#[tokio::test]
async fn no_id_leads_to_the_checkpoint_of_another_file() {
    let server = TestServer::builder()
        .file("b.txt", "b")
        .file("b-c.txt", "c")
        .start()
        .await;
    let owner = server.as_owner();
    owner
        .post_empty("/api/contents/b-c.txt/checkpoints")
        .await
        .expect(201);
    let url = "/api/contents/b.txt/checkpoints/c-checkpoint";
    let answer = owner.post_empty(url).await.expect(404);
    assert_eq!(
        answer.json()["message"],
        "Checkpoint does not exist: b.txt@c-checkpoint"
    );
    owner.delete(url).await.expect(404);
    assert_eq!(read(&server, "b.txt"), b"b");
    assert_eq!(read(&server, ".ipynb_checkpoints/b-c-checkpoint.txt"), b"c");
}

#[tokio::test]
async fn trusting_a_notebook_marks_its_cells() {
    let output = json!({"output_type": "display_data", "metadata": {}, "data": {"text/html": "<b>"}});
    let cell = json!({"id": "a", "cell_type": "code", "metadata": {}, "source": "", "outputs": [output], "execution_count": null});
    let notebook = json!({"cells": [cell], "metadata": {}, "nbformat": 4, "nbformat_minor": 5});
    let server = TestServer::builder()
        .file("n.ipynb", notebook.to_string())
        .file("a.txt", "")
        .start()
        .await;
    let owner = server.as_owner();
    let trusted = async || {
        owner.get("/api/contents/n.ipynb").await.json()["content"]["cells"][0]["metadata"]["trusted"].clone()
    };
    assert_eq!(trusted().await, false);
    let answer = owner.post_empty("/api/contents/n.ipynb/trust").await.expect(201);
    assert!(answer.body.is_empty());
    assert_eq!(trusted().await, true);
    owner.post_empty("/api/contents/a.txt/trust").await.expect(400);
}

#[tokio::test]
async fn directories_and_files_called_checkpoints_and_trust_are_reachable() {
    let server = TestServer::builder()
        .file("d/checkpoints/x", "1")
        .file("d/trust", "2")
        .file("checkpoints/checkpoint", "3")
        .start()
        .await;
    let owner = server.as_owner();
    for (path, content) in [
        ("d/checkpoints/x", "1"),
        ("d/trust", "2"),
        ("checkpoints/checkpoint", "3"),
    ] {
        assert_eq!(
            owner
                .get(&format!("/api/contents/{path}"))
                .await
                .expect(200)
                .json()["content"],
            content
        );
    }
    assert_eq!(
        owner.get("/api/contents/d/checkpoints").await.expect(200).json()["type"],
        "directory"
    );
    assert_eq!(
        owner
            .post_empty("/api/contents/d/checkpoints")
            .await
            .expect(201)
            .json()["path"],
        "d/checkpoints/untitled"
    );
    owner.delete("/api/contents/d/checkpoints/x").await.expect(204);
    owner.delete("/api/contents/d/trust").await.expect(204);
}

#[tokio::test]
async fn every_method_reaches_what_is_called_checkpoints_or_trust() {
    let server = TestServer::builder().file("d/a.txt", "x").start().await;
    let owner = server.as_owner();
    let file = json!({"type": "file", "format": "text", "content": "1"});
    let directory = json!({"type": "directory"});
    for name in ["checkpoints", "trust", "d/checkpoints", "d/trust"] {
        let url = format!("/api/contents/{name}");
        let answer = owner.put(&url, &file).await.expect(201);
        assert_eq!(answer.header("location"), url);
        owner.get(&url).await.expect(200);
        owner.head(&url).await.expect(200);
        let files = server.with_token();
        assert_eq!(files.get(&format!("/files/{name}")).await.expect(200).body, b"1");
        // It is a file, so it has checkpoints of its own, at …/checkpoints/checkpoints.
        owner.post_empty(&format!("{url}/checkpoints")).await.expect(201);
        owner
            .post_empty(&format!("{url}/checkpoints/checkpoint"))
            .await
            .expect(204);
        owner
            .delete(&format!("{url}/checkpoints/checkpoint"))
            .await
            .expect(204);
        owner.patch(&url, &json!({"path": "moved"})).await.expect(200);
        owner
            .patch("/api/contents/moved", &json!({"path": name}))
            .await
            .expect(200);
        let copy = owner
            .post("/api/contents/d", &json!({"copy_from": name}))
            .await
            .expect(201);
        owner
            .delete(&format!(
                "/api/contents/{}",
                copy.json()["path"].as_str().unwrap()
            ))
            .await
            .expect(204);
        owner.delete(&url).await.expect(204);

        owner.put(&url, &directory).await.expect(201);
        let made = owner
            .post(&url, &json!({"type": "directory"}))
            .await
            .expect(201)
            .json();
        assert_eq!(made["path"], format!("{name}/Untitled Folder"));
        owner.put(&format!("{url}/checkpoint"), &file).await.expect(201);
        assert_eq!(
            owner.get(&format!("{url}/checkpoint")).await.expect(200).json()["content"],
            "1"
        );
        owner.delete(&format!("{url}/checkpoint")).await.expect(204);
        owner.delete(&url).await.expect(204);
    }
}
