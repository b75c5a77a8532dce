//! Other people's clients as judges: `jupyter_kernel_test` through jupyter_server's gateway client, the reference
//! server with ours as its gateway, and `jupyter_client` on a connection file.

use std::process::Stdio;

use serde_json::{Value, json};
use test_support::{TOKEN, TestClient, TestServer};
use wire::Subprotocol;

use super::builder;
use crate::channels::ipykernel::{self, python};
use crate::channels::{kind, run, start_kernel, text};
use crate::compatibility::Reference;

/// Runs a script that lies beside this file; gives what it printed, and what it said on standard error.
async fn run_script(name: &str, arguments: &[&str]) -> (String, String) {
    let scripts = concat!(env!("CARGO_MANIFEST_DIR"), "/integration/real_kernels");
    let process = tokio::process::Command::new(python())
        .arg(format!("{scripts}/{name}"))
        .args(arguments)
        .stdin(Stdio::null())
        .kill_on_drop(true)
        .output();
    let output = process.await.expect("the test Python");
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{name} {arguments:?}: {said}");
    (String::from_utf8(output.stdout).unwrap(), said)
}

/// As the servers behind a gateway's clients are run: these show a token on requests, but not on WebSockets.
async fn gateway() -> TestServer {
    builder()
        .python(python())
        .policy("owner")
        .setting("IdentityProvider.token", "")
        .setting("ServerApp.disable_check_xsrf", "True")
        .start()
        .await
}

async fn judge(tests: &str, not_run: Value) {
    let server = gateway().await;
    let (verdict, said) = run_script("judge.py", &[server.url().trim_end_matches('/'), tests]).await;
    let verdict: Value = serde_json::from_str(&verdict).unwrap();
    assert_eq!(
        verdict,
        json!({"run": 12, "skipped": not_run, "failed": []}),
        "{said}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn jupyter_kernel_test_finds_no_fault_with_ipykernel_behind_a_server() {
    // Of history one of three ways to ask, which ipykernel's own tests leave out, too.
    judge("IPython", json!(["test_history"])).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn jupyter_kernel_test_finds_no_fault_with_bash_behind_a_server() {
    // What Bash's kernel does not have.
    let not_run = json!([
        "test_clear_output",
        "test_display_data",
        "test_execute_result",
        "test_execute_stderr",
        "test_history",
        "test_inspect",
        "test_is_complete",
        "test_pager",
    ]);
    judge("Bash", not_run).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn jupyter_kernel_test_finds_no_fault_with_deno_behind_a_server() {
    // What Deno does not have.
    let not_run = json!(["test_clear_output", "test_history", "test_inspect", "test_pager"]);
    judge("Deno", not_run).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_console_uses_a_kernel_by_its_connection_file_beside_the_browsers() {
    let server = ipykernel::server().await;
    let owner = server.as_owner();
    let kernel = start_kernel(&owner).await;
    let mut socket = owner.channels(&kernel, "page", Subprotocol::V1).await;
    run(&mut socket, "answer = 42").await;
    let runtime_dir = server.runtime_dir().display().to_string();
    let (printed, _) = run_script("console.py", &[&runtime_dir, &kernel]).await;
    assert_eq!(printed, "42 Ada of name? \n");
    // The browser is told what others run, and is not asked in their place.
    let mut heard = Vec::new();
    while text(&heard) != printed {
        heard.push(socket.next().await.expect("what the console ran"));
    }
    assert!(heard.iter().all(|message| kind(message) != "input_request"));
    assert_eq!(text(&run(&mut socket, "print(answer + 1)").await), "43\n");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_reference_uses_a_server_as_its_gateway() {
    let server = ipykernel::server().await;
    let reference = Reference::start(&[
        ("GatewayClient.url", server.url().trim_end_matches('/').to_owned()),
        ("GatewayClient.auth_token", TOKEN.to_owned()),
    ])
    .await;
    let url = format!("http://127.0.0.1:{}/", reference.port);
    let theirs = TestClient::of_another_server(&url, TOKEN);
    let listed = theirs.get("/api/kernelspecs").await.expect(200).json();
    assert_eq!(listed["kernelspecs"]["python3"]["spec"]["display_name"], "Python");

    let body =
        json!({"path": "x.ipynb", "name": "x.ipynb", "type": "notebook", "kernel": {"name": "python3"}});
    let session = theirs.post("/api/sessions", &body).await.expect(201).json();
    let kernel = session["kernel"]["id"].as_str().unwrap();
    let path = format!("/api/kernels/{kernel}");
    let ours = server.with_token();
    assert_eq!(ours.get(&path).await.expect(200).json()["name"], "python3");
    let mut socket = theirs.channels(kernel, "page", Subprotocol::Legacy).await;
    assert_eq!(text(&run(&mut socket, "print(6 * 7)").await), "42\n");
    theirs.post_empty(&format!("{path}/interrupt")).await.expect(204);
    theirs.post_empty(&format!("{path}/restart")).await.expect(200);
    theirs.delete(&path).await.expect(204);
    ours.get(&path).await.expect(404);
}
