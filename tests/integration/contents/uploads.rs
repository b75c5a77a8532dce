//! `/api/uploads`: the protocol tus, on the real server.

mod rights;

use base64::{Engine, engine::general_purpose::STANDARD};
use http::Method;
use serde_json::json;
use sha2::{Digest, Sha256};
use test_support::{Answer, TestClient, TestServer, eventually};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::{read, tree};

/// `Upload-Metadata` of these pairs.
pub(super) fn metadata(pairs: &[(&str, &str)]) -> String {
    let pairs = pairs
        .iter()
        .map(|(key, value)| format!("{key} {}", STANDARD.encode(value)));
    pairs.collect::<Vec<_>>().join(",")
}

pub(super) fn sha256_base64(bytes: &[u8]) -> String {
    STANDARD.encode(Sha256::digest(bytes))
}

async fn create(client: &TestClient, length: usize, pairs: &[(&str, &str)]) -> Answer {
    let request = client
        .request(Method::POST, "/api/uploads")
        .header("tus-resumable", "1.0.0")
        .header("upload-length", length)
        .header("upload-metadata", metadata(pairs));
    client.send(request).await
}

async fn begin(client: &TestClient, path: &str, length: usize) -> String {
    let created = create(client, length, &[("path", path)]).await.expect(201);
    created.header("location").to_owned()
}

async fn append(
    client: &TestClient,
    upload: &str,
    offset: usize,
    bytes: &[u8],
    headers: &[(&str, &str)],
) -> Answer {
    let mut request = client
        .request(Method::PATCH, upload)
        .header("tus-resumable", "1.0.0")
        .header("upload-offset", offset)
        .header("content-type", "application/offset+octet-stream");
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    client.send(request.body(bytes.to_vec())).await
}

#[tokio::test]
async fn a_file_is_uploaded_in_parts_and_its_progress_is_visible() {
    let server = TestServer::builder().file("d/x", "").start().await;
    let client = server.as_owner();
    let upload = begin(&client, "d/ü 1.bin", 6).await;
    let half = append(&client, &upload, 0, b"abc", &[]).await.expect(204);
    assert_eq!(half.header("etag"), "");
    assert_eq!(half.header("upload-offset"), "3");
    assert_eq!(half.header("tus-resumable"), "1.0.0");

    let head = client.head(&upload).await.expect(200);
    assert_eq!(head.header("upload-offset"), "3");
    assert_eq!(head.header("upload-length"), "6");
    assert_eq!(head.header("upload-metadata"), metadata(&[("path", "d/ü 1.bin")]));
    assert_eq!(head.header("cache-control"), "no-store");
    assert!(head.header("upload-expires").ends_with("GMT"));
    let progress = client.get(&upload).await.expect(200).json();
    assert_eq!(progress["path"], "d/ü 1.bin");
    assert_eq!((&progress["offset"], &progress["length"]), (&json!(3), &json!(6)));
    assert_eq!(
        (&progress["complete"], &progress["sha256"]),
        (&json!(false), &json!(null))
    );
    let list = client.get("/api/uploads").await.expect(200).json();
    assert_eq!(list, json!([progress]));
    // What has come so far is nobody's business.
    let listing = client.get("/api/contents/d").await.expect(200).json();
    assert_eq!(listing["content"].as_array().map(Vec::len), Some(1));

    let last = append(&client, &upload, 3, b"def", &[]).await.expect(204);
    let digest = format!("sha-256=:{}:", sha256_base64(b"abcdef"));
    assert_eq!(last.header("repr-digest"), digest);
    let file = client.head("/files/d/ü 1.bin").await.expect(200);
    assert_eq!(last.header("etag"), file.header("etag"));
    assert_eq!(read(&server, "d/ü 1.bin"), b"abcdef");
    assert_eq!(tree(&server), ["d", "d/x", "d/ü 1.bin"]);
    // Who missed the answer can ask, and a last part that comes again does no harm.
    let done = client.get(&upload).await.expect(200).json();
    assert_eq!(done["complete"], true);
    assert_eq!(done["sha256"], hex::encode(Sha256::digest(b"abcdef")));
    append(&client, &upload, 6, b"", &[]).await.expect(204);
    client.delete(&upload).await.expect(204);
    client.head(&upload).await.expect(404);
    assert_eq!(read(&server, "d/ü 1.bin"), b"abcdef");
}

