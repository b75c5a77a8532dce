//! The server about itself: version, status, specification, reports, the end, and what is no route.

use http::Method;
use serde_json::json;
use test_support::{TestServer, within};

#[tokio::test]
async fn the_version_is_public() {
    let server = TestServer::start().await;
    let answer = server.anonymous().get("/api").await.expect(200);
    assert_eq!(answer.json(), json!({"version": api::JUPYTER_SERVER_API}));
}

#[tokio::test]
async fn the_status_has_four_keys_and_asking_for_it_is_no_activity() {
    let server = TestServer::start().await;
    let owner = server.as_owner();
    let first = owner.get("/api/status").await.expect(200).json();
    let keys: Vec<_> = first.as_object().expect("an object").keys().cloned().collect();
    assert_eq!(keys, ["connections", "kernels", "last_activity", "started"]);
    assert_eq!(first["last_activity"], first["started"]);
    assert!(first["started"].as_str().is_some_and(|time| time.ends_with('Z')));
    assert_eq!(owner.get("/api/status").await.json(), first);

    owner.get("/api/sessions?no_track_activity=1").await.expect(200);
    assert_eq!(owner.get("/api/status").await.json(), first);
    owner.get("/api/sessions").await.expect(200);
    let later = owner.get("/api/status").await.json();
    assert!(
        later["last_activity"].as_str() > first["last_activity"].as_str(),
        "{later}"
    );
    owner.post("/api/kernels", &json!({})).await.expect(201);
    assert_eq!(owner.get("/api/status").await.json()["kernels"], 1);
}

#[tokio::test]
async fn the_specification_lists_the_routes() {
    let server = TestServer::start().await;
    let answer = server.as_owner().get("/api/spec.yaml").await.expect(200);
    assert!(answer.header("content-type").starts_with("text/x-yaml"));
    assert!(
        answer.text().contains("\"/api/kernels/{kernel_id}\":"),
        "{}",
        answer.text()
    );
    server.anonymous().get("/api/spec.yaml").await.expect(302);
}

#[tokio::test]
async fn a_report_of_a_browser_is_taken_whatever_it_looks_like() {
    let server = TestServer::start().await;
    let owner = server.as_owner();
    let report = owner
        .request(Method::POST, "/api/security/csp-report")
        .body(vec![0xff; 60_000]);
    owner
        .send(report.header("content-type", "application/csp-report"))
        .await
        .expect(200);
    server
        .anonymous()
        .post_empty("/api/security/csp-report")
        .await
        .expect(403);
}

#[tokio::test]
async fn a_shutdown_ends_the_server_if_one_may() {
    let server = TestServer::start().await;
    server.as_viewer().post_empty("/api/shutdown").await.expect(403);
    server.as_owner().post_empty("/api/shutdown").await.expect(200);
    within("the wish to stop", server.server().stop_asked()).await;
}

#[tokio::test]
async fn what_is_no_route_has_its_answers() {
    let server = TestServer::start().await;
    let anonymous = server.anonymous();
    let page = anonymous.get("/nowhere").await.expect(404);
    assert!(page.header("content-type").starts_with("text/html") && page.text().contains("404"));
    let api = server.as_owner().get("/api/nowhere").await.expect(404);
    assert!(api.header("content-type").starts_with("text/html"));
    assert_eq!(
        anonymous
            .get("/nowhere/?a=b&c")
            .await
            .expect(302)
            .header("location"),
        "/nowhere?a=b&c"
    );
    let wrong_method = server.as_owner().put("/api/me", &json!({})).await.expect(405);
    assert_eq!(
        wrong_method.json(),
        json!({"message": "Method Not Allowed", "reason": null})
    );
    let options = anonymous.options("/api/contents").await.expect(200);
    assert_eq!(
        options.header("access-control-allow-methods"),
        "GET, PUT, POST, PATCH, DELETE, OPTIONS"
    );
}

#[tokio::test]
async fn every_answer_says_what_a_page_may_do() {
    let server = TestServer::start().await;
    let policy = "frame-ancestors 'self'; report-uri /api/security/csp-report";
    let page = server.anonymous().get("/login").await;
    assert_eq!(page.header("content-security-policy"), policy);
    assert_eq!(page.header("x-content-type-options"), "nosniff");
    let api = server.anonymous().get("/api/me").await.expect(403);
    assert_eq!(
        api.header("content-security-policy"),
        format!("{policy}; default-src 'none'")
    );
}
