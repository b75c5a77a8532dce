//! PATCH: a document that moves, and another kernel.

use serde_json::json;
use test_support::TestServer;

use super::{open, url};

#[tokio::test]
async fn path_name_and_type_change_alone_or_together() {
    let server = TestServer::start().await;
    let owner = server.as_owner();
    let session = open(&owner, "x.ipynb").await;
    let moved = owner
        .patch(&url(&session), &json!({"path": "y.ipynb"}))
        .await
        .expect(200)
        .json();
    assert_eq!(
        (&moved["path"], &moved["name"]),
        (&json!("y.ipynb"), &json!("x.ipynb"))
    );
    let changed = owner
        .patch(&url(&session), &json!({"name": null, "type": "console"}))
        .await
        .expect(200)
        .json();
    assert_eq!(
        (&changed["name"], &changed["type"]),
        (&json!(null), &json!("console"))
    );
    assert_eq!(changed["kernel"]["id"], session["kernel"]["id"]);
    let same = owner.patch(&url(&session), &json!({})).await.expect(200).json();
    assert_eq!(same["path"], "y.ipynb");
}

#[tokio::test]
async fn another_kernel_is_started_and_the_old_one_ends() {
    let server = TestServer::start().await;
    let owner = server.as_owner();
    let session = open(&owner, "x.ipynb").await;
    let changed = owner
        .patch(&url(&session), &json!({"kernel": {"name": "python3"}}))
        .await
        .expect(200)
        .json();
    assert_ne!(changed["kernel"]["id"], session["kernel"]["id"]);
    assert_eq!(changed["path"], "x.ipynb");
    owner
        .get(&format!(
            "/api/kernels/{}",
            session["kernel"]["id"].as_str().unwrap()
        ))
        .await
        .expect(404);
}

#[tokio::test]
async fn the_id_of_a_kernel_wins_over_its_name() {
    let server = TestServer::start().await;
    let owner = server.as_owner();
    let session = open(&owner, "x.ipynb").await;
    let kernel = owner.post("/api/kernels", &json!({})).await.expect(201).json()["id"].clone();
    let body = json!({"kernel": {"id": kernel, "name": "none"}});
    assert_eq!(
        owner.patch(&url(&session), &body).await.expect(200).json()["kernel"]["id"],
        kernel
    );
}

#[tokio::test]
async fn a_change_that_is_impossible_changes_nothing() {
    let server = TestServer::start().await;
    let owner = server.as_owner();
    let session = open(&owner, "x.ipynb").await;
    let id = "11111111-2222-3333-4444-555555555555";
    let body = json!({"path": "y", "kernel": {"id": id}});
    let answer = owner.patch(&url(&session), &body).await.expect(400).json();
    assert_eq!(answer["message"], format!("No such kernel: {id}"));
    let body = json!({"path": "y", "kernel": {"name": "none"}});
    let answer = owner.patch(&url(&session), &body).await.expect(501).json();
    assert_eq!(answer["short_message"], "Error starting kernel none");
    owner.patch(&url(&session), &json!(null)).await.expect(400);
    let unchanged = owner.get(&url(&session)).await.expect(200).json();
    assert_eq!(
        (&unchanged["path"], &unchanged["kernel"]["id"]),
        (&json!("x.ipynb"), &session["kernel"]["id"])
    );
    owner
        .patch("/api/sessions/11111111-2222-3333-4444-555555555555", &json!({}))
        .await
        .expect(404);
}
