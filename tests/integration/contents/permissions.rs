//! Who may do what with contents.

use authorization::{Action, Authorizer, Covers, Decision, ResourceRef};
use futures::future::BoxFuture;
use identity::Identity;
use serde_json::json;
use test_support::TestServer;
use tokio::sync::watch;

use super::tree;

#[tokio::test]
async fn a_viewer_reads_and_changes_nothing() {
    let server = TestServer::builder().file("d/a.txt", "x").start().await;
    let viewer = server.as_viewer();
    viewer.get("/api/contents/d").await.expect(200);
    viewer.get("/api/contents/d/a.txt/checkpoints").await.expect(200);
    viewer.get("/files/d/a.txt").await.expect(200);
    let file = json!({"type": "file", "format": "text", "content": ""});
    viewer.put("/api/contents/d/a.txt", &file).await.expect(403);
    viewer.post("/api/contents/d", &json!({})).await.expect(403);
    viewer
        .post_empty("/api/contents/d/a.txt/checkpoints")
        .await
        .expect(403);
    viewer.post_empty("/api/contents/d/a.txt/trust").await.expect(403);
    viewer
        .patch("/api/contents/d/a.txt", &json!({"path": "b"}))
        .await
        .expect(403);
    viewer.delete("/api/contents/d/a.txt").await.expect(403);
    assert_eq!(tree(&server), ["d", "d/a.txt"]);
}

#[tokio::test]
async fn what_is_hidden_and_what_is_missing_look_the_same() {
    let server = TestServer::builder().file("a.txt", "x").start().await;
    let (stranger, owner) = (server.as_stranger(), server.as_owner());
    let hidden = stranger.get("/api/contents/a.txt").await.expect(404);
    let missing = owner.get("/api/contents/b.txt").await.expect(404);
    assert_eq!(hidden.text(), missing.text().replace("b.txt", "a.txt"));
    let hidden = stranger.delete("/api/contents/a.txt").await.expect(404);
    let missing = owner.delete("/api/contents/b.txt").await.expect(404);
    assert_eq!(hidden.text(), missing.text().replace("b.txt", "a.txt"));
    let hidden = stranger.get("/files/a.txt").await.expect(404);
    let missing = owner.get("/files/b.txt").await.expect(404);
    assert_eq!(hidden.text(), missing.text());
}

#[tokio::test]
async fn a_temporary_notebook_is_not_saved() {
    let server = TestServer::builder()
        .policy("temporary")
        .file("n.ipynb", "old")
        .start()
        .await;
    let client = server.with_token();
    let body = json!({"type": "notebook", "content": super::notebook(1)});
    let answer = client.put("/api/contents/n.ipynb", &body).await.expect(403);
    assert!(!answer.json()["message"].as_str().unwrap().is_empty());
    assert_eq!(super::read(&server, "n.ipynb"), b"old");
}

/// Everything but what lies in `secret` directories, which are hidden.
pub(super) struct Secretive(pub(super) watch::Sender<()>);

impl Authorizer for Secretive {
    fn decide<'a>(
        &'a self,
        _: &'a Identity,
        _: Action,
        resource: &'a ResourceRef,
    ) -> BoxFuture<'a, Decision> {
        let is_secret = resource.name.split('/').any(|part| part == "secret");
        let decision = if is_secret {
            Decision::hidden_by("secret")
        } else {
            Decision::Allow
        };
        Box::pin(std::future::ready(decision))
    }

    fn covers<'a>(&'a self, _: &'a Identity, _: Action, _: &'a ResourceRef) -> BoxFuture<'a, Covers> {
        Box::pin(std::future::ready(Covers::Each))
    }

    fn changes(&self) -> watch::Receiver<()> {
        self.0.subscribe()
    }
}

#[tokio::test]
async fn names_in_bodies_are_asked_about_and_listings_are_filtered() {
    let server = TestServer::builder()
        .authorizer(std::sync::Arc::new(Secretive(watch::Sender::new(()))))
        .file("d/secret/a.txt", "x")
        .file("d/b.txt", "y")
        .start()
        .await;
    let client = server.as_owner();
    let listing = client.get("/api/contents/d").await.expect(200).json();
    let names: Vec<_> = listing["content"]
        .as_array()
        .unwrap()
        .iter()
        .map(|entry| &entry["name"])
        .collect();
    assert_eq!(names, ["b.txt"]);
    client.get("/api/contents/d/secret/a.txt").await.expect(404);
    client
        .post("/api/contents", &json!({"copy_from": "d/secret/a.txt"}))
        .await
        .expect(404);
    client
        .patch("/api/contents/d/b.txt", &json!({"path": "d/secret/b.txt"}))
        .await
        .expect(404);
    client
        .get("/api/contents/d/secret/a.txt/checkpoints")
        .await
        .expect(404);
    let resolved = client
        .get("/api/resolvePath?path=d/secret/a.txt")
        .await
        .expect(200)
        .json();
    assert_eq!(resolved, json!({"resolved": []}));
    // A directory as a whole holds what may not be read or deleted.
    client
        .post("/api/contents", &json!({"copy_from": "d"}))
        .await
        .expect(403);
    client.delete("/api/contents/d").await.expect(403);
    client
        .patch("/api/contents/d", &json!({"path": "e"}))
        .await
        .expect(403);
    assert_eq!(tree(&server), ["d", "d/b.txt", "d/secret", "d/secret/a.txt"]);
}
