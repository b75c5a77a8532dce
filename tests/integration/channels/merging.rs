//! Outputs that came when nobody was there any more are in the notebook when it is opened again.

use std::{path::Path, sync::Arc};

use authorization::{Action, Authorizer, Covers, Decision, ResourceKind, ResourceRef};
use futures::future::BoxFuture;
use identity::Identity;
use serde_json::{Value, json};
use test_support::{TestClient, TestServer, TestSocket, eventually};
use tokio::sync::watch;
use wire::Subprotocol;

use super::{ipykernel, kind, requests::cell_of, start_kernel};
use crate::kernels::host_process::pids;

pub(super) const CODE: &str = "print first\nsleep 100\nprint 3 times\nresult done";

pub(super) fn notebook(source: &str) -> Value {
    let cell = |id: &str, source: &str| json!({"cell_type": "code", "execution_count": null, "id": id, "metadata": {}, "outputs": [], "source": [source]});
    json!({"cells": [cell("one", "untouched"), cell("two", source)], "metadata": {}, "nbformat": 4, "nbformat_minor": 5})
}

/// A server with a notebook, and a page that has begun to run its second cell.
async fn page_with_running_cell() -> (TestServer, String, TestSocket) {
    let text = serde_json::to_string_pretty(&notebook(CODE)).unwrap();
    let server = TestServer::builder().file("n.ipynb", text).start().await;
    let (kernel, page) = page_of(&server.as_owner(), "n.ipynb").await;
    (server, kernel, page)
}

/// A session of this user for a document, even if there is one: its kernel.
pub(super) async fn session_of(client: &TestClient, path: &str) -> String {
    let kernel = start_kernel(client).await;
    let session = json!({"path": "elsewhere.ipynb", "type": "notebook", "kernel": {"id": kernel}});
    let session = client.post("/api/sessions", &session).await.expect(201).json();
    let moved = json!({"path": path, "name": path});
    let session = format!("/api/sessions/{}", session["id"].as_str().unwrap());
    client.patch(&session, &moved).await.expect(200);
    kernel
}

/// A page of this user that has begun to run the second cell, in a kernel of its own.
pub(super) async fn page_of(client: &TestClient, path: &str) -> (String, TestSocket) {
    let kernel = session_of(client, path).await;
    let mut page = client.channels(&kernel, "page", Subprotocol::V1).await;
    run_cell_two(&mut page, CODE).await;
    (kernel, page)
}

/// Runs the second cell until it has said something.
pub(super) async fn run_cell_two(page: &mut TestSocket, code: &str) {
    page.send(&cell_of("two", code)).await;
    page.until("the first output", |message| kind(message) == "stream")
        .await;
}

pub(super) async fn cell_ended(client: &TestClient, kernel: &str) {
    eventually("the end of the cell", async || {
        let listed = client.get(&format!("/api/kernels/{kernel}/requests")).await;
        (listed.expect(200).json()["requests"][0]["state"] == "done").then_some(())
    })
    .await;
}

pub(super) async fn opened(client: &TestClient) -> Value {
    let model = client.get("/api/contents/n.ipynb?type=notebook&content=1").await;
    model.expect(200).json()["content"]["cells"].clone()
}

pub(super) fn on_disk(root: &Path) -> Value {
    let text = std::fs::read_to_string(root.join("n.ipynb")).unwrap();
    serde_json::from_str::<Value>(&text).unwrap()["cells"].clone()
}

#[tokio::test]
async fn a_notebook_whose_page_was_closed_has_all_outputs_when_it_is_opened_again() {
    let (server, kernel, page) = page_with_running_cell().await;
    page.close().await;
    let owner = server.as_owner();
    cell_ended(&owner, &kernel).await;
    let cells = opened(&owner).await;
    let data = json!({"text/plain": "done"});
    assert_eq!(
        cells[1]["outputs"],
        json!([
            {"name": "stdout", "output_type": "stream", "text": "first\n0\n1\n2\n"},
            {"data": data, "execution_count": 1, "metadata": {}, "output_type": "execute_result"}
        ])
    );
    assert_eq!(cells[1]["execution_count"], 1);
    assert_eq!(cells[0]["outputs"], json!([]));
    assert_eq!(
        on_disk(&server.root())[1]["outputs"][0]["text"],
        json!(["first\n", "0\n", "1\n", "2\n"])
    );
}

#[tokio::test]
async fn nothing_is_merged_while_the_page_that_asked_is_there() {
    let (server, kernel, _page) = page_with_running_cell().await;
    let owner = server.as_owner();
    cell_ended(&owner, &kernel).await;
    assert_eq!(opened(&owner).await[1]["outputs"], json!([]));
}

