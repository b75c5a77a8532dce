//! Tokens, cookies, hosts and origins, over the wire.

use http::Method;
use serde_json::json;
use test_support::{TOKEN, TestClient, TestServer, TestServerBuilder};

fn builder() -> TestServerBuilder {
    TestServer::builder().policy("owner")
}

/// A browser that followed the URL with the token, as the start prints it.
async fn from_the_printed_url(server: &TestServer) -> TestClient {
    let browser = server.anonymous().with_cookies();
    browser.get(&format!("/api/me?token={TOKEN}")).await.expect(200);
    browser
}

#[tokio::test]
async fn the_printed_url_logs_a_browser_in() {
    let server = builder().start().await;
    let browser = from_the_printed_url(&server).await;
    browser.get("/api/me").await.expect(200);
    server.anonymous().get("/api/me").await.expect(403);
}

#[tokio::test]
async fn with_a_cookie_alone_nothing_changes_without_xsrf() {
    let server = builder().file("a.txt", "a").start().await;
    let browser = from_the_printed_url(&server).await;
    let refused = browser.delete("/api/contents/a.txt").await.expect(403).json();
    assert_eq!(
        refused,
        json!({"message": "'_xsrf' argument missing from POST", "reason": null})
    );
    assert!(server.root().join("a.txt").exists());

    // The form is shown to those who are not logged in; its cookie is the browser's from then on.
    browser.get("/logout").await.expect(200);
    let page = browser.get("/login").await.expect(200);
    let xsrf = page.cookie("_xsrf").expect("the cookie");
    browser.get(&format!("/api/me?token={TOKEN}")).await.expect(200);
    let request = browser
        .request(Method::DELETE, "/api/contents/a.txt")
        .header("x-xsrftoken", xsrf);
    browser.send(request).await.expect(204);
    assert!(!server.root().join("a.txt").exists());
}

#[tokio::test]
async fn pages_of_other_sites_see_no_api_and_get_no_socket() {
    let server = builder().start().await;
    let kernel = server
        .with_token()
        .post("/api/kernels", &json!({}))
        .await
        .expect(201)
        .json();
    let channels = format!("/api/kernels/{}/channels", kernel["id"].as_str().expect("an id"));
    let browser = from_the_printed_url(&server).await;
    let from_elsewhere = |method, path: &str| {
        browser
            .request(method, path)
            .header("origin", "https://evil.org")
            .header("connection", "upgrade")
            .header("upgrade", "websocket")
            .header("sec-websocket-version", "13")
            .header("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ==")
    };
    browser
        .send(from_elsewhere(Method::GET, "/api/kernels"))
        .await
        .expect(404);
    browser
        .send(from_elsewhere(Method::POST, "/api/kernels"))
        .await
        .expect(404);
    browser
        .send(from_elsewhere(Method::GET, &channels))
        .await
        .expect(403);
    assert_eq!(server.server().kernels().list().len(), 1);
}

#[tokio::test]
async fn an_origin_pattern_must_match_the_whole_origin() {
    let server = builder()
        .setting("ServerApp.allow_origin_pat", r"https://.*\.good\.org")
        .start()
        .await;
    let browser = from_the_printed_url(&server).await;
    let ask = async |origin: &str| browser.with_header("origin", origin).get("/api/me").await;
    let good = ask("https://www.good.org").await.expect(200);
    assert_eq!(good.header("access-control-allow-origin"), "https://www.good.org");
    ask("https://www.good.org.evil.org").await.expect(404);
    ask("http://www.good.org").await.expect(404);
}

#[tokio::test]
async fn a_foreign_host_is_refused() {
    let server = builder().start().await;
    let foreign = server.with_token().with_header("host", "evil.org");
    let answer = foreign.get("/api").await.expect(403).json();
    assert_eq!(answer, json!({"message": "Forbidden", "reason": null}));
    let page = foreign.get("/login").await.expect(403).text();
    assert!(page.contains("allow_remote_access"), "{page}");
    server
        .with_token()
        .with_header("host", "localhost:1")
        .get("/api")
        .await
        .expect(200);
    let open = builder()
        .setting("ServerApp.allow_remote_access", "True")
        .start()
        .await;
    open.with_token()
        .with_header("host", "evil.org")
        .get("/api/me")
        .await
        .expect(200);
}

#[tokio::test]
async fn with_an_empty_token_everybody_is_an_anonymous_user_whom_the_cookie_keeps() {
    let server = builder().setting("IdentityProvider.token", "").start().await;
    let browser = server.anonymous().with_cookies();
    let first = browser.get("/api/me").await.expect(200).json();
    assert_eq!(browser.get("/api/me").await.json(), first);
    assert_ne!(server.anonymous().get("/api/me").await.json(), first);
    let page = browser.get("/logout").await.expect(200);
    assert!(page.text().contains("Cannot log out."), "{}", page.text());
}

#[tokio::test]
async fn a_base_url_with_an_encoded_character_is_reached_either_way() {
    let server = builder().setting("ServerApp.base_url", "/a%40b/").start().await;
    let client = server.with_token();
    client.get("/api/me").await.expect(200);
    let url = server.url().replace("/a%40b/", "/a@b/api/me");
    client
        .send(
            reqwest::Client::new()
                .get(url)
                .header("authorization", format!("token {TOKEN}")),
        )
        .await
        .expect(200);
    let location = server
        .anonymous()
        .get("/tree/x")
        .await
        .expect(302)
        .header("location")
        .to_owned();
    assert_eq!(location, "/a%40b/login?next=%2Fa%2540b%2Ftree%2Fx");
}

#[tokio::test]
async fn without_unauthenticated_access_even_a_404_asks_for_a_login() {
    let server = builder()
        .setting("ServerApp.allow_unauthenticated_access", "False")
        .start()
        .await;
    server.anonymous().get("/nowhere").await.expect(302);
    server.anonymous().delete("/nowhere").await.expect(403);
    server.anonymous().get("/api").await.expect(200);
    server.with_token().get("/nowhere").await.expect(404);
}
