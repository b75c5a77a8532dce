//! HTTP/1.1 as it is written on the wire: no library between a test and the bytes of its request.

use std::io;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::request::Request;

/// An answer as it came.
#[derive(Clone, Debug)]
pub(super) struct RawAnswer {
    pub(super) status: u16,
    /// Names in lower case.
    pub(super) headers: Vec<(String, String)>,
    pub(super) body: Vec<u8>,
}

impl RawAnswer {
    pub(super) fn header(&self, name: &str) -> Option<&str> {
        let mut found = self.headers.iter().filter(|(key, _)| key == name);
        found.next().map(|(_, value)| value.as_str())
    }
}

/// A connection that is kept alive, and made anew when the server closes it.
pub(super) struct Connection {
    port: u16,
    stream: Option<TcpStream>,
    received: Vec<u8>,
}

impl Connection {
    pub(super) fn new(port: u16) -> Self {
        Self {
            port,
            stream: None,
            received: Vec::new(),
        }
    }

    /// Sends a request with its target and headers exactly as given. A connection that the server closed while it
    /// was idle is made anew, once.
    pub(super) async fn send(
        &mut self,
        target: &str,
        request: &Request,
        headers: &[(String, String)],
    ) -> RawAnswer {
        let mut bytes = format!(
            "{} {target} HTTP/1.1\r\nHost: 127.0.0.1:{}\r\n",
            request.method, self.port
        );
        for (name, value) in headers {
            bytes += &format!("{name}: {value}\r\n");
        }
        if !request.body.is_empty() || !matches!(&*request.method, "GET" | "HEAD" | "OPTIONS" | "DELETE") {
            bytes += &format!("Content-Length: {}\r\n", request.body.len());
        }
        let bytes = [bytes.as_bytes(), b"\r\n", request.body.as_bytes()].concat();
        let had_connection = self.stream.is_some();
        match self.exchange(&bytes, &request.method).await {
            Ok(answer) => answer,
            Err(_) if had_connection => {
                self.stream = None;
                let again = self.exchange(&bytes, &request.method).await;
                again.unwrap_or_else(|error| panic!("no answer to {request}: {error}"))
            }
            Err(error) => panic!("no answer to {request}: {error}"),
        }
    }

    async fn exchange(&mut self, bytes: &[u8], method: &str) -> io::Result<RawAnswer> {
        if self.stream.is_none() {
            self.received.clear();
            let stream = TcpStream::connect(("127.0.0.1", self.port)).await?;
            stream.set_nodelay(true)?;
            self.stream = Some(stream);
        }
        self.stream.as_mut().expect("connected").write_all(bytes).await?;
        let answer = self.receive(method).await?;
        if answer.header("connection") == Some("close") {
            self.stream = None;
        }
        Ok(answer)
    }

    async fn receive(&mut self, method: &str) -> io::Result<RawAnswer> {
        let head = loop {
            if let Some(end) = self.received.windows(4).position(|four| four == b"\r\n\r\n") {
                break self.take(end + 4);
            }
            self.more().await?;
        };
        let head = String::from_utf8_lossy(&head).into_owned();
        let mut lines = head.trim_end().split("\r\n");
        let status = lines.next().and_then(|line| line.split(' ').nth(1)?.parse().ok());
        let status: u16 = status.ok_or(io::ErrorKind::InvalidData)?;
        let headers = lines.filter_map(|line| line.split_once(':'));
        let headers = headers.map(|(name, value)| (name.to_ascii_lowercase(), value.trim().to_owned()));
        let mut answer = RawAnswer {
            status,
            headers: headers.collect(),
            body: Vec::new(),
        };
        if method == "HEAD" || matches!(status, 204 | 304) {
            return Ok(answer);
        }
        answer.body = match answer.header("content-length").map(str::parse) {
            Some(length) => {
                self.exactly(length.map_err(|_| io::ErrorKind::InvalidData)?)
                    .await?
            }
            None if answer.header("transfer-encoding") == Some("chunked") => self.chunks().await?,
            None => return Err(io::Error::other("an answer without a length")),
        };
        Ok(answer)
    }

    async fn chunks(&mut self) -> io::Result<Vec<u8>> {
        let mut body = Vec::new();
        loop {
            let end = loop {
                match self.received.windows(2).position(|two| two == b"\r\n") {
                    Some(end) => break end,
                    None => self.more().await?,
                }
            };
            let size = self.take(end + 2);
            let size = usize::from_str_radix(String::from_utf8_lossy(&size).trim(), 16);
            let size = size.map_err(|_| io::ErrorKind::InvalidData)?;
            body.extend(self.exactly(size).await?);
            self.exactly(2).await?;
            if size == 0 {
                return Ok(body);
            }
        }
    }

    async fn exactly(&mut self, length: usize) -> io::Result<Vec<u8>> {
        while self.received.len() < length {
            self.more().await?;
        }
        Ok(self.take(length))
    }

    fn take(&mut self, length: usize) -> Vec<u8> {
        self.received.drain(..length).collect()
    }

    async fn more(&mut self) -> io::Result<()> {
        let stream = self.stream.as_mut().expect("connected");
        match test_support::within("an answer", stream.read_buf(&mut self.received)).await? {
            0 => Err(io::ErrorKind::UnexpectedEof.into()),
            _ => Ok(()),
        }
    }
}
