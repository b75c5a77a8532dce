//! Subshells of a real ipykernel: cells beside the one that runs.

use serde_json::{Value, json};
use test_support::{TestServer, TestSocket, request};
use wire::{Channel, Message, Subprotocol};

use super::{cell, content, ipykernel, is_idle, kind, parent, start_kernel, text};

/// What is answered on the control channel.
async fn ask(socket: &mut TestSocket, msg_type: &str, asked: &Value) -> Value {
    let question = request(Channel::Control, msg_type, "session", asked);
    socket.send(&question).await;
    let answers = socket.answers_to(&question).await;
    let reply = answers.iter().find(|message| kind(message).ends_with("_reply"));
    let reply = reply.unwrap();
    assert_eq!(reply.channel, Channel::Control);
    assert_eq!(content(reply)["status"], "ok");
    content(reply)
}

/// A cell for a subshell.
fn cell_in(subshell: &Value, code: &str) -> Message {
    let cell = cell(code);
    let mut header: Value = serde_json::from_slice(&cell.header).unwrap();
    header["subshell_id"] = subshell.clone();
    Message {
        header: header.to_string().into(),
        ..cell
    }
}

async fn state(server: &TestServer, kernel: &str) -> Value {
    let path = format!("/api/kernels/{kernel}");
    server.as_owner().get(&path).await.expect(200).json()["execution_state"].clone()
}

#[tokio::test]
async fn a_cell_runs_in_a_subshell_while_another_waits() {
    for subprotocol in [Subprotocol::V1, Subprotocol::Legacy] {
        let server = ipykernel::server().await;
        let owner = server.as_owner();
        let kernel = start_kernel(&owner).await;
        let mut socket = owner.channels(&kernel, "session", subprotocol).await;
        let waiting = "import threading\ngo = threading.Event()\nprint('waits')\ngo.wait()\nprint('goes on')";
        let main = cell(waiting);
        socket.send(&main).await;
        let mut heard = vec![
            socket
                .until("the first output", |message| kind(message) == "stream")
                .await,
        ];

        let subshell = ask(&mut socket, "create_subshell_request", &json!({})).await["subshell_id"].clone();
        let listed = ask(&mut socket, "list_subshell_request", &json!({})).await;
        assert_eq!(listed["subshell_id"], json!([subshell]));
        let beside = cell_in(&subshell, "print('beside it')");
        socket.send(&beside).await;
        let answers = socket.answers_to(&beside).await;
        assert_eq!(text(&answers), "beside it\n");
        for answer in &answers {
            let asked: Value = serde_json::from_slice(&answer.parent_header).unwrap();
            assert_eq!(asked["subshell_id"], subshell);
        }
        // What the subshell has done with is not what the kernel works on.
        assert_eq!(state(&server, &kernel).await, "busy");

        socket.send(&cell_in(&subshell, "go.set()")).await;
        let id = main.header().unwrap().msg_id.to_string();
        while !heard.iter().any(is_idle) || !heard.iter().any(|heard| kind(heard) == "execute_reply") {
            let next = socket.next().await.expect("the rest of the cell");
            heard.extend((parent(&next) == id).then_some(next));
        }
        assert_eq!(text(&heard), "waits\ngoes on\n");
        ask(
            &mut socket,
            "delete_subshell_request",
            &json!({"subshell_id": subshell}),
        )
        .await;
        let listed = ask(&mut socket, "list_subshell_request", &json!({})).await;
        assert_eq!(listed["subshell_id"], json!([]));
        assert_eq!(state(&server, &kernel).await, "idle");
    }
}