#[tokio::test]
async fn a_first_part_and_an_empty_file_need_no_second_request() {
    let server = TestServer::start().await;
    let client = server.as_owner();
    let request = client
        .request(Method::POST, "/api/uploads")
        .header("upload-length", 3)
        .header("upload-metadata", metadata(&[("filename", "a.txt")]))
        .header("content-type", "application/offset+octet-stream")
        .header("repr-digest", format!("sha-256=:{}:", sha256_base64(b"abc")))
        .body("abc");
    let created = client.send(request).await.expect(201);
    assert_eq!(created.header("upload-offset"), "3");
    assert!(!created.header("repr-digest").is_empty());
    assert_eq!(read(&server, "a.txt"), b"abc");
    create(&client, 0, &[("path", "empty")]).await.expect(201);
    assert_eq!(read(&server, "empty"), b"");
}

#[tokio::test]
async fn what_is_there_is_replaced_only_when_asked() {
    let server = TestServer::builder().file("a.txt", "old").start().await;
    let client = server.as_owner();
    let refused = create(&client, 3, &[("path", "a.txt")]).await.expect(409);
    assert_eq!(refused.json()["message"], "File already exists: a.txt");
    let created = create(&client, 3, &[("path", "a.txt"), ("overwrite", "true")]).await;
    let upload = created.expect(201).header("location").to_owned();
    assert_eq!(read(&server, "a.txt"), b"old");
    append(&client, &upload, 0, b"new", &[]).await.expect(204);
    assert_eq!(read(&server, "a.txt"), b"new");
}

#[tokio::test]
async fn a_file_is_replaced_only_in_the_version_that_was_asked_for() {
    let server = TestServer::builder().file("a.txt", "old").start().await;
    let client = server.as_owner();
    let create = async |version: &str| {
        let pairs = [("path", "a.txt"), ("overwrite", "true")];
        let request = client
            .request(Method::POST, "/api/uploads")
            .header("upload-length", 3)
            .header("upload-metadata", metadata(&pairs))
            .header("if-match", version);
        client.send(request).await
    };
    create("\"nonsense\"").await.expect(412);
    assert_eq!(tree(&server), ["a.txt"]);
    let version = async || {
        let found = client.get("/api/contents/a.txt").await.expect(200);
        found.header("etag").to_owned()
    };
    let begun = create(&version().await).await.expect(201);
    let upload = begun.header("location").to_owned();
    std::fs::write(server.root().join("a.txt"), "mine, meanwhile").unwrap();
    append(&client, &upload, 0, b"new", &[]).await.expect(412);
    assert_eq!(read(&server, "a.txt"), b"mine, meanwhile");

    let begun = create(&version().await).await.expect(201);
    append(&client, begun.header("location"), 0, b"new", &[])
        .await
        .expect(204);
    assert_eq!(read(&server, "a.txt"), b"new");
}

#[tokio::test]
async fn wrong_offsets_types_versions_and_lengths_are_told_apart() {
    let server = TestServer::start().await;
    let client = server.as_owner();
    let upload = begin(&client, "a.txt", 6).await;
    append(&client, &upload, 0, b"abc", &[]).await.expect(204);
    for offset in [0, 2, 4, 7] {
        let wrong = append(&client, &upload, offset, b"", &[]).await.expect(409);
        assert_eq!(wrong.header("upload-offset"), "3");
    }
    append(&client, &upload, 3, b"defg", &[]).await.expect(413);
    let untyped = client.request(Method::PATCH, &upload).header("upload-offset", 3);
    client.send(untyped.body("def")).await.expect(415);
    let other = client
        .request(Method::POST, "/api/uploads")
        .header("tus-resumable", "0.2.2")
        .header("upload-length", 3);
    assert_eq!(
        client.send(other).await.expect(412).header("tus-version"),
        "1.0.0"
    );
    for (path, status) in [
        ("missing/a", 404),
        ("../a", 404),
        (".hidden", 400),
        ("", 400),
        ("a\0", 404),
    ] {
        create(&client, 3, &[("path", path)]).await.expect(status);
    }
    assert_eq!(client.head(&upload).await.header("upload-offset"), "3");
}

