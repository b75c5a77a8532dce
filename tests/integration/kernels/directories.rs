//! The directory a kernel starts in: nowhere its user may not look.

use std::sync::Arc;

use authorization::{Action, Authorizer, Decision, ResourceKind, ResourceRef};
use futures::future::BoxFuture;
use identity::Identity;
use serde_json::{Value, json};
use test_support::{TestClient, TestServer, TestServerBuilder};
use tokio::sync::watch;

/// `secret` and all in it is refused, and so is one document elsewhere.
struct NoSecrets(watch::Sender<()>);

impl Authorizer for NoSecrets {
    fn decide<'a>(
        &'a self,
        _identity: &'a Identity,
        _action: Action,
        resource: &'a ResourceRef,
    ) -> BoxFuture<'a, Decision> {
        let decision = if resource.kind == ResourceKind::Contents && is_secret(&resource.name) {
            Decision::forbidden_by("secret")
        } else {
            Decision::Allow
        };
        Box::pin(std::future::ready(decision))
    }

    fn changes(&self) -> watch::Receiver<()> {
        self.0.subscribe()
    }
}

fn is_secret(name: &str) -> bool {
    name == "secret" || name.starts_with("secret/") || name == "open/own.ipynb"
}

/// A server with a kernel that only says where it was started.
fn builder() -> TestServerBuilder {
    let says_where =
        json!({"argv": ["/bin/sh", "-c", "echo started in $(pwd -P). >&2; exit 7"], "language": "x"});
    TestServer::builder()
        .authorizer(Arc::new(NoSecrets(watch::Sender::new(()))))
        .kernelspec("where", says_where)
        .file("open/x.ipynb", "")
        .file("open/own.ipynb", "")
        .file("secret/x.ipynb", "")
        .file(".hidden/x.ipynb", "")
}

/// Where below the root a kernel for this document starts, by itself and with a session, if there may be one.
async fn started_in(server: &TestServer, client: &TestClient, path: &str) -> String {
    let root = server.root().canonicalize().unwrap();
    let below_root = |answer: &Value| {
        let message = answer["message"].as_str().unwrap();
        let after = message.split("started in ").nth(1).unwrap();
        let directory = after.trim_end().trim_end_matches('.');
        let below = directory.strip_prefix(root.to_str().unwrap()).unwrap();
        below.trim_start_matches('/').to_owned()
    };
    let body = json!({"name": "where", "path": path});
    let kernel = client.post("/api/kernels", &body).await.expect(500).json();
    let body = json!({"path": path, "type": "notebook", "kernel": {"name": "where"}});
    let session = client.post("/api/sessions", &body).await;
    if is_secret(&path.replace("open/../", "")) {
        session.expect(403);
    } else {
        assert_eq!(
            below_root(&kernel),
            below_root(&session.expect(500).json()),
            "{path}"
        );
    }
    below_root(&kernel)
}

#[tokio::test]
async fn a_kernel_starts_only_where_its_user_may_look() {
    let server = builder().start().await;
    let client = server.as_user("ada");
    for (path, expected) in [
        ("open/x.ipynb", "open"),
        ("open", "open"),
        // As JupyterLab's first session of a notebook.
        ("open/0b0a4a8e-5d2c-4b9c-8b5e-0d4f6a1f3c11", "open"),
        ("open/none/such.ipynb", "open"),
        ("open/x.ipynb/none", "open"),
        (&format!("open/{}", "x".repeat(300)), "open"),
        ("none/such.ipynb", ""),
        ("../../open/x.ipynb", ""),
        ("", ""),
        ("secret/x.ipynb", ""),
        ("secret/none/such", ""),
        ("open/own.ipynb", ""),
        (".hidden/x.ipynb", ""),
        (".hidden/none", ""),
        ("open/../secret", ""),
    ] {
        assert_eq!(started_in(&server, &client, path).await, expected, "{path}");
    }
}

#[tokio::test]
async fn hidden_directories_are_for_kernels_where_they_are_shown() {
    let server = builder()
        .setting("ContentsManager.allow_hidden", "True")
        .start()
        .await;
    let client = server.as_user("ada");
    assert_eq!(started_in(&server, &client, ".hidden/x.ipynb").await, ".hidden");
}

#[tokio::test]
async fn what_can_be_no_path_starts_no_kernel() {
    let server = TestServer::start().await;
    let owner = server.as_owner();
    for path in ["a\0b".to_owned(), "x".repeat(5_000)] {
        owner
            .post("/api/kernels", &json!({"path": path}))
            .await
            .expect(400);
    }
    assert_eq!(owner.get("/api/kernels").await.expect(200).json(), json!([]));
}
