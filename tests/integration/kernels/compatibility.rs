//! The same requests to the reference server and to ours, with the same Python: the same answers.

use std::process::Stdio;

use http::Method;
use serde_json::{Value, json};
use test_support::{TOKEN, TestServer, eventually};
use tokio::process::{Child, Command};

use super::python::interpreter;

/// A running jupyter_server; killed when dropped.
struct Reference {
    url: String,
    _server: Child,
    _directories: tempfile::TempDir,
}

impl Reference {
    async fn start() -> Self {
        let directories = tempfile::tempdir().expect("a directory");
        let path = |name: &str| directories.path().join(name);
        std::fs::create_dir(path("root")).expect("a directory");
        let server = Command::new(interpreter())
            .args([
                "-m",
                "jupyter_server",
                "--no-browser",
                "--allow-root",
                "--ServerApp.port=0",
            ])
            .arg(format!("--IdentityProvider.token={TOKEN}"))
            .arg(format!("--ServerApp.root_dir={}", path("root").display()))
            .env("HOME", path("home"))
            .env("JUPYTER_CONFIG_DIR", path("config"))
            .env("JUPYTER_DATA_DIR", path("data"))
            .env("JUPYTER_RUNTIME_DIR", path("runtime"))
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .expect("the reference starts");
        let runtime_dir = path("runtime");
        // The port it was asked for is 0; the one it has stands in its file.
        let url = eventually("the reference server", async || {
            let entries = std::fs::read_dir(&runtime_dir).ok()?.flatten();
            let mut files =
                entries.filter(|entry| entry.file_name().to_string_lossy().starts_with("jpserver-"));
            let file = files.find(|file| {
                file.path()
                    .extension()
                    .is_some_and(|extension| extension == "json")
            })?;
            let info: Value = serde_json::from_slice(&std::fs::read(file.path()).ok()?).ok()?;
            let url = format!("http://127.0.0.1:{}/", info["port"].as_u64()?);
            let answers = reqwest::get(format!("{url}api")).await.is_ok();
            answers.then_some(url)
        })
        .await;
        Self {
            url,
            _server: server,
            _directories: directories,
        }
    }
}

/// What is compared of an answer.
#[derive(Debug, PartialEq)]
struct Answer {
    status: u16,
    headers: Vec<(&'static str, String)>,
    body: Option<Value>,
}

/// The headers that mean something to clients here.
const HEADERS: [&str; 5] = [
    "content-type",
    "location",
    "cache-control",
    "content-security-policy",
    "x-content-type-options",
];

async fn ask(url: &str, method: &Method, path: &str, body: &str) -> Answer {
    let client = reqwest::Client::builder().no_proxy().build().expect("a client");
    let request = client
        .request(method.clone(), format!("{url}{path}"))
        .body(body.to_owned());
    let response = request
        .header("authorization", format!("token {TOKEN}"))
        .send()
        .await
        .expect("an answer");
    let header = |name: &'static str| {
        let value = response.headers().get(name)?.to_str().expect("text");
        Some((name, value.replace("; charset=utf-8", "").to_lowercase()))
    };
    let headers = HEADERS.into_iter().filter_map(header).collect();
    let status = response.status().as_u16();
    let mut body = serde_json::from_slice(&response.bytes().await.expect("a body")).ok();
    if let Some(body) = &mut body {
        redact(body);
    }
    Answer {
        status,
        headers,
        body,
    }
}

/// Times differ, and whether a kernel has answered by now. What a kernel uses is said by us only, and where it is looked at
/// is `crate::kernels::usage`.
fn redact(value: &mut Value) {
    match value {
        Value::Object(entries) => {
            entries.shift_remove("usage");
            for key in ["last_activity", "execution_state"] {
                if let Some(value) = entries.get_mut(key) {
                    *value = json!("…");
                }
            }
            entries.values_mut().for_each(redact);
        }
        Value::Array(values) => values.iter_mut().for_each(redact),
        _ => {}
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_reference_and_we_answer_alike() {
    let reference = Reference::start().await;
    let server = TestServer::builder()
        .policy("owner")
        .python(interpreter())
        .without_fake_kernel()
        .start()
        .await;
    let (get, post, delete) = (Method::GET, Method::POST, Method::DELETE);
    let requests = [
        (&get, "api/kernelspecs", ""),
        (&get, "api/kernelspecs/python3", ""),
        (&get, "api/kernelspecs/none", ""),
        (&get, "kernelspecs/python3/logo-svg.svg", ""),
        (&get, "kernelspecs/python3/none.svg", ""),
        (&get, "kernelspecs/none/logo-svg.svg", ""),
        (&get, "api/kernels", ""),
        (
            &post,
            "api/kernels",
            r#"{"kernel_id": "a-b-c-d-e", "path": "none/x.ipynb", "other": 1}"#,
        ),
        (&post, "api/kernels", r#"{"kernel_id": "a-b-c-d-e"}"#),
        (&get, "api/kernels", ""),
        (&get, "api/kernels/a-b-c-d-e", ""),
        (&get, "api/kernels/a-b-c-d-f", ""),
        (&get, "api/kernels/abc", ""),
        (&post, "api/kernels/a-b-c-d-e/interrupt", ""),
        (&post, "api/kernels/a-b-c-d-f/interrupt", ""),
        (&post, "api/kernels/a-b-c-d-e/restart", "{}"),
        (&post, "api/kernels/a-b-c-d-e/other", ""),
        (&delete, "api/kernels/a-b-c-d-e", ""),
        (&delete, "api/kernels/a-b-c-d-e", ""),
        (&Method::PUT, "api/kernels", "{}"),
    ];
    for (method, path, body) in requests {
        let theirs = ask(&reference.url, method, path, body).await;
        let ours = ask(&server.url(), method, path, body).await;
        assert_eq!(
            ours, theirs,
            "ours and the reference's answer to {method} {path} {body}"
        );
    }
}
