//! Whose sessions and their kernels are, from before they run until they are gone.

use std::sync::Arc;

use authorization::{Action, Authorizer, Decision, ResourceKind, ResourceRef};
use futures::future::BoxFuture;
use http::Method;
use identity::Identity;
use serde_json::{Value, json};
use test_support::{TestClient, TestServer, eventually, fake_kernel_program};
use tokio::sync::watch;

use super::{open, url};
use crate::authorization::own_or_shared::OwnOrShared;

/// The only entry of a listing, once there is one.
async fn only(client: &TestClient, path: &str) -> Value {
    eventually(path, async || {
        let listed = client.get(path).await.expect(200).json();
        let listed = listed.as_array().unwrap();
        assert!(listed.len() <= 1, "{listed:?}");
        listed.first().cloned()
    })
    .await
}

#[tokio::test]
async fn a_session_is_opened_to_its_end_for_a_page_that_is_gone() {
    let program = fake_kernel_program();
    let slow = json!({"argv": ["/bin/sh", "-c", "sleep 1; exec \"$0\" \"$1\"", program, "{connection_file}"], "language": "x"});
    let server = TestServer::builder()
        .authorizer(OwnOrShared::shared())
        .kernelspec("slow", slow)
        .start()
        .await;
    let (ada, bob) = (server.as_user("ada"), server.as_user("bob"));
    let body = json!({"path": "x.ipynb", "type": "notebook", "kernel": {"name": "slow"}});
    let request = ada.request(Method::POST, "/api/sessions").body(body.to_string());
    let page = tokio::spawn(request.send());
    // It is hers while it is being started, and nobody else's.
    let kernel = only(&ada, "/api/kernels").await;
    assert_eq!(ada.get("/api/sessions").await.expect(200).json(), json!([]));
    assert_eq!(bob.get("/api/kernels").await.expect(200).json(), json!([]));
    page.abort();

    let session = only(&ada, "/api/sessions").await;
    assert_eq!(session["kernel"]["id"], kernel["id"]);
    assert_eq!(bob.get("/api/sessions").await.expect(200).json(), json!([]));
    bob.get(&url(&session)).await.expect(404);
    ada.delete(&url(&session)).await.expect(204);
}

/// Kernels are their owner's, or anybody's while they are nobody's; sessions of nobody are forbidden.
struct NobodysToo(watch::Sender<()>);

impl NobodysToo {
    fn shared() -> Arc<dyn Authorizer> {
        Arc::new(Self(watch::Sender::new(())))
    }
}

impl Authorizer for NobodysToo {
    fn decide<'a>(
        &'a self,
        identity: &'a Identity,
        _action: Action,
        resource: &'a ResourceRef,
    ) -> BoxFuture<'a, Decision> {
        let is_own = resource.owner.as_ref().map(|owner| *owner == identity.username);
        let decision = match (resource.kind, is_own) {
            _ if resource.is_whole() => Decision::Allow,
            (ResourceKind::Kernels, Some(false)) => Decision::hidden_by("another's"),
            (ResourceKind::Sessions, None) => Decision::forbidden_by("nobody's"),
            _ => Decision::Allow,
        };
        Box::pin(std::future::ready(decision))
    }

    fn changes(&self) -> watch::Receiver<()> {
        self.0.subscribe()
    }
}

#[tokio::test]
async fn a_session_is_hidden_with_its_kernel() {
    let server = TestServer::builder()
        .authorizer(NobodysToo::shared())
        .start()
        .await;
    let (ada, bob) = (server.as_user("ada"), server.as_user("bob"));
    let session = open(&ada, "x.ipynb").await;

    assert_eq!(bob.get("/api/sessions").await.expect(200).json(), json!([]));
    let hidden = bob.get(&url(&session)).await.expect(404).json();
    let id = session["id"].as_str().unwrap();
    assert_eq!(hidden["message"], format!("Session not found: session_id='{id}'"));
    bob.patch(&url(&session), &json!({"path": "y"})).await.expect(404);
    bob.delete(&url(&session)).await.expect(404);
    let body = json!({"path": "x.ipynb", "type": "notebook"});
    bob.post("/api/sessions", &body).await.expect(404);
    let unchanged = ada.get(&url(&session)).await.expect(200).json();
    assert_eq!(unchanged["path"], "x.ipynb");
}

#[tokio::test]
async fn a_session_that_failed_to_open_leaves_no_owner() {
    let server = TestServer::builder()
        .authorizer(NobodysToo::shared())
        .start()
        .await;
    let (ada, bob) = (server.as_user("ada"), server.as_user("bob"));
    let id = "11111111-2222-3333-4444-555555555555";
    let body = |name: &str| json!({"path": "x", "type": "file", "kernel": {"id": id, "name": name}});
    ada.post("/api/sessions", &body("none")).await.expect(501);
    let session = bob
        .post("/api/sessions", &body("python3"))
        .await
        .expect(201)
        .json();
    assert_eq!(session["kernel"]["id"], id);
    ada.get(&url(&session)).await.expect(404);
}

#[tokio::test]
async fn the_owner_of_a_session_is_forgotten_with_its_kernel() {
    let server = TestServer::builder()
        .authorizer(NobodysToo::shared())
        .start()
        .await;
    let ada = server.as_user("ada");
    let session = open(&ada, "x.ipynb").await;
    ada.get(&url(&session)).await.expect(200);
    let kernel = format!("/api/kernels/{}", session["kernel"]["id"].as_str().unwrap());
    ada.delete(&kernel).await.expect(204);
    eventually("the session to be nobody's", async || {
        // While it has an owner it is only missing.
        (ada.get(&url(&session)).await.status == 403).then_some(())
    })
    .await;
}
