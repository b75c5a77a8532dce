//! The reference server as a process, with directories of its own.

use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;

use serde_json::Value;
use tempfile::TempDir;
use test_support::TOKEN;
use tokio::process::{Child, Command};
use tokio::time::{Instant, sleep};

/// It imports much Python first; on a busy machine that takes long.
const STARTS_WITHIN: Duration = Duration::from_secs(120);

/// A running jupyter_server, killed when dropped.
pub(crate) struct Reference {
    pub(crate) port: u16,
    pub(super) directories: TempDir,
    _process: Child,
}

impl Reference {
    /// Starts it with settings as `("ServerApp.base_url", "/x/")`.
    pub(crate) async fn start(settings: &[(&str, String)]) -> Self {
        Self::start_with(settings, &[]).await
    }

    /// The same with variables in its environment.
    pub(super) async fn start_with(settings: &[(&str, String)], variables: &[(&str, String)]) -> Self {
        let directories = tempfile::tempdir().unwrap();
        let own = |name: &str| directories.path().join(name);
        std::fs::create_dir(own("root")).unwrap();
        std::fs::create_dir(own("home")).unwrap();
        let log = std::fs::File::create(own("log")).unwrap();
        let process = Command::new(crate::contents::python())
            .args(["-m", "jupyter_server", "--no-browser", "--allow-root"])
            .args(["--ServerApp.ip=127.0.0.1", "--ServerApp.port=0"])
            .arg(format!("--ServerApp.root_dir={}", own("root").display()))
            .arg(format!("--IdentityProvider.token={TOKEN}"))
            .args(settings.iter().map(|(name, value)| format!("--{name}={value}")))
            .env("HOME", own("home"))
            .env("JUPYTER_CONFIG_DIR", own("config"))
            .env("JUPYTER_DATA_DIR", own("data"))
            .env("JUPYTER_RUNTIME_DIR", own("runtime"))
            .env("JUPYTER_PLATFORM_DIRS", "0")
            .env("JUPYTER_PREFER_ENV_PATH", "0")
            .env("TZ", "UTC")
            .env_remove("XDG_DATA_HOME")
            .env_remove("JUPYTER_PATH")
            .envs(variables.iter().map(|(name, value)| (name, value)))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log)
            .kill_on_drop(true)
            .spawn()
            .expect("python -m jupyter_server starts");
        let port = announced(&own("runtime")).await;
        Self {
            port,
            directories,
            _process: process,
        }
    }

    pub(super) fn root(&self) -> PathBuf {
        self.directories.path().join("root")
    }
}

/// The port it was asked for is 0; the one it has stands in its file.
async fn announced(runtime_dir: &std::path::Path) -> u16 {
    let until = Instant::now() + STARTS_WITHIN;
    loop {
        if let Some(port) = read_port(runtime_dir)
            && tokio::net::TcpStream::connect(("127.0.0.1", port)).await.is_ok()
        {
            return port;
        }
        assert!(Instant::now() < until, "the reference does not start");
        sleep(Duration::from_millis(20)).await;
    }
}

fn read_port(runtime_dir: &std::path::Path) -> Option<u16> {
    let file = std::fs::read_dir(runtime_dir).ok()?.flatten().find(|entry| {
        let name = entry.file_name().to_string_lossy().into_owned();
        name.starts_with("jpserver-") && name.ends_with(".json")
    })?;
    let info: Value = serde_json::from_slice(&std::fs::read(file.path()).ok()?).ok()?;
    info["port"].as_u64()?.try_into().ok()
}
