//! The reference server and ours on equal directories, asked the same: equal answers, but for the differences we
//! intend, each with its reason. That list may only shrink.

use std::net::{Ipv4Addr, TcpListener};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use http::{HeaderMap, Method};
use serde_json::{Value, json};
use test_support::{TOKEN, TestServer, eventually};

use super::{notebook, python};

/// Headers that are compared.
const HEADERS: [&str; 8] = [
    "content-type",
    "location",
    "content-disposition",
    "content-range",
    "accept-ranges",
    "cache-control",
    "content-security-policy",
    "x-content-type-options",
];

/// One request, and why the answers may differ.
struct Step {
    method: Method,
    path: String,
    body: String,
    range: Option<&'static str>,
    intended: Option<&'static str>,
}

fn step(method: Method, path: &str, body: &Value) -> Step {
    let body = if body.is_null() {
        String::new()
    } else {
        body.to_string()
    };
    Step {
        method,
        path: path.to_owned(),
        body,
        range: None,
        intended: None,
    }
}

fn get(path: &str) -> Step {
    step(Method::GET, path, &Value::Null)
}

fn put(path: &str, body: &Value) -> Step {
    step(Method::PUT, path, body)
}

fn post(path: &str, body: &Value) -> Step {
    step(Method::POST, path, body)
}

fn patch(path: &str, body: &Value) -> Step {
    step(Method::PATCH, path, body)
}

fn delete(path: &str) -> Step {
    step(Method::DELETE, path, &Value::Null)
}

impl Step {
    fn range(self, range: &'static str) -> Self {
        Self {
            range: Some(range),
            ..self
        }
    }

    /// The answers differ, and that is meant.
    fn because(self, reason: &'static str) -> Self {
        Self {
            intended: Some(reason),
            ..self
        }
    }
}

/// Puts the same things into a root directory.
fn fill(root: &Path) {
    let files: [(&str, &[u8]); 8] = [
        ("a.txt", b"hi\n"),
        ("b.bin", b"\xff\x00\x01"),
        ("d/e/f.txt", b"deep"),
        ("d/x.py", b"print(1)"),
        (".hidden/x", b"h"),
        ("bad.ipynb", b"{"),
        ("sp ace ü.txt", b"s"),
        ("old~", b""),
    ];
    for (name, bytes) in files {
        let path = root.join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, bytes).unwrap();
    }
    let cell = json!({"cell_type": "code", "metadata": {}, "source": ["a\n", "b"], "execution_count": 1, "id": "x",
        "outputs": [{"output_type": "display_data", "metadata": {}, "data": {"text/html": ["<b>\n", "x"]}}]});
    let content = json!({"cells": [cell], "metadata": {"k": 1.0}, "nbformat": 4, "nbformat_minor": 5});
    std::fs::write(root.join("d/n.ipynb"), content.to_string()).unwrap();
    let invalid = json!({"cells": [{"cell_type": "code", "metadata": {}, "source": "", "outputs": [], "execution_count": "x", "id": "i"}],
        "metadata": {}, "nbformat": 4, "nbformat_minor": 5});
    std::fs::write(root.join("invalid.ipynb"), invalid.to_string()).unwrap();
    std::os::unix::fs::symlink("a.txt", root.join("link")).unwrap();
    std::os::unix::fs::symlink("nowhere", root.join("broken")).unwrap();
}

