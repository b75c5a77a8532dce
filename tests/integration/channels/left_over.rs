//! Outputs that nobody was there to save are in the file without anybody opening it: when cells end, and when kernels do.

use std::path::Path;

use serde_json::{Value, json};
use test_support::{TestClient, TestServer, TestServerBuilder, TestSocket, eventually, request};
use wire::{Channel, Subprotocol};

use super::{
    cell, is_idle,
    merging::{CODE, cell_ended, notebook, page_of, run_cell_two, session_of},
    permissions::{READ, Withdrawn},
};

pub(super) const LONG_CODE: &str = "print first\nsleep 600000 until interrupted";

pub(super) fn with_notebooks(code: &str, names: &[&str]) -> TestServerBuilder {
    let text = notebook(code).to_string();
    let files = names.iter();
    files.fold(TestServer::builder(), |builder, name| {
        builder.file(name, text.clone())
    })
}

/// What the second cell has in the file.
fn outputs_in(root: &Path, name: &str) -> Value {
    let text = std::fs::read_to_string(root.join(name)).unwrap();
    let notebook: Value = serde_json::from_str(&text).unwrap();
    notebook["cells"][1]["outputs"].clone()
}

fn printed_in(root: &Path, name: &str) -> Value {
    outputs_in(root, name)[0]["text"].clone()
}

fn all_lines() -> Value {
    json!(["first\n", "0\n", "1\n", "2\n"])
}

async fn until_in_file(root: &Path, name: &str) {
    eventually("the outputs in the file", async || {
        (printed_in(root, name) == all_lines()).then_some(())
    })
    .await;
}

/// A page whose cell runs until [`end`].
pub(super) async fn page_with_long_cell(client: &TestClient, path: &str) -> (String, TestSocket) {
    let kernel = session_of(client, path).await;
    let mut page = client.channels(&kernel, "page", Subprotocol::V1).await;
    run_cell_two(&mut page, LONG_CODE).await;
    (kernel, page)
}

/// Ends the cell when so many are connected to its kernel.
pub(super) async fn end(client: &TestClient, kernel: &str, connections: u64) {
    let path = format!("/api/kernels/{kernel}");
    eventually("that its page is gone", async || {
        let model = client.get(&path).await.expect(200).json();
        (model["connections"] == connections).then_some(())
    })
    .await;
    client.post_empty(&format!("{path}/interrupt")).await.expect(204);
    cell_ended(client, kernel).await;
}

pub(super) async fn until_long_cell_is_in_file(root: &Path, name: &str) {
    eventually("the outputs in the file", async || {
        (outputs_in(root, name)[1]["ename"] == "KeyboardInterrupt").then_some(())
    })
    .await;
}

#[tokio::test]
async fn a_file_has_all_outputs_once_a_cell_has_ended_whose_page_was_closed() {
    let server = with_notebooks(LONG_CODE, &["n.ipynb"]).start().await;
    let owner = server.as_owner();
    let (kernel, page) = page_with_long_cell(&owner, "n.ipynb").await;
    page.close().await;
    end(&owner, &kernel, 0).await;
    until_long_cell_is_in_file(&server.root(), "n.ipynb").await;
}

#[tokio::test]
async fn a_cell_that_ends_when_its_kernel_counts_as_idle_already_is_in_the_file_too() {
    let server = with_notebooks(LONG_CODE, &["n.ipynb"]).start().await;
    let owner = server.as_owner();
    let (kernel, page) = page_with_long_cell(&owner, "n.ipynb").await;
    page.close().await;
    // Done while the cell runs; front ends go by the last idle that was said, and so does the model.
    let mut other = owner.channels(&kernel, "other", Subprotocol::V1).await;
    let content = json!({"comm_id": "c", "data": {}});
    other
        .send(&request(Channel::Control, "comm_msg", "other", &content))
        .await;
    other.until("idle", is_idle).await;
    drop(other);
    end(&owner, &kernel, 0).await;
    until_long_cell_is_in_file(&server.root(), "n.ipynb").await;
}

