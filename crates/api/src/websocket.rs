//! What every WebSocket of ours does alike: limits before the upgrade, and a close that the other side sees.

use std::time::Duration;

use axum::extract::ws::{CloseFrame, Message, WebSocketUpgrade};
use futures::{Sink, SinkExt, Stream, StreamExt};

/// How long a client gets to take the close frame and answer it.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(5);

/// How much is read from a socket at once. So much is held for every socket, though most of them are idle.
const READ_BYTES: usize = 8 << 10;

/// Applies the limit on what a client may send at once. The library's own, 16 MiB a frame, would close the socket
/// on an upload through a widget.
pub(crate) fn limited(upgrade: WebSocketUpgrade, message_bytes_max: usize) -> WebSocketUpgrade {
    upgrade
        .read_buffer_size(READ_BYTES)
        .max_message_size(message_bytes_max)
        .max_frame_size(message_bytes_max)
}

/// Closes a socket: sends the frame, then reads on until the client has answered it, so that the connection does
/// not end with a reset that could swallow what was sent before.
pub(crate) async fn close<Down, Up>(mut outgoing: Down, mut incoming: Up, code: u16, reason: &'static str)
where
    Down: Sink<Message> + Unpin,
    Up: Stream<Item = Result<Message, axum::Error>> + Unpin,
{
    let frame = CloseFrame {
        code,
        reason: reason.into(),
    };
    let closing = async {
        if outgoing.send(Message::Close(Some(frame))).await.is_ok() {
            while let Some(Ok(_)) = incoming.next().await {}
        }
    };
    // A client that takes longer is cut off.
    let _ = tokio::time::timeout(CLOSE_TIMEOUT, closing).await;
}
