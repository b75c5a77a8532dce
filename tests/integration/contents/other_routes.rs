//! `/view`, `/api/notebooks`, `/api/resolvePath`, exports.

use serde_json::json;
use test_support::TestServer;

#[tokio::test]
async fn a_viewed_file_stands_in_a_frame() {
    let server = TestServer::builder().file("d/a b.html", "<p>").start().await;
    let client = server.with_token();
    let page = client.get("/view/d/a%20b.html").await.expect(200);
    assert!(page.text().contains("/files/d/a%20b.html"), "{}", page.text());
    client.get("/view/none").await.expect(404);
    client.get("/view/d").await.expect(404);
}

#[tokio::test]
async fn the_old_name_of_contents_redirects() {
    let server = TestServer::start().await;
    let client = server.anonymous();
    for (from, to) in [("", ""), ("/d/a%20b.ipynb", "/d/a%20b.ipynb")] {
        let answer = client.get(&format!("/api/notebooks{from}")).await.expect(302);
        assert_eq!(answer.header("location"), format!("/api/contents{to}"));
    }
    server
        .as_owner()
        .put("/api/notebooks/x", &json!({}))
        .await
        .expect(302);
}

#[tokio::test]
async fn paths_of_outputs_are_resolved_beneath_the_root() {
    let server = TestServer::builder()
        .file("d/a.py", "")
        .file("../secret", "")
        .start()
        .await;
    let owner = server.as_owner();
    let resolve = async |path: &str| {
        owner
            .get(&format!("/api/resolvePath?path={path}"))
            .await
            .expect(200)
            .json()
    };
    let found = json!({"resolved": [{"scope": "server", "path": "d/a.py"}]});
    assert_eq!(resolve("d/a.py").await, found);
    assert_eq!(
        resolve(&format!("{}/d/a.py", server.root().display())).await,
        found
    );
    for path in ["none", "../secret", "/etc/passwd"] {
        assert_eq!(resolve(path).await, json!({"resolved": []}), "{path}");
    }
    let unknown = resolve("d/a.py&kernel=11111111-2222-3333-4444-555555555555").await;
    let reason = "Kernel 11111111-2222-3333-4444-555555555555 could not be found";
    assert_eq!(
        unknown["unresolved"],
        json!([{"scope": "kernel", "reason": reason}])
    );
    owner.get("/api/resolvePath").await.expect(400);
}

#[tokio::test]
async fn there_are_no_exports_yet_and_that_is_said() {
    let server = TestServer::builder().file("n.ipynb", "{}").start().await;
    let client = server.with_token();
    assert_eq!(client.get("/api/nbconvert").await.expect(200).json(), json!({}));
    let page = client
        .get("/nbconvert/html/n.ipynb?download=true")
        .await
        .expect(404);
    assert!(page.text().contains("No exporter for format: html"));
    client.post("/nbconvert/html", &json!({})).await.expect(404);
}
