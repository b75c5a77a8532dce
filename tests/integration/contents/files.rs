//! `/files`: bytes, ranges, headers, and who may ask.

use http::Method;
use test_support::{Answer, TestClient, TestServer};

const PAGE_POLICY: &str =
    "frame-ancestors 'self'; report-uri /api/security/csp-report; sandbox allow-scripts";

async fn get_range(client: &TestClient, path: &str, range: &str) -> Answer {
    client
        .send(client.request(Method::GET, path).header("range", range))
        .await
}

#[tokio::test]
async fn a_file_comes_with_the_headers_of_the_reference() {
    let server = TestServer::builder()
        .file("d/ä.txt", "hello")
        .file("n.ipynb", "{}")
        .file("x.tgz", "")
        .start()
        .await;
    let client = server.with_token();
    let answer = client.get("/files/d/ä.txt").await.expect(200);
    assert_eq!(answer.body, b"hello");
    for (name, value) in [
        ("content-type", "text/plain; charset=UTF-8"),
        ("content-length", "5"),
        ("accept-ranges", "bytes"),
        ("cache-control", "no-cache"),
        ("content-security-policy", PAGE_POLICY),
        ("x-content-type-options", "nosniff"),
        ("content-disposition", ""),
    ] {
        assert_eq!(answer.header(name), value, "{name}");
    }
    let head = client.head("/files/d/ä.txt").await.expect(200);
    assert_eq!((head.header("content-length"), head.body.len()), ("5", 0));
    assert_eq!(head.header("etag"), answer.header("etag"));
    let answer = client.get("/files/d/ä.txt?download=1").await.expect(200);
    assert_eq!(
        answer.header("content-disposition"),
        "attachment; filename*=utf-8''%C3%A4.txt"
    );
    let answer = client.get("/files/n.ipynb").await.expect(200);
    assert_eq!(answer.header("content-type"), "application/x-ipynb+json");
    assert_eq!(
        answer.header("content-disposition"),
        "attachment; filename*=utf-8''n.ipynb"
    );
    assert_eq!(
        client
            .get("/files/x.tgz")
            .await
            .expect(200)
            .header("content-type"),
        "application/gzip"
    );
}

#[tokio::test]
async fn ranges_are_sent_alone() {
    let server = TestServer::builder().file("a", "0123456789").start().await;
    let client = server.with_token();
    for (range, status, content_range, body) in [
        ("bytes=2-4", 206, "bytes 2-4/10", "234"),
        ("bytes=-3", 206, "bytes 7-9/10", "789"),
        ("bytes=0-99", 200, "", "0123456789"),
        ("bytes=20-", 416, "bytes */10", ""),
        ("nonsense", 200, "", "0123456789"),
    ] {
        let answer = get_range(&client, "/files/a", range).await.expect(status);
        assert_eq!(
            (answer.header("content-range"), answer.text().as_str()),
            (content_range, body),
            "{range}"
        );
        assert_eq!(answer.header("content-security-policy"), PAGE_POLICY);
    }
}

#[tokio::test]
async fn an_unchanged_file_is_not_sent_again() {
    let server = TestServer::builder().file("a", "x").start().await;
    let client = server.with_token();
    let date = client.get("/files/a").await.header("last-modified").to_owned();
    let ask = |date: &str| {
        client.send(
            client
                .request(Method::GET, "/files/a")
                .header("if-modified-since", date),
        )
    };
    let answer = ask(&date).await.expect(304);
    assert!(answer.body.is_empty());
    ask("Thu, 01 Jan 1970 00:00:00 GMT").await.expect(200);
}

#[tokio::test]
async fn what_is_no_visible_file_is_a_page() {
    let server = TestServer::builder().file("d/a", "").file(".h", "").start().await;
    let client = server.with_token();
    for (path, status) in [
        ("none", 404),
        (".h", 404),
        ("d", 403),
        ("d/../../x", 404),
        ("%2e%2e/x", 404),
    ] {
        let answer = client.get(&format!("/files/{path}")).await.expect(status);
        assert!(answer.header("content-type").starts_with("text/html"), "{path}");
    }
}

#[tokio::test]
async fn other_sites_cannot_embed_files() {
    let server = TestServer::builder().file("a", "x").start().await;
    let browser = server.anonymous().with_cookies();
    browser.get(&format!("/?token={}", test_support::TOKEN)).await;
    let ask = |referer: Option<String>| {
        let request = browser.request(Method::GET, "/files/a");
        browser.send(match referer {
            Some(referer) => request.header("referer", referer),
            None => request,
        })
    };
    browser.get("/api/contents/a").await.expect(200);
    ask(None).await.expect(403);
    ask(Some("http://elsewhere.example/".to_owned()))
        .await
        .expect(403);
    assert_eq!(ask(Some(server.url())).await.expect(200).body, b"x");
    let answer = server.anonymous().get("/files/a").await.expect(302);
    assert!(
        answer.header("location").starts_with("/login?next="),
        "{}",
        answer.header("location")
    );
}

#[tokio::test]
async fn a_large_file_is_streamed_whole() {
    let bytes: Vec<u8> = (0..10_000_000_u32)
        .map(|number| number.to_le_bytes()[0] ^ number.to_le_bytes()[2])
        .collect();
    let server = TestServer::builder().file("big", &bytes).start().await;
    assert!(server.with_token().get("/files/big").await.expect(200).body == bytes);
}

#[tokio::test]
async fn a_socket_is_no_file() {
    let server = TestServer::start().await;
    let _listener = std::os::unix::net::UnixListener::bind(server.root().join("s")).unwrap();
    let client = server.with_token();
    client.get("/files/s").await.expect(403);
    client.head("/files/s").await.expect(403);
    let told = client.get("/api/contents/s").await.expect(400).json();
    let expected = format!("Cannot read non-file {}", server.root().join("s").display());
    assert_eq!(told["message"], expected);
}