#[tokio::test]
async fn wrong_checksums_change_nothing() {
    let server = TestServer::builder().file("a.txt", "old").start().await;
    let client = server.as_owner();
    let target = [("path", "a.txt"), ("overwrite", "true")];
    let upload = create(&client, 6, &target)
        .await
        .expect(201)
        .header("location")
        .to_owned();
    let wrong = format!("sha256 {}", sha256_base64(b"xxx"));
    let refused = append(&client, &upload, 0, b"abc", &[("upload-checksum", &wrong)]).await;
    assert_eq!(refused.expect(460).header("upload-offset"), "0");
    let right = format!("sha256 {}", sha256_base64(b"abc"));
    append(&client, &upload, 0, b"abc", &[("upload-checksum", &right)])
        .await
        .expect(204);
    append(&client, &upload, 3, b"def", &[("upload-checksum", "sha1 AA==")])
        .await
        .expect(400);
    let whole = format!("sha-256=:{}:", sha256_base64(b"abc"));
    let refused = append(&client, &upload, 3, b"def", &[("repr-digest", &whole)])
        .await
        .expect(460);
    let message = refused.json()["message"].as_str().unwrap().to_owned();
    assert!(
        message.contains(&hex::encode(Sha256::digest(b"abcdef"))),
        "{message}"
    );
    client.head(&upload).await.expect(404);

    let announced = hex::encode(Sha256::digest(b"abc"));
    let target = [("path", "a.txt"), ("overwrite", ""), ("sha256", &announced)];
    let upload = create(&client, 3, &target)
        .await
        .expect(201)
        .header("location")
        .to_owned();
    append(&client, &upload, 0, b"abd", &[]).await.expect(460);
    assert_eq!(read(&server, "a.txt"), b"old");
    assert_eq!(tree(&server), ["a.txt"]);
}

/// A PATCH of which only some bytes are sent.
async fn send_some(
    server: &TestServer,
    upload: &str,
    offset: usize,
    length: usize,
    bytes: &[u8],
) -> TcpStream {
    let address = server.server().local_address().expect("a TCP address");
    let mut stream = TcpStream::connect(address).await.expect("a connection");
    let head = format!(
        "PATCH {upload} HTTP/1.1\r\nhost: {address}\r\nx-test-user: owner\r\nupload-offset: {offset}\r\n\
         content-type: application/offset+octet-stream\r\ncontent-length: {length}\r\n\r\n"
    );
    stream
        .write_all(head.as_bytes())
        .await
        .expect("a server that reads");
    stream.write_all(bytes).await.expect("a server that reads");
    stream
}

async fn offset_becomes(client: &TestClient, upload: &str, offset: &str) {
    eventually("the offset", || async {
        let head = client.head(upload).await.expect(200);
        (head.header("upload-offset") == offset).then_some(())
    })
    .await;
}

#[tokio::test]
async fn an_upload_goes_on_after_a_connection_that_broke() {
    let server = TestServer::start().await;
    let client = server.as_owner();
    let upload = begin(&client, "a.txt", 10).await;
    drop(send_some(&server, &upload, 0, 10, b"abcd").await);
    offset_becomes(&client, &upload, "4").await;
    append(&client, &upload, 4, b"efghij", &[]).await.expect(204);
    assert_eq!(read(&server, "a.txt"), b"abcdefghij");
}

#[tokio::test]
async fn a_newer_request_takes_over_from_one_that_hangs() {
    let server = TestServer::start().await;
    let client = server.as_owner();
    let upload = begin(&client, "a.txt", 10).await;
    let mut hanging = send_some(&server, &upload, 0, 10, b"abcd").await;
    offset_becomes(&client, &upload, "4").await;
    append(&client, &upload, 4, b"efghij", &[]).await.expect(204);
    assert_eq!(read(&server, "a.txt"), b"abcdefghij");
    let mut answer = vec![0; 4096];
    let count = hanging.read(&mut answer).await.expect("an answer");
    let answer = String::from_utf8_lossy(&answer[..count]).into_owned();
    assert!(answer.starts_with("HTTP/1.1 409"), "{answer}");
}

