//! JupyterLab's workspaces, beside the reference.

use serde_json::{Value, json};

use super::reference::Reference;
use super::site::builder;

#[tokio::test]
async fn workspaces_are_kept_in_the_files_of_the_reference() {
    let server = builder().start().await;
    let reference = Reference::start(&server.root()).await;
    let owner = server.as_owner();
    for name in ["default", "a b", "Ünï/code", "x%2Fy"] {
        let body = json!({ "data": { "layout-restorer:data": { "main": null } }, "metadata": { "id": format!("/{name}") } });
        let path = format!(
            "/lab/api/workspaces/{}",
            name.replace('%', "%25").replace(' ', "%20")
        );
        let ours = owner.put(&path, &body).await.status.as_u16();
        assert_eq!(ours, reference.put(&path, &body).await, "{name}");
    }
    let files = |directory: std::path::PathBuf| {
        let entries = std::fs::read_dir(directory.join("lab/workspaces")).expect("workspaces");
        let mut files: Vec<_> = entries
            .map(|entry| entry.expect("an entry"))
            .map(|entry| (entry.file_name(), std::fs::read(entry.path()).expect("a file")))
            .collect();
        files.sort();
        files
    };
    assert_eq!(files(server.config_dir()), files(reference.config_dir()));
    let without_times = |mut all: Value| {
        for workspace in all["workspaces"]["values"].as_array_mut().expect("a list") {
            workspace["metadata"]["last_modified"].take();
            workspace["metadata"]["created"].take();
        }
        all
    };
    let ours = without_times(owner.get("/lab/api/workspaces").await.expect(200).json());
    assert_eq!(ours, without_times(reference.get("/lab/api/workspaces").await));
}

#[tokio::test]
async fn an_unknown_workspace_is_empty_and_a_removed_one_is_gone() {
    let server = builder().start().await;
    let owner = server.as_owner();
    let empty = json!({ "data": {}, "metadata": { "id": "/a" } });
    assert_eq!(owner.get("/lab/api/workspaces/a").await.expect(200).json(), empty);
    let _ = owner.put("/lab/api/workspaces/a", &empty).await.expect(204);
    let _ = owner.delete("/lab/api/workspaces/a").await.expect(204);
    let gone = owner.delete("/lab/api/workspaces/a").await.expect(404).json();
    assert_eq!(
        gone,
        json!({ "message": "Workspace 'a' not found", "reason": null })
    );
}

#[tokio::test]
async fn what_is_no_workspace_of_that_name_is_refused() {
    let server = builder().start().await;
    let owner = server.as_owner();
    for body in [
        json!({ "metadata": { "id": "/other" } }),
        json!({}),
        json!([]),
        json!(3),
    ] {
        let _ = owner.put("/lab/api/workspaces/a", &body).await.expect(400);
    }
    let _ = owner
        .put("/lab/api/workspaces/", &json!({ "metadata": { "id": "/" } }))
        .await
        .expect(400);
    let request = owner
        .request(http::Method::PUT, "/lab/api/workspaces/a")
        .body("{");
    let _ = owner.send(request).await.expect(400);
    assert!(!server.config_dir().join("lab").exists());
}
