//! The two servers, with the same kernelspecs.

use std::path::Path;

use serde_json::{Map, Value, json};
use test_support::{TOKEN, TestServer, fake_kernel_program};

use super::ids::Ids;
use crate::compatibility::answer::Answer;
use crate::compatibility::connection::{Connection, RawAnswer};
use crate::compatibility::pair::Exchange;
use crate::compatibility::reference::Reference;
use crate::compatibility::request::Request;

/// Both, with what keeps them running.
pub(super) struct KernelsPair {
    ours: Side,
    theirs: Side,
    _server: TestServer,
    _reference: Reference,
}

struct Side {
    connection: Connection,
    origin: String,
    root: std::path::PathBuf,
    ids: Ids,
}

impl KernelsPair {
    pub(super) async fn start() -> Self {
        let (server, reference) = tokio::join!(
            TestServer::builder().policy("owner").start(),
            Reference::start(&[])
        );
        install_kernelspecs(&server.data_dir().join("kernels"));
        install_kernelspecs(&reference.directories.path().join("data/kernels"));
        for root in [server.root(), reference.root()] {
            std::fs::create_dir(root.join("d")).expect("a directory");
        }
        let port = server.server().local_address().expect("a TCP address").port();
        Self {
            ours: Side::new(port, &server.root()),
            theirs: Side::new(reference.port, &reference.root()),
            _server: server,
            _reference: reference,
        }
    }

    /// Ours and theirs, as `http://127.0.0.1:1234/`.
    pub(super) fn urls(&self) -> [String; 2] {
        [&self.ours, &self.theirs].map(|side| format!("{}/", side.origin))
    }

    /// Ends all kernels, and with them all sessions.
    pub(super) async fn clear(&mut self) {
        tokio::join!(self.ours.clear(), self.theirs.clear());
    }

    /// Sends one request to both.
    pub(super) async fn exchange(&mut self, request: &Request) -> Exchange {
        let (ours, theirs) = tokio::join!(self.ours.send(request), self.theirs.send(request));
        Exchange {
            request: request.clone(),
            ours,
            theirs,
            on_disk: Vec::new(),
            is_of_file: false,
        }
    }

    /// Sends an example; the exchange of its last request.
    pub(super) async fn last(&mut self, requests: &[Request]) -> Exchange {
        let mut last = None;
        for request in requests {
            last = Some(self.exchange(request).await);
        }
        last.expect("an example has requests")
    }
}

impl Side {
    fn new(port: u16, root: &Path) -> Self {
        Self {
            connection: Connection::new(port),
            origin: format!("http://127.0.0.1:{port}"),
            root: root.to_owned(),
            ids: Ids::default(),
        }
    }

    async fn send(&mut self, request: &Request) -> Answer {
        let mut request = request.clone();
        request.target = self.ids.filled_in(&request.target);
        request.body = self.ids.filled_in(&request.body);
        let mut raw = self.raw(&request).await;
        if let Ok(mut body) = serde_json::from_slice::<Value>(&raw.body) {
            self.ids.learn(&body);
            mask(&mut body);
            raw.body = self.ids.masked(&body.to_string()).into_bytes();
        }
        for (_, value) in &mut raw.headers {
            *value = self.ids.masked(value);
        }
        Answer::of(&raw, &self.root, &self.origin)
    }

    async fn raw(&mut self, request: &Request) -> RawAnswer {
        let token = ("Authorization".to_owned(), format!("token {TOKEN}"));
        self.connection
            .send(&format!("/{}", request.target), request, &[token])
            .await
    }

