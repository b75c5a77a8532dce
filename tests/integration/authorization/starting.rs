//! A process that starts runs code before any cell does, so to start one is to execute.

use std::sync::Arc;

use authorization::{Action, Authorizer, Decision, ResourceRef};
use futures::future::BoxFuture;
use identity::Identity;
use serde_json::{Value, json};
use test_support::{TestClient, TestServer};
use tokio::sync::watch;

/// The user `editor` may read and write everything and execute nothing; all others may do everything.
struct Editors(watch::Sender<()>);

impl Authorizer for Editors {
    fn decide<'a>(
        &'a self,
        identity: &'a Identity,
        action: Action,
        _resource: &'a ResourceRef,
    ) -> BoxFuture<'a, Decision> {
        let refused = &*identity.username == "editor" && action == Action::Execute;
        let decision = if refused {
            Decision::forbidden_by("editors do not run")
        } else {
            Decision::Allow
        };
        Box::pin(std::future::ready(decision))
    }

    fn changes(&self) -> watch::Receiver<()> {
        self.0.subscribe()
    }
}

async fn refused(client: &TestClient, path: &str, body: &Value) {
    let answer = client.post(path, body).await.expect(403).json();
    assert_eq!(
        answer["message"], "User is not authorized to execute on resource: kernels.",
        "{path}"
    );
}

#[tokio::test]
async fn who_may_write_but_not_execute_starts_no_process() {
    let server = TestServer::builder().policy("read-write").start().await;
    let client = server.with_token();
    // What Python would find first, were it started here.
    let trap = json!({"type": "file", "format": "text", "content": "open('sprung', 'w')"});
    client
        .put("/api/contents/ipykernel_launcher.py", &trap)
        .await
        .expect(201);
    refused(&client, "/api/kernels", &json!({})).await;
    let session = json!({"path": "n.ipynb", "type": "notebook", "kernel": {}});
    refused(&client, "/api/sessions", &session).await;
    assert!(server.server().kernels().list().is_empty());
    assert_eq!(client.get("/api/sessions").await.json(), json!([]));
    assert!(!server.root().join("sprung").exists());
}

#[tokio::test]
async fn who_may_not_execute_restarts_none_and_gives_a_session_no_other() {
    let server = TestServer::builder()
        .authorizer(Arc::new(Editors(watch::Sender::new(()))))
        .start()
        .await;
    let body = json!({"path": "n.ipynb", "type": "notebook", "kernel": {}});
    let session = server
        .as_owner()
        .post("/api/sessions", &body)
        .await
        .expect(201)
        .json();
    let (id, kernel) = (
        session["id"].as_str().expect("an id"),
        session["kernel"]["id"].as_str().expect("an id"),
    );
    let editor = server.as_user("editor");
    refused(&editor, &format!("/api/kernels/{kernel}/restart"), &json!({})).await;
    let other = json!({"kernel": {"name": session["kernel"]["name"]}});
    editor
        .patch(&format!("/api/sessions/{id}"), &other)
        .await
        .expect(403);
    let now = server.as_owner().get("/api/kernels").await.json();
    assert_eq!(now.as_array().map(Vec::len), Some(1), "{now}");
    assert_eq!(now[0]["id"], kernel);
}