#[tokio::test]
async fn no_file_changes_behind_the_back_of_a_page_that_is_open_or_comes_back() {
    let names = ["watched.ipynb", "asleep.ipynb", "closed.ipynb"];
    let server = with_notebooks(LONG_CODE, &names).start().await;
    let (owner, root) = (server.as_owner(), server.root());
    let (watched, page) = page_with_long_cell(&owner, "watched.ipynb").await;
    let other = owner.channels(&watched, "other-page", Subprotocol::V1).await;
    page.close().await;
    end(&owner, &watched, 1).await;
    let (asleep, page) = page_with_long_cell(&owner, "asleep.ipynb").await;
    drop(page);
    end(&owner, &asleep, 0).await;
    // What ends after them is in its file, and so they would be.
    let (closed, page) = page_with_long_cell(&owner, "closed.ipynb").await;
    page.close().await;
    end(&owner, &closed, 0).await;
    until_long_cell_is_in_file(&root, "closed.ipynb").await;
    assert_eq!(outputs_in(&root, "watched.ipynb"), json!([]));
    assert_eq!(outputs_in(&root, "asleep.ipynb"), json!([]));
    other.close().await;
    until_long_cell_is_in_file(&root, "watched.ipynb").await;
}

/// A kernel with a cell that has ended after its page was cut off.
async fn cut_off(client: &TestClient) -> String {
    let (kernel, page) = page_of(client, "n.ipynb").await;
    drop(page);
    cell_ended(client, &kernel).await;
    kernel
}

#[tokio::test]
async fn outputs_are_in_the_file_when_the_server_was_stopped() {
    let server = with_notebooks(CODE, &["n.ipynb"]).start().await;
    cut_off(&server.as_owner()).await;
    let root = server.root();
    let _directories = server.shutdown().await;
    assert_eq!(printed_in(&root, "n.ipynb"), all_lines());
}

#[tokio::test]
async fn outputs_are_in_the_file_when_a_session_gets_another_kernel() {
    let server = with_notebooks(CODE, &["n.ipynb"]).start().await;
    let owner = server.as_owner();
    cut_off(&owner).await;
    let sessions = owner.get("/api/sessions").await.expect(200).json();
    let session = format!("/api/sessions/{}", sessions[0]["id"].as_str().unwrap());
    let other = json!({"kernel": {"name": "python3"}});
    owner.patch(&session, &other).await.expect(200);
    assert_eq!(printed_in(&server.root(), "n.ipynb"), all_lines());
}

#[tokio::test]
async fn outputs_are_in_the_file_when_the_kernel_was_culled() {
    let server = with_notebooks(CODE, &["n.ipynb"])
        .setting("MappingKernelManager.cull_idle_timeout", "2")
        .setting("MappingKernelManager.cull_interval", "1")
        .start()
        .await;
    let owner = server.as_owner();
    cut_off(&owner).await;
    eventually("that the kernel is culled", async || {
        (owner.get("/api/kernels").await.expect(200).json() == json!([])).then_some(())
    })
    .await;
    assert_eq!(printed_in(&server.root(), "n.ipynb"), all_lines());
}

#[tokio::test]
async fn outputs_are_in_the_file_when_the_kernel_has_died() {
    let server = with_notebooks(CODE, &["n.ipynb"])
        .setting("KernelManager.autorestart", "False")
        .start()
        .await;
    let owner = server.as_owner();
    let (kernel, page) = page_of(&owner, "n.ipynb").await;
    let mut other = owner.channels(&kernel, "other", Subprotocol::V1).await;
    drop(page);
    cell_ended(&owner, &kernel).await;
    other.send(&cell("exit 1")).await;
    until_in_file(&server.root(), "n.ipynb").await;
}

#[tokio::test]
async fn nothing_is_written_by_a_right_that_was_lost_meanwhile() {
    let policy = Withdrawn::new();
    let server = with_notebooks(CODE, &["n.ipynb"])
        .authorizer(policy.clone())
        .start()
        .await;
    let owner = server.as_owner();
    cut_off(&owner).await;
    policy.allow(READ);
    let root = server.root();
    let _directories = server.shutdown().await;
    assert_eq!(printed_in(&root, "n.ipynb"), Value::Null);
}
