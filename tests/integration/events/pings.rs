//! The socket of events is pinged, so that what stands between keeps it open, and who is silent is let go.

use test_support::{TOKEN, TestServer, TestServerBuilder, within};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::{KERNEL_ACTIONS, emit_mark, next, subscribe};

/// The first byte of a ping.
const PING: u8 = 0x89;

fn impatient() -> TestServerBuilder {
    let pings = "{'ws_ping_interval': 50, 'ws_ping_timeout': 300}";
    TestServer::builder().setting("ServerApp.tornado_settings", pings)
}

/// A WebSocket that answers nothing.
async fn silent_socket(server: &TestServer) -> TcpStream {
    let address = server.server().local_address().expect("a TCP address");
    let mut connection = TcpStream::connect(address).await.expect("a connection");
    let asked = format!(
        "GET /api/events/subscribe?token={TOKEN} HTTP/1.1\r\nHost: {address}\r\nUpgrade: websocket\r\n\
         Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
    );
    connection.write_all(asked.as_bytes()).await.expect("sent");
    connection
}

#[tokio::test]
async fn a_subscriber_is_pinged_and_one_that_does_not_answer_is_let_go() {
    let server = impatient().start().await;
    let mut connection = silent_socket(&server).await;
    let mut heard = Vec::new();
    let end = within("the end of the connection", connection.read_to_end(&mut heard));
    // However it is cut, nothing more comes.
    let _cut = end.await;
    let head = heard
        .windows(4)
        .position(|end| end == b"\r\n\r\n")
        .expect("a head");
    assert!(
        heard.starts_with(b"HTTP/1.1 101 "),
        "{}",
        String::from_utf8_lossy(&heard)
    );
    let frames = &heard[head + 4..];
    let pings = frames.chunks(2).filter(|frame| **frame == [PING, 0]).count();
    assert!(pings >= 2, "{frames:?}");
}

#[tokio::test]
async fn a_subscriber_that_answers_its_pings_stays_for_longer_than_a_silent_one_may() {
    let server = impatient().start().await;
    let mut subscriber = subscribe(&server.as_owner()).await;
    let mut silent = silent_socket(&server).await;
    let mut heard = Vec::new();
    let gone = within("the end of the silent one", silent.read_to_end(&mut heard));
    let event = async {
        // It reads, and so it answers, until the other is gone.
        next(&mut subscriber, KERNEL_ACTIONS).await
    };
    let (event, ()) = tokio::join!(event, async {
        let _cut = gone.await;
        emit_mark(&server).await;
    });
    assert_eq!(event["msg"], "mark");
}
