//! A WebSocket to a kernel's channels.

use futures::{SinkExt, StreamExt};
use http::{HeaderMap, HeaderValue, StatusCode};
use serde_json::Value;
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::protocol::{CloseFrame, WebSocketConfig};
use tokio_tungstenite::tungstenite::{Error, Message as WsMessage};
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async_with_config};
use wire::{Channel, Frame, Message, NewHeader, Subprotocol};

use crate::wait::within;

/// How a WebSocket was refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refused {
    /// The status instead of 101.
    pub status: StatusCode,
    /// The body.
    pub body: String,
}

/// An open WebSocket.
pub struct TestSocket {
    stream: WebSocketStream<MaybeTlsStream<TcpStream>>,
    subprotocol: Subprotocol,
    /// The subprotocol the server agreed to, if any.
    pub agreed: Option<String>,
}

impl TestSocket {
    pub(crate) async fn connect(
        url: &str,
        headers: &HeaderMap,
        subprotocol: Subprotocol,
    ) -> Result<Self, Refused> {
        Self::connect_unless_broken(url, headers, subprotocol)
            .await
            .unwrap_or_else(|| panic!("no WebSocket: the connection broke"))
    }

    /// `None` when the connection breaks before it is open.
    pub(crate) async fn connect_unless_broken(
        url: &str,
        headers: &HeaderMap,
        subprotocol: Subprotocol,
    ) -> Option<Result<Self, Refused>> {
        let url = url.replacen("http://", "ws://", 1);
        let mut request = url.into_client_request().expect("a WebSocket URL");
        request.headers_mut().extend(headers.clone());
        if subprotocol == Subprotocol::V1 {
            let name = HeaderValue::from_static(Subprotocol::NAME_V1);
            request.headers_mut().insert("sec-websocket-protocol", name);
        }
        let limits = WebSocketConfig::default()
            .max_message_size(None)
            .max_frame_size(None);
        let connecting = connect_async_with_config(request, Some(limits), true);
        match within("a WebSocket", connecting).await {
            Ok((stream, response)) => {
                let agreed = response.headers().get("sec-websocket-protocol");
                let agreed = agreed.and_then(|value| value.to_str().ok()).map(str::to_owned);
                Some(Ok(Self {
                    stream,
                    subprotocol,
                    agreed,
                }))
            }
            Err(Error::Http(response)) => {
                let body = response.body().as_deref().map(String::from_utf8_lossy);
                Some(Err(Refused {
                    status: response.status(),
                    body: body.unwrap_or_default().into_owned(),
                }))
            }
            Err(Error::Io(_) | Error::Protocol(_) | Error::ConnectionClosed) => None,
            Err(error) => panic!("no WebSocket: {error}"),
        }
    }

    /// Sends a message.
    pub async fn send(&mut self, message: &Message) {
        let sent = self.send_unless_broken(message).await;
        sent.expect("an open WebSocket");
    }

    /// Sends a message; an error when the connection broke.
    pub async fn send_unless_broken(&mut self, message: &Message) -> Result<(), Error> {
        let frame = match self
            .subprotocol
            .encode(message)
            .expect("a message that can be encoded")
        {
            Frame::Text(text) => WsMessage::Text(text.into()),
            Frame::Binary(bytes) => WsMessage::Binary(bytes),
        };
        self.stream.send(frame).await
    }

    /// Sends something that is no message.
    pub async fn send_raw(&mut self, message: WsMessage) {
        self.stream.send(message).await.expect("an open WebSocket");
    }

    /// The next message of the kernel; `None` when the server closed.
    pub async fn next(&mut self) -> Option<Message> {
        self.next_unless_broken()
            .await
            .unwrap_or_else(|error| panic!("the WebSocket broke: {error}"))
    }

