//! Files that are larger than the memory a server may use for them, and servers that are killed: the real program.

use std::io::Write;
use std::time::Duration;

use bytes::Bytes;
use futures::{StreamExt, stream};
use http::Method;
use reqwest::{Body, RequestBuilder, Response};
use sha2::{Digest, Sha256};
use test_support::eventually;

use super::uploads::metadata;
use crate::server::process::{Home, Running};

/// Bytes of the large file. `ADRASTEA_TEST_LARGE_BYTES=10737418240` for ten times as much.
const LARGE_BYTES: u64 = 1024 * 1024 * 1024;
/// What memory may grow by, however large the file.
const GROWTH_BYTES_MAX: u64 = 64 * 1024 * 1024;
/// Bytes that are sent at once.
const PIECE_BYTES: usize = 1024 * 1024;
/// The sparse file that is downloaded.
const SPARSE: &str = "sparse.bin";

/// Somebody with the token of a server. No deadline but that of the test as a whole: large files take their time.
struct Client {
    http: reqwest::Client,
    url: String,
    token: String,
}

impl Client {
    fn of(server: &Running) -> Self {
        Self {
            http: reqwest::Client::builder().no_proxy().build().expect("a client"),
            url: server.url(),
            token: server.token(),
        }
    }

    fn request(&self, method: Method, path: &str) -> RequestBuilder {
        let url = format!("{}{}", self.url, path.trim_start_matches('/'));
        let request = self.http.request(method, url);
        request.header("authorization", format!("token {}", self.token))
    }

    async fn begin(&self, path: &str, length: u64) -> String {
        let request = self
            .request(Method::POST, "api/uploads")
            .header("upload-length", length)
            .header("upload-metadata", metadata(&[("path", path)]));
        let created = request.send().await.expect("an answer");
        assert_eq!(created.status(), 201);
        header(&created, "location").to_owned()
    }

    fn append(&self, upload: &str, offset: u64, body: Body) -> RequestBuilder {
        self.request(Method::PATCH, upload)
            .header("upload-offset", offset)
            .header("content-type", "application/offset+octet-stream")
            .body(body)
    }

    async fn offset(&self, upload: &str) -> u64 {
        let head = self
            .request(Method::HEAD, upload)
            .send()
            .await
            .expect("an answer");
        assert_eq!(head.status(), 200);
        header(&head, "upload-offset").parse().expect("a number")
    }
}

fn header<'a>(response: &'a Response, name: &str) -> &'a str {
    let value = response.headers().get(name).expect("the header");
    value.to_str().expect("text")
}

fn large_bytes() -> u64 {
    test_support::variable("ADRASTEA_TEST_LARGE_BYTES").map_or(LARGE_BYTES, |bytes| {
        let bytes = bytes.to_str().and_then(|bytes| bytes.parse().ok());
        bytes.expect("a number of bytes")
    })
}

/// A piece of a file of which no two pieces are equal.
fn piece(offset: u64, length: u64) -> Bytes {
    let length = usize::try_from(length.min(PIECE_BYTES as u64)).expect("a piece");
    let mut piece = vec![b'x'; length];
    let mark = offset.to_le_bytes();
    let marked = length.min(mark.len());
    piece[..marked].copy_from_slice(&mark[..marked]);
    Bytes::from(piece)
}

/// The pieces of the file from `offset` on; its checksum, when there is somebody to make it for.
fn pieces(mut offset: u64, length: u64) -> impl Iterator<Item = Bytes> {
    std::iter::from_fn(move || {
        let left = length.checked_sub(offset).filter(|left| *left > 0)?;
        let piece = piece(offset, left);
        offset += piece.len() as u64;
        Some(piece)
    })
}

fn body(offset: u64, length: u64) -> Body {
    let pieces = pieces(offset, length).map(Ok::<_, std::io::Error>);
    Body::wrap_stream(stream::iter(pieces))
}

fn digest_of(length: u64) -> String {
    let mut digest = Sha256::new();
    for piece in pieces(0, length) {
        digest.update(&piece);
    }
    hex::encode(digest.finalize())
}

/// What the server's memory grew by meanwhile.
async fn growth(server: &Running, what: &str, work: impl Future<Output = ()>) -> u64 {
    let before = server.memory_bytes_max();
    work.await;
    let growth = server.memory_bytes_max().saturating_sub(before);
    assert!(
        growth < GROWTH_BYTES_MAX,
        "{what}: the server grew by {growth} bytes"
    );
    growth
}

