//! Paths in the output of a kernel: whoever may run code in it learns what they name, and nobody else.

use std::sync::Arc;

use authorization::{Action, Authorizer, Decision, ResourceKind, ResourceRef};
use futures::future::BoxFuture;
use identity::Identity;
use serde_json::{Value, json};
use test_support::{TestClient, TestServer};
use tokio::sync::watch;

/// To `blind` no kernel is shown, `onlooker` runs no code.
struct Standing(watch::Sender<()>);

impl Authorizer for Standing {
    fn decide<'a>(
        &'a self,
        identity: &'a Identity,
        action: Action,
        resource: &'a ResourceRef,
    ) -> BoxFuture<'a, Decision> {
        let decision = match (&*identity.username, resource.kind, action) {
            ("blind", ResourceKind::Kernels, _) => Decision::hidden_by("blind"),
            ("onlooker", _, Action::Execute) => Decision::forbidden_by("onlookers run nothing"),
            _ => Decision::Allow,
        };
        Box::pin(std::future::ready(decision))
    }

    fn changes(&self) -> watch::Receiver<()> {
        self.0.subscribe()
    }
}

async fn resolved(client: &TestClient, path: &str, kernel: &str) -> Value {
    let asked = format!("/api/resolvePath?path={path}&kernel={kernel}");
    client.get(&asked).await.expect(200).json()
}

#[tokio::test]
async fn paths_in_a_kernel_are_told_to_those_who_run_code_in_it() {
    let server = TestServer::builder()
        .authorizer(Arc::new(Standing(watch::Sender::new(()))))
        .file("d/x.py", "")
        .start()
        .await;
    let owner = server.as_owner();
    let started = owner.post("/api/kernels", &json!({"path": "d/n.ipynb"})).await;
    let kernel = started.expect(201).json()["id"].as_str().unwrap().to_owned();

    let root = server.root().canonicalize().unwrap();
    let in_kernel = json!({"scope": "kernel", "path": root.join("d/x.py")});
    let in_server = json!({"scope": "server", "path": "d/x.py"});
    assert_eq!(
        resolved(&owner, "x.py", &kernel).await,
        json!({"resolved": [in_kernel]})
    );
    let absolute = root.join("d/x.py").display().to_string();
    assert_eq!(
        resolved(&owner, &absolute, &kernel).await,
        json!({"resolved": [in_server, in_kernel]})
    );
    assert_eq!(
        resolved(&owner, "", &kernel).await["resolved"][1]["path"],
        json!(root.join("d"))
    );

    let onlooker = server.as_user("onlooker");
    for path in ["x.py", "", "/"] {
        let answer = resolved(&onlooker, path, &kernel).await;
        assert!(answer.get("unresolved").is_none(), "{answer}");
        assert!(!answer.to_string().contains("\"kernel\""), "{answer}");
    }

    let blind = server.as_user("blind");
    let unknown = "11111111-2222-3333-4444-555555555555";
    let as_if_none = resolved(&blind, "d/x.py", unknown).await.to_string();
    let hidden = resolved(&blind, "d/x.py", &kernel).await.to_string();
    assert_eq!(hidden, as_if_none.replace(unknown, &kernel));
    assert!(hidden.contains("could not be found"), "{hidden}");

    owner.delete(&format!("/api/kernels/{kernel}")).await.expect(204);
    assert_eq!(resolved(&owner, "d/x.py", &kernel).await.to_string(), hidden);
}
