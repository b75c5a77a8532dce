use serde_json::{Value, json};

use super::Workspaces;
use crate::FrontendsError;

fn text(id: &str) -> String {
    json!({ "data": { "layout": 1 }, "metadata": { "id": id } }).to_string()
}

#[tokio::test]
async fn a_workspace_comes_back_with_the_times_of_its_file() {
    let directory = tempfile::tempdir().expect("a directory");
    let workspaces = Workspaces::new(directory.path().join("new"));
    assert_eq!(
        workspaces.get("a").await.expect("empty"),
        json!({ "data": {}, "metadata": { "id": "/a" } })
    );
    workspaces.put("a", text("/a")).await.expect("is kept");
    let workspace = workspaces.get("a").await.expect("is there");
    assert_eq!(workspace["data"], json!({ "layout": 1 }));
    assert!(
        workspace["metadata"]["created"]
            .as_str()
            .is_some_and(|time| time.ends_with("+00:00"))
    );
    let list = workspaces.list().await.expect("a list");
    assert_eq!(list["workspaces"]["ids"], json!(["/a"]));
    workspaces.delete("a").await.expect("is removed");
    assert!(matches!(
        workspaces.delete("a").await,
        Err(FrontendsError::UnknownWorkspace { .. })
    ));
}

#[tokio::test]
async fn a_workspace_must_be_one_and_of_that_name() {
    let directory = tempfile::tempdir().expect("a directory");
    let workspaces = Workspaces::new(directory.path().join("new"));
    for bad in [
        "",
        "{",
        "[]",
        "{}",
        r#"{"metadata": {}}"#,
        r#"{"metadata": {"id": 3}}"#,
        &text("/other"),
    ] {
        let refused = workspaces.put("a", bad.to_owned()).await;
        assert!(
            matches!(refused, Err(FrontendsError::WorkspaceInvalid { .. })),
            "{bad}"
        );
    }
    assert!(matches!(
        workspaces.put("", text("/")).await,
        Err(FrontendsError::WorkspaceNameMissing)
    ));
    assert!(!directory.path().join("new").exists());
    workspaces
        .put("a b", text("a%20b"))
        .await
        .expect("an id may be encoded");
}

#[tokio::test]
async fn one_broken_file_does_not_hide_the_others() {
    let directory = tempfile::tempdir().expect("a directory");
    let workspaces = Workspaces::new(directory.path().to_owned());
    workspaces.put("good", text("/good")).await.expect("is kept");
    std::fs::write(directory.path().join("bad.jupyterlab-workspace"), "{").expect("is written");
    let list = workspaces.list().await.expect("a list");
    assert_eq!(list["workspaces"]["values"].as_array().map(Vec::len), Some(1));
    assert_eq!(list["workspaces"]["ids"], Value::from(vec!["/good"]));
}
