//! What is done to kernels.

use serde_json::{Value, json};
use test_support::TestServer;

use super::{KERNEL_ACTIONS, next, subscribe};

fn done(kernel: &str, action: &str, participle: &str) -> Value {
    json!({"kernel_name": "python3", "action": action, "status": "success",
        "msg": format!("Kernel {kernel} was {participle}."), "kernel_id": kernel})
}

#[tokio::test]
async fn what_is_done_to_a_kernel_is_an_event() {
    let server = TestServer::start().await;
    let owner = server.as_owner();
    let mut socket = subscribe(&owner).await;
    let model = owner.post("/api/kernels", &json!({})).await.expect(201).json();
    let id = model["id"].as_str().unwrap();
    assert_eq!(
        next(&mut socket, KERNEL_ACTIONS).await,
        done(id, "start", "started")
    );
    let kernel = format!("/api/kernels/{id}");
    owner.post_empty(&format!("{kernel}/interrupt")).await.expect(204);
    assert_eq!(
        next(&mut socket, KERNEL_ACTIONS).await,
        done(id, "interrupt", "interrupted")
    );
    owner.post_empty(&format!("{kernel}/restart")).await.expect(200);
    assert_eq!(
        next(&mut socket, KERNEL_ACTIONS).await,
        done(id, "restart", "restarted")
    );
    owner.delete(&kernel).await.expect(204);
    assert_eq!(
        next(&mut socket, KERNEL_ACTIONS).await,
        done(id, "shutdown", "shutdown")
    );
}

#[tokio::test]
async fn a_kernel_that_does_not_start_is_an_event_that_says_why() {
    let server = TestServer::start().await;
    let owner = server.as_owner();
    let mut socket = subscribe(&owner).await;
    owner
        .post("/api/kernels", &json!({"name": "nope"}))
        .await
        .expect(400);
    let event = next(&mut socket, KERNEL_ACTIONS).await;
    assert_eq!(event["status"], "error");
    assert_eq!(
        (&event["action"], &event["kernel_name"]),
        (&json!("start"), &json!("nope"))
    );
    assert!(event["msg"].as_str().unwrap().contains("nope"), "{event}");
}

#[tokio::test]
async fn the_kernel_of_a_session_starts_and_ends_with_events_too() {
    let server = TestServer::start().await;
    let owner = server.as_owner();
    let mut socket = subscribe(&owner).await;
    let session = json!({"path": "n.ipynb", "type": "notebook", "name": "", "kernel": {"name": "python3"}});
    let model = owner.post("/api/sessions", &session).await.expect(201).json();
    let id = model["kernel"]["id"].as_str().unwrap();
    assert_eq!(
        next(&mut socket, KERNEL_ACTIONS).await,
        done(id, "start", "started")
    );
    let session = format!("/api/sessions/{}", model["id"].as_str().unwrap());
    owner.delete(&session).await.expect(204);
    assert_eq!(
        next(&mut socket, KERNEL_ACTIONS).await,
        done(id, "shutdown", "shutdown")
    );
}
