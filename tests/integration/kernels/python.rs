//! A real ipykernel.

use std::path::PathBuf;

use serde_json::{Value, json};
use test_support::{TestServer, TestSocket, eventually, request};
use wire::{Channel, Message, Subprotocol};

/// The interpreter tests use. None is a failure: a test that is skipped in silence tests nothing.
pub(super) fn interpreter() -> PathBuf {
    test_support::test_python().expect(
        "ADRASTEA_TEST_PYTHON must name a Python with ipykernel and jupyter_server; `cargo xtask test` sets it",
    )
}

async fn start(server: &TestServer, id: &str) {
    let body = json!({"kernel_id": id, "name": "python3"});
    let _ = server.as_owner().post("/api/kernels", &body).await.expect(201);
}

/// Executes code and gives what it printed, with errors.
async fn output(socket: &mut TestSocket, code: &str) -> String {
    let asked = request(
        Channel::Shell,
        "execute_request",
        "s",
        &json!({"code": code, "allow_stdin": true}),
    );
    socket.send(&asked).await;
    let answers = socket.answers_to(&asked).await;
    answers.iter().filter_map(text).collect()
}

/// What a message prints.
fn text(message: &Message) -> Option<String> {
    let content: Value = serde_json::from_slice(&message.content).ok()?;
    let field = match &*message.header().ok()?.msg_type {
        "stream" => "text",
        "error" => "ename",
        _ => return None,
    };
    content[field].as_str().map(str::to_owned)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_python_kernel_runs_is_interrupted_restarted_and_ended() {
    let server = TestServer::builder()
        .python(interpreter())
        .without_fake_kernel()
        .start()
        .await;
    let owner = server.as_owner();
    start(&server, "a-b-c-d-e").await;
    let mut socket = owner.channels("a-b-c-d-e", "s", Subprotocol::V1).await;
    assert_eq!(output(&mut socket, "x = 1; print(6*7)").await, "42\n");

    let sleeping = request(
        Channel::Shell,
        "execute_request",
        "s",
        &json!({"code": "import time; print('asleep', flush=True); time.sleep(600)"}),
    );
    socket.send(&sleeping).await;
    let _ = socket
        .until("the cell sleeps", |message| text(message).is_some())
        .await;
    let model = owner.get("/api/kernels/a-b-c-d-e").await.expect(200).json();
    assert_eq!(model["execution_state"], "busy");
    let _ = owner
        .post_empty("/api/kernels/a-b-c-d-e/interrupt")
        .await
        .expect(204);
    let answers = socket.answers_to(&sleeping).await;
    assert!(
        answers
            .iter()
            .filter_map(text)
            .any(|text| text == "KeyboardInterrupt")
    );

    let _ = owner
        .post_empty("/api/kernels/a-b-c-d-e/restart")
        .await
        .expect(200);
    let mut socket = owner.channels("a-b-c-d-e", "s", Subprotocol::V1).await;
    assert_eq!(output(&mut socket, "print(x)").await, "NameError");
    let _ = owner.delete("/api/kernels/a-b-c-d-e").await.expect(204);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_python_kernel_asks_its_user() {
    let server = TestServer::builder()
        .python(interpreter())
        .without_fake_kernel()
        .start()
        .await;
    start(&server, "a-b-c-d-e").await;
    let mut socket = server
        .as_owner()
        .channels("a-b-c-d-e", "s", Subprotocol::V1)
        .await;
    let code = json!({"code": "print('hello ' + input('name? '))", "allow_stdin": true});
    let asked = request(Channel::Shell, "execute_request", "s", &code);
    socket.send(&asked).await;
    let question = socket
        .until("the question", |message| message.channel == Channel::Stdin)
        .await;
    assert_eq!(question.header().expect("a header").msg_type, "input_request");
    let mut answer = request(Channel::Stdin, "input_reply", "s", &json!({"value": "Ada"}));
    answer.parent_header = question.header.clone();
    socket.send(&answer).await;
    let answers = socket.answers_to(&asked).await;
    let printed: String = answers.iter().filter_map(text).collect();
    assert_eq!(printed, "hello Ada\n");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_python_kernel_that_exits_comes_back_and_takes_its_children_with_it() {
    let server = TestServer::builder()
        .python(interpreter())
        .without_fake_kernel()
        .start()
        .await;
    let owner = server.as_owner();
    start(&server, "a-b-c-d-e").await;
    let mut socket = owner.channels("a-b-c-d-e", "s", Subprotocol::V1).await;
    let code = "import subprocess; child = subprocess.Popen(['sleep', '600']); print(child.pid)";
    let child = output(&mut socket, code).await.trim().to_owned();
    let is_alive = || {
        let stat = std::fs::read_to_string(format!("/proc/{child}/stat"));
        stat.is_ok_and(|stat| !stat.contains(") Z "))
    };
    assert!(is_alive(), "no process {child:?}");
    let die = request(
        Channel::Shell,
        "execute_request",
        "s",
        &json!({"code": "import os; os._exit(3)"}),
    );
    socket.send(&die).await;
    let _ = socket
        .until("the kernel restarts", |message| {
            message.content.windows(10).any(|part| part == b"restarting")
        })
        .await;
    eventually("the child ended", async || (!is_alive()).then_some(())).await;
    let mut socket = owner.channels("a-b-c-d-e", "s2", Subprotocol::V1).await;
    assert_eq!(output(&mut socket, "print('back')").await, "back\n");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_python_kernel_without_its_package_says_what_is_missing() {
    let argv = json!([interpreter(), "-m", "no_such_kernel", "-f", "{connection_file}"]);
    let server = TestServer::builder()
        .kernelspec("broken-python", json!({"argv": argv, "language": "python"}))
        .start()
        .await;
    let answer = server
        .as_owner()
        .post("/api/kernels", &json!({"name": "broken-python"}))
        .await
        .expect(500);
    let message = answer.json()["message"].as_str().expect("a message").to_owned();
    assert!(message.contains("No module named no_such_kernel"), "{message}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_daemon_that_a_cell_started_ends_with_the_kernel() {
    let server = TestServer::builder()
        .python(interpreter())
        .without_fake_kernel()
        .start()
        .await;
    let owner = server.as_owner();
    start(&server, "a-b-c-d-e").await;
    let mut socket = owner.channels("a-b-c-d-e", "s", Subprotocol::V1).await;
    // As daemons do it: twice forked, in a session of its own, with nothing open.
    let code = "
import os, time
read, write = os.pipe()
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        os.write(write, str(os.getpid()).encode())
        os.closerange(0, 1000)
        time.sleep(600)
    os._exit(0)
os.wait()
print(os.read(read, 100).decode())
";
    let daemon = output(&mut socket, code).await;
    let is_alive = || {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", daemon.trim()));
        stat.is_ok_and(|stat| !stat.contains(") Z "))
    };
    assert!(is_alive(), "{daemon}");
    let _ = owner.delete("/api/kernels/a-b-c-d-e").await.expect(204);
    assert!(!is_alive(), "{daemon}");
}