#[tokio::test]
async fn nothing_is_merged_into_a_cell_that_was_changed_or_saved_since() {
    let (server, kernel, page) = page_with_running_cell().await;
    page.close().await;
    let owner = server.as_owner();
    cell_ended(&owner, &kernel).await;
    let save = async |content: Value| {
        let body = json!({"type": "notebook", "format": "json", "content": content});
        owner.put("/api/contents/n.ipynb", &body).await.expect(200);
    };
    save(notebook(CODE)).await;
    assert_eq!(opened(&owner).await[1]["outputs"], json!([]), "saved later");
    save(notebook("other")).await;
    file_is_from_long_ago(&server.root());
    assert_eq!(opened(&owner).await[1]["outputs"], json!([]), "changed");
    save(notebook(CODE)).await;
    file_is_from_long_ago(&server.root());
    assert_ne!(opened(&owner).await[1]["outputs"], json!([]), "the same again");
}

fn file_is_from_long_ago(root: &Path) {
    let file = std::fs::File::options().write(true).open(root.join("n.ipynb"));
    file.unwrap()
        .set_modified(std::time::SystemTime::UNIX_EPOCH)
        .unwrap();
}

/// `mallory` may do all with kernels and sessions, and only look at files, but not at those in `hers`.
struct NoWriter(watch::Sender<()>);

impl Authorizer for NoWriter {
    fn decide<'a>(
        &'a self,
        identity: &'a Identity,
        action: Action,
        resource: &'a ResourceRef,
    ) -> BoxFuture<'a, Decision> {
        let is_refused = *identity.username == *"mallory"
            && resource.kind == ResourceKind::Contents
            && (action != Action::Read || resource.name.starts_with("hers"));
        let decision = match is_refused {
            true => Decision::forbidden_by("others' files"),
            false => Decision::Allow,
        };
        Box::pin(std::future::ready(decision))
    }

    fn covers<'a>(
        &'a self,
        _identity: &'a Identity,
        _action: Action,
        _directory: &'a ResourceRef,
    ) -> BoxFuture<'a, Covers> {
        Box::pin(std::future::ready(Covers::Each))
    }

    fn changes(&self) -> watch::Receiver<()> {
        self.0.subscribe()
    }
}

#[tokio::test]
async fn whoever_may_not_write_a_notebook_has_nothing_written_into_it_when_others_open_it() {
    let server = TestServer::builder()
        .authorizer(Arc::new(NoWriter(watch::Sender::default())))
        .file("n.ipynb", notebook(CODE).to_string())
        .start()
        .await;
    let (owner, mallory) = (server.as_owner(), server.as_user("mallory"));
    let (kernel, page) = page_of(&mallory, "n.ipynb").await;
    page.close().await;
    cell_ended(&owner, &kernel).await;
    assert_eq!(opened(&owner).await[1]["outputs"], json!([]));
    assert_eq!(on_disk(&server.root())[1]["outputs"], json!([]));
    // The right is that of who ran it, whoever opens.
    let (kernel, page) = page_of(&owner, "n.ipynb").await;
    page.close().await;
    cell_ended(&owner, &kernel).await;
    assert_ne!(opened(&mallory).await[1]["outputs"], json!([]));
}

#[tokio::test]
async fn nobody_opens_a_session_for_a_document_they_may_not_read() {
    let server = TestServer::builder()
        .authorizer(Arc::new(NoWriter(watch::Sender::default())))
        .start()
        .await;
    let mallory = server.as_user("mallory");
    for kind in ["notebook", "console"] {
        let session = json!({"path": "hers/n.ipynb", "type": kind, "kernel": {"name": "python3"}});
        mallory.post("/api/sessions", &session).await.expect(403);
    }
    let session = json!({"path": "not/there.ipynb", "type": "notebook", "kernel": {"name": "python3"}});
    let session = mallory.post("/api/sessions", &session).await.expect(201).json();
    let session = format!("/api/sessions/{}", session["id"].as_str().unwrap());
    for moved in [
        json!({"path": "./hers/n.ipynb"}),
        json!({"notebook": {"path": "hers/n.ipynb"}}),
    ] {
        mallory.patch(&session, &moved).await.expect(403);
    }
    mallory
        .patch(&session, &json!({"path": "other.ipynb"}))
        .await
        .expect(200);
}

