//! Opening, listing and ending sessions.

use serde_json::{Value, json};
use test_support::TestServer;

use super::{open, url};

#[tokio::test]
async fn a_session_has_the_references_form() {
    let server = TestServer::builder()
        .setting("ServerApp.base_url", "/a%40b/")
        .start()
        .await;
    let owner = server.as_owner();
    let body = json!({"path": "x.ipynb", "name": "x.ipynb", "type": "notebook", "kernel": {"id": null, "name": "python3"}});
    let answer = owner.post("/api/sessions", &body).await.expect(201);
    let session = answer.json();
    let location = format!("/a%40b/api/sessions/{}", session["id"].as_str().unwrap());
    assert_eq!(answer.header("location"), location);
    let keys: Vec<&String> = session.as_object().unwrap().keys().collect();
    assert_eq!(keys, ["id", "path", "name", "type", "kernel", "notebook"]);
    assert_eq!(session["notebook"], json!({"path": "x.ipynb", "name": "x.ipynb"}));
    assert_eq!(
        (&session["kernel"]["name"], &session["kernel"]["connections"]),
        (&json!("python3"), &json!(0))
    );

    let kernel = owner
        .get(&format!(
            "/api/kernels/{}",
            session["kernel"]["id"].as_str().unwrap()
        ))
        .await
        .expect(200);
    assert_eq!(kernel.json()["id"], session["kernel"]["id"]);
    let listed = owner.get("/api/sessions").await.expect(200).json();
    assert_eq!(listed[0]["id"], session["id"]);
}

#[tokio::test]
async fn a_document_that_is_open_keeps_its_session() {
    let server = TestServer::start().await;
    let owner = server.as_owner();
    let first = open(&owner, "x.ipynb").await;
    let again = open(&owner, "x.ipynb").await;
    assert_eq!(
        (&again["id"], &again["kernel"]["id"]),
        (&first["id"], &first["kernel"]["id"])
    );
    assert_eq!(
        owner
            .get("/api/kernels")
            .await
            .expect(200)
            .json()
            .as_array()
            .unwrap()
            .len(),
        1
    );
}

#[tokio::test]
async fn the_old_form_is_taken_and_given_back() {
    let server = TestServer::start().await;
    let owner = server.as_owner();
    let session = owner
        .post("/api/sessions", &json!({"notebook": {"path": "old.ipynb"}}))
        .await
        .expect(201)
        .json();
    assert_eq!(
        (&session["path"], &session["type"]),
        (&json!("old.ipynb"), &json!("notebook"))
    );
    assert_eq!(session["notebook"], json!({"path": "old.ipynb", "name": null}));
    let moved = owner
        .patch(&url(&session), &json!({"notebook": {"path": "new.ipynb"}}))
        .await
        .expect(200)
        .json();
    assert_eq!(moved["notebook"]["path"], "new.ipynb");
}

#[tokio::test]
async fn a_console_has_no_notebook() {
    let server = TestServer::start().await;
    let body = json!({"path": "console-1", "name": "", "type": "console"});
    let session = server
        .as_owner()
        .post("/api/sessions", &body)
        .await
        .expect(201)
        .json();
    assert_eq!(session.get("notebook"), None);
}

#[tokio::test]
async fn a_session_attaches_to_the_kernel_it_names_or_makes_it() {
    let server = TestServer::start().await;
    let owner = server.as_owner();
    let kernel = owner.post("/api/kernels", &json!({})).await.expect(201).json()["id"].clone();
    let body = json!({"path": "x", "type": "file", "kernel": {"id": kernel}});
    assert_eq!(
        owner.post("/api/sessions", &body).await.expect(201).json()["kernel"]["id"],
        kernel
    );

    let id = "11111111-2222-3333-4444-555555555555";
    let body = json!({"path": "y", "type": "file", "kernel": {"id": id}});
    assert_eq!(
        owner.post("/api/sessions", &body).await.expect(201).json()["kernel"]["id"],
        id
    );
    owner.get(&format!("/api/kernels/{id}")).await.expect(200);
}

#[tokio::test]
async fn what_makes_no_session_is_said() {
    let server = TestServer::start().await;
    let owner = server.as_owner();
    for (body, status, message) in [
        (json!(null), 400, "No JSON data provided"),
        (
            json!({"type": "notebook"}),
            400,
            "Missing field in JSON data: path",
        ),
        (json!({"path": "x"}), 400, "Missing field in JSON data: type"),
        (
            json!({"path": "x", "type": "notebook", "kernel": {"name": "none"}}),
            501,
            "The 'none' kernel is not available. Please pick another suitable kernel instead, or install that kernel.",
        ),
    ] {
        let answer = owner.post("/api/sessions", &body).await.expect(status).json();
        assert_eq!(answer["message"], message, "{body}");
    }
    for body in [
        json!([]),
        json!({"path": 5, "type": "x"}),
        json!({"path": "x", "type": "x", "kernel": {"id": "../x"}}),
    ] {
        owner.post("/api/sessions", &body).await.expect(400);
    }
    let unknown = json!({"path": "x", "type": "notebook", "kernel": {"name": "none"}});
    let answer = owner.post("/api/sessions", &unknown).await.expect(501).json();
    assert_eq!(answer["short_message"], "none not found");
    assert_eq!(owner.get("/api/sessions").await.expect(200).json(), json!([]));
}

#[tokio::test]
async fn a_session_ends_with_its_kernel_and_a_kernel_with_its_session() {
    let server = TestServer::start().await;
    let owner = server.as_owner();
    let session = open(&owner, "x.ipynb").await;
    owner.delete(&url(&session)).await.expect(204);
    assert_eq!(owner.get("/api/kernels").await.expect(200).json(), json!([]));
    let missing = owner.get(&url(&session)).await.expect(404).json();
    let id = session["id"].as_str().unwrap();
    assert_eq!(
        missing["message"],
        format!("Session not found: session_id='{id}'")
    );
    owner.delete(&url(&session)).await.expect(404);

    let session = open(&owner, "x.ipynb").await;
    owner
        .delete(&format!(
            "/api/kernels/{}",
            session["kernel"]["id"].as_str().unwrap()
        ))
        .await
        .expect(204);
    assert_eq!(
        owner.get("/api/sessions").await.expect(200).json(),
        Value::Array(vec![])
    );
}

#[tokio::test]
async fn what_cannot_be_a_path_name_or_type_is_refused_and_changes_nothing() {
    let server = TestServer::start().await;
    let owner = server.as_owner();
    for bad in ["a\0b".to_owned(), "x".repeat(4_097)] {
        for body in [
            json!({"path": bad, "type": "notebook"}),
            json!({"path": "x", "name": bad, "type": "notebook"}),
            json!({"path": "x", "type": bad}),
            json!({"notebook": {"path": bad}}),
        ] {
            owner.post("/api/sessions", &body).await.expect(400);
        }
    }
    assert_eq!(owner.get("/api/sessions").await.expect(200).json(), json!([]));
    assert_eq!(owner.get("/api/kernels").await.expect(200).json(), json!([]));
    let session = open(&owner, "x.ipynb").await;
    for body in [
        json!({"path": "a\0b"}),
        json!({"name": "a\0b", "path": "y"}),
        json!({"type": "x".repeat(4_097), "path": "y"}),
        json!({"notebook": {"path": "a\0b"}}),
    ] {
        owner.patch(&url(&session), &body).await.expect(400);
    }
    let unchanged = owner.get(&url(&session)).await.expect(200).json();
    assert_eq!(unchanged["path"], "x.ipynb");
}