fn reading() -> Vec<Step> {
    vec![
        get("api/contents"),
        get("api/contents/"),
        get("api/contents/d?content=1"),
        get("api/contents/d?content=0"),
        get("api/contents/d?type=directory"),
        get("api/contents/d?type=file"),
        get("api/contents/d?type=notebook"),
        get("api/contents/d?format=text"),
        get("api/contents/a.txt"),
        get("api/contents/a.txt?content=0"),
        get("api/contents/a.txt?content=0&hash=1"),
        get("api/contents/a.txt?hash=1"),
        get("api/contents/a.txt?format=base64"),
        get("api/contents/a.txt?type=directory"),
        get("api/contents/a.txt?type=notebook").because("the sentence says where the JSON is wrong"),
        get("api/contents/a.txt?type=bogus"),
        get("api/contents/a.txt?format=bogus"),
        get("api/contents/a.txt?content=2"),
        get("api/contents/a.txt?hash=2"),
        get("api/contents/b.bin"),
        get("api/contents/b.bin?format=text"),
        get("api/contents/b.bin?content=0"),
        get("api/contents/d/n.ipynb"),
        get("api/contents/d/n.ipynb?type=file"),
        get("api/contents/d/n.ipynb?type=file&format=base64"),
        get("api/contents/d/n.ipynb?content=0&hash=1"),
        get("api/contents/invalid.ipynb"),
        get("api/contents/bad.ipynb").because("the sentence says where the JSON is wrong"),
        get("api/contents/link"),
        get("api/contents/broken"),
        get("api/contents/broken?content=0"),
        get("api/contents/none"),
        get("api/contents/none?content=0&hash=0"),
        get("api/contents/.hidden"),
        get("api/contents/.hidden/x"),
        get("api/contents/sp%20ace%20%C3%BC.txt"),
        get("api/contents/a.txt/checkpoints"),
        get("files/a.txt"),
        get("files/a.txt?download=1"),
        get("files/a.txt?download="),
        get("files/b.bin"),
        get("files/d/n.ipynb"),
        get("files/d/x.py"),
        get("files/sp%20ace%20%C3%BC.txt?download=1"),
        get("files/none"),
        get("files/.hidden/x"),
        get("files/d"),
        get("files/a.txt").range("bytes=0-0"),
        get("files/a.txt").range("bytes=-1"),
        get("files/a.txt").range("bytes=1-"),
        get("files/a.txt").range("bytes=9-"),
        get("files/a.txt").range("bytes=0-100"),
        get("files/a.txt").range("bytes=0-0,2-2"),
        step(Method::HEAD, "files/a.txt", &Value::Null),
        get("view/none"),
        get("api/resolvePath?path=d/x.py"),
        get("api/resolvePath?path=none"),
        get("api/notebooks/d/n.ipynb").because("an empty answer needs no type and is no page"),
    ]
}

