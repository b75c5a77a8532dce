//! Trust is shared with Jupyter: the same secret, the same file of signatures, the same signature.

use std::path::Path;
use std::process::Command;

use serde_json::{Value, json};
use test_support::TestServer;

use super::python;

/// `jupyter trust` of a file, or `jupyter trust --reset`.
fn jupyter_trust(server: &TestServer, argument: &Path) -> String {
    let output = Command::new(python())
        .args(["-m", "nbformat.sign"])
        .arg(argument)
        .env("JUPYTER_DATA_DIR", server.data_dir())
        .env("HOME", server.root().join("../home"))
        .output()
        .unwrap();
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

/// Whether Jupyter trusts the file; trusts it if not.
fn is_signed_in_jupyter(server: &TestServer, name: &str) -> bool {
    let said = jupyter_trust(server, &server.root().join(name));
    assert!(
        said.starts_with("Notebook already signed") || said.starts_with("Signing notebook"),
        "{said}"
    );
    said.starts_with("Notebook already signed")
}

async fn is_trusted_here(server: &TestServer, name: &str) -> bool {
    let answer = server.as_owner().get(&format!("/api/contents/{name}")).await;
    let model = answer.expect(200).json();
    model["content"]["cells"][0]["metadata"]["trusted"] == true
}

async fn trust_here(server: &TestServer, name: &str) {
    let path = format!("/api/contents/{name}/trust");
    server.as_owner().post_empty(&path).await.expect(201);
}

fn version_4() -> Value {
    let output =
        json!({"output_type": "display_data", "metadata": {}, "data": {"text/html": ["<b>\n", "ü"]}});
    let cell = json!({"id": "a", "cell_type": "code", "metadata": {"n": [1, 1.0, 1e-7, null, true]}, "source": ["x\n", "y"],
        "outputs": [output], "execution_count": 3});
    json!({"cells": [cell], "metadata": {"z": {}, "a": "😀"}, "nbformat": 4, "nbformat_minor": 5})
}

fn version_3() -> Value {
    let output = json!({"output_type": "pyout", "prompt_number": 1, "html": ["<b>\n", "ü"]});
    let cell = json!({"cell_type": "code", "metadata": {"n": [1, 1.0, null]}, "input": ["x", "y"], "language": "python",
        "outputs": [output], "prompt_number": 3});
    let sheet = json!({"cells": [cell], "metadata": {}});
    json!({"worksheets": [sheet], "metadata": {"name": "", "signature": "x"}, "nbformat": 3, "nbformat_minor": 0})
}

#[tokio::test]
async fn what_is_trusted_in_jupyter_is_trusted_here_and_back() {
    let mut content = version_4();
    let server = TestServer::builder()
        .file("theirs.ipynb", content.to_string())
        .start()
        .await;
    assert!(!is_trusted_here(&server, "theirs.ipynb").await);
    assert!(!is_signed_in_jupyter(&server, "theirs.ipynb"));
    assert!(is_trusted_here(&server, "theirs.ipynb").await);

    content["cells"][0]["id"] = json!("ours");
    let body = json!({"type": "notebook", "content": content});
    server
        .as_owner()
        .put("/api/contents/ours.ipynb", &body)
        .await
        .expect(201);
    assert!(!is_trusted_here(&server, "ours.ipynb").await);
    trust_here(&server, "ours.ipynb").await;
    assert!(is_signed_in_jupyter(&server, "ours.ipynb"));
}

#[tokio::test]
async fn the_same_for_notebooks_of_version_3() {
    let mut content = version_3();
    let server = TestServer::builder()
        .file("theirs.ipynb", content.to_string())
        .start()
        .await;
    assert!(!is_trusted_here(&server, "theirs.ipynb").await);
    assert!(!is_signed_in_jupyter(&server, "theirs.ipynb"));
    assert!(is_trusted_here(&server, "theirs.ipynb").await);

    let cell = &mut content["worksheets"][0]["cells"][0];
    cell["input"] = json!("ours");
    let owner = server.as_owner();
    let unmarked = json!({"type": "notebook", "content": content});
    owner.put("/api/contents/ours.ipynb", &unmarked).await.expect(201);
    assert!(!is_trusted_here(&server, "ours.ipynb").await);
    content["worksheets"][0]["cells"][0]["metadata"]["trusted"] = json!(true);
    let marked = json!({"type": "notebook", "content": content});
    owner.put("/api/contents/ours.ipynb", &marked).await.expect(200);
    assert!(is_trusted_here(&server, "ours.ipynb").await);
    assert!(is_signed_in_jupyter(&server, "ours.ipynb"));
}

#[tokio::test]
async fn what_jupyter_forgets_is_forgotten_here_and_trust_goes_on() {
    let server = TestServer::builder()
        .file("n.ipynb", version_4().to_string())
        .start()
        .await;
    trust_here(&server, "n.ipynb").await;
    assert!(is_trusted_here(&server, "n.ipynb").await);
    jupyter_trust(&server, Path::new("--reset"));
    assert!(!is_trusted_here(&server, "n.ipynb").await);
    trust_here(&server, "n.ipynb").await;
    assert!(
        is_signed_in_jupyter(&server, "n.ipynb"),
        "also with the new secret"
    );
}
