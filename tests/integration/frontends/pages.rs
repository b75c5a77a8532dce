//! The pages of all three front ends.

use std::collections::BTreeSet;

use serde_json::{Value, json};
use test_support::{TestClient, TestServer};

use super::reference::Reference;
use super::site::{builder, page_config};

/// Keys of the reference's page that ours leaves out: paths on the server, and what leaks from another page.
const LEFT_OUT: [&str; 13] = [
    "appSettingsDir",
    "extraLabextensionsPath",
    "jupyterConfigDir",
    "labextensionsPath",
    "lockedExtensions",
    "mode",
    "schemasDir",
    "staticDir",
    "store_id",
    "templatesDir",
    "themesDir",
    "userSettingsDir",
    "workspacesDir",
];

/// Keys whose values differ on purpose; `docs/frontends.md` has the reasons.
const DIFFERENT: [&str; 10] = [
    "buildAvailable",
    "buildCheck",
    "extensionManager",
    "fullMathjaxUrl",
    "mode",
    "serverRoot",
    "store_id",
    "terminalsAvailable",
    "token",
    "treePath",
];

fn keys(config: &Value) -> BTreeSet<String> {
    config.as_object().expect("an object").keys().cloned().collect()
}

#[tokio::test]
async fn pages_tell_their_scripts_what_the_reference_tells_them() {
    let server = builder().start().await;
    let reference = Reference::start(&server.root()).await;
    for path in [
        "/lab",
        "/doc/tree/sub",
        "/tree",
        "/notebooks/a.ipynb",
        "/edit/a.txt",
        "/consoles/1",
        "/terminals/1",
    ] {
        let ours = page_config(&server.as_owner().get(path).await.expect(200));
        let theirs = reference.page_config(path).await;
        let missing: Vec<_> = keys(&theirs).difference(&keys(&ours)).cloned().collect();
        assert!(
            missing.iter().all(|key| LEFT_OUT.contains(&key.as_str())),
            "{path}: {missing:?}"
        );
        let added: Vec<_> = keys(&ours).difference(&keys(&theirs)).cloned().collect();
        assert!(added.is_empty(), "{path}: {added:?}");
        for key in keys(&ours)
            .iter()
            .filter(|key| !DIFFERENT.contains(&key.as_str()))
        {
            assert_eq!(ours[key], theirs[key], "{path}: {key}");
        }
    }
}

#[tokio::test]
async fn no_page_holds_a_token_and_each_brings_the_xsrf_cookie() {
    let server = builder().start().await;
    for path in ["/lab", "/tree", "/nbclassic/tree", "/nbclassic/edit/a.txt"] {
        let page = server.with_token().get(path).await.expect(200);
        assert!(!page.text().contains(test_support::TOKEN), "{path}");
        assert!(
            page.cookie("_xsrf").is_some_and(|value| !value.is_empty()),
            "{path}"
        );
        assert_eq!(page.header("content-type"), "text/html; charset=utf-8", "{path}");
    }
}

#[tokio::test]
async fn jupyterlab_is_told_workspace_path_and_what_it_does_not_know() {
    let server = builder().setting("ServerApp.base_url", "/a%40b/").start().await;
    let owner = server.as_owner();
    let config = async |path: &str| page_config(&owner.get(path).await.expect(200));

    let lab = config("/lab/workspaces/a-1/tree/sub%20%E2%88%82/nb%201.ipynb").await;
    assert_eq!(
        (&lab["workspace"], &lab["treePath"]),
        (&json!("a-1"), &json!("sub ∂/nb 1.ipynb"))
    );
    assert_eq!(
        (&lab["mode"], &lab["baseUrl"]),
        (&json!("multiple-document"), &json!("/a%40b/"))
    );
    assert_eq!(lab["fullSettingsUrl"], "/a%40b/lab/api/settings");
    assert_eq!(config("/doc").await["mode"], "single-document");
    let first = config("/lab").await["store_id"].as_u64().expect("a number");
    assert_eq!(config("/lab").await["store_id"], first + 1);
    assert_eq!(config("/lab/nowhere").await["notFoundUrl"], "/a%40b/lab/nowhere");
    let _ = owner.get("/doc/nowhere").await.expect(404);
    assert_eq!(
        owner.get("/lab/?x=1").await.expect(301).header("location"),
        "/a%40b/lab?x=1"
    );
}

