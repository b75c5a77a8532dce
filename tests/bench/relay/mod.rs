//! The raw relay: what remains of the channels when nobody asks who may, whether a signature is right, or who has read
//! how far. `ZeroMQ` in, WebSocket out, with the same kernel.
//!
//! A program of its own (this one, started again). Each WebSocket has a kernel of its own, whatever its path says.

mod zmtp;

use std::{net::TcpListener as Free, path::PathBuf, process::Stdio, time::Duration};

use anyhow::{Context, Result};
use bytes::Bytes;
use futures::{SinkExt, StreamExt};
use serde_json::json;
use tokio::io::AsyncWriteExt;
use tokio::net::{TcpListener, TcpStream};
use tokio::process::Command;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::handshake::server::{Request, Response};
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tokio_tungstenite::tungstenite::{self, http::HeaderValue};
use wire::{Channel, Frame, Message, Signer, Subprotocol, encode_v1, to_frames};

/// The argument that makes this program the relay.
pub(crate) const WORD: &str = "raw-relay";
/// The argument that names the program of the kernel.
pub(crate) const KERNEL: &str = "--kernel=";
/// What waits for one flush, at most.
const BATCH_BYTES: usize = 128 << 10;
const CONNECT_RETRY: Duration = Duration::from_millis(2);

/// Serves until it is killed.
pub(crate) async fn serve(arguments: &[String]) -> Result<()> {
    let value = |name: &str| {
        let found = arguments.iter().find_map(|argument| argument.strip_prefix(name));
        found.with_context(|| format!("{name} is missing"))
    };
    let port: u16 = value("--ServerApp.port=")?.parse()?;
    let kernel = PathBuf::from(value(KERNEL)?);
    let listener = TcpListener::bind(("127.0.0.1", port)).await?;
    loop {
        let (stream, _) = listener.accept().await?;
        stream.set_nodelay(true)?;
        let kernel = kernel.clone();
        tokio::spawn(async move {
            let mut start = [0; 9];
            if stream.peek(&mut start).await.is_ok() && &start == b"GET /api " {
                return answer(stream).await;
            }
            // A client or a kernel that is gone ends the relay between them.
            relay(stream, kernel).await
        });
    }
}

/// That it runs.
async fn answer(mut stream: TcpStream) -> Result<()> {
    stream
        .write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\n{}")
        .await?;
    Ok(stream.shutdown().await?)
}

async fn relay(stream: TcpStream, program: PathBuf) -> Result<()> {
    let directory = tempfile::tempdir()?;
    let file = directory.path().join("kernel.json");
    // All five are held until all are known, so that no two are the same.
    let free: Vec<_> = (0..5)
        .map(|_| Free::bind("127.0.0.1:0"))
        .collect::<Result<_, _>>()?;
    let ports: Vec<_> = free
        .iter()
        .map(|free| free.local_addr().map(|address| address.port()))
        .collect::<Result<_, _>>()?;
    drop(free);
    let connection = json!({"transport": "tcp", "ip": "127.0.0.1", "key": "", "signature_scheme": "hmac-sha256",
        "shell_port": ports[0], "iopub_port": ports[1], "stdin_port": ports[2], "control_port": ports[3], "hb_port": ports[4]});
    std::fs::write(&file, connection.to_string())?;
    let _kernel = Command::new(program)
        .arg(&file)
        .stdin(Stdio::null())
        .kill_on_drop(true)
        .spawn()?;
    let (mut shell, mut answers) = patiently(ports[0], "DEALER").await?;
    let (mut subscription, mut output) = patiently(ports[1], "SUB").await?;
    subscription.send(&[Bytes::from_static(b"\x01")]).await?;
    // Its welcome: what is asked from now on is heard.
    output.message().await?;
    let config = WebSocketConfig::default()
        .max_message_size(None)
        .max_frame_size(None);
    let socket = tokio_tungstenite::accept_hdr_async_with_config(stream, accept, Some(config)).await?;
    let (mut down, mut up) = WebSocketStream::split(socket);
    let signer = Signer::new("hmac-sha256", b"")?;
    loop {
        tokio::select! {
            frames = output.message() => {
                let mut bytes = forward(&mut down, Channel::Iopub, frames?).await?;
                while output.has_read() && bytes < BATCH_BYTES {
                    bytes += forward(&mut down, Channel::Iopub, output.message().await?).await?;
                }
                down.flush().await?;
            }
            frames = answers.message() => {
                forward(&mut down, Channel::Shell, frames?).await?;
                down.flush().await?;
            }
            frame = up.next() => {
                let Some(tungstenite::Message::Binary(bytes)) = frame.transpose()? else { return Ok(()) };
                let message = Subprotocol::V1.decode(Frame::Binary(bytes))?;
                shell.send(&to_frames(message, &signer)).await?;
            }
        }
    }
}

async fn forward<S>(down: &mut S, channel: Channel, frames: Vec<Bytes>) -> Result<usize>
where
    S: SinkExt<tungstenite::Message, Error = tungstenite::Error> + Unpin,
{
    let mut parts = frames
        .into_iter()
        .skip_while(|frame| frame != wire::DELIMITER)
        .skip(2);
    let mut part = || parts.next().unwrap_or_default();
    let message = Message {
        channel,
        header: part(),
        parent_header: part(),
        metadata: part(),
        content: part(),
        buffers: Vec::new(),
    };
    let encoded = encode_v1(&Message {
        buffers: parts.collect(),
        ..message
    });
    let bytes = encoded.len();
    down.feed(tungstenite::Message::Binary(encoded)).await?;
    Ok(bytes)
}

/// As soon as the kernel listens.
async fn patiently(port: u16, socket_type: &str) -> Result<(zmtp::Sender, zmtp::Receiver)> {
    loop {
        match zmtp::connect(port, socket_type).await {
            Ok(connected) => return Ok(connected),
            Err(_) => tokio::time::sleep(CONNECT_RETRY).await,
        }
    }
}

#[expect(
    clippy::result_large_err,
    clippy::unnecessary_wraps,
    reason = "the type that the handshake asks for"
)]
fn accept(
    _request: &Request,
    mut response: Response,
) -> Result<Response, tungstenite::handshake::server::ErrorResponse> {
    response.headers_mut().insert(
        "Sec-WebSocket-Protocol",
        HeaderValue::from_static(Subprotocol::NAME_V1),
    );
    Ok(response)
}
