//! `POST /api/kernels`.

use serde_json::{Value, json};
use test_support::{TestClient, TestServer};

/// The ids of the running kernels.
async fn ids(client: &TestClient) -> Vec<String> {
    let list = client.get("/api/kernels").await.expect(200).json();
    let list = list.as_array().expect("a list").iter();
    list.map(|kernel| kernel["id"].as_str().expect("an id").to_owned())
        .collect()
}

#[tokio::test]
async fn an_empty_body_starts_the_default_kernel() {
    let server = TestServer::builder()
        .setting("ServerApp.base_url", "/a%40b/")
        .start()
        .await;
    let owner = server.as_owner();
    let answer = owner.post_empty("/api/kernels").await.expect(201);
    let model = answer.json();
    let keys: Vec<&String> = model.as_object().expect("an object").keys().collect();
    assert_eq!(
        keys,
        ["id", "name", "last_activity", "execution_state", "connections"]
    );
    assert_eq!(
        (&model["name"], &model["connections"]),
        (&json!("python3"), &json!(0))
    );
    let id = model["id"].as_str().expect("an id");
    assert_eq!(answer.header("location"), format!("/a%40b/api/kernels/{id}"));
    assert_eq!(answer.header("content-type"), "application/json");
    assert_eq!(
        answer.header("content-security-policy"),
        "frame-ancestors 'self'; report-uri /a%40b/api/security/csp-report; default-src 'none'"
    );
    let time = model["last_activity"].as_str().expect("a time");
    assert!(
        time.len() == "2026-01-01T00:00:00.000000Z".len() && time.ends_with('Z'),
        "{time}"
    );
}

#[tokio::test]
async fn an_id_can_be_chosen_and_gives_the_running_kernel_when_it_is_taken() {
    let server = TestServer::start().await;
    let owner = server.as_owner();
    let body = json!({"kernel_id": "my-own-kernel-id-1"});
    let first = owner.post("/api/kernels", &body).await.expect(201).json();
    assert_eq!(first["id"], "my-own-kernel-id-1");
    let second = owner.post("/api/kernels", &body).await.expect(201).json();
    assert_eq!(second["id"], "my-own-kernel-id-1");
    assert_eq!(ids(&owner).await.len(), 1);
}

#[tokio::test]
async fn a_path_that_does_not_exist_starts_all_the_same() {
    let server = TestServer::start().await;
    let body = json!({"path": "none/such/x.ipynb", "name": "PYTHON3"});
    let model = server
        .as_owner()
        .post("/api/kernels", &body)
        .await
        .expect(201)
        .json();
    assert_eq!(model["name"], "python3");
}

#[tokio::test]
async fn what_cannot_start_says_why_and_leaves_nothing() {
    let dies =
        json!({"argv": ["/bin/sh", "-c", "echo No module named nothing >&2; exit 7"], "language": "x"});
    let server = TestServer::builder()
        // Longer than a busy machine takes to run the shell.
        .setting("Adrastea.early_death_window", "20")
        .kernelspec("dies", dies)
        .kernelspec(
            "missing-program",
            json!({"argv": ["/none/such"], "language": "x"}),
        )
        .kernelspec("broken", json!({"argv": 3}))
        .start()
        .await;
    let owner = server.as_owner();
    let check = async |body: Value, status: u16, expected: &str| {
        let answer = owner.post("/api/kernels", &body).await.expect(status);
        let message = answer.json()["message"].as_str().expect("a message").to_owned();
        assert!(message.contains(expected), "{body}: {message}");
    };
    check(json!({"name": "none"}), 400, "The 'none' kernel is not available").await;
    check(json!({"name": "dies"}), 500, "No module named nothing").await;
    check(json!({"name": "missing-program"}), 500, "`/none/such`").await;
    check(json!({"name": "broken"}), 500, "kernel.json` is not valid").await;
    check(json!({"name": 3}), 400, "Unexpected JSON in body of request").await;
    check(
        json!({"kernel_id": "../../etc"}),
        400,
        "five groups of word characters",
    )
    .await;
    check(json!([1]), 400, "Unexpected JSON in body of request").await;
    assert_eq!(ids(&owner).await, Vec::<String>::new());
    let left = std::fs::read_dir(server.runtime_dir())
        .expect("the runtime directory")
        .flatten();
    let left: Vec<_> = left
        .filter(|entry| entry.file_name().to_string_lossy().starts_with("kernel-"))
        .collect();
    assert!(left.is_empty(), "{left:?}");
}

#[tokio::test]
async fn a_body_that_is_no_json_is_refused() {
    let server = TestServer::start().await;
    let owner = server.as_owner();
    let request = owner.request(http::Method::POST, "/api/kernels").body("{");
    let answer = owner.send(request).await.expect(400).json();
    let message = answer["message"].as_str().expect("a message");
    assert!(
        message.starts_with("Invalid JSON in body of request"),
        "{message}"
    );
    assert_eq!(answer["reason"], Value::Null);
}

#[tokio::test]
async fn who_may_not_write_starts_nothing() {
    let server = TestServer::start().await;
    let body = json!({"kernel_id": "a-b-c-d-e"});
    let _ = server.as_viewer().post("/api/kernels", &body).await.expect(403);
    let _ = server.as_stranger().post("/api/kernels", &body).await.expect(404);
    let _ = server.anonymous().post("/api/kernels", &body).await.expect(403);
    assert_eq!(ids(&server.as_owner()).await, Vec::<String>::new());
}
