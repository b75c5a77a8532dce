//! The reference server, run beside ours on the same files.

use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use serde_json::Value;
use tempfile::TempDir;
use test_support::eventually;
use tokio::process::{Child, Command};

use super::site::{page_config_of, python};

/// It imports much Python first; on a busy machine that takes long.
const STARTS_WITHIN: Duration = Duration::from_secs(180);

const TOKEN: &str = "the-token-of-the-reference";

/// A running reference server; it ends with this value.
pub(super) struct Reference {
    _process: Child,
    url: String,
    http: reqwest::Client,
    directories: TempDir,
}

impl Reference {
    /// Starts it on the given root directory, with directories of its own for everything else.
    pub(super) async fn start(root: &Path) -> Self {
        let directories = tempfile::tempdir().expect("a temporary directory");
        let own = |name: &str| directories.path().join(name);
        let process = Command::new(python())
            .args([
                "-m",
                "jupyter",
                "server",
                "--no-browser",
                "--allow-root",
                "--ServerApp.port=0",
            ])
            .arg(format!("--ServerApp.root_dir={}", root.display()))
            .arg(format!("--IdentityProvider.token={TOKEN}"))
            .env("JUPYTER_CONFIG_DIR", own("config"))
            .env("JUPYTER_DATA_DIR", own("data"))
            .env("JUPYTER_RUNTIME_DIR", own("runtime"))
            .env("JUPYTER_PLATFORM_DIRS", "0")
            .env("HOME", own("home"))
            .env_remove("JUPYTER_PATH")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .expect("the reference starts");
        let runtime = own("runtime");
        let url = announced(&runtime).await;
        let http = reqwest::Client::builder()
            .no_proxy()
            .build()
            .expect("an HTTP client");
        let reference = Self {
            _process: process,
            url,
            http,
            directories,
        };
        eventually("an answer of the reference", || async {
            reference.request(http::Method::GET, "/api").send().await.ok()
        })
        .await;
        reference
    }

    fn request(&self, method: http::Method, path: &str) -> reqwest::RequestBuilder {
        let url = format!("{}{}", self.url, path.trim_start_matches('/'));
        self.http
            .request(method, url)
            .header("authorization", format!("token {TOKEN}"))
    }

    pub(super) async fn get(&self, path: &str) -> Value {
        let response = self
            .request(http::Method::GET, path)
            .send()
            .await
            .expect("an answer");
        response.json().await.expect("JSON")
    }

    pub(super) async fn put(&self, path: &str, body: &Value) -> u16 {
        let request = self.request(http::Method::PUT, path).body(body.to_string());
        request.send().await.expect("an answer").status().as_u16()
    }

    /// What a page tells its scripts.
    pub(super) async fn page_config(&self, path: &str) -> Value {
        let response = self
            .request(http::Method::GET, path)
            .send()
            .await
            .expect("an answer");
        page_config_of(&response.text().await.expect("a page"))
    }

    pub(super) fn config_dir(&self) -> std::path::PathBuf {
        self.directories.path().join("config")
    }
}

/// The URL in its runtime file, which it writes when it listens.
async fn announced(runtime: &Path) -> String {
    let looking = async {
        loop {
            if let Some(url) = announced_url(runtime) {
                return url;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    let announced = tokio::time::timeout(STARTS_WITHIN, looking).await;
    announced.expect("the reference starts in time")
}

fn announced_url(runtime: &Path) -> Option<String> {
    let files = std::fs::read_dir(runtime).ok()?;
    let file = files.filter_map(|entry| Some(entry.ok()?.path())).find(|path| {
        let name = path
            .file_name()
            .map(|name| name.to_string_lossy().into_owned())
            .unwrap_or_default();
        name.starts_with("jpserver-") && name.ends_with(".json")
    })?;
    let info: Value = serde_json::from_slice(&std::fs::read(file).ok()?).ok()?;
    let port = info["port"].as_u64().filter(|port| *port != 0)?;
    Some(format!("http://127.0.0.1:{port}/"))
}