    async fn clear(&mut self) {
        let kernels = self.raw(&Request::new("GET", "api/kernels")).await;
        let kernels: Vec<Value> = serde_json::from_slice(&kernels.body).expect("a list of kernels");
        for kernel in kernels {
            let id = kernel["id"].as_str().expect("an id");
            // The reference takes ids that its own routes don't; as a session's they can be reached.
            let session =
                json!({"path": format!("end {id}"), "type": "console", "kernel": {"id": id}}).to_string();
            let session = Request::new("POST", "api/sessions").body(session);
            let session: Value =
                serde_json::from_slice(&self.raw(&session).await.body).expect("a session of the kernel");
            let id = session["id"].as_str().expect("a session's id");
            self.raw(&Request::new("DELETE", format!("api/sessions/{id}")))
                .await;
        }
        let kernels = self.raw(&Request::new("GET", "api/kernels")).await;
        assert_eq!(kernels.body, b"[]", "kernels of {}", self.origin);
        // Forgets sessions without kernels.
        self.raw(&Request::new("GET", "api/sessions")).await;
        self.ids = Ids::default();
    }
}

/// Times, whether a kernel has been heard of yet, and the order in which a directory is read, are any.
fn mask(value: &mut Value) {
    match value {
        Value::Object(members) => {
            for time in ["last_activity", "started"] {
                if let Some(Value::String(time)) = members.get_mut(time) {
                    *time = time.replace(|digit: char| digit.is_ascii_digit(), "0");
                }
            }
            if let Some(state) = members.get_mut("execution_state")
                && ["starting", "idle", "busy"].iter().any(|alive| state == alive)
            {
                *state = json!("alive");
            }
            for listed in ["kernelspecs", "resources"] {
                if let Some(Value::Object(listed)) = members.get_mut(listed) {
                    listed.sort_keys();
                }
            }
            members.values_mut().for_each(mask);
        }
        Value::Array(items) => items.iter_mut().for_each(mask),
        _ => {}
    }
}

/// Kernels that work, and all the ways in which a kernelspec may not.
fn install_kernelspecs(dir: &Path) {
    let works = |name: &str| json!({"argv": [fake_kernel_program(), "{connection_file}"], "display_name": name, "language": "python"});
    let with = |changes: Value| {
        let mut spec = works("Changed");
        let changes = changes.as_object().cloned().unwrap_or_default();
        spec.as_object_mut().unwrap_or(&mut Map::new()).extend(changes);
        spec
    };
    let kernelspecs = [
        ("python3", works("Python").to_string()),
        ("Other", works("Other").to_string()),
        ("sp ace", works("Space").to_string()),
        (
            "full",
            with(json!({
                "env": {"A": "$HOME/x", "N": "1"}, "interrupt_mode": "Message", "metadata": {"z": 1, "a": [2.0, null]},
                "kernel_protocol_version": "5.3", "unknown": true,
            }))
            .to_string(),
        ),
        ("local", with(json!({"metadata": {"kernel_provisioner": {"provisioner_name": "local-provisioner"}}})).to_string()),
        ("elsewhere", with(json!({"metadata": {"kernel_provisioner": {"provisioner_name": "yarn"}}})).to_string()),
        ("mode", with(json!({"interrupt_mode": "shout"})).to_string()),
        ("types", with(json!({"display_name": 1})).to_string()),
        ("array", "[]".to_owned()),
        ("broken", "{".to_owned()),
        ("nothing", "{}".to_owned()),
        ("no-program", with(json!({"argv": ["/none", "{connection_file}"]})).to_string()),
        ("dies", with(json!({"argv": ["/bin/sh", "-c", "exit 3"]})).to_string()),
    ];
    for (name, kernel_json) in kernelspecs {
        let resource_dir = dir.join(name);
        std::fs::create_dir_all(resource_dir.join("sub")).expect("a directory");
        std::fs::write(resource_dir.join("kernel.json"), kernel_json).expect("a kernel.json");
    }
    for file in [
        "kernel.js",
        "kernel.css",
        "logo-64x64.png",
        "logo-svg.svg",
        "logo-x.tar.gz",
        "other.txt",
    ] {
        std::fs::write(dir.join("Other").join(file), file).expect("a resource");
    }
}
