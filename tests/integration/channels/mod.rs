//! `/api/kernels/{kernel_id}/channels`, over the real server.

mod bad_input;
mod chaos;
mod debugger;
mod endings;
mod goodbye;
pub(crate) mod ipykernel;
mod left_over;
mod memory;
mod merging;
mod output;
mod permissions;
pub(crate) mod requests;
mod settings;
mod subprotocols;
mod subshells;

use serde_json::{Value, json};
use test_support::{TestClient, TestServer, TestSocket, request};
use wire::{Channel, Message, Subprotocol};

/// Starts a kernel and gives its id.
pub(crate) async fn start_kernel(client: &TestClient) -> String {
    let model = client.post("/api/kernels", &json!({})).await.expect(201).json();
    model["id"].as_str().unwrap().to_owned()
}

/// A server with one kernel, and the owner's socket to it.
pub(crate) async fn server_and_socket() -> (TestServer, String, TestSocket) {
    let server = TestServer::start().await;
    let owner = server.as_owner();
    let kernel = start_kernel(&owner).await;
    let socket = owner.channels(&kernel, "owner-session", Subprotocol::V1).await;
    (server, kernel, socket)
}

/// An `execute_request`.
pub(crate) fn cell(code: &str) -> Message {
    let content = json!({"code": code, "silent": false, "store_history": true, "allow_stdin": true});
    request(Channel::Shell, "execute_request", "client", &content)
}

/// Runs a cell to its end.
pub(crate) async fn run(socket: &mut TestSocket, code: &str) -> Vec<Message> {
    let cell = cell(code);
    socket.send(&cell).await;
    socket.answers_to(&cell).await
}

pub(crate) fn kind(message: &Message) -> String {
    message.header().unwrap().msg_type.to_string()
}

pub(crate) fn kinds(messages: &[Message]) -> Vec<String> {
    messages.iter().map(kind).collect()
}

pub(crate) fn content(message: &Message) -> Value {
    serde_json::from_slice(&message.content).unwrap()
}

/// The id of the request a message answers; empty for none.
pub(crate) fn parent(message: &Message) -> String {
    message
        .parent()
        .unwrap()
        .map(|parent| parent.msg_id.to_string())
        .unwrap_or_default()
}

/// What the messages printed, joined.
pub(crate) fn text(messages: &[Message]) -> String {
    let streams = messages.iter().filter(|message| kind(message) == "stream");
    streams
        .map(|message| content(message)["text"].as_str().unwrap().to_owned())
        .collect()
}

/// What the messages print into one cell, as a front end shows it: after a `clear_output` only what follows.
pub(crate) fn shown(messages: &[Message]) -> String {
    let (mut shown, mut is_cleared_by_next) = (String::new(), false);
    for message in messages {
        match kind(message).as_str() {
            "clear_output" => is_cleared_by_next = true,
            "stream" => {
                if std::mem::take(&mut is_cleared_by_next) {
                    shown.clear();
                }
                shown.push_str(content(message)["text"].as_str().unwrap());
            }
            _ => {}
        }
    }
    shown
}

/// Whether a message says that the kernel is idle.
pub(crate) fn is_idle(message: &Message) -> bool {
    kind(message) == "status" && content(message)["execution_state"] == "idle"
}
