//! How connections end, and what that makes a front end do: after 1000 JupyterLab gives up, after others it
//! connects again.

use serde_json::json;
use test_support::TestSocket;
use wire::Subprotocol;

use super::{content, kind, parent, run, server_and_socket, text};

async fn code(socket: &mut TestSocket) -> Option<u16> {
    socket.closed().await.map(|frame| frame.code.into())
}

#[tokio::test]
async fn the_same_session_connecting_anew_ends_the_old_connection_for_good() {
    let (server, kernel, mut old) = server_and_socket().await;
    let mut new = server
        .as_owner()
        .channels(&kernel, "owner-session", Subprotocol::V1)
        .await;
    assert_eq!(code(&mut old).await, Some(1000));
    assert_eq!(text(&run(&mut new, "print here").await), "here\n");
}

#[tokio::test]
async fn a_kernel_that_is_shut_down_ends_its_connections_for_good() {
    let (server, kernel, mut socket) = server_and_socket().await;
    server
        .as_owner()
        .delete(&format!("/api/kernels/{kernel}"))
        .await
        .expect(204);
    assert_eq!(code(&mut socket).await, Some(1000));
}

#[tokio::test]
async fn a_server_that_stops_asks_to_come_back() {
    let (server, _kernel, mut socket) = server_and_socket().await;
    let (code, _directories) = tokio::join!(code(&mut socket), server.shutdown());
    assert_eq!(code, Some(1012));
}

#[tokio::test]
async fn a_kernel_that_dies_is_restarted_and_the_connection_stays() {
    let (_server, _kernel, mut socket) = server_and_socket().await;
    socket.send(&super::cell("exit 3")).await;
    let restarting = socket
        .until("the news of the restart", |message| {
            kind(message) == "status" && content(message)["execution_state"] == "restarting"
        })
        .await;
    assert_eq!(parent(&restarting), "");
    assert_eq!(text(&run(&mut socket, "print back").await), "back\n");
}

#[tokio::test]
async fn a_new_connection_is_told_what_the_kernel_does() {
    let (server, kernel, mut busy) = server_and_socket().await;
    busy.send(&super::cell("sleep 600000 until interrupted")).await;
    busy.until("the cell's start", |message| kind(message) == "execute_input")
        .await;
    let mut new = server.as_owner().channels(&kernel, "new", Subprotocol::V1).await;
    let first = new.next().await.unwrap();
    assert_eq!(
        (kind(&first).as_str(), content(&first)),
        ("status", json!({"execution_state": "busy"}))
    );
}
