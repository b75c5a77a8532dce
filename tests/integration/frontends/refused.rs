//! Users who may only read: what is refused, and what the front ends are told so that they stay quiet.

use serde_json::json;
use test_support::TestServerBuilder;

use super::site::{builder, page_config};

const THEMES: &str = "/lab/api/settings/@jupyterlab/apputils-extension:themes";

#[tokio::test]
async fn a_viewer_changes_nothing_of_the_front_ends() {
    let server = builder().start().await;
    let viewer = server.as_viewer();
    let workspace = json!({ "data": {}, "metadata": { "id": "/a" } });
    let section = json!({ "a": 1 });
    let settings = viewer
        .put(THEMES, &json!({ "raw": "{}" }))
        .await
        .expect(403)
        .json();
    assert_eq!(
        settings["message"],
        "User is not authorized to write on resource: settings."
    );
    let _ = viewer.put("/lab/api/workspaces/a", &workspace).await.expect(403);
    let _ = viewer.delete("/lab/api/workspaces/a").await.expect(403);
    let _ = viewer.put("/api/config/tree", &section).await.expect(403);
    let _ = viewer.patch("/api/config/tree", &section).await.expect(403);
    let switch = json!({ "cmd": "disable", "extension_name": "x", "plugin_name": "x" });
    let _ = viewer.post("/lab/api/extensions", &switch).await.expect(403);
    let _ = viewer.post("/lab/api/plugins", &switch).await.expect(403);
    assert!(!server.config_dir().join("lab").exists() && !server.config_dir().join("serverconfig").exists());
    for path in [
        THEMES,
        "/lab/api/settings",
        "/lab/api/workspaces",
        "/api/config/tree",
        "/lab/api/extensions",
    ] {
        let _ = viewer.get(path).await.expect(200);
        let _ = server.anonymous().get(path).await.expect(403);
        let _ = server.as_stranger().get(path).await.expect(404);
    }
}

#[tokio::test]
async fn under_each_policy_pages_leave_out_what_would_fail_and_say_so() {
    let check = async |builder: TestServerBuilder, policy: &str, title: &str, notice: Option<&str>| {
        let server = builder.policy(policy).start().await;
        let page = page_config(&server.with_token().get("/lab").await.expect(200));
        assert_eq!(page["appName"], title, "{policy}");
        let may_keep_settings = page["disabledExtensions"] == json!([]);
        let put = server
            .with_token()
            .put(THEMES, &json!({ "raw": "{}" }))
            .await
            .status
            .as_u16();
        assert_eq!(may_keep_settings, put == 204, "{policy}: {put}");
        let news = server.with_token().get("/lab/api/news").await.expect(200).json();
        assert_eq!(news["news"][0]["message"].as_str(), notice, "{policy}");
    };
    check(builder(), "owner", "JupyterLab", None).await;
    let read_only = "You may look at everything here, but nothing can be run, created or saved.";
    check(builder(), "read-only", "JupyterLab (read-only)", Some(read_only)).await;
    let read_write = "You may change files here, but no code can be run.";
    check(
        builder(),
        "read-write",
        "JupyterLab (not running)",
        Some(read_write),
    )
    .await;
    let temporary = "You may run code here, but nothing can be saved.";
    check(builder(), "temporary", "JupyterLab (not saving)", Some(temporary)).await;
}

#[tokio::test]
async fn bad_sections_are_refused() {
    let server = builder().start().await;
    let owner = server.as_owner();
    let _ = owner.put("/api/config/a.b", &json!({})).await.expect(400);
    let _ = owner.put("/api/config/tree", &json!([])).await.expect(400);
    let _ = owner.patch("/api/config/tree", &json!(3)).await.expect(400);
    let _ = owner
        .put("/api/config/tree", &json!({ "a": { "b": 1, "c": 2 } }))
        .await
        .expect(204);
    let changes = json!({ "a": { "b": null, "d": 3 } });
    let merged = owner.patch("/api/config/tree", &changes).await.expect(200).json();
    assert_eq!(merged, json!({ "a": { "c": 2, "d": 3 } }));
    assert_eq!(owner.get("/api/config/tree").await.expect(200).json(), merged);
}
