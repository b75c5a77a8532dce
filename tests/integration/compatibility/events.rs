//! The same done to both servers is told on both event buses, but for the differences of docs/events.md.

use http::Method;
use serde_json::{Value, json};
use test_support::{TOKEN, TestClient, TestServer, TestSocket};
use wire::Subprotocol;

use super::reference::Reference;

const CONTENTS_SERVICE: &str = "https://events.jupyter.org/jupyter_server/contents_service/v1";
const KERNEL_ACTIONS: &str = "https://events.jupyter.org/jupyter_server/kernel_actions/v1";

/// One of the two servers.
struct Side {
    client: TestClient,
    socket: TestSocket,
}

impl Side {
    async fn new(client: TestClient) -> Self {
        let socket = client
            .try_websocket("/api/events/subscribe", Subprotocol::Legacy)
            .await;
        let socket = socket.unwrap_or_else(|refused| panic!("no socket of events: {refused:?}"));
        Self { client, socket }
    }

    /// The status of the answer, and what was told.
    async fn step(&mut self, method: &Method, path: &str, body: &Value) -> (u16, Vec<Value>) {
        let body = if body.is_null() {
            String::new()
        } else {
            body.to_string()
        };
        let request = self.client.request(method.clone(), path).body(body);
        let status = self.client.send(request).await.status.as_u16();
        let mark = json!({"schema_id": KERNEL_ACTIONS, "version": "1",
            "data": {"action": "start", "status": "error", "msg": "mark"}});
        self.client.post("/api/events", &mark).await.expect(204);
        let mut told = Vec::new();
        loop {
            let event = self.socket.next_json().await.expect("an event");
            if event["msg"] == "mark" {
                return (status, told);
            }
            told.push(event);
        }
    }
}

/// What the reference tells, without what it tells of its own reading: all but the last `get` of a GET, every `get` of
/// anything else, and the `save` that is part of a copy.
fn meant(method: &Method, mut told: Vec<Value>) -> Vec<Value> {
    if method == Method::GET {
        return told.pop().into_iter().collect();
    }
    let is_copy = told.iter().any(|event| event["action"] == "copy");
    told.retain(|event| event["action"] != "get" && !(is_copy && event["action"] == "save"));
    told
}

fn contents_steps() -> Vec<(Method, &'static str, Value)> {
    let text = |content: &str| json!({"type": "file", "format": "text", "content": content});
    let chunk = |chunk: i64| json!({"type": "file", "format": "text", "content": "1", "chunk": chunk});
    let notebook = json!({"type": "notebook",
        "content": {"cells": [], "metadata": {}, "nbformat": 4, "nbformat_minor": 5}});
    vec![
        (Method::GET, "api/contents", json!(null)),
        (Method::GET, "api/contents/d", json!(null)),
        (Method::GET, "api/contents/d?content=0", json!(null)),
        (Method::GET, "api/contents/a.txt", json!(null)),
        (Method::GET, "api/contents/none", json!(null)),
        (Method::PUT, "api/contents/n.txt", text("1")),
        (Method::PUT, "api/contents/n.txt", text("2")),
        (Method::PUT, "api/contents/%C3%BC%20%23.txt", text("3")),
        (Method::PUT, "api/contents/n.ipynb", notebook),
        (Method::PUT, "api/contents/dd", json!({"type": "directory"})),
        (Method::PUT, "api/contents/chunks.txt", chunk(1)),
        (Method::PUT, "api/contents/chunks.txt", chunk(-1)),
        (Method::POST, "api/contents", json!({"type": "file"})),
        (Method::POST, "api/contents", json!({"type": "directory"})),
        (Method::POST, "api/contents", json!({"type": "notebook"})),
        (Method::POST, "api/contents/d", json!({"copy_from": "a.txt"})),
        (Method::PATCH, "api/contents/n.txt", json!({"path": "d/m.txt"})),
        (Method::PATCH, "api/contents/a.txt", json!({"path": "a.txt"})),
        (Method::PATCH, "api/contents/none", json!({"path": "b.txt"})),
        (Method::PATCH, "api/contents/d", json!({"path": "e"})),
        (Method::DELETE, "api/contents/e/m.txt", json!(null)),
        (Method::DELETE, "api/contents/none", json!(null)),
        (Method::POST, "api/contents/n.ipynb/checkpoints", json!(null)),
        (Method::GET, "api/contents/n.ipynb/checkpoints", json!(null)),
        (
            Method::DELETE,
            "api/contents/n.ipynb/checkpoints/checkpoint",
            json!(null),
        ),
        (Method::POST, "api/contents/n.ipynb/trust", json!(null)),
        (Method::GET, "files/a.txt", json!(null)),
    ]
}