#[tokio::test]
async fn what_came_after_a_merge_is_merged_even_if_the_file_was_saved_since() {
    let code = "print first\nsleep 600000 until interrupted";
    let server = TestServer::builder()
        .file("n.ipynb", notebook(code).to_string())
        .start()
        .await;
    let owner = server.as_owner();
    let kernel = session_of(&owner, "n.ipynb").await;
    let mut page = owner.channels(&kernel, "page", Subprotocol::V1).await;
    run_cell_two(&mut page, code).await;
    drop(page);
    let first = json!({"name": "stdout", "output_type": "stream", "text": "first\n"});
    let mut cells = eventually("the first output in the file", async || {
        let cells = opened(&owner).await;
        (cells[1]["outputs"] == json!([first])).then_some(cells)
    })
    .await;
    owner
        .post_empty(&format!("/api/kernels/{kernel}/interrupt"))
        .await
        .expect(204);
    cell_ended(&owner, &kernel).await;
    // A second tab, which has opened the notebook when we did.
    cells[0]["source"] = "saved later".into();
    let content = json!({"cells": cells, "metadata": {}, "nbformat": 4, "nbformat_minor": 5});
    let body = json!({"type": "notebook", "format": "json", "content": content});
    owner.put("/api/contents/n.ipynb", &body).await.expect(200);
    let cells = opened(&owner).await;
    assert_eq!(cells[0]["source"], "saved later");
    assert_eq!(cells[1]["outputs"][0], first);
    assert_eq!(cells[1]["outputs"][1]["ename"], "KeyboardInterrupt");
}

#[tokio::test]
async fn an_output_that_no_notebook_can_hold_keeps_no_other_cell_from_being_filled() {
    let nested = "from IPython.display import publish_display_data\nx = 1\nfor _ in range(450): x = [x]\n\
                  publish_display_data({'application/json': {'x': x}})";
    let cell = |id: &str, source: &str| json!({"cell_type": "code", "execution_count": null, "id": id, "metadata": {}, "outputs": [], "source": source});
    let cells = json!([cell("nested", nested), cell("good", "6 * 7")]);
    let content = json!({"cells": cells, "metadata": {}, "nbformat": 4, "nbformat_minor": 5});
    let server = ipykernel::server().await;
    let owner = server.as_owner();
    let body = json!({"type": "notebook", "format": "json", "content": content});
    owner.put("/api/contents/n.ipynb", &body).await.expect(201);
    let kernel = session_of(&owner, "n.ipynb").await;
    let mut page = owner.channels(&kernel, "page", Subprotocol::V1).await;
    for (id, code) in [("nested", nested), ("good", "6 * 7")] {
        let cell = cell_of(id, code);
        page.send(&cell).await;
        page.answers_to(&cell).await;
    }
    drop(page);
    let filled = eventually("the good cell", async || {
        let cells = opened(&owner).await;
        (cells[1]["outputs"] != json!([])).then_some(cells)
    })
    .await;
    assert_eq!(filled[1]["outputs"][0]["data"]["text/plain"], "42");
    assert_eq!(filled[0]["outputs"], json!([]));
}

fn signal(pid: i32, signal: &str) {
    let kill = std::process::Command::new("kill")
        .args([signal, &pid.to_string()])
        .status();
    assert!(kill.unwrap().success());
}

#[tokio::test]
async fn a_host_that_does_not_answer_keeps_no_notebook_from_being_opened() {
    let code = "print first\nburst 400 100000";
    let server = TestServer::builder()
        .file("n.ipynb", notebook(code).to_string())
        .start()
        .await;
    let owner = server.as_owner();
    let kernel = session_of(&owner, "n.ipynb").await;
    let mut page = owner.channels(&kernel, "page", Subprotocol::V1).await;
    run_cell_two(&mut page, code).await;
    drop(page);
    eventually("the end of the cell", async || {
        let model = owner
            .get(&format!("/api/kernels/{kernel}"))
            .await
            .expect(200)
            .json();
        (model["execution_state"] == "idle").then_some(())
    })
    .await;
    let host = pids(&kernel).expect("a host").host;
    signal(host, "-STOP");
    let cells = opened(&owner).await;
    signal(host, "-CONT");
    assert_eq!(cells[1]["outputs"], json!([]));
    // On a busy machine what takes too long is left to the next opening again.
    eventually("the outputs, later", async || {
        (opened(&owner).await[1]["outputs"] != json!([])).then_some(())
    })
    .await;
}

#[tokio::test]
async fn outputs_are_in_the_file_when_the_kernel_is_ended() {
    for by_session in [false, true] {
        let (server, kernel, page) = page_with_running_cell().await;
        page.close().await;
        let owner = server.as_owner();
        cell_ended(&owner, &kernel).await;
        let path = if by_session {
            let sessions = owner.get("/api/sessions").await.expect(200).json();
            format!("/api/sessions/{}", sessions[0]["id"].as_str().unwrap())
        } else {
            format!("/api/kernels/{kernel}")
        };
        owner.delete(&path).await.expect(204);
        assert_eq!(
            on_disk(&server.root())[1]["outputs"][0]["text"],
            json!(["first\n", "0\n", "1\n", "2\n"])
        );
    }
}