#[tokio::test]
async fn a_file_larger_than_memory_is_uploaded_and_downloaded_in_little_of_it() {
    let home = Home::new();
    let server = home.start(&["server"]).await;
    let client = Client::of(&server);
    let length = large_bytes();
    client
        .request(Method::GET, "api/contents")
        .send()
        .await
        .expect("an answer");

    let upload = client.begin("large.bin", length).await;
    growth(&server, "upload", async {
        let request = client.append(&upload, 0, body(0, length));
        let done = request.send().await.expect("an answer");
        assert_eq!(done.status(), 204);
    })
    .await;
    let status = client
        .request(Method::GET, &upload)
        .send()
        .await
        .expect("an answer");
    let status: serde_json::Value = status.json().await.expect("JSON");
    // On another thread, so that the client notices when the server closes a connection that is idle meanwhile.
    let digest = tokio::task::spawn_blocking(move || digest_of(length));
    assert_eq!(status["sha256"], digest.await.expect("no panic"));
    let file = home.path("root").join("large.bin");
    assert_eq!(std::fs::metadata(&file).expect("the file").len(), length);
    std::fs::remove_file(&file).expect("the file");

    let sparse = std::fs::File::create(home.path("root").join(SPARSE)).expect("a file");
    sparse.set_len(length).expect("a sparse file");
    growth(&server, "download", async {
        assert_eq!(download(&client, None).await, (200, length));
        let half = format!("bytes={}-", length / 2);
        assert_eq!(download(&client, Some(&half)).await, (206, length - length / 2));
        // Clients that go away, and one that has read a little and reads no more.
        let mut slow = client
            .request(Method::GET, "files/sparse.bin")
            .send()
            .await
            .expect("an answer");
        slow.chunk().await.expect("bytes");
        for _ in 0..20 {
            let gone = client.request(Method::GET, "files/sparse.bin").send().await;
            drop(gone.expect("an answer"));
        }
        let head = client
            .request(Method::HEAD, "files/sparse.bin")
            .send()
            .await
            .expect("an answer");
        assert_eq!(header(&head, "content-length"), length.to_string());
        slow.chunk().await.expect("bytes");
    })
    .await;
}

#[tokio::test]
async fn a_directory_larger_than_memory_is_archived_in_little_of_it() {
    let home = Home::new();
    let server = home.start(&["server"]).await;
    let client = Client::of(&server);
    let directory = home.path("root").join("d");
    std::fs::create_dir(&directory).expect("a directory");
    for number in 0..3000 {
        std::fs::write(directory.join(format!("{number}.txt")), number.to_string()).expect("a file");
    }
    let sparse = std::fs::File::create(directory.join(SPARSE)).expect("a file");
    sparse.set_len(large_bytes() / 2).expect("a sparse file");
    let archive = home.path("archive.zip");
    client
        .request(Method::GET, "api/contents")
        .send()
        .await
        .expect("an answer");
    growth(&server, "archive", async {
        let response = client.request(Method::GET, "directories/d").send().await;
        let mut body = response.expect("an answer").bytes_stream();
        let mut file = std::fs::File::create(&archive).expect("a file");
        while let Some(piece) = body.next().await {
            file.write_all(&piece.expect("bytes")).expect("room");
        }
    })
    .await;
    let names = super::directories::entries(&archive);
    assert_eq!(names.as_object().map(serde_json::Map::len), Some(3001));
}

/// The status of a download, and how many bytes came.
async fn download(client: &Client, range: Option<&str>) -> (u16, u64) {
    let mut request = client.request(Method::GET, &format!("files/{SPARSE}"));
    if let Some(range) = range {
        request = request.header("range", range);
    }
    let response = request.send().await.expect("an answer");
    let status = response.status().as_u16();
    let mut bytes = 0;
    let mut body = response.bytes_stream();
    while let Some(piece) = body.next().await {
        bytes += piece.expect("bytes").len() as u64;
    }
    (status, bytes)
}

#[tokio::test]
async fn an_upload_goes_on_in_the_server_that_comes_after_a_killed_one() {
    let home = Home::new();
    // The port is part of what makes it the same server.
    let free = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = free.local_addr().expect("an address").port().to_string();
    drop(free);
    let arguments = ["server", "--port", &port, "--ServerApp.port_retries=0"];
    let length = 200 * 1024 * 1024 + 17;
    let mut server = home.start(&arguments).await;
    let upload = Client::of(&server).begin("large.bin", length).await;
    let mut kills = 0;
    let mut sent_again = 0;
    loop {
        let client = Client::of(&server);
        let offset = client.offset(&upload).await;
        let to_kill = kills < 3;
        // What comes before a kill is held back in the end, so that it is killed in the middle of a request.
        let until = if to_kill { length - 1 } else { length };
        let held_back = stream::once(std::future::pending::<Result<Bytes, std::io::Error>>());
        let pieces = stream::iter(pieces(offset, until).map(Ok));
        let body = if to_kill {
            Body::wrap_stream(pieces.chain(held_back))
        } else {
            Body::wrap_stream(pieces)
        };
        let sending = tokio::spawn(client.append(&upload, offset, body).send());
        if !to_kill {
            let done = sending.await.expect("no panic").expect("an answer");
            assert_eq!(done.status(), 204);
            break;
        }
        let enough = offset + 60 * 1024 * 1024;
        let reached = eventually("some progress", || async {
            let offset = client.offset(&upload).await;
            (offset >= enough.min(until)).then_some(offset)
        })
        .await;
        server.signal("KILL");
        server.ended().await;
        kills += 1;
        assert!(sending.await.expect("no panic").is_err());
        assert!(!home.path("root").join("large.bin").exists());
        server = home.start(&arguments).await;
        let safe = Client::of(&server).offset(&upload).await;
        assert!(safe >= offset, "{safe} is less than before, {offset}");
        sent_again += reached.saturating_sub(safe);
    }
    assert!(sent_again < length, "all of it had to be sent again");
    let bytes = std::fs::read(home.path("root").join("large.bin")).expect("the file");
    assert_eq!(bytes.len() as u64, length);
    assert_eq!(hex::encode(Sha256::digest(&bytes)), digest_of(length));
    let names = std::fs::read_dir(home.path("root"))
        .expect("the directory")
        .count();
    assert_eq!(names, 1, "something is left behind");
    // Keeps the last server until here.
    tokio::time::timeout(Duration::ZERO, server.ended())
        .await
        .expect_err("it runs");
}
