//! Both subprotocols carry the same messages, buffers and questions.

use bytes::Bytes;
use serde_json::json;
use test_support::{TestServer, TestSocket, request};
use wire::{Channel, Message, Subprotocol};

use super::{cell, content, is_idle, kind, kinds, parent, run, start_kernel, text};

async fn sockets() -> (TestServer, [TestSocket; 2]) {
    let server = TestServer::start().await;
    let owner = server.as_owner();
    let kernel = start_kernel(&owner).await;
    let v1 = owner.channels(&kernel, "v1", Subprotocol::V1).await;
    let legacy = owner.channels(&kernel, "legacy", Subprotocol::Legacy).await;
    (server, [v1, legacy])
}

#[tokio::test]
async fn the_subprotocol_offered_is_selected() {
    let (_server, [v1, legacy]) = sockets().await;
    assert_eq!(v1.agreed.as_deref(), Some(Subprotocol::NAME_V1));
    assert_eq!(legacy.agreed, None);
}

#[tokio::test]
async fn a_cell_runs() {
    let (_server, sockets) = sockets().await;
    for mut socket in sockets {
        let answers = run(&mut socket, "print hello\nresult 42").await;
        assert_eq!(text(&answers), "hello\n");
        let mut kinds = kinds(&answers);
        kinds.retain(|kind| kind != "execute_reply");
        assert_eq!(
            kinds,
            ["status", "execute_input", "stream", "execute_result", "status"]
        );
        let reply = answers
            .iter()
            .find(|message| kind(message) == "execute_reply")
            .unwrap();
        assert_eq!(
            (reply.channel, &content(reply)["status"]),
            (Channel::Shell, &json!("ok"))
        );
    }
}

#[tokio::test]
async fn buffers_go_down_untouched() {
    let (_server, sockets) = sockets().await;
    for mut socket in sockets {
        let answers = run(&mut socket, "buffers 3 70000").await;
        let message = answers
            .iter()
            .find(|message| kind(message) == "comm_msg")
            .unwrap();
        let expected: Vec<Bytes> = (0..3).map(|number| vec![number; 70_000].into()).collect();
        assert_eq!(message.buffers, expected);
    }
}

#[tokio::test]
async fn content_and_buffers_go_up_untouched() {
    let (_server, sockets) = sockets().await;
    for mut socket in sockets {
        let buffers = vec![
            Bytes::from_static(b"\x00\xff"),
            Bytes::new(),
            vec![9; 3_000_000].into(),
        ];
        // Written in a way no serializer would.
        let content = Bytes::from_static(br#"{ "comm_id" : "c", "data": {"number": 1.50e1} }"#);
        let comm = Message {
            content: content.clone(),
            buffers: buffers.clone(),
            ..request(Channel::Shell, "comm_msg", "client", &json!({}))
        };
        socket.send(&comm).await;
        let echo = socket
            .until("the echo", |message| kind(message) == "comm_msg")
            .await;
        assert_eq!((echo.content, echo.buffers), (content, buffers));
    }
}

#[tokio::test]
async fn input_is_asked_and_answered() {
    let (_server, sockets) = sockets().await;
    for mut socket in sockets {
        let cell = cell("input name?");
        socket.send(&cell).await;
        let question = socket
            .until("a question", |message| message.channel == Channel::Stdin)
            .await;
        assert_eq!(
            (kind(&question).as_str(), &content(&question)["prompt"]),
            ("input_request", &json!("name?"))
        );
        assert_eq!(parent(&question), cell.header().unwrap().msg_id);
        socket
            .send(&request(
                Channel::Stdin,
                "input_reply",
                "client",
                &json!({"value": "Ada"}),
            ))
            .await;
        let output = socket
            .until("the output", |message| kind(message) == "stream")
            .await;
        assert_eq!(content(&output)["text"], "Ada\n");
    }
}

#[tokio::test]
async fn the_control_channel_works_while_a_cell_runs() {
    let (_server, sockets) = sockets().await;
    for mut socket in sockets {
        let cell = cell("sleep 600000 until interrupted");
        let id = cell.header().unwrap().msg_id.to_string();
        socket.send(&cell).await;
        // Each socket hears of the other's cell too.
        socket
            .until("the cell's start", |message| {
                kind(message) == "execute_input" && parent(message) == id
            })
            .await;
        socket
            .send(&request(
                Channel::Control,
                "interrupt_request",
                "client",
                &json!({}),
            ))
            .await;
        let error = socket
            .until("the interrupt", |message| {
                kind(message) == "error" && parent(message) == id
            })
            .await;
        assert_eq!(content(&error)["ename"], "KeyboardInterrupt");
        socket
            .until("the end of the cell", |message| {
                is_idle(message) && parent(message) == id
            })
            .await;
    }
}
