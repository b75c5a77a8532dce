//! `ServerApp.allow_external_kernels`: kernels that somebody else starts, found by their connection files.

use std::path::{Path, PathBuf};

use serde_json::{Value, json};
use test_support::{TestClient, TestServer, eventually, fake_kernel_program, request};
use tokio::process::{Child, Command};
use wire::{Channel, Subprotocol};

/// A kernel with its connection file, as somebody starts one by hand. It ends when dropped.
struct External {
    process: Child,
    file: PathBuf,
}

impl External {
    fn start(dir: &Path, name: &str) -> Self {
        std::fs::create_dir_all(dir).expect("a directory");
        let file = dir.join(format!("{name}.json"));
        // Sockets in the test's own directory: no port that another could have.
        let connection = json!({
            "transport": "ipc", "ip": dir.parent().expect("a parent").join(name), "key": "a key",
            "signature_scheme": "hmac-sha256", "kernel_name": name,
            "shell_port": 1, "iopub_port": 2, "stdin_port": 3, "control_port": 4, "hb_port": 5,
        });
        std::fs::write(&file, connection.to_string()).expect("a connection file");
        let process = Command::new(fake_kernel_program())
            .arg(&file)
            .kill_on_drop(true)
            .spawn()
            .expect("a fake kernel");
        Self { process, file }
    }
}

async fn kernels(owner: &TestClient) -> Vec<Value> {
    let kernels = owner.get("/api/kernels").await.expect(200).json();
    kernels.as_array().expect("a list").clone()
}

async fn until_named(owner: &TestClient, names: &[&str]) -> Vec<Value> {
    eventually("the external kernels", async || {
        let kernels = kernels(owner).await;
        let listed = kernels.iter().map(|kernel| &kernel["name"]);
        listed.eq(names).then_some(kernels)
    })
    .await
}

#[tokio::test]
async fn a_kernel_that_somebody_else_started_is_used_and_left_alone() {
    let server = TestServer::builder()
        .setting("ServerApp.allow_external_kernels", "True")
        .start()
        .await;
    let owner = server.as_owner();
    let dir = server.runtime_dir().join("external_kernels");
    let mut first = External::start(&dir, "first");
    std::fs::write(dir.join("other.json"), "{}").expect("a file");
    let found = until_named(&owner, &["first"]).await;
    let id = found[0]["id"].as_str().expect("an id").to_owned();

    let mut socket = owner.channels(&id, "s", Subprotocol::V1).await;
    let cell = request(
        Channel::Shell,
        "execute_request",
        "s",
        &json!({"code": "print hello"}),
    );
    socket.send(&cell).await;
    let answers = socket.answers_to(&cell).await;
    assert!(
        answers
            .iter()
            .any(|answer| answer.content.windows(5).any(|text| text == b"hello"))
    );
    let kernel = format!("/api/kernels/{id}");
    let _ = owner.post_empty(&format!("{kernel}/interrupt")).await.expect(204);
    let refused = owner
        .post_empty(&format!("{kernel}/restart"))
        .await
        .expect(400)
        .json();
    assert_eq!(
        refused["message"],
        format!("kernel {id} was not started by this server, which cannot restart it")
    );
    let _ = owner.delete(&kernel).await.expect(204);
    assert_eq!(kernels(&owner).await, Vec::<Value>::new());

    // When this one is found, the directory was looked at again, and the first not taken for new.
    let second = External::start(&dir, "second");
    let _ = until_named(&owner, &["second"]).await;
    assert!(
        first.process.try_wait().expect("a state").is_none(),
        "it lives on"
    );
    assert!(first.file.exists());
    std::fs::remove_file(&second.file).expect("its file");
    let _ = until_named(&owner, &[]).await;
}

#[tokio::test]
async fn external_kernels_go_on_when_the_server_stops() {
    let elsewhere = tempfile::tempdir().expect("a directory");
    let dir = elsewhere.path().join("connections");
    let server = TestServer::builder()
        .setting("ServerApp.allow_external_kernels", "True")
        .setting("ServerApp.external_connection_dir", &dir.display().to_string())
        .start()
        .await;
    let mut external = External::start(&dir, "mine");
    let _ = until_named(&server.as_owner(), &["mine"]).await;
    let _directories = server.shutdown().await;
    assert!(
        external.process.try_wait().expect("a state").is_none(),
        "it lives on"
    );
    assert!(external.file.exists());
}
