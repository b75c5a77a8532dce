//! Who may see and change which session.

use serde_json::json;
use test_support::TestServer;

use super::{open, url};

#[tokio::test]
async fn a_viewer_sees_sessions_and_changes_none() {
    let server = TestServer::start().await;
    let session = open(&server.as_owner(), "x.ipynb").await;
    let viewer = server.as_viewer();
    assert_eq!(
        viewer.get("/api/sessions").await.expect(200).json()[0]["id"],
        session["id"]
    );
    viewer.get(&url(&session)).await.expect(200);
    viewer
        .post("/api/sessions", &json!({"path": "y", "type": "notebook"}))
        .await
        .expect(403);
    viewer
        .patch(&url(&session), &json!({"path": "y"}))
        .await
        .expect(403);
    viewer.delete(&url(&session)).await.expect(403);
    let unchanged = server.as_owner().get("/api/sessions").await.expect(200).json();
    assert_eq!(
        (unchanged.as_array().unwrap().len(), &unchanged[0]["path"]),
        (1, &json!("x.ipynb"))
    );
}

#[tokio::test]
async fn to_a_stranger_there_are_no_sessions() {
    let server = TestServer::start().await;
    let session = open(&server.as_owner(), "x.ipynb").await;
    let stranger = server.as_stranger();
    assert_eq!(stranger.get("/api/sessions").await.expect(200).json(), json!([]));
    let hidden = stranger.get(&url(&session)).await.expect(404);
    let missing = server
        .as_owner()
        .get("/api/sessions/11111111-2222-3333-4444-555555555555")
        .await
        .expect(404);
    let id = session["id"].as_str().unwrap();
    assert_eq!(
        hidden.text().replace(id, "ID"),
        missing
            .text()
            .replace("11111111-2222-3333-4444-555555555555", "ID")
    );
}
