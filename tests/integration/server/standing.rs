//! The clients of `TestServer` are who they say.

use test_support::TestServer;

#[tokio::test]
async fn clients_of_different_standing_get_different_answers() {
    let server = TestServer::start().await;
    server.anonymous().get("/api").await.expect(200);
    server.anonymous().get("/api/sessions").await.expect(403);
    server.as_owner().get("/api/sessions").await.expect(200);
    server.as_viewer().get("/api/sessions").await.expect(200);
    server.with_token().get("/api/sessions").await.expect(200);
    let _ = server
        .as_viewer()
        .post("/api/shutdown", &serde_json::json!({}))
        .await
        .expect(403);
    let _ = server
        .as_stranger()
        .post("/api/shutdown", &serde_json::json!({}))
        .await
        .expect(404);
}

#[tokio::test]
async fn a_fake_kernel_answers_over_both_subprotocols() {
    use test_support::request;
    use wire::{Channel, Subprotocol};

    let server = TestServer::start().await;
    let owner = server.as_owner();
    let session = serde_json::json!({"path": "a.ipynb", "type": "notebook", "kernel": {"name": "python3"}});
    let model = owner.post("/api/sessions", &session).await.expect(201).json();
    let kernel_id = model["kernel"]["id"].as_str().expect("a kernel").to_owned();
    for subprotocol in [Subprotocol::V1, Subprotocol::Legacy] {
        let mut socket = owner.channels(&kernel_id, "s", subprotocol).await;
        let asked = request(Channel::Shell, "kernel_info_request", "s", &serde_json::json!({}));
        socket.send(&asked).await;
        let answers = socket.answers_to(&asked).await;
        let kinds: Vec<String> = answers
            .iter()
            .map(|answer| answer.header().expect("a header").msg_type.to_string())
            .collect();
        assert!(kinds.contains(&"kernel_info_reply".to_owned()), "{kinds:?}");
        socket.close().await;
    }
}
