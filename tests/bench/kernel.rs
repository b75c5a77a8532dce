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

use crate::side::{Name, Server, TOKEN};

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
    /// Numbered outputs that did not follow the one before.
    pub(crate) misplaced: usize,
}

/// What came until a cell was done.
#[derive(Default)]
struct Seen {
    outputs: usize,
    misplaced: usize,
}

impl Connection {
    /// Starts a synthetic kernel and connects to it. The relay starts it by itself.
    pub(crate) async fn open(server: &Server) -> Result<Self> {
        let kernel_id = match server.name {
            Name::Limit => "relayed".to_owned(),
            Name::Adrastea | Name::Reference => start(server).await?,
        };
        Self::join(server, &kernel_id).await
    }

    /// Connects to a kernel that runs.
    pub(crate) async fn join(server: &Server, kernel_id: &str) -> Result<Self> {
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
            kernel_id: kernel_id.to_owned(),
            session,
            sent: 0,
            socket,
        })
    }

    /// The kernel it is connected to.
    pub(crate) fn kernel_id(&self) -> &str {
        &self.kernel_id
    }

    /// Runs one cell and waits for its reply and its `idle`.
    pub(crate) async fn execute(&mut self, code: &str) -> Result<Executed> {
        let begin = Instant::now();
        let id = self.send(code).await?;
        let seen = tokio::time::timeout(CELL_TIMEOUT, self.until_done(&id))
            .await
            .with_context(|| format!("`{code}` did not end"))??;
        Ok(Executed {
            elapsed: begin.elapsed(),
            outputs: seen.outputs,
            misplaced: seen.misplaced,
        })
    }

    async fn send(&mut self, code: &str) -> Result<String> {
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
        self.socket.send(tungstenite::Message::Binary(bytes)).await?;
        Ok(id)
    }

    /// Reads `count` numbered outputs that another client's cell makes.
    pub(crate) async fn watch(&mut self, count: usize) -> Result<usize> {
        let mut seen = Seen::default();
        while seen.outputs < count {
            let message = self.next().await?;
            if message.header()?.msg_type == "stream" {
                seen.output(&message.content);
            }
        }
        Ok(seen.misplaced)
    }

    /// Asks for a cell and leaves its output unread.
    pub(crate) async fn ask(&mut self, code: &str) -> Result<()> {
        self.send(code).await.map(drop)
    }

    async fn next(&mut self) -> Result<Message> {
        loop {
            let frame = self.socket.next().await.context("the socket ended")??;
            if let tungstenite::Message::Binary(bytes) = frame {
                return Ok(Subprotocol::V1.decode(Frame::Binary(bytes))?);
            }
        }
    }

    async fn until_done(&mut self, id: &str) -> Result<Seen> {
        let (mut seen, mut replied, mut idle) = (Seen::default(), false, false);
        while !(replied && idle) {
            let message = self.next().await?;
            if message.parent()?.is_none_or(|parent| parent.msg_id != id) {
                continue;
            }
            match &*message.header()?.msg_type {
                "stream" => seen.output(&message.content),
                "execute_reply" => {
                    ensure!(!contains(&message.content, b"\"error\""), "the cell failed");
                    replied = true;
                }
                "status" => idle |= contains(&message.content, b"\"idle\""),
                _ => {}
            }
        }
        Ok(seen)
    }

    /// Ends the socket and the kernel.
    pub(crate) async fn close(mut self, server: &Server) -> Result<()> {
        self.socket.close(None).await?;
        if server.name == Name::Limit {
            return Ok(());
        }
        reqwest::Client::new()
            .delete(server.url(&format!("/api/kernels/{}", self.kernel_id)))
            .header("Authorization", format!("token {TOKEN}"))
            .send()
            .await?
            .error_for_status()?;
        Ok(())
    }
}

impl Seen {
    fn output(&mut self, content: &[u8]) {
        const BEFORE: usize = r#"{"name":"stdout","text":""#.len();
        let digits = content
            .iter()
            .skip(BEFORE)
            .take_while(|byte| byte.is_ascii_digit());
        let number = digits.fold(0, |number, digit| 10 * number + usize::from(digit - b'0'));
        self.misplaced += usize::from(number != self.outputs);
        self.outputs += 1;
    }
}

/// Starts a synthetic kernel; its id.
pub(crate) async fn start(server: &Server) -> Result<String> {
    let model: Value = reqwest::Client::new()
        .post(server.url("/api/kernels"))
        .header("Authorization", format!("token {TOKEN}"))
        .json(&json!({"name": "synthetic"}))
        .send()
        .await?
        .error_for_status()?
        .json()
        .await?;
    Ok(model["id"].as_str().context("no kernel id")?.to_owned())
}

fn contains(haystack: &[u8], needle: &[u8]) -> bool {
    haystack.windows(needle.len()).any(|window| window == needle)
}
