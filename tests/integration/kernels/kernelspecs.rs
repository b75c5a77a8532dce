//! `GET /api/kernelspecs`, `/api/kernelspecs/{name}` and `/kernelspecs/{name}/{file}`.

use serde_json::{Value, json};
use test_support::TestServer;

/// A server at `/base/` with the kernelspec `Other`, which has a logo, and a broken one.
async fn server() -> TestServer {
    let other = json!({"argv": ["x", "{connection_file}"], "display_name": "Other", "language": "o", "metadata": {"z": 1, "a": 2}});
    let server = TestServer::builder()
        .kernelspec("Other", other)
        .kernelspec("broken", json!({"interrupt_mode": "shout"}))
        .setting("ServerApp.base_url", "/base/")
        .start()
        .await;
    for (file, content) in [
        ("logo-64x64.png", "png"),
        ("logo-svg.svg", "<svg/>"),
        ("kernel.js", "js"),
        ("other", "x"),
    ] {
        std::fs::write(server.data_dir().join("kernels/Other").join(file), content).expect("a file");
    }
    server
}

#[tokio::test]
async fn a_broken_kernelspec_does_not_break_the_list() {
    let server = server().await;
    let list = server.as_owner().get("/api/kernelspecs").await.expect(200).json();
    assert_eq!(list["default"], "python3");
    let names: Vec<&String> = list["kernelspecs"]
        .as_object()
        .expect("an object")
        .keys()
        .collect();
    assert_eq!(names, ["other", "python3"]);
    assert_eq!(
        list["kernelspecs"]["other"].to_string(),
        concat!(
            r#"{"name":"other","spec":{"argv":["x","{connection_file}"],"env":{},"display_name":"Other","language":"o","#,
            r#""interrupt_mode":"signal","metadata":{"z":1,"a":2},"kernel_protocol_version":""},"resources":"#,
            r#"{"kernel.js":"/base/kernelspecs/other/kernel.js","logo-64x64":"/base/kernelspecs/other/logo-64x64.png","#,
            r#""logo-svg":"/base/kernelspecs/other/logo-svg.svg"}}"#
        )
    );
    let hidden = server
        .as_stranger()
        .get("/api/kernelspecs")
        .await
        .expect(200)
        .json();
    assert_eq!(hidden["kernelspecs"], json!({}));
}

#[tokio::test]
async fn one_is_found_without_regard_to_case() {
    let server = server().await;
    let owner = server.as_owner();
    assert_eq!(
        owner.get("/api/kernelspecs/OTHER").await.expect(200).json()["spec"]["display_name"],
        "Other"
    );
    let missing = owner.get("/api/kernelspecs/none").await.expect(404);
    assert_eq!(
        missing.json(),
        json!({"message": "Kernel spec none not found", "reason": null})
    );
    let hidden = server
        .as_stranger()
        .get("/api/kernelspecs/none")
        .await
        .expect(404);
    assert_eq!(hidden.body, missing.body);
    let broken = owner.get("/api/kernelspecs/broken").await.expect(500).json();
    assert!(
        broken["message"].as_str().expect("a message").contains("shout"),
        "{broken}"
    );
}

#[tokio::test]
async fn logos_are_sent_with_their_type_and_may_be_kept() {
    let server = server().await;
    let owner = server.as_owner();
    let png = owner.get("/kernelspecs/other/logo-64x64.png").await.expect(200);
    assert_eq!(
        (png.text().as_str(), png.header("content-type")),
        ("png", "image/png")
    );
    assert_eq!(png.header("cache-control"), "max-age=2592000");
    let svg = owner.get("/kernelspecs/OTHER/logo-svg.svg").await.expect(200);
    assert_eq!(svg.header("content-type"), "image/svg+xml");
    let head = owner.head("/kernelspecs/other/logo-64x64.png").await.expect(200);
    assert_eq!((head.header("content-length"), head.body.len()), ("3", 0));
}

#[tokio::test]
async fn nothing_but_a_kernelspecs_own_files_is_sent() {
    let server = server().await;
    std::fs::write(server.data_dir().join("secret"), "secret").expect("a file");
    let owner = server.as_owner();
    for path in [
        "/kernelspecs/other/none.png",
        "/kernelspecs/none/logo.png",
        "/kernelspecs/other/..%2f..%2fsecret",
        "/kernelspecs/other/%2e%2e/%2e%2e/secret",
        "/kernelspecs/..%2f../secret",
        "/kernelspecs/other//etc/passwd",
    ] {
        let answer = owner.get(path).await;
        assert_eq!(answer.status, 404, "{path}: {}", answer.text());
        assert!(answer.header("content-type").starts_with("text/html"), "{path}");
    }
    let _ = server
        .as_stranger()
        .get("/kernelspecs/other/logo-svg.svg")
        .await
        .expect(404);
    let anonymous = server
        .anonymous()
        .get("/kernelspecs/other/logo-svg.svg")
        .await
        .expect(302);
    assert!(
        anonymous.header("location").starts_with("/base/login"),
        "{}",
        anonymous.header("location")
    );
}

#[tokio::test]
async fn a_kernelspec_installed_later_is_seen_at_once() {
    let server = server().await;
    let dir = server.data_dir().join("kernels/late");
    std::fs::create_dir(&dir).expect("a directory");
    std::fs::write(dir.join("kernel.json"), r#"{"argv":["x"]}"#).expect("a file");
    let list: Value = server.as_owner().get("/api/kernelspecs").await.expect(200).json();
    assert!(list["kernelspecs"]["late"].is_object(), "{list}");
}