#[tokio::test]
async fn addresses_lead_to_the_page_for_what_they_name() {
    let server = builder().setting("ServerApp.default_url", "/lab").start().await;
    let owner = server.as_owner();
    let leads = async |path: &str, status: u16, to: &str| {
        assert_eq!(
            owner.get(path).await.expect(status).header("location"),
            to,
            "{path}"
        );
    };
    leads("/?token=x", 302, "/lab?token=x").await;
    leads("/", 302, "/lab?").await;
    leads("/tree/a.txt", 302, "/files/a.txt").await;
    leads(
        "/tree/sub%20%E2%88%82/nb%201.ipynb",
        302,
        "/notebooks/sub%20%E2%88%82/nb%201.ipynb",
    )
    .await;
    leads("/notebooks/sub%20%E2%88%82", 302, "/tree/sub%20%E2%88%82").await;
    leads("/nbclassic", 301, "/nbclassic/tree").await;
    leads("/nbclassic/tree/a.txt", 302, "/files/a.txt").await;
    leads("/nbclassic/notebooks/a.txt", 302, "/files/a.txt").await;
    let tree = page_config(&owner.get("/tree/sub%20%E2%88%82").await.expect(200));
    assert_eq!(
        (&tree["treePath"], &tree["notebookPage"]),
        (&json!("sub ∂"), &json!("tree"))
    );
}

#[tokio::test]
async fn what_is_not_there_or_hidden_is_a_page_that_says_so() {
    let server = builder().start().await;
    for path in [
        "/tree/none",
        "/tree/.hidden",
        "/tree/../../etc",
        "/nbclassic/tree/none",
        "/nbclassic/tree/.hidden",
        "/nbclassic/notebooks/none.ipynb",
        "/nbclassic/edit/none",
        "/nbclassic/edit/sub%20%E2%88%82",
        "/nbclassic/elsewhere",
    ] {
        let page = server.as_owner().get(path).await.expect(404);
        assert!(page.text().contains("404 : Not Found"), "{path}: {}", page.text());
    }
}

#[tokio::test]
async fn nbclassic_renders_what_its_scripts_read() {
    let server = builder().setting("ServerApp.base_url", "/a%40b/").start().await;
    let notebook = server
        .as_owner()
        .get("/nbclassic/notebooks/sub%20%E2%88%82/nb%201.ipynb")
        .await
        .expect(200)
        .text();
    for part in [
        r#"data-base-url="/a%2540b/""#,
        r#"data-notebook-name="nb%201.ipynb""#,
        r#"data-notebook-path="sub%20%E2%88%82/nb%201.ipynb""#,
        "document.nbclassicPath = '/nbclassic';",
        "baseUrl: '/a%40b/static/nbclassic/',",
    ] {
        assert!(notebook.contains(part), "{part}\n{notebook}");
    }
    let tree = server.as_owner().get("/nbclassic/tree").await.expect(200).text();
    assert!(tree.contains(r#"data-terminals-available="False""#), "{tree}");
    let file = server
        .as_owner()
        .get("/nbclassic/view/a.txt")
        .await
        .expect(200)
        .text();
    assert!(
        file.contains(r#"sandbox="allow-scripts" src="/a%40b/files/a.txt""#),
        "{file}"
    );
}

async fn denied(client: &TestClient, status: u16) {
    for path in [
        "/lab",
        "/doc",
        "/tree",
        "/notebooks/x",
        "/edit/x",
        "/consoles/x",
        "/nbclassic/tree",
        "/home",
    ] {
        let _ = client.get(path).await.expect(status);
    }
}

#[tokio::test]
async fn pages_are_only_for_those_who_may_read() {
    let server = builder().start().await;
    denied(&server.anonymous(), 302).await;
    denied(&server.as_stranger(), 404).await;
    let to_login = server.anonymous().get("/lab/tree/a%20b?x=1").await.expect(302);
    assert_eq!(
        to_login.header("location"),
        "/login?next=%2Flab%2Ftree%2Fa%2520b%3Fx%3D1"
    );
}

#[tokio::test]
async fn a_server_without_front_ends_says_what_brings_them() {
    let server = TestServer::start().await;
    assert_eq!(
        server.anonymous().get("/").await.expect(302).header("location"),
        "/home?"
    );
    let home = server.as_owner().get("/home").await.expect(200).text();
    for command in [
        "pip install jupyterlab",
        "pip install notebook",
        "pip install nbclassic",
    ] {
        assert!(home.contains(command), "{home}");
    }
    let page = server.as_owner().get("/lab").await.expect(404).text();
    assert!(page.contains("pip install jupyterlab"), "{page}");
}
