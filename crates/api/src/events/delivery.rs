//! One connection: events go out as they come, until either side ends it.

use ::events::{Missed, Subscription};
use authorization::{Authorized, Read};
use axum::extract::ws::{Message, Utf8Bytes, WebSocket};
use bytes::Bytes;
use channels::Limits;
use futures::{
    SinkExt, StreamExt,
    stream::{SplitSink, SplitStream},
};
use tokio::time::{Instant, interval, timeout};
use tracing::info;

use super::visible::Visible;
use crate::{connections::OpenConnection, resources::Events, websocket};

/// Try again later: the one close code a client takes for "come back".
const TOO_SLOW: (u16, &str) = (1013, "events were missed: this connection is too slow");

/// Delivers events until the client is gone, or may not have them, or is too slow, or the server stops.
pub(super) async fn deliver(
    socket: WebSocket,
    auth: Authorized<Read, Events>,
    mut connection: OpenConnection,
    mut subscription: Subscription,
    limits: Limits,
) {
    let (mut outgoing, mut incoming) = socket.split();
    let mut visible = Visible::new(auth.clone());
    let (code, reason) = tokio::select! {
        () = auth.revoked() => (1008, "the permission was withdrawn"),
        // Service restart: come back.
        () = connection.stopping() => (1012, "the server is stopping"),
        ended = send(&mut outgoing, &mut incoming, &mut subscription, &mut visible, limits) => match ended {
            Ended::Gone => return,
            Ended::TooSlow(Missed(missed)) => {
                info!(missed, "an event subscriber was too slow and is sent away");
                TOO_SLOW
            }
        },
    };
    websocket::close(outgoing, incoming, code, reason).await;
}

enum Ended {
    /// The client closed, or is silent.
    Gone,
    TooSlow(Missed),
}

async fn send(
    outgoing: &mut SplitSink<WebSocket, Message>,
    incoming: &mut SplitStream<WebSocket>,
    subscription: &mut Subscription,
    visible: &mut Visible,
    limits: Limits,
) -> Ended {
    let mut ping = interval(limits.ping_interval);
    let mut heard = Instant::now();
    loop {
        let message = tokio::select! {
            event = subscription.next() => match event {
                Err(missed) => return Ended::TooSlow(missed),
                Ok(event) => match visible.part(&event).await.and_then(text) {
                    Some(message) => message,
                    None => continue,
                },
            },
            // What a client says has no meaning here.
            received = incoming.next() => match received {
                Some(Ok(Message::Close(_)) | Err(_)) | None => return Ended::Gone,
                Some(Ok(_)) => {
                    heard = Instant::now();
                    continue;
                }
            },
            _ = ping.tick() => Message::Ping(Bytes::new()),
        };
        let sent = timeout(limits.silence_max, outgoing.send(message)).await;
        if heard.elapsed() > limits.silence_max || !matches!(sent, Ok(Ok(()))) {
            return Ended::Gone;
        }
    }
}

/// Events are JSON, so this is always text.
fn text(json: Bytes) -> Option<Message> {
    Utf8Bytes::try_from(json).ok().map(Message::Text)
}
