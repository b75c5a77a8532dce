//! The real program, in directories and an environment of its own.

use std::ffi::OsStr;
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Output, Stdio};

use serde_json::Value;
use tempfile::TempDir;
use test_support::{TestClient, eventually, fake_kernel_program, server_program, variable};

/// Where a server lives; outlives several runs.
pub(crate) struct Home {
    pub(crate) directory: TempDir,
    variables: Vec<(String, String)>,
}

/// A server that runs; killed if the test does not stop it.
pub(crate) struct Running {
    child: Child,
    pub(crate) info: Value,
    log: PathBuf,
}

impl Home {
    pub(crate) fn new() -> Self {
        let directory = tempfile::tempdir().expect("a directory");
        for name in ["root", "config", "data", "runtime"] {
            std::fs::create_dir(directory.path().join(name)).expect("a directory");
        }
        let kernel = directory.path().join("data/kernels/python3/kernel.json");
        let kernel_json = serde_json::json!({
            "argv": [fake_kernel_program(), "{connection_file}"], "display_name": "Fake", "language": "python",
        });
        let home = Self {
            directory,
            variables: Vec::new(),
        };
        home.write(
            kernel.strip_prefix(home.path("")).expect("below"),
            &kernel_json.to_string(),
        );
        home
    }

    pub(crate) fn with_variable(mut self, name: &str, value: &str) -> Self {
        self.variables.push((name.to_owned(), value.to_owned()));
        self
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    pub(crate) fn write(&self, name: impl AsRef<Path>, text: &str) {
        let path = self.directory.path().join(name);
        std::fs::create_dir_all(path.parent().expect("a parent")).expect("a directory");
        std::fs::write(path, text).expect("a file");
    }

    /// The program with these arguments, started in the root directory.
    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        self.command_of(&server_program(), arguments)
    }

    fn command_of(&self, program: &Path, arguments: &[&str]) -> Command {
        let mut command = Command::new(program);
        command.args(arguments).current_dir(self.path("root")).env_clear();
        command
            .env("HOME", self.path("home"))
            .env("PATH", "/usr/bin:/bin");
        for (name, directory) in [
            ("JUPYTER_CONFIG_DIR", "config"),
            ("JUPYTER_DATA_DIR", "data"),
            ("JUPYTER_RUNTIME_DIR", "runtime"),
        ] {
            command.env(name, self.path(directory));
        }
        command
            .envs(self.variables.iter().map(|(name, value)| (name, value)))
            .stdin(Stdio::null());
        command
    }

    /// Runs the program to its end.
    pub(crate) fn run(&self, arguments: &[&str]) -> Output {
        self.command(arguments).output().expect("the program runs")
    }

    /// Starts a server and waits until it serves.
    pub(crate) async fn start(&self, arguments: &[&str]) -> Running {
        self.start_as(self.command(arguments)).await
    }

    /// The same from a program of another name.
    pub(super) async fn start_program(&self, program: &Path, arguments: &[&str]) -> Running {
        self.start_as(self.command_of(program, arguments)).await
    }

    /// Starts a server that sees what `script` mounts; nobody else does. `None` where a process may not have mounts of
    /// its own: such a test has not run. That is said aloud, and is a failure where `ADRASTEA_TEST_REQUIRE_MOUNTS` is
    /// set.
    pub(super) async fn start_after(&self, script: &str, arguments: &[&str]) -> Option<Running> {
        let alone = ["unshare", "-rm", "sh", "-ec"];
        let mut probe = Command::new(alone[0]);
        probe
            .args(&alone[1..])
            .arg("mount -t tmpfs none /mnt")
            .stderr(Stdio::null());
        if !probe.status().is_ok_and(|status| status.success()) {
            let said = format!("NOT RUN: no mounts are permitted here, so this is untested: {script}");
            assert!(variable("ADRASTEA_TEST_REQUIRE_MOUNTS").is_none(), "{said}");
            // Past the capture of the test's output; `cargo xtask test` says it once more at its end.
            let said = format!("\n{said}\n");
            std::io::Write::write_all(&mut std::io::stdout(), said.as_bytes()).expect("standard output");
            return None;
        }
        Some(self.start_in(&alone, script, arguments).await)
    }

    /// Starts a server under the limits that `script` sets.
    pub(super) async fn start_limited(&self, script: &str, arguments: &[&str]) -> Running {
        self.start_in(&["sh", "-ec"], script, arguments).await
    }

    async fn start_in(&self, shell: &[&str], script: &str, arguments: &[&str]) -> Running {
        let server = self.command(arguments);
        let mut command = Command::new(shell[0]);
        command
            .args(&shell[1..])
            .arg(format!("{script}; exec \"$@\""))
            .arg("sh")
            .arg(server.get_program())
            .args(server.get_args())
            .env_clear()
            .envs(server.get_envs().filter_map(|(name, value)| Some((name, value?))))
            .current_dir(self.path("root"))
            .stdin(Stdio::null());
        self.start_as(command).await
    }

