//! `GET /api/kernels` and `GET /api/kernels/{id}`.

use std::sync::Arc;

use authorization::{Action, Authorizer, Covers, Decision, ResourceKind, ResourceRef};
use futures::future::BoxFuture;
use identity::Identity;
use serde_json::{Value, json};
use test_support::{TestClient, TestServer, eventually, request};
use tokio::sync::watch;
use wire::{Channel, Subprotocol};

/// Kernels are for whoever started them, and nobody else knows of them.
struct OwnKernels(watch::Sender<()>);

impl Authorizer for OwnKernels {
    fn decide<'a>(
        &'a self,
        identity: &'a Identity,
        _action: Action,
        resource: &'a ResourceRef,
    ) -> BoxFuture<'a, Decision> {
        let is_own = resource.owner.as_deref() == Some(&*identity.username);
        let hidden = resource.kind == ResourceKind::Kernels && !resource.is_whole() && !is_own;
        let decision = if hidden {
            Decision::hidden_by("not one's own")
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

async fn list(client: &TestClient) -> Vec<Value> {
    let list = client.get("/api/kernels").await.expect(200).json();
    list.as_array().expect("a list").clone()
}

#[tokio::test]
async fn kernels_are_listed_in_the_order_they_were_started() {
    let server = TestServer::start().await;
    let owner = server.as_owner();
    assert_eq!(list(&owner).await, Vec::<Value>::new());
    for id in ["z-b-c-d-e", "a-b-c-d-e"] {
        let _ = owner
            .post("/api/kernels", &json!({"kernel_id": id}))
            .await
            .expect(201);
    }
    let ids: Vec<Value> = list(&owner)
        .await
        .iter()
        .map(|kernel| kernel["id"].clone())
        .collect();
    assert_eq!(ids, ["z-b-c-d-e", "a-b-c-d-e"]);
    let one = owner
        .get("/api/kernels/a-b-c-d-e?1795349235713")
        .await
        .expect(200)
        .json();
    assert_eq!(one["id"], "a-b-c-d-e");
    assert_eq!(list(&server.as_viewer()).await.len(), 2);
    assert_eq!(list(&server.as_stranger()).await.len(), 0);
}

#[tokio::test]
async fn an_unknown_id_is_404_as_json_and_what_is_no_id_as_a_page() {
    let server = TestServer::start().await;
    let owner = server.as_owner();
    let answer = owner.get("/api/kernels/a-b-c-d-f").await.expect(404);
    assert_eq!(
        answer.json(),
        json!({"message": "Kernel does not exist: a-b-c-d-f", "reason": null})
    );
    let hidden = server
        .as_stranger()
        .get("/api/kernels/a-b-c-d-f")
        .await
        .expect(404);
    assert_eq!(hidden.body, answer.body);
    for path in [
        "/api/kernels/abc",
        "/api/kernels/a-b-c-d-e/other",
        "/api/kernels/a-b-c-d-e-f",
    ] {
        let answer = owner.get(path).await.expect(404);
        assert!(
            answer.header("content-type").starts_with("text/html"),
            "{path}: {}",
            answer.text()
        );
    }
}

#[tokio::test]
async fn a_kernel_is_for_whoever_started_it_and_its_id_is_free_when_it_ends() {
    let server = TestServer::builder()
        .authorizer(Arc::new(OwnKernels(watch::Sender::new(()))))
        .start()
        .await;
    let (ada, bob) = (server.as_user("ada"), server.as_user("bob"));
    let body = json!({"kernel_id": "a-b-c-d-e"});
    let _ = ada.post("/api/kernels", &body).await.expect(201);
    assert_eq!((list(&ada).await.len(), list(&bob).await.len()), (1, 0));
    let _ = bob.get("/api/kernels/a-b-c-d-e").await.expect(404);
    let _ = bob.delete("/api/kernels/a-b-c-d-e").await.expect(404);
    let _ = bob.post("/api/kernels", &body).await.expect(404);
    let _ = ada.delete("/api/kernels/a-b-c-d-e").await.expect(204);
    let _ = bob.post("/api/kernels", &body).await.expect(201);
    assert_eq!((list(&ada).await.len(), list(&bob).await.len()), (0, 1));

    // One that ends by itself is nobody's either.
    let kernel = server.server().kernels().list().remove(0);
    kernel.shutdown().await.expect("it runs");
    eventually("the id to be free", async || {
        let answer = ada.post("/api/kernels", &body).await;
        (answer.status == 201).then_some(())
    })
    .await;
}

#[tokio::test]
async fn connections_and_state_follow_what_clients_do() {
    let server = TestServer::start().await;
    let owner = server.as_owner();
    let _ = owner
        .post("/api/kernels", &json!({"kernel_id": "a-b-c-d-e"}))
        .await
        .expect(201);
    let model = async || owner.get("/api/kernels/a-b-c-d-e").await.expect(200).json();
    let mut socket = owner.channels("a-b-c-d-e", "s", Subprotocol::V1).await;
    assert_eq!(model().await["connections"], 1);
    let code = json!({"code": "sleep 60000 until interrupted"});
    let execute = request(Channel::Shell, "execute_request", "s", &code);
    socket.send(&execute).await;
    eventually("busy", async || {
        (model().await["execution_state"] == "busy").then_some(())
    })
    .await;
    let _ = owner
        .post_empty("/api/kernels/a-b-c-d-e/interrupt")
        .await
        .expect(204);
    let _ = socket.answers_to(&execute).await;
    assert_eq!(model().await["execution_state"], "idle");
    socket.close().await;
    eventually("no connection", async || {
        (model().await["connections"] == 0).then_some(())
    })
    .await;
}