#[tokio::test]
async fn many_requests_at_once_write_every_byte_once() {
    let server = TestServer::start().await;
    let client = server.as_owner();
    let bytes: Vec<u8> = (0..100_000_u32).flat_map(u32::to_le_bytes).collect();
    let upload = begin(&client, "a.bin", bytes.len()).await;
    let step = 40_000;
    let writers = (0..4).map(|_| {
        let (client, upload, bytes) = (client.clone(), upload.clone(), bytes.clone());
        tokio::spawn(async move {
            loop {
                let status = client.get(&upload).await.expect(200).json();
                if status["complete"] == true {
                    return;
                }
                let offset = usize::try_from(status["offset"].as_u64().unwrap()).unwrap();
                let end = bytes.len().min(offset + step);
                let answer = append(&client, &upload, offset, &bytes[offset..end], &[]).await;
                assert!(matches!(answer.status.as_u16(), 204 | 409), "{}", answer.text());
            }
        })
    });
    for writer in writers.collect::<Vec<_>>() {
        writer.await.expect("a writer that ends");
    }
    assert!(read(&server, "a.bin") == bytes);
}

#[tokio::test]
async fn limits_are_named_in_their_refusals() {
    let server = TestServer::builder()
        .setting("Adrastea.upload_bytes_max", "1152921504606846976")
        .setting("Adrastea.uploads_in_progress_max", "3")
        .setting("Adrastea.uploads_in_progress_per_user_max", "2")
        .start()
        .await;
    let (ada, bob) = (server.as_user("ada"), server.as_user("bob"));
    let refused = create(&ada, 1 << 59, &[("path", "a")]).await.expect(507);
    assert!(refused.text().contains("No space left"), "{}", refused.text());
    let refused = create(&ada, (1 << 60) + 1, &[("path", "a")]).await.expect(413);
    assert!(refused.text().contains("upload_bytes_max"), "{}", refused.text());
    begin(&ada, "a", 1).await;
    let second = begin(&ada, "b", 1).await;
    let refused = create(&ada, 1, &[("path", "c")]).await.expect(429);
    assert!(
        refused.text().contains("uploads_in_progress_per_user_max"),
        "{}",
        refused.text()
    );
    begin(&bob, "c", 1).await;
    let refused = create(&bob, 1, &[("path", "d")]).await.expect(429);
    assert!(
        refused.text().contains("uploads_in_progress_max"),
        "{}",
        refused.text()
    );
    append(&ada, &second, 0, b"b", &[]).await.expect(204);
    begin(&bob, "d", 1).await;
}

#[tokio::test]
async fn an_upload_nobody_goes_on_with_expires() {
    let server = TestServer::builder()
        .setting("Adrastea.upload_expiry_s", "1")
        .start()
        .await;
    let client = server.as_owner();
    let upload = begin(&client, "a", 5).await;
    append(&client, &upload, 0, b"abc", &[]).await.expect(204);
    eventually("the end of the upload", || async {
        (client.head(&upload).await.status == 404).then_some(())
    })
    .await;
    assert_eq!(tree(&server), Vec::<String>::new());
}

#[tokio::test]
async fn an_upload_is_as_large_as_the_disk_allows_and_not_as_other_bodies() {
    let server = TestServer::builder()
        .setting("ServerApp.max_body_size", "1000")
        .start()
        .await;
    let client = server.as_owner();
    let bytes = vec![b'x'; 3_000_000];
    let upload = begin(&client, "a", bytes.len()).await;
    append(&client, &upload, 0, &bytes, &[]).await.expect(204);
    assert!(read(&server, "a") == bytes);
    let text = json!({"type": "file", "format": "text", "content": "x".repeat(2000)});
    client.put("/api/contents/b", &text).await.expect(413);
}
