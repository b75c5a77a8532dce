//! What whoever runs the server lets pass: types of messages, tracebacks, rates, subprotocols.

use serde_json::json;
use test_support::{TOKEN, TestServer, TestServerBuilder, TestSocket, request, within};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use wire::{Channel, Message, Subprotocol};

use super::{cell, content, kind, kinds, run, start_kernel, text};

async fn socket(builder: TestServerBuilder) -> (TestServer, TestSocket) {
    let server = builder.start().await;
    let owner = server.as_owner();
    let kernel = start_kernel(&owner).await;
    let socket = owner.channels(&kernel, "owner-session", Subprotocol::V1).await;
    (server, socket)
}

fn of_kind<'a>(messages: &'a [Message], wanted: &str) -> Vec<&'a Message> {
    messages
        .iter()
        .filter(|message| kind(message) == wanted)
        .collect()
}

#[tokio::test]
async fn only_allowed_types_of_messages_reach_a_kernel() {
    let setting = "MappingKernelManager.allowed_message_types";
    let builder = TestServer::builder().setting(setting, "['kernel_info_request']");
    let (_server, mut socket) = socket(builder).await;
    let answers = run(&mut socket, "print hello").await;
    assert_eq!(kinds(&answers), ["status", "error", "execute_reply", "status"]);
    assert_eq!(
        content(&answers[1])["evalue"],
        "Messages of the type execute_request are not allowed on this server."
    );
    let info = request(Channel::Shell, "kernel_info_request", "client", &json!({}));
    socket.send(&info).await;
    let answers = socket.answers_to(&info).await;
    assert_eq!(content(of_kind(&answers, "kernel_info_reply")[0])["status"], "ok");
}

#[tokio::test]
async fn tracebacks_that_are_not_allowed_reach_no_client() {
    let builder = TestServer::builder()
        .setting("MappingKernelManager.allow_tracebacks", "False")
        .setting("MappingKernelManager.traceback_replacement_message", "not here");
    let (_server, mut socket) = socket(builder).await;
    let answers = run(&mut socket, "error the password is 123").await;
    let error = content(of_kind(&answers, "error")[0]);
    assert_eq!(
        error,
        json!({"ename": "ExecutionError", "evalue": "Execution error", "traceback": ["not here"]})
    );
    assert_eq!(content(of_kind(&answers, "execute_reply")[0])["status"], "error");
    let tells = |message: &Message| String::from_utf8_lossy(&message.content).contains("123");
    // The cell itself is shown to all.
    let telling: Vec<String> = kinds(&answers)
        .into_iter()
        .zip(&answers)
        .filter_map(|(kind, message)| tells(message).then_some(kind))
        .collect();
    assert_eq!(telling, ["execute_input"]);
}

#[tokio::test]
async fn output_above_a_rate_that_was_asked_for_is_dropped_and_the_client_is_told() {
    let builder = TestServer::builder()
        .setting("ZMQChannelsWebsocketConnection.iopub_msg_rate_limit", "10")
        .setting("ZMQChannelsWebsocketConnection.rate_limit_window", "60");
    let (_server, mut socket) = socket(builder).await;
    let answers = run(&mut socket, "burst 1000 20").await;
    let streams = of_kind(&answers, "stream");
    // 600 a minute, and the one that tells of it.
    assert_eq!(streams.len(), 601);
    let told = content(streams[600])["text"].to_string();
    assert!(told.contains("IOPub message rate exceeded."), "{told}");
    assert_eq!(of_kind(&answers, "execute_reply").len(), 1);
    // The next cell begins anew.
    assert_eq!(text(&run(&mut socket, "print hello").await), "hello\n");
}

#[tokio::test]
async fn the_newer_subprotocol_is_not_agreed_to_when_the_legacy_one_is_preferred() {
    let setting = "ZMQChannelsWebsocketConnection.kernel_ws_protocol";
    let server = TestServer::builder().setting(setting, "").start().await;
    let owner = server.as_owner();
    let kernel = start_kernel(&owner).await;
    let address = server.server().local_address().expect("a TCP address");
    let mut connection = TcpStream::connect(address).await.expect("a connection");
    let asked = format!(
        "GET /api/kernels/{kernel}/channels?token={TOKEN} HTTP/1.1\r\nHost: {address}\r\nUpgrade: websocket\r\n\
         Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\
         Sec-WebSocket-Protocol: {}\r\n\r\n",
        Subprotocol::NAME_V1
    );
    connection.write_all(asked.as_bytes()).await.expect("sent");
    let mut answer = Vec::new();
    while !answer.windows(4).any(|end| end == b"\r\n\r\n") {
        let read = within("the answer", connection.read_buf(&mut answer)).await;
        assert_ne!(read.expect("an answer"), 0, "the whole head");
    }
    let answer = String::from_utf8_lossy(&answer).to_lowercase();
    assert!(answer.starts_with("http/1.1 101 "), "{answer}");
    assert!(!answer.contains("sec-websocket-protocol"), "{answer}");
    let mut legacy = owner.channels(&kernel, "s", Subprotocol::Legacy).await;
    let cell = cell("print hello");
    legacy.send(&cell).await;
    assert_eq!(text(&legacy.answers_to(&cell).await), "hello\n");
}
