//! PATCH: a document that moves, and another kernel.

use serde_json::{Value, json};
use test_support::{TestClient, TestServer, eventually};

use super::{open, url};
use crate::kernels::host_process::pids;

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

/// The variable that tells a kernel its document, in the process that the kernel is now.
fn document_of(kernel: &str) -> Option<String> {
    let pid = pids(kernel)?.kernel;
    let environment = std::fs::read_to_string(format!("/proc/{pid}/environ")).ok()?;
    let mut variables = environment.split('\0');
    Some(
        variables
            .find_map(|it| it.strip_prefix("JPY_SESSION_NAME="))?
            .to_owned(),
    )
}

fn kill(pid: i32) {
    let killed = std::process::Command::new("kill")
        .args(["-KILL", &pid.to_string()])
        .status();
    assert!(killed.unwrap().success());
}

async fn moved_to(client: &TestClient, session: &Value, path: &str, name: Option<&str>) {
    let changes = json!({"path": path, "name": name});
    client.patch(&url(session), &changes).await.expect(200);
}

#[tokio::test]
async fn a_kernel_that_is_started_again_knows_where_its_document_has_moved() {
    let server = TestServer::builder().file("sub/there.txt", "").start().await;
    let owner = server.as_owner();
    let session = open(&owner, "x.ipynb").await;
    let kernel = session["kernel"]["id"].as_str().unwrap().to_owned();
    let root = server.root().canonicalize().unwrap();
    let whole = |path: &str| root.join(path).to_string_lossy().into_owned();
    assert_eq!(document_of(&kernel), Some(whole("x.ipynb")));

    moved_to(&owner, &session, "sub/y.ipynb", Some("y.ipynb")).await;
    assert_eq!(document_of(&kernel), Some(whole("x.ipynb")));
    owner
        .post_empty(&format!("/api/kernels/{kernel}/restart"))
        .await
        .expect(200);
    assert_eq!(document_of(&kernel), Some(whole("sub/y.ipynb")));

    // By itself, too, and in another host. Without a name it is the path as it is.
    moved_to(&owner, &session, "z.ipynb", None).await;
    kill(pids(&kernel).unwrap().kernel);
    let is = async |expected: &str| (document_of(&kernel)? == expected).then_some(());
    eventually("the kernel is back", async || is("z.ipynb").await).await;
    moved_to(&owner, &session, "sub/a.ipynb", Some("a.ipynb")).await;
    kill(pids(&kernel).unwrap().host);
    let expected = whole("sub/a.ipynb");
    eventually("the kernel is back", async || is(&expected).await).await;
}

#[tokio::test]
async fn a_kernel_that_was_started_for_no_document_never_learns_of_one() {
    let server = TestServer::start().await;
    let owner = server.as_owner();
    let kernel = crate::channels::start_kernel(&owner).await;
    let body = json!({"path": "x.ipynb", "name": "x.ipynb", "type": "notebook", "kernel": {"id": kernel}});
    let session = owner.post("/api/sessions", &body).await.expect(201).json();
    moved_to(&owner, &session, "y.ipynb", Some("y.ipynb")).await;
    owner
        .post_empty(&format!("/api/kernels/{kernel}/restart"))
        .await
        .expect(200);
    assert!(pids(&kernel).is_some());
    assert_eq!(document_of(&kernel), None);
}