    /// The next message of the kernel; `None` when the server closed, an error when the connection broke.
    pub async fn next_unless_broken(&mut self) -> Result<Option<Message>, Error> {
        within("a message", async {
            loop {
                let Some(received) = self.stream.next().await else {
                    return Ok(None);
                };
                let frame = match received? {
                    WsMessage::Text(text) => Frame::Text(text.as_str().into()),
                    WsMessage::Binary(bytes) => Frame::Binary(bytes),
                    WsMessage::Close(_) => return Ok(None),
                    _ => continue,
                };
                let message = self.subprotocol.decode(frame);
                return Ok(Some(message.expect("a message that can be decoded")));
            }
        })
        .await
    }

    /// The next text, as JSON: for sockets that carry no messages of kernels. `None` when the server closed.
    pub async fn next_json(&mut self) -> Option<Value> {
        within("a text", async {
            loop {
                match self.stream.next().await? {
                    Ok(WsMessage::Text(text)) => {
                        return Some(serde_json::from_str(text.as_str()).expect("a text in JSON"));
                    }
                    Ok(WsMessage::Close(_)) => return None,
                    Ok(_) => {}
                    Err(error) => panic!("the WebSocket broke: {error}"),
                }
            }
        })
        .await
    }

    /// Reads until a message that `is_wanted`; those before it are dropped.
    pub async fn until(&mut self, what: &str, is_wanted: impl Fn(&Message) -> bool) -> Message {
        within(what, async {
            loop {
                match self.next().await {
                    Some(message) if is_wanted(&message) => return message,
                    Some(_) => {}
                    None => panic!("the server closed before {what}"),
                }
            }
        })
        .await
    }

    /// Everything up to the kernel's `idle` for this request, the reply included wherever it comes.
    pub async fn answers_to(&mut self, request: &Message) -> Vec<Message> {
        let id = request.header().expect("a header").msg_id.to_string();
        let (mut answers, mut idle, mut replied) = (Vec::new(), false, false);
        while !(idle && replied) {
            let message = self.next().await.expect("the answers of the kernel");
            let parent = message.parent().expect("a parent header");
            if parent.is_none_or(|parent| parent.msg_id != id) {
                continue;
            }
            let kind = kind(&message);
            idle |= kind == "status" && content(&message)["execution_state"] == "idle";
            replied |= kind.ends_with("_reply");
            answers.push(message);
        }
        answers
    }

    /// Reads until the server closes, and tells how it did.
    pub async fn closed(&mut self) -> Option<CloseFrame> {
        within("the server to close", async {
            loop {
                match self.stream.next().await {
                    Some(Ok(WsMessage::Close(frame))) => return frame,
                    Some(Ok(_)) => {}
                    Some(Err(_)) | None => return None,
                }
            }
        })
        .await
    }

    /// All messages that still come, until the server closes or is gone.
    pub async fn rest(&mut self) -> Vec<Message> {
        let mut rest = Vec::new();
        within("the end of the WebSocket", async {
            while let Some(Ok(frame)) = self.stream.next().await {
                let frame = match frame {
                    WsMessage::Text(text) => Frame::Text(text.as_str().into()),
                    WsMessage::Binary(bytes) => Frame::Binary(bytes),
                    WsMessage::Close(_) => return,
                    _ => continue,
                };
                rest.push(
                    self.subprotocol
                        .decode(frame)
                        .expect("a message that can be decoded"),
                );
            }
        })
        .await;
        rest
    }

    /// Says goodbye and waits for the server's.
    pub async fn close(mut self) {
        // A server that is gone already is closed.
        let _ = self.stream.close(None).await;
        let _ = self.closed().await;
    }
}

/// A request as a front end makes it, with an id of its own.
pub fn request(channel: Channel, msg_type: &str, session: &str, content: &Value) -> Message {
    let msg_id = uuid::Uuid::new_v4().to_string();
    let date = jiff::Timestamp::now().to_string();
    let header = NewHeader {
        msg_id: &msg_id,
        msg_type,
        session,
        username: "test",
        date: &date,
    };
    Message::new(channel, header, None, content)
}

fn kind(message: &Message) -> String {
    message.header().expect("a header").msg_type.to_string()
}

fn content(message: &Message) -> Value {
    serde_json::from_slice(&message.content).expect("content in JSON")
}
