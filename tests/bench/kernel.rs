//! One WebSocket to one synthetic kernel, speaking the v1 subprotocol.

use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use futures::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio_tungstenite::{
    WebSocketStream,
    tungstenite::{self, client::IntoClientRequest, protocol::WebSocketConfig},
};
use wire::{Channel, Frame, Message, Subprotocol};

use crate::side::{Server, TOKEN};

/// How long one cell may take.
const CELL_TIMEOUT: Duration = Duration::from_secs(120);

/// A kernel of its own and the socket to it.
pub(crate) struct Connection {
    kernel_id: String,
    session: String,
    sent: u64,
    socket: WebSocketStream<TcpStream>,
}

/// What one cell did.
pub(crate) struct Executed {
    /// From the request to both its reply and its `idle`.
    pub(crate) elapsed: Duration,
    /// `stream` messages seen.
    pub(crate) outputs: usize,
}

impl Connection {
    /// Starts a synthetic kernel and connects to it.
    pub(crate) async fn open(server: &Server) -> Result<Self> {
        let model: Value = reqwest::Client::new()
            .post(server.url("/api/kernels"))
            .header("Authorization", format!("token {TOKEN}"))
            .json(&json!({"name": "synthetic"}))
            .send()
            .await?
            .error_for_status()?
            .json()
            .await?;
        let kernel_id = model["id"].as_str().context("no kernel id")?.to_owned();
        let session = uuid::Uuid::new_v4().to_string();
        let mut request = format!(
            "ws://127.0.0.1:{}/api/kernels/{kernel_id}/channels?session_id={session}&token={TOKEN}",
            server.port
        )
        .into_client_request()?;
        request
            .headers_mut()
            .insert("Sec-WebSocket-Protocol", Subprotocol::NAME_V1.parse()?);
        let stream = TcpStream::connect(("127.0.0.1", server.port)).await?;
        stream.set_nodelay(true)?;
        let config = WebSocketConfig::default()
            .max_message_size(None)
            .max_frame_size(None);
        let (socket, _) = tokio_tungstenite::client_async_with_config(request, stream, Some(config)).await?;
        Ok(Self {
            kernel_id,
            session,
            sent: 0,
            socket,
        })
    }

    /// Runs one cell and waits for its reply and its `idle`.
    pub(crate) async fn execute(&mut self, code: &str) -> Result<Executed> {
        self.sent += 1;
        let id = format!("{}_{}", self.session, self.sent);
        let header = json!({"msg_id": id, "msg_type": "execute_request", "session": self.session,
            "username": "", "version": "5.3", "date": "2026-01-01T00:00:00.000Z"});
        let content = json!({"code": code, "silent": false, "store_history": true,
            "user_expressions": {}, "allow_stdin": false, "stop_on_error": true});
        let message = Message {
            channel: Channel::Shell,
            header: header.to_string().into(),
            parent_header: "{}".into(),
            metadata: "{}".into(),
            content: content.to_string().into(),
            buffers: Vec::new(),
        };
        let Frame::Binary(bytes) = Subprotocol::V1.encode(&message)? else {
            bail!("v1 frames are binary")
        };
        let begin = Instant::now();
        self.socket.send(tungstenite::Message::Binary(bytes)).await?;
        let outputs = tokio::time::timeout(CELL_TIMEOUT, self.until_done(&id))
            .await
            .with_context(|| format!("`{code}` did not end"))??;
        Ok(Executed {
            elapsed: begin.elapsed(),
            outputs,
        })
    }

    async fn until_done(&mut self, id: &str) -> Result<usize> {
        let (mut outputs, mut replied, mut idle) = (0, false, false);
        while !(replied && idle) {
            let frame = self.socket.next().await.context("the socket ended")??;
            let tungstenite::Message::Binary(bytes) = frame else {
                continue;
            };
            let message = Subprotocol::V1.decode(Frame::Binary(bytes))?;
            if message.parent()?.is_none_or(|parent| parent.msg_id != id) {
                continue;
            }
            match &*message.header()?.msg_type {
                "stream" => outputs += 1,
                "execute_reply" => {
                    ensure!(!contains(&message.content, b"\"error\""), "the cell failed");
                    replied = true;
                }
                "status" => idle |= contains(&message.content, b"\"idle\""),
                _ => {}
            }
        }
        Ok(outputs)
    }

    /// Ends the socket and the kernel.
    pub(crate) async fn close(mut self, server: &Server) -> Result<()> {
        self.socket.close(None).await?;
        reqwest::Client::new()
            .delete(server.url(&format!("/api/kernels/{}", self.kernel_id)))
            .header("Authorization", format!("token {TOKEN}"))
            .send()
            .await?
            .error_for_status()?;
        Ok(())
    }
}

fn contains(haystack: &[u8], needle: &[u8]) -> bool {
    haystack.windows(needle.len()).any(|window| window == needle)
}
