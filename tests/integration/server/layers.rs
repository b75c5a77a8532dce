//! What every answer carries, and how large requests may be.

use test_support::TestServer;

#[tokio::test]
async fn answers_carry_the_references_security_headers() {
    let server = TestServer::builder()
        .setting("ServerApp.base_url", "/a%40b/")
        .start()
        .await;
    let api = server.as_owner().get("/api").await.expect(200);
    assert_eq!(
        api.header("content-security-policy"),
        "frame-ancestors 'self'; report-uri /a%40b/api/security/csp-report; default-src 'none'"
    );
    assert_eq!(api.header("x-content-type-options"), "nosniff");
    let page = server.anonymous().get("/nowhere").await.expect(404);
    assert_eq!(
        page.header("content-security-policy"),
        "frame-ancestors 'self'; report-uri /a%40b/api/security/csp-report"
    );
}

#[tokio::test]
async fn configured_headers_take_the_place_of_ours() {
    let headers = r#"{"headers": {"Content-Security-Policy": "frame-ancestors *", "X-Extra": "1"}}"#;
    let server = TestServer::builder()
        .setting("ServerApp.tornado_settings", headers)
        .start()
        .await;
    let answer = server.anonymous().get("/api").await.expect(200);
    assert_eq!(answer.header("content-security-policy"), "frame-ancestors *");
    assert_eq!(answer.header("x-extra"), "1");
}

#[tokio::test]
async fn a_known_answer_is_a_304() {
    let server = TestServer::start().await;
    let first = server.anonymous().get("/api").await.expect(200);
    let tag = first.header("etag").to_owned();
    assert!(tag.starts_with('"'), "{tag}");
    let again = server
        .anonymous()
        .with_header("if-none-match", &tag)
        .get("/api")
        .await
        .expect(304);
    assert!(again.body.is_empty());
    assert_eq!(again.header("etag"), tag);
}

#[tokio::test]
async fn a_body_that_is_too_large_is_refused() {
    let server = TestServer::builder()
        .setting("ServerApp.max_body_size", "1000")
        .start()
        .await;
    let body = serde_json::json!({"path": "x".repeat(2_000)});
    server.as_owner().post("/api/sessions", &body).await.expect(413);
}

#[tokio::test]
async fn the_form_to_log_in_and_reports_of_browsers_are_small() {
    let server = TestServer::start().await;
    let client = reqwest::Client::builder().no_proxy().build().expect("a client");
    let log_in = async |password: String| {
        let form = [("password", password)];
        let request = client.post(server.url() + "login").form(&form);
        request.send().await.expect("an answer").status()
    };
    assert_eq!(log_in("x".repeat(64 * 1024)).await, 413);
    assert_eq!(log_in("x".repeat(1024)).await, 403, "no `_xsrf`");

    let report = "/api/security/csp-report";
    let owner = server.as_owner();
    owner
        .post(report, &"x".repeat(64 * 1024).into())
        .await
        .expect(413);
    owner.post(report, &"x".repeat(1024).into()).await.expect(200);
}

#[tokio::test]
async fn only_contents_may_be_large() {
    let server = TestServer::start().await;
    let owner = server.as_owner();
    let large = "x".repeat(2 * 1024 * 1024);
    let kernel = serde_json::json!({ "name": "python3", "extra": large });
    owner.post("/api/kernels", &kernel).await.expect(413);
    let file = serde_json::json!({ "type": "file", "format": "text", "content": large });
    owner.put("/api/contents/large.txt", &file).await.expect(201);
}
