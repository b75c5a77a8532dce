//! Who may upload, see and go on with what.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use authorization::{Action, Authorizer, Decision, ResourceKind, ResourceRef};
use futures::future::BoxFuture;
use identity::Identity;
use serde_json::json;
use test_support::TestServer;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::sync::watch;

use super::super::tree;
use super::{append, begin, create, offset_becomes, send_some};
use crate::authorization::own_or_shared::OwnOrShared;

#[tokio::test]
async fn who_may_not_write_may_not_upload() {
    let server = TestServer::start().await;
    let upload = begin(&server.as_owner(), "a", 3).await;
    let (viewer, stranger) = (server.as_viewer(), server.as_stranger());
    create(&viewer, 3, &[("path", "b")]).await.expect(403);
    append(&viewer, &upload, 0, b"abc", &[]).await.expect(403);
    viewer.delete(&upload).await.expect(403);
    viewer.get(&upload).await.expect(200);
    create(&stranger, 3, &[("path", "b")]).await.expect(404);
    append(&stranger, &upload, 0, b"abc", &[]).await.expect(404);
    stranger.head(&upload).await.expect(404);
    assert_eq!(stranger.get("/api/uploads").await.expect(200).json(), json!([]));
    assert_eq!(tree(&server).len(), 1);
}

/// Allows everything until `d` may no longer be written.
#[derive(Default)]
struct Revocable {
    revoked: AtomicBool,
    changes: watch::Sender<()>,
}

impl Authorizer for Revocable {
    fn decide<'a>(
        &'a self,
        _: &'a Identity,
        action: Action,
        resource: &'a ResourceRef,
    ) -> BoxFuture<'a, Decision> {
        let is_theirs = resource.kind == ResourceKind::Contents && resource.name.starts_with("d/");
        let revoked = self.revoked.load(Ordering::SeqCst);
        let decision = if action == Action::Write && is_theirs && revoked {
            Decision::forbidden_by("revoked")
        } else {
            Decision::Allow
        };
        Box::pin(std::future::ready(decision))
    }

    fn changes(&self) -> watch::Receiver<()> {
        self.changes.subscribe()
    }
}

#[tokio::test]
async fn a_right_that_is_withdrawn_stops_an_upload_also_in_the_middle() {
    let policy = Arc::new(Revocable::default());
    let server = TestServer::builder()
        .authorizer(policy.clone())
        .file("d/x", "")
        .start()
        .await;
    let client = server.as_owner();
    let upload = begin(&client, "d/a.txt", 10).await;
    let mut running = send_some(&server, &upload, 0, 10, b"abcd").await;
    offset_becomes(&client, &upload, "4").await;
    policy.revoked.store(true, Ordering::SeqCst);
    policy.changes.send_replace(());
    running.write_all(b"efghij").await.expect("a server that reads");
    let mut answer = vec![0; 4096];
    let count = running.read(&mut answer).await.expect("an answer");
    let answer = String::from_utf8_lossy(&answer[..count]).into_owned();
    assert!(answer.starts_with("HTTP/1.1 403"), "{answer}");
    append(&client, &upload, 4, b"efghij", &[]).await.expect(403);
    assert!(!server.root().join("d/a.txt").exists());
}

#[tokio::test]
async fn an_upload_is_hidden_from_all_but_its_owner() {
    let server = TestServer::builder()
        .authorizer(OwnOrShared::shared())
        .start()
        .await;
    let (ada, bob) = (server.as_user("ada"), server.as_user("bob"));
    let upload = begin(&ada, "a", 3).await;
    for answer in [
        bob.head(&upload).await,
        append(&bob, &upload, 0, b"abc", &[]).await,
        bob.delete(&upload).await,
    ] {
        answer.expect(404);
    }
    assert_eq!(bob.get("/api/uploads").await.expect(200).json(), json!([]));
    append(&ada, &upload, 0, b"abc", &[]).await.expect(204);
}
