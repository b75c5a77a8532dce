//! Trust is shared with Jupyter: the same secret, the same file of signatures, the same signature.

use std::process::Command;

use serde_json::json;
use test_support::TestServer;

use super::python;

const PROGRAM: &str = r#"
import sys, nbformat
from nbformat.sign import NotebookNotary
action, data_dir, file = sys.argv[1:4]
notary = NotebookNotary(data_dir=data_dir)
notebook = nbformat.read(file, as_version=4)
if action == "sign":
    notary.sign(notebook)
else:
    print(notary.check_signature(notebook))
"#;

fn jupyter(server: &TestServer, action: &str, name: &str) -> String {
    let output = Command::new(python())
        .args(["-c", PROGRAM, action])
        .arg(server.data_dir())
        .arg(server.root().join(name))
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

#[tokio::test]
async fn what_is_trusted_in_jupyter_is_trusted_here_and_back() {
    let output =
        json!({"output_type": "display_data", "metadata": {}, "data": {"text/html": ["<b>\n", "ü"]}});
    let cell = json!({"id": "a", "cell_type": "code", "metadata": {"n": [1, 1.0, 1e-7, null, true]}, "source": ["x\n", "y"],
        "outputs": [output], "execution_count": 3});
    let content =
        json!({"cells": [cell], "metadata": {"z": {}, "a": "😀"}, "nbformat": 4, "nbformat_minor": 5});
    let server = TestServer::builder()
        .file("theirs.ipynb", content.to_string())
        .start()
        .await;
    let owner = server.as_owner();
    let trusted = async |name: &str| {
        let model = owner
            .get(&format!("/api/contents/{name}"))
            .await
            .expect(200)
            .json();
        model["content"]["cells"][0]["metadata"]["trusted"].clone()
    };
    assert_eq!(trusted("theirs.ipynb").await, false);
    jupyter(&server, "sign", "theirs.ipynb");
    assert_eq!(trusted("theirs.ipynb").await, true);

    let mut content = content;
    content["cells"][0]["id"] = json!("ours");
    let body = json!({"type": "notebook", "content": content});
    owner.put("/api/contents/ours.ipynb", &body).await.expect(201);
    assert_eq!(jupyter(&server, "check", "ours.ipynb"), "False");
    owner
        .post_empty("/api/contents/ours.ipynb/trust")
        .await
        .expect(201);
    assert_eq!(jupyter(&server, "check", "ours.ipynb"), "True");
}
