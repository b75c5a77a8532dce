//! `/api/events`: what is emitted, and who is told.

mod contents;
mod disk;
mod emitting;
mod kernels;
mod permissions;
mod pings;

use serde_json::{Value, json};
use test_support::{TestClient, TestServer, TestSocket};
use wire::Subprotocol;

const CONTENTS_SERVICE: &str = "https://events.jupyter.org/jupyter_server/contents_service/v1";
const CONTENTS_CHANGES: &str = "urn:adrastea:events:contents_changes:v1";
const KERNEL_ACTIONS: &str = "https://events.jupyter.org/jupyter_server/kernel_actions/v1";

async fn subscribe(client: &TestClient) -> TestSocket {
    let opened = client
        .try_websocket("/api/events/subscribe", Subprotocol::Legacy)
        .await;
    opened.unwrap_or_else(|refused| panic!("the socket of events was refused: {refused:?}"))
}

/// The next event, without the schema's id, which must be this one.
async fn next(socket: &mut TestSocket, schema_id: &str) -> Value {
    let mut event = socket.next_json().await.expect("an event");
    let fields = event.as_object_mut().expect("an object");
    assert_eq!(fields.remove("schema_id"), Some(json!(schema_id)));
    event
}

/// Emits an event by which a test sees that everything before it has been delivered.
async fn emit_mark(server: &TestServer) {
    let mark = json!({"schema_id": KERNEL_ACTIONS, "version": "1",
        "data": {"action": "start", "status": "error", "msg": "mark"}});
    server.as_owner().post("/api/events", &mark).await.expect(204);
}

/// All events until the mark.
async fn until_mark(socket: &mut TestSocket) -> Vec<Value> {
    let mut events = Vec::new();
    loop {
        let event = socket.next_json().await.expect("an event");
        if event["msg"] == "mark" {
            return events;
        }
        events.push(event);
    }
}

#[tokio::test]
async fn the_socket_opens_for_readers_and_closes_when_the_server_stops() {
    let server = TestServer::start().await;
    let socket = server
        .as_viewer()
        .try_websocket("/api/events/subscribe", Subprotocol::Legacy)
        .await;
    let mut socket = socket.unwrap();
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
