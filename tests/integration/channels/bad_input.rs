//! What is no message, or for no kernel, is answered cleanly and harms nobody.

use serde_json::json;
use test_support::{TestSocket, request};
use tokio_tungstenite::tungstenite::Message as WsMessage;
use wire::{Channel, Subprotocol};

use super::{run, server_and_socket, start_kernel, text};

/// The close code after something was sent.
async fn code_after(socket: &mut TestSocket, message: WsMessage) -> Option<u16> {
    socket.send_raw(message).await;
    socket.closed().await.map(|frame| frame.code.into())
}

#[tokio::test]
async fn what_is_no_message_closes_only_the_connection_it_came_on() {
    let (server, kernel, mut owner) = server_and_socket().await;
    let overflowing: Vec<u8> = [6_u64, u64::MAX, 1, 2, 3, 4, 5]
        .iter()
        .flat_map(|it| it.to_le_bytes())
        .collect();
    for (subprotocol, message) in [
        (Subprotocol::V1, WsMessage::binary(vec![])),
        (Subprotocol::V1, WsMessage::binary(vec![0xff; 64])),
        (Subprotocol::V1, WsMessage::binary(overflowing)),
        (Subprotocol::V1, WsMessage::text("{}")),
        (Subprotocol::Legacy, WsMessage::text("")),
        (Subprotocol::Legacy, WsMessage::text("[1")),
        (Subprotocol::Legacy, WsMessage::text(r#"{"header": {}}"#)),
        (
            Subprotocol::Legacy,
            WsMessage::text(r#"{"header": {"msg_id": "1", "msg_type": 5}}"#),
        ),
        (Subprotocol::Legacy, WsMessage::binary(vec![0, 0, 0, 9])),
    ] {
        let mut socket = server.as_owner().channels(&kernel, "bad", subprotocol).await;
        assert_eq!(
            code_after(&mut socket, message.clone()).await,
            Some(1007),
            "{message:?}"
        );
    }
    assert_eq!(text(&run(&mut owner, "print still here").await), "still here\n");
}

#[tokio::test]
async fn a_header_that_says_two_things_is_no_message() {
    let (server, kernel, _owner) = server_and_socket().await;
    let mut viewer = server
        .as_viewer()
        .channels(&kernel, "viewer", Subprotocol::Legacy)
        .await;
    // A kernel would take the last one, the server might have looked at the first.
    let two =
        r#"{"header": {"msg_id": "1", "msg_type": "kernel_info_request", "msg_type": "execute_request"}}"#;
    assert_eq!(code_after(&mut viewer, WsMessage::text(two)).await, Some(1007));
}

#[tokio::test]
async fn channels_that_are_not_for_sending_are_ignored() {
    let (server, kernel, _owner) = server_and_socket().await;
    let mut socket = server
        .as_owner()
        .channels(&kernel, "odd", Subprotocol::Legacy)
        .await;
    let unknown = r#"{"header": {"msg_id": "1", "msg_type": "x"}, "channel": "made up"}"#;
    socket.send_raw(WsMessage::text(unknown)).await;
    socket
        .send(&request(Channel::Iopub, "status", "client", &json!({})))
        .await;
    assert_eq!(text(&run(&mut socket, "print on").await), "on\n");
}

#[tokio::test]
async fn a_kernel_that_does_not_exist_is_a_404() {
    let (server, _kernel, _owner) = server_and_socket().await;
    let owner = server.as_owner();
    let path = "/api/kernels/00000000-0000-0000-0000-000000000000/channels?session_id=s";
    let refused = owner.try_websocket(path, Subprotocol::V1).await.err().unwrap();
    assert_eq!(refused.status, 404);
    let refused = owner
        .try_websocket("/api/kernels/nonsense/channels", Subprotocol::V1)
        .await
        .err()
        .unwrap();
    assert_eq!(refused.status, 404);
}

#[tokio::test]
async fn a_session_id_may_be_missing_but_not_endless() {
    let (server, kernel, _owner) = server_and_socket().await;
    let owner = server.as_owner();
    let path = format!("/api/kernels/{kernel}/channels");
    let mut socket = owner.try_websocket(&path, Subprotocol::V1).await.unwrap();
    assert_eq!(text(&run(&mut socket, "print on").await), "on\n");
    let endless = format!("{path}?session_id={}", "x".repeat(300));
    assert_eq!(
        owner
            .try_websocket(&endless, Subprotocol::V1)
            .await
            .err()
            .unwrap()
            .status,
        400
    );
}

#[tokio::test]
async fn a_plain_get_is_no_connection() {
    let (server, kernel, _owner) = server_and_socket().await;
    let answer = server
        .as_owner()
        .get(&format!("/api/kernels/{kernel}/channels"))
        .await;
    assert_eq!(answer.status, 400);
    let other = start_kernel(&server.as_owner()).await;
    assert_ne!(other, kernel);
}