/// What clients emit. `null` stands for a field that is missing.
fn emitted() -> Vec<Value> {
    let event = |schema_id: Value, version: Value, data: Value, timestamp: Value| {
        let mut event =
            json!({"schema_id": schema_id, "version": version, "data": data, "timestamp": timestamp});
        event
            .as_object_mut()
            .expect("an object")
            .retain(|_, value| !value.is_null());
        event
    };
    let (schema, get) = (json!(CONTENTS_SERVICE), json!({"action": "get", "path": "zz"}));
    let of = |data: Value| event(json!(CONTENTS_SERVICE), json!("1"), data, Value::Null);
    let at = |time: &str| event(schema.clone(), json!("1"), get.clone(), json!(time));
    vec![
        of(get.clone()),
        of(json!({"action": "get", "path": "zz", "more": [1, {"a": "ü"}]})),
        of(json!({"action": "upload", "path": ""})),
        of(json!({"action": "burn", "path": "zz"})),
        of(json!({"action": "get"})),
        of(json!({"action": "get", "path": 1})),
        of(json!([])),
        of(json!(5)),
        of(Value::Null),
        event(schema.clone(), json!(1), get.clone(), Value::Null),
        event(schema.clone(), json!("2"), get.clone(), Value::Null),
        event(schema.clone(), Value::Null, get.clone(), Value::Null),
        event(Value::Null, json!("1"), get.clone(), Value::Null),
        event(json!("none"), json!("1"), get.clone(), Value::Null),
        at("2022-05-26T13:50:00+05:00Z"),
        at("2022-05-26T13:50:00+0500Z"),
        at("2022-05-26T13:50:00ZZ"),
        at("2022-05-26T13:50:00Z"),
        at("2022-02-30T13:50:00+05:00Z"),
        at("2022-05-26T13:50:00.5+05:00Z"),
        at("yesterday"),
        event(
            json!(KERNEL_ACTIONS),
            json!("1"),
            json!({"action": "start", "msg": "m"}),
            Value::Null,
        ),
        event(
            json!(KERNEL_ACTIONS),
            json!("1"),
            json!({"action": "restart", "msg": "m", "status": "error"}),
            Value::Null,
        ),
        event(
            json!(KERNEL_ACTIONS),
            json!("1"),
            json!({"action": "start", "msg": "m", "kernel_id": "x", "status_code": "q"}),
            Value::Null,
        ),
        Value::Null,
    ]
}

#[tokio::test]
async fn both_servers_tell_the_same() {
    let server = TestServer::builder()
        .policy("owner")
        .file("a.txt", "a")
        .file("d/x.txt", "x")
        .start()
        .await;
    let reference = Reference::start(&[]).await;
    std::fs::create_dir(reference.root().join("d")).unwrap();
    std::fs::write(reference.root().join("a.txt"), "a").unwrap();
    std::fs::write(reference.root().join("d/x.txt"), "x").unwrap();
    let url = format!("http://127.0.0.1:{}/", reference.port);
    let mut ours = Side::new(server.with_token()).await;
    let mut theirs = Side::new(TestClient::of_another_server(&url, TOKEN)).await;
    let emitted = emitted().into_iter();
    let steps = contents_steps()
        .into_iter()
        .chain(emitted.map(|body| (Method::POST, "api/events", body)));
    let mut wrong = Vec::new();
    for (method, path, body) in steps {
        let we = ours.step(&method, path, &body).await;
        let (status, mut told) = theirs.step(&method, path, &body).await;
        if path != "api/events" {
            told = meant(&method, told);
        }
        if we != (status, told.clone()) {
            wrong.push(format!(
                "{method} {path} {body}\n  ours {we:?}\n  theirs {status} {told:?}"
            ));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
