//! `MappingKernelManager.cull_*`: kernels that nobody uses are ended.

use serde_json::{Value, json};
use test_support::{TestClient, TestServer, TestServerBuilder, eventually, fake_kernel_program, request};
use wire::{Channel, Subprotocol};

/// Kernels that are idle for more than two seconds are ended, unless they are spared.
fn culling() -> TestServerBuilder {
    TestServer::builder()
        .setting("MappingKernelManager.cull_idle_timeout", "2")
        .setting("MappingKernelManager.cull_interval", "1")
}

async fn start(owner: &TestClient, id: &str, name: &str) {
    let body = json!({"kernel_id": id, "name": name});
    let _ = owner.post("/api/kernels", &body).await.expect(201);
}

async fn ids(owner: &TestClient) -> Vec<String> {
    let kernels = owner.get("/api/kernels").await.expect(200).json();
    let kernels = kernels.as_array().expect("a list").iter();
    kernels
        .map(|kernel| kernel["id"].as_str().expect("an id").to_owned())
        .collect()
}

async fn until_only(owner: &TestClient, expected: &[&str]) {
    eventually("that the others are culled", async || {
        (ids(owner).await == expected).then_some(())
    })
    .await;
}

/// A cell that says nothing for a minute.
fn long_cell() -> wire::Message {
    let content = json!({"code": "sleep 60000"});
    request(Channel::Shell, "execute_request", "busy", &content)
}

#[tokio::test]
async fn an_idle_kernel_is_culled_and_its_session_with_it() {
    let server = culling().start().await;
    let owner = server.as_owner();
    let session = json!({"path": "a.ipynb", "type": "notebook"});
    let session = owner.post("/api/sessions", &session).await.expect(201).json();
    until_only(&owner, &[]).await;
    let kernel = format!(
        "/api/kernels/{}",
        session["kernel"]["id"].as_str().expect("an id")
    );
    let _ = owner.get(&kernel).await.expect(404);
    assert_eq!(owner.get("/api/sessions").await.json(), json!([]));
    assert_eq!(owner.get("/api/status").await.json()["kernels"], 0);
}

#[tokio::test]
async fn a_kernel_that_is_connected_or_busy_or_may_be_idle_for_longer_stays() {
    let slow = json!({
        "argv": [fake_kernel_program(), "{connection_file}"], "display_name": "Slow", "language": "x",
        "metadata": {"cull_idle_timeout": 3600},
    });
    let server = culling().kernelspec("slow", slow).start().await;
    let owner = server.as_owner();
    start(&owner, "a-a-a-a-a", "python3").await;
    let connected = owner.channels("a-a-a-a-a", "watches", Subprotocol::V1).await;
    start(&owner, "b-b-b-b-b", "python3").await;
    let mut busy = owner.channels("b-b-b-b-b", "busy", Subprotocol::V1).await;
    busy.send(&long_cell()).await;
    let is_busy = |message: &wire::Message| -> bool {
        let content: Value = serde_json::from_slice(&message.content).unwrap_or_default();
        content["execution_state"] == "busy"
    };
    let _ = busy.until("busy", is_busy).await;
    busy.close().await;
    start(&owner, "c-c-c-c-c", "slow").await;
    // Idle since later than all others: when it is gone, the others were looked at, too.
    start(&owner, "d-d-d-d-d", "python3").await;
    until_only(&owner, &["a-a-a-a-a", "b-b-b-b-b", "c-c-c-c-c"]).await;
    connected.close().await;
    until_only(&owner, &["b-b-b-b-b", "c-c-c-c-c"]).await;
}

#[tokio::test]
async fn connected_and_busy_kernels_are_culled_when_that_is_asked_for() {
    let server = culling()
        .setting("MappingKernelManager.cull_connected", "True")
        .setting("MappingKernelManager.cull_busy", "True")
        .start()
        .await;
    let owner = server.as_owner();
    start(&owner, "a-a-a-a-a", "python3").await;
    let mut socket = owner.channels("a-a-a-a-a", "busy", Subprotocol::V1).await;
    socket.send(&long_cell()).await;
    until_only(&owner, &[]).await;
    assert!(socket.closed().await.is_some());
}