fn writing() -> Vec<Step> {
    let file = |text: &str| json!({"type": "file", "format": "text", "content": text});
    let nb = |mark| json!({"type": "notebook", "format": "json", "content": notebook(mark)});
    vec![
        put("api/contents/new.txt", &file("1")),
        put("api/contents/new.txt", &file("22")),
        put("api/contents/s%20%23%C3%BC.txt", &file("")),
        put("api/contents/new.ipynb", &nb(1)),
        put("api/contents/new.ipynb", &nb(2)),
        get("api/contents/new.ipynb"),
        get("files/new.ipynb"),
        put("api/contents/empty.ipynb", &json!({"type": "notebook"})),
        put("api/contents/by-name.ipynb", &json!({"format": "json"})),
        put("api/contents/newdir", &json!({"type": "directory"})),
        put("api/contents/newdir", &json!({"type": "directory"})),
        put("api/contents/a.txt", &json!({"content": "x", "format": "text"})),
        put("api/contents/a.txt", &json!({"type": "file", "format": "text"})),
        put("api/contents/a.txt", &json!({"type": "file", "content": "x"})),
        put("api/contents/a.txt", &json!({"type": "file", "content": "x", "format": "json"})),
        put("api/contents/a.txt", &json!({"copy_from": "b.bin"})),
        put("api/contents/a.txt", &json!({"type": null, "content": "x", "format": "text"})),
        put("api/contents/bogus.txt", &json!({"type": "bogus", "content": "x", "format": "text"})),
        put("api/contents/.h", &file("")),
        put("api/contents/y", &json!({"path": ".h", "type": "file", "format": "text", "content": ""})),
        put("api/contents/chunk", &json!({"type": "file", "format": "base64", "chunk": 1, "content": "aGVs"})),
        put("api/contents/chunk", &json!({"type": "file", "format": "base64", "chunk": -1, "content": "bG8="})),
        put("api/contents/chunk.ipynb", &json!({"type": "notebook", "format": "json", "chunk": 1, "content": {}})),
        get("api/contents/chunk"),
        put("api/contents/d", &json!({})).because("the reference says 200 to what it creates, and so do we, but it looks for `d/untitled` as a file"),
        post("api/contents/d", &json!({"type": "notebook"})),
        post("api/contents/d", &json!({"type": "notebook"})),
        post("api/contents/d", &json!({"ext": ".tar.gz"})),
        post("api/contents/d", &json!({"ext": ".tar.gz"})),
        post("api/contents/d", &json!({"type": "directory"})),
        post("api/contents/d", &json!({"type": "directory"})),
        post("api/contents/", &Value::Null),
        post("api/contents/a.txt", &json!({})),
        post("api/contents/none", &json!({})),
        post("api/contents", &json!({"copy_from": "a.txt"})),
        post("api/contents", &json!({"copy_from": "a-Copy1.txt"})),
        post("api/contents/d", &json!({"copy_from": "/a.txt"})),
        post("api/contents", &json!({"copy_from": "d/n.ipynb"})),
        post("api/contents", &json!({"copy_from": "d/e"})),
        post("api/contents/d", &json!({"copy_from": "d/e"})),
        post("api/contents", &json!({"copy_from": ".hidden/x"})),
        post("api/contents/copy.txt", &json!({"copy_from": "a.txt"})),
        post("api/contents/no/copy.txt", &json!({"copy_from": "a.txt"})),
        patch("api/contents/new.txt", &json!({"path": "d/renamed.txt"})),
        patch("api/contents/d/renamed.txt", &json!({"path": "a.txt"})),
        patch("api/contents/d/renamed.txt", &json!({"path": ".h"})),
        patch("api/contents/d/renamed.txt", &json!({"path": "d/renamed.txt"})),
        patch("api/contents/none", &json!({"path": "other"})),
        patch("api/contents/none", &Value::Null),
        post("api/contents/a.txt/checkpoints", &Value::Null),
        get("api/contents/a.txt/checkpoints"),
        put("api/contents/a.txt", &file("changed")),
        post("api/contents/a.txt/checkpoints/checkpoint", &Value::Null),
        get("api/contents/a.txt"),
        delete("api/contents/a.txt/checkpoints/checkpoint"),
        delete("api/contents/a.txt/checkpoints/checkpoint"),
        post("api/contents/d/n.ipynb/trust", &Value::Null).because("an empty answer needs no type and is no page"),
        get("api/contents/d/n.ipynb"),
        delete("api/contents/new.ipynb"),
        delete("api/contents/.hidden"),
        delete("api/contents/none").because("the sentence does not tell the root directory"),
        delete("api/contents/"),
        delete("api/contents/d/e"),
        get("api/contents"),
        get("api/contents/d"),
    ]
}

