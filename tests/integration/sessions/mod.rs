//! `/api/sessions`.

mod changes;
mod opening;
mod owners;
mod permissions;

use serde_json::{Value, json};
use test_support::TestClient;

/// Opens a session for a notebook.
pub(crate) async fn open(client: &TestClient, path: &str) -> Value {
    let body = json!({"path": path, "name": path, "type": "notebook", "kernel": {"name": "python3"}});
    client.post("/api/sessions", &body).await.expect(201).json()
}

/// The path of a session.
pub(crate) fn url(session: &Value) -> String {
    format!("/api/sessions/{}", session["id"].as_str().unwrap())
}