    async fn start_as(&self, mut command: Command) -> Running {
        let log = self.path("log");
        let file = std::fs::File::create(&log).expect("a log");
        // The machine of the tests may have no other user than root.
        // Kernels of a test that fails end soon after it.
        let says_otherwise = |argument: &OsStr| argument.to_string_lossy().contains("orphan_timeout");
        if !command.get_args().any(says_otherwise) {
            command.arg("--Adrastea.orphan_timeout=10");
        }
        command
            .args(["--allow-root", "--no-browser"])
            .stdout(Stdio::null())
            .stderr(file);
        let mut child = command.spawn().expect("the program starts");
        let path = self.path("runtime").join(format!("jpserver-{}.json", child.id()));
        let info = eventually("the server's runtime file", || {
            let ended = child.try_wait().expect("the state of the program");
            let text = std::fs::read_to_string(&log).unwrap_or_default();
            assert!(ended.is_none(), "the server ended ({ended:?}): {text}");
            let info = std::fs::read(&path)
                .ok()
                .and_then(|text| serde_json::from_slice(&text).ok());
            std::future::ready(info)
        })
        .await;
        Running { child, info, log }
    }
}

impl Running {
    pub(crate) fn url(&self) -> String {
        self.info["url"].as_str().expect("a URL").to_owned()
    }

    pub(crate) fn token(&self) -> String {
        self.info["token"].as_str().expect("a token").to_owned()
    }

    /// A client that shows the server's token.
    pub(crate) fn client(&self) -> TestClient {
        TestClient::of_another_server(&self.url(), &self.token())
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    pub(crate) fn log(&self) -> String {
        std::fs::read_to_string(&self.log).expect("a log")
    }

    /// The status of a request with the server's token.
    pub(crate) async fn get(&self, path: &str) -> u16 {
        let client = reqwest::Client::builder()
            .no_proxy()
            .redirect(reqwest::redirect::Policy::none());
        let client = client.build().expect("a client");
        let request = client
            .get(self.url() + path)
            .header("authorization", format!("token {}", self.token()));
        request.send().await.expect("an answer").status().as_u16()
    }

    /// The most memory it has had in use at once, in bytes.
    pub(crate) fn memory_bytes_max(&self) -> u64 {
        memory_bytes_max(self.child.id())
    }

    pub(crate) async fn post(&self, path: &str, body: &Value) -> Value {
        let client = reqwest::Client::builder().no_proxy().build().expect("a client");
        let request = client
            .post(self.url() + path)
            .header("authorization", format!("token {}", self.token()));
        let answer = request.body(body.to_string()).send().await.expect("an answer");
        answer.json().await.expect("JSON")
    }

    pub(crate) fn signal(&self, name: &str) {
        let pid = self.child.id().to_string();
        let status = Command::new("kill")
            .args(["-s", name, &pid])
            .status()
            .expect("kill");
        assert!(status.success());
    }

    /// A path as the server sees it, with what is mounted for it alone.
    pub(super) fn seen(&self, path: &Path) -> PathBuf {
        let root = PathBuf::from(format!("/proc/{}/root", self.child.id()));
        root.join(path.strip_prefix("/").expect("an absolute path"))
    }

    /// The status and the body of a request about contents.
    pub(super) async fn contents(&self, method: reqwest::Method, path: &str, body: Value) -> (u16, Value) {
        let client = reqwest::Client::builder().no_proxy().build().expect("a client");
        let request = client
            .request(method, format!("{}api/contents/{path}", self.url()))
            .header("authorization", format!("token {}", self.token()));
        let answer = request.body(body.to_string()).send().await.expect("an answer");
        let status = answer.status().as_u16();
        let text = answer.text().await.expect("a body");
        (status, serde_json::from_str(&text).unwrap_or(Value::String(text)))
    }

    /// Ends it at once, whatever it does.
    pub(super) fn kill(mut self) {
        self.child.kill().expect("a server that runs");
        self.child.wait().expect("its end");
    }

    /// Waits for its end.
    pub(crate) async fn ended(&mut self) -> ExitStatus {
        eventually("the end of the server", || {
            std::future::ready(self.child.try_wait().expect("the state of the program"))
        })
        .await
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // Both fail when it has ended, which is what is wanted.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The most memory a process has had in use at once, in bytes.
pub(crate) fn memory_bytes_max(pid: u32) -> u64 {
    let path = format!("/proc/{pid}/status");
    let status = std::fs::read_to_string(path).expect("the state of the program");
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kibibytes = peak.and_then(|peak| peak.trim().strip_suffix(" kB")?.parse::<u64>().ok());
    kibibytes.expect("the peak of its memory") * 1024
}

/// What the program said last, on standard error.
pub(crate) fn said(output: &Output) -> String {
    assert!(output.status.signal().is_none(), "{output:?}");
    String::from_utf8_lossy(&output.stderr).into_owned()
}
