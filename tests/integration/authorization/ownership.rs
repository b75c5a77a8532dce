//! Who starts a kernel owns it: what a policy can make of that, on the real server.

use serde_json::json;
use test_support::TestServer;

use super::own_or_shared::OwnOrShared;

#[tokio::test]
async fn a_kernel_is_hidden_from_all_but_its_owner() {
    let server = TestServer::builder()
        .authorizer(OwnOrShared::shared())
        .start()
        .await;
    let (ada, bob) = (server.as_user("ada"), server.as_user("bob"));
    let kernel = ada.post("/api/kernels", &json!({})).await.expect(201).json();
    let id = kernel["id"].as_str().expect("an id");
    let path = format!("/api/kernels/{id}");

    ada.get(&path).await.expect(200);
    let hidden = bob.get(&path).await.expect(404);
    let missing = bob
        .get("/api/kernels/00000000-0000-4000-8000-000000000000")
        .await
        .expect(404);
    let without_id = |text: String, id: &str| text.replace(id, "ID");
    assert_eq!(
        without_id(hidden.text(), id),
        without_id(missing.text(), "00000000-0000-4000-8000-000000000000"),
    );
    bob.delete(&path).await.expect(404);
    bob.post_empty(&format!("{path}/interrupt")).await.expect(404);
    assert_eq!(bob.get("/api/kernels").await.expect(200).json(), json!([]));
    assert_eq!(
        ada.get("/api/kernels")
            .await
            .expect(200)
            .json()
            .as_array()
            .map(Vec::len),
        Some(1)
    );

    ada.delete(&path).await.expect(204);
    assert_eq!(ada.get("/api/kernels").await.expect(200).json(), json!([]));
}

#[tokio::test]
async fn a_session_and_its_kernel_belong_to_who_opened_it() {
    let server = TestServer::builder()
        .authorizer(OwnOrShared::shared())
        .start()
        .await;
    let (ada, bob) = (server.as_user("ada"), server.as_user("bob"));
    let body = json!({"path": "a.ipynb", "name": "", "type": "notebook", "kernel": {"name": "python3"}});
    let session = ada.post("/api/sessions", &body).await.expect(201).json();
    let path = format!("/api/sessions/{}", session["id"].as_str().expect("an id"));

    bob.get(&path).await.expect(404);
    bob.patch(&path, &json!({"path": "b.ipynb"})).await.expect(404);
    bob.delete(&path).await.expect(404);
    assert_eq!(bob.get("/api/sessions").await.expect(200).json(), json!([]));
    // Nor can he take her kernel into a session of his own.
    let kernel_id = &session["kernel"]["id"];
    let steal = json!({"path": "c.ipynb", "name": "", "type": "notebook", "kernel": {"id": kernel_id}});
    bob.post("/api/sessions", &steal).await.expect(404);

    ada.get(&path).await.expect(200);
    ada.delete(&path).await.expect(204);
}
