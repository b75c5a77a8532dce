//! `/api/events`: so far a socket that stays open and silent, and no schemas.

use serde_json::json;
use test_support::TestServer;
use wire::Subprotocol;

#[tokio::test]
async fn the_socket_opens_for_readers_and_closes_when_the_server_stops() {
    let server = TestServer::start().await;
    let mut socket = server
        .as_viewer()
        .try_websocket("/api/events/subscribe", Subprotocol::Legacy)
        .await
        .unwrap();
    let (closed, _directories) = tokio::join!(socket.closed(), server.shutdown());
    assert_eq!(u16::from(closed.unwrap().code), 1012);
}

#[tokio::test]
async fn the_socket_is_for_who_is_logged_in() {
    let server = TestServer::start().await;
    let refused = server
        .anonymous()
        .try_websocket("/api/events/subscribe", Subprotocol::Legacy)
        .await;
    assert_eq!(refused.err().unwrap().status, 403);
}

#[tokio::test]
async fn an_event_that_says_too_little_or_has_no_schema_is_refused() {
    let server = TestServer::start().await;
    let owner = server.as_owner();
    let schema = "http://event.example/v1";
    for (body, message) in [
        (json!(null), "No JSON data provided".to_owned()),
        (
            json!({"version": "1", "data": {}}),
            "Missing `schema_id` in the JSON request body.".to_owned(),
        ),
        (
            json!({"schema_id": schema, "data": {}}),
            "Missing `version` in the JSON request body.".to_owned(),
        ),
        (
            json!({"schema_id": schema, "version": "1"}),
            "Missing `data` in the JSON request body.".to_owned(),
        ),
        (
            json!({"schema_id": schema, "version": "1", "data": {}}),
            format!(
                "The requested schema, {schema}, was not found in the schema registry. \
                 Are you sure it was previously registered?"
            ),
        ),
    ] {
        assert_eq!(
            owner.post("/api/events", &body).await.expect(400).json()["message"],
            message,
            "{body}"
        );
    }
    server
        .as_viewer()
        .post("/api/events", &json!({}))
        .await
        .expect(403);
}
