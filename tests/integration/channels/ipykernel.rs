//! The same with a real ipykernel.

use std::path::PathBuf;

use bytes::Bytes;
use serde_json::json;
use test_support::{TestServer, TestSocket, request};
use wire::{Channel, Subprotocol};

use super::{cell, content, kind, run, start_kernel, text};

/// The Python that `cargo xtask test` prepares.
pub(crate) fn python() -> PathBuf {
    test_support::test_python().expect("ADRASTEA_TEST_PYTHON names no Python: run `cargo xtask test`")
}

/// A server whose only kernel is ipykernel.
pub(crate) async fn server() -> TestServer {
    let argv = json!([python(), "-m", "ipykernel_launcher", "-f", "{connection_file}"]);
    let spec = json!({"argv": argv, "display_name": "Python", "language": "python"});
    TestServer::builder()
        .without_fake_kernel()
        .kernelspec("python3", spec)
        .start()
        .await
}

pub(super) async fn socket(subprotocol: Subprotocol) -> (TestServer, TestSocket) {
    let server = server().await;
    let owner = server.as_owner();
    let kernel = start_kernel(&owner).await;
    let socket = owner.channels(&kernel, "session", subprotocol).await;
    (server, socket)
}

#[tokio::test]
async fn python_runs_in_both_subprotocols() {
    for subprotocol in [Subprotocol::V1, Subprotocol::Legacy] {
        let (_server, mut socket) = socket(subprotocol).await;
        assert_eq!(text(&run(&mut socket, "print(6*7)").await), "42\n");
        let answers = run(&mut socket, "1/0").await;
        let error = answers.iter().find(|message| kind(message) == "error").unwrap();
        assert_eq!(content(error)["ename"], "ZeroDivisionError");
    }
}

#[tokio::test]
async fn python_asks_for_input() {
    let (_server, mut socket) = socket(Subprotocol::V1).await;
    let cell = cell("print('hello', input('name? '))");
    socket.send(&cell).await;
    let question = socket
        .until("a question", |message| kind(message) == "input_request")
        .await;
    assert_eq!(content(&question)["prompt"], "name? ");
    socket
        .send(&request(
            Channel::Stdin,
            "input_reply",
            "session",
            &json!({"value": "Ada"}),
        ))
        .await;
    let answers = socket.answers_to(&cell).await;
    assert_eq!(text(&answers), "hello Ada\n");
}

/// ipykernel takes whatever comes on stdin for the answer to its question, whatever type it says it is.
#[tokio::test]
async fn a_viewer_cannot_answer_a_question_put_to_another() {
    let server = server().await;
    let owner = server.as_owner();
    let kernel = start_kernel(&owner).await;
    let mut socket = owner.channels(&kernel, "owner", Subprotocol::V1).await;
    let asking = cell("print('hello', input('name? '))");
    socket.send(&asking).await;
    socket
        .until("a question", |message| kind(message) == "input_request")
        .await;
    let mut viewer = server
        .as_viewer()
        .channels(&kernel, "viewer", Subprotocol::V1)
        .await;
    for msg_type in ["kernel_info_request", "input_reply"] {
        let answer = request(Channel::Stdin, msg_type, "viewer", &json!({"value": "Mallory"}));
        viewer.send(&answer).await;
    }
    // Refused in turn: then what was sent before it has been looked at too.
    run(&mut viewer, "1").await;
    let answer = request(Channel::Stdin, "input_reply", "owner", &json!({"value": "Ada"}));
    socket.send(&answer).await;
    assert_eq!(text(&socket.answers_to(&asking).await), "hello Ada\n");
}

#[tokio::test]
async fn python_gets_and_sends_buffers() {
    let (_server, mut socket) = socket(Subprotocol::V1).await;
    let target = "
from IPython import get_ipython
def opened(comm, message):
    @comm.on_msg
    def echo(message):
        comm.send({'got': len(message['buffers'])}, buffers=[bytes(buffer)[::-1] for buffer in message['buffers']])
get_ipython().kernel.comm_manager.register_target('echo', opened)";
    run(&mut socket, target).await;
    let open = json!({"comm_id": "c1", "target_name": "echo", "data": {}});
    socket
        .send(&request(Channel::Shell, "comm_open", "session", &open))
        .await;
    let message = wire::Message {
        buffers: vec![Bytes::from_static(b"\x00abc"), vec![7; 100_000].into()],
        ..request(
            Channel::Shell,
            "comm_msg",
            "session",
            &json!({"comm_id": "c1", "data": {}}),
        )
    };
    socket.send(&message).await;
    let echo = socket
        .until("the echo", |message| kind(message) == "comm_msg")
        .await;
    assert_eq!(content(&echo)["data"], json!({"got": 2}));
    assert_eq!(
        echo.buffers,
        [Bytes::from_static(b"cba\x00"), vec![7; 100_000].into()]
    );
}

#[tokio::test]
async fn of_20_000_flushed_prints_none_is_lost() {
    let (_server, mut socket) = socket(Subprotocol::V1).await;
    // The pauses are for ipykernel: on a busy machine its own sending thread falls behind, and it drops what is
    // queued beyond 1,000 messages, whoever reads.
    let code = "import time
for i in range(20000):
    print(i, flush=True)
    if i % 100 == 99: time.sleep(0.02)";
    let answers = run(&mut socket, code).await;
    let numbers: Vec<u32> = text(&answers)
        .split_whitespace()
        .map(|number| number.parse().unwrap())
        .collect();
    assert!(numbers.iter().copied().eq(0..20_000), "{} arrived", numbers.len());
}

#[tokio::test]
async fn python_knows_its_document() {
    let server = server().await;
    let owner = server.as_owner();
    std::fs::create_dir(server.root().join("folder")).unwrap();
    let body = json!({"path": "folder/x.ipynb", "name": "x.ipynb", "type": "notebook"});
    let session = owner.post("/api/sessions", &body).await.expect(201).json();
    let kernel = session["kernel"]["id"].as_str().unwrap();
    let mut socket = owner.channels(kernel, "session", Subprotocol::V1).await;
    let answers = run(
        &mut socket,
        "import os; print(os.environ['JPY_SESSION_NAME'], os.getcwd())",
    )
    .await;
    let folder = server.root().join("folder");
    let folder = folder.canonicalize().unwrap();
    let expected = format!("{} {}\n", folder.join("x.ipynb").display(), folder.display());
    assert_eq!(text(&answers), expected);
}
