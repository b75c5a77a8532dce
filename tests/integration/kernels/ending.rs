//! Interrupting, restarting and ending kernels.

use serde_json::json;
use test_support::{TestClient, TestServer, request};
use wire::{Channel, Message, Subprotocol};

const PATH: &str = "/api/kernels/a-b-c-d-e";

async fn server_with_kernel() -> (TestServer, TestClient) {
    let server = TestServer::start().await;
    let owner = server.as_owner();
    let _ = owner
        .post("/api/kernels", &json!({"kernel_id": "a-b-c-d-e"}))
        .await
        .expect(201);
    (server, owner)
}

fn execute(code: &str) -> Message {
    request(Channel::Shell, "execute_request", "s", &json!({"code": code}))
}

/// The texts printed among answers.
fn printed(answers: &[Message]) -> String {
    let streams = answers
        .iter()
        .filter(|answer| answer.header().is_ok_and(|header| header.msg_type == "stream"));
    let texts = streams.map(|stream| {
        let content: serde_json::Value = serde_json::from_slice(&stream.content).expect("JSON");
        content["text"].as_str().expect("text").to_owned()
    });
    texts.collect()
}

#[tokio::test]
async fn a_restart_answers_with_the_model_and_the_kernel_works_again() {
    let (server, owner) = server_with_kernel().await;
    let connection_file = server.runtime_dir().join("kernel-a-b-c-d-e.json");
    let before = std::fs::read(&connection_file).expect("a connection file");
    let model = owner
        .post(&format!("{PATH}/restart"), &json!({}))
        .await
        .expect(200)
        .json();
    assert_eq!(model["id"], "a-b-c-d-e");
    assert_eq!(
        std::fs::read(&connection_file).expect("a connection file"),
        before
    );
    let mut socket = owner.channels("a-b-c-d-e", "s", Subprotocol::V1).await;
    let asked = execute("print back");
    socket.send(&asked).await;
    assert_eq!(printed(&socket.answers_to(&asked).await), "back\n");
}

#[tokio::test]
async fn a_kernel_that_dies_is_started_again_and_its_clients_are_told() {
    let (_server, owner) = server_with_kernel().await;
    let mut socket = owner.channels("a-b-c-d-e", "s", Subprotocol::V1).await;
    socket.send(&execute("exit 3")).await;
    let restarting = socket
        .until("the kernel is said to restart", |message| {
            message.content.windows(10).any(|part| part == b"restarting")
        })
        .await;
    assert_eq!(&restarting.parent_header[..], b"{}");
    let asked = execute("print again");
    let mut socket = owner.channels("a-b-c-d-e", "s2", Subprotocol::V1).await;
    socket.send(&asked).await;
    assert_eq!(printed(&socket.answers_to(&asked).await), "again\n");
}

#[tokio::test]
async fn a_deleted_kernel_is_gone_and_so_is_its_connection_file() {
    let (server, owner) = server_with_kernel().await;
    let answer = owner.delete(PATH).await.expect(204);
    assert!(answer.body.is_empty());
    let missing = json!({"message": "Kernel does not exist: a-b-c-d-e", "reason": null});
    for answer in [
        owner.get(PATH).await,
        owner.delete(PATH).await,
        owner.post_empty(&format!("{PATH}/interrupt")).await,
        owner.post_empty(&format!("{PATH}/restart")).await,
    ] {
        assert_eq!(answer.expect(404).json(), missing);
    }
    assert!(!server.runtime_dir().join("kernel-a-b-c-d-e.json").exists());
}

#[tokio::test]
async fn who_may_not_write_can_neither_interrupt_restart_nor_end_a_kernel() {
    let (server, owner) = server_with_kernel().await;
    for (client, status) in [
        (server.as_viewer(), 403),
        (server.as_stranger(), 404),
        (server.anonymous(), 403),
    ] {
        let _ = client
            .post_empty(&format!("{PATH}/interrupt"))
            .await
            .expect(status);
        let _ = client.post_empty(&format!("{PATH}/restart")).await.expect(status);
        let _ = client.delete(PATH).await.expect(status);
    }
    let _ = owner.get(PATH).await.expect(200);
    let kernel = server.server().kernels().list().remove(0);
    assert_eq!(kernel.status().borrow().restarts, 0);
}

#[tokio::test]
async fn a_server_that_stops_ends_its_kernels() {
    let (server, _owner) = server_with_kernel().await;
    let kernels = server.server().kernels().clone();
    let directories = server.shutdown().await;
    assert!(kernels.list().is_empty());
    assert!(!directories.path().join("runtime/kernel-a-b-c-d-e.json").exists());
}