/// What is compared of an answer.
#[derive(Debug, PartialEq)]
struct Seen {
    status: u16,
    headers: Vec<(&'static str, String)>,
    body: Value,
}

fn seen(status: u16, headers: &HeaderMap, body: &[u8], root: &Path) -> Seen {
    let value = |name: &str| {
        headers
            .get(name)
            .and_then(|value| value.to_str().ok())
            .unwrap_or_default()
            .to_owned()
    };
    let is_page = value("content-type").starts_with("text/html");
    let compared = HEADERS.map(|name| match name {
        "content-type" if is_page => (name, "text/html".to_owned()),
        name => (name, value(name)),
    });
    let body = match serde_json::from_slice::<Value>(body) {
        _ if is_page => Value::Null, // our pages are ours
        Ok(body) => masked(body, &root.display().to_string()),
        Err(_) => json!(String::from_utf8_lossy(body)),
    };
    Seen {
        status,
        headers: compared.to_vec(),
        body,
    }
}

/// Without times and root directories; entries sorted.
fn masked(body: Value, root: &str) -> Value {
    match body {
        Value::String(text) => json!(text.replace(root, "ROOT")),
        Value::Array(items) => {
            let mut items: Vec<Value> = items.into_iter().map(|item| masked(item, root)).collect();
            items.sort_by_key(|item| item["path"].as_str().unwrap_or_default().to_owned());
            Value::Array(items)
        }
        Value::Object(members) => members
            .into_iter()
            .map(|(key, value)| match key.as_str() {
                "last_modified" | "created" => (key, json!("(a time)")),
                _ => {
                    let value = masked(value, root);
                    (key, value)
                }
            })
            .collect(),
        other => other,
    }
}

/// The reference, ended with the test.
struct Reference {
    process: Child,
    url: String,
    directory: tempfile::TempDir,
}

impl Reference {
    async fn start() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let root = directory.path().join("root");
        std::fs::create_dir(&root).unwrap();
        fill(&root);
        let port = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))
            .unwrap()
            .local_addr()
            .unwrap()
            .port();
        let log = std::fs::File::create(directory.path().join("log")).unwrap();
        let process = Command::new(python())
            .args([
                "-m",
                "jupyter_server",
                "--no-browser",
                "--allow-root",
                "--ServerApp.ip=127.0.0.1",
            ])
            .args([
                format!("--ServerApp.port={port}"),
                "--ServerApp.port_retries=0".to_owned(),
            ])
            .args([
                format!("--ServerApp.root_dir={}", root.display()),
                format!("--IdentityProvider.token={TOKEN}"),
            ])
            .env("HOME", directory.path().join("home"))
            .env("XDG_DATA_HOME", directory.path().join("share"))
            .env("JUPYTER_CONFIG_DIR", directory.path().join("config"))
            .env("JUPYTER_DATA_DIR", directory.path().join("data"))
            .env("JUPYTER_RUNTIME_DIR", directory.path().join("runtime"))
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()
            .expect("python -m jupyter_server starts");
        std::fs::create_dir(directory.path().join("home")).unwrap();
        let reference = Self {
            process,
            url: format!("http://127.0.0.1:{port}/"),
            directory,
        };
        let client = reqwest::Client::builder().no_proxy().build().unwrap();
        let api = format!("{}api", reference.url);
        eventually("the reference answers", || {
            let request = client.get(&api);
            async move { request.send().await.is_ok().then_some(()) }
        })
        .await;
        reference
    }
}

impl Drop for Reference {
    fn drop(&mut self) {
        self.process.kill().expect("the reference can be ended");
        self.process.wait().expect("the reference ends");
    }
}

#[tokio::test]
async fn both_servers_answer_the_same() {
    let builder = TestServer::builder().policy("owner");
    fill(&builder.root());
    let server = builder.start().await;
    let ours = server.with_token();
    let reference = Reference::start().await;
    let reference_root = reference.directory.path().join("root");
    let theirs = reqwest::Client::builder()
        .no_proxy()
        .redirect(reqwest::redirect::Policy::none())
        .build()
        .unwrap();
    let mut wrong = Vec::new();
    for step in reading().into_iter().chain(writing()) {
        let mut request = ours
            .request(step.method.clone(), &step.path)
            .body(step.body.clone());
        let mut their_request = theirs
            .request(step.method.clone(), format!("{}{}", reference.url, step.path))
            .header("authorization", format!("token {TOKEN}"))
            .body(step.body.clone());
        if let Some(range) = step.range {
            request = request.header("range", range);
            their_request = their_request.header("range", range);
        }
        let answer = ours.send(request).await;
        let our_answer = seen(
            answer.status.as_u16(),
            &answer.headers,
            &answer.body,
            &server.root(),
        );
        let answer = their_request.send().await.unwrap();
        let (status, headers) = (answer.status().as_u16(), answer.headers().clone());
        let their_answer = seen(status, &headers, &answer.bytes().await.unwrap(), &reference_root);
        let what = format!(
            "{} {} {} {}",
            step.method,
            step.path,
            step.body,
            step.range.unwrap_or_default()
        );
        match (our_answer == their_answer, step.intended) {
            (true, None) | (false, Some(_)) => {}
            (false, None) => wrong.push(format!(
                "{what}\n    ours:   {our_answer:?}\n    theirs: {their_answer:?}"
            )),
            (true, Some(reason)) => wrong.push(format!(
                "{what}\n    is the same now, take it from the list: {reason}"
            )),
        }
    }
    assert!(
        wrong.is_empty(),
        "{} differences:\n{}",
        wrong.len(),
        wrong.join("\n")
    );
}
