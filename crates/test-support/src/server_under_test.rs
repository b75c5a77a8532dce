//! The real server in this process, on port 0, with directories of its own.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use authorization::Authorizer;
use http::{HeaderMap, HeaderValue};
use server::settings::command_line;
use server::{Application, Config, Overrides, RunningServer, Variables};
use tempfile::TempDir;

use crate::client::TestClient;
use crate::programs::{fake_kernel_program, server_program, variable};
use crate::roles::{Roles, TestScheme, USER_HEADER};

/// The token of every test server.
pub const TOKEN: &str = "the-token-of-the-test";

/// A running server. Its directories go with it.
pub struct TestServer {
    server: RunningServer,
    base_url: String,
    directories: TempDir,
}

/// What is to be different from the usual.
pub struct TestServerBuilder {
    arguments: Vec<String>,
    authorizer: Option<Arc<dyn Authorizer>>,
    python: Option<PathBuf>,
    kernelspecs: Vec<(String, serde_json::Value)>,
    has_fake_kernel: bool,
    return_wait: Option<Duration>,
    directories: TempDir,
}

impl TestServer {
    /// A server with the policy [`Roles`], a fake kernel as `python3`, no front ends, and an empty root directory.
    pub async fn start() -> Self {
        Self::builder().start().await
    }

    /// The same, to be changed before it starts.
    pub fn builder() -> TestServerBuilder {
        let directories = tempfile::tempdir().expect("a temporary directory");
        std::fs::create_dir(directories.path().join("root")).expect("a root directory");
        TestServerBuilder {
            arguments: Vec::new(),
            authorizer: Some(Arc::new(Roles::default())),
            python: None,
            kernelspecs: Vec::new(),
            has_fake_kernel: true,
            return_wait: None,
            directories,
        }
    }

    /// The directory it serves.
    pub fn root(&self) -> PathBuf {
        self.directories.path().join("root")
    }

    /// Jupyter's data directory.
    pub fn data_dir(&self) -> PathBuf {
        self.directories.path().join("data")
    }

    /// Jupyter's runtime directory.
    pub fn runtime_dir(&self) -> PathBuf {
        self.directories.path().join("runtime")
    }

    /// Jupyter's configuration directory.
    pub fn config_dir(&self) -> PathBuf {
        self.directories.path().join("config")
    }

    /// `http://127.0.0.1:1234/` with the base URL.
    pub fn url(&self) -> String {
        let address = self.server.local_address().expect("a TCP address");
        format!("http://{address}{}", self.base_url)
    }

    /// The server itself.
    pub fn server(&self) -> &RunningServer {
        &self.server
    }

    /// May do everything.
    pub fn as_owner(&self) -> TestClient {
        self.as_user("owner")
    }

    /// May read, under [`Roles`].
    pub fn as_viewer(&self) -> TestClient {
        self.as_user("viewer")
    }

    /// Is logged in and may know of nothing, under [`Roles`].
    pub fn as_stranger(&self) -> TestClient {
        self.as_user("stranger")
    }

    /// Is logged in under this name.
    pub fn as_user(&self, name: &str) -> TestClient {
        self.anonymous().with_header(USER_HEADER, name)
    }

    /// Shows the token, as a program does.
    pub fn with_token(&self) -> TestClient {
        self.anonymous()
            .with_header("authorization", &format!("token {TOKEN}"))
    }

    /// Shows nothing.
    pub fn anonymous(&self) -> TestClient {
        let mut headers = HeaderMap::new();
        headers.insert("accept", HeaderValue::from_static("*/*"));
        TestClient::new(self.url(), headers)
    }

    /// Stops it as SIGTERM does, and gives back its directories to look into.
    pub async fn shutdown(self) -> TempDir {
        self.server.shutdown().await;
        self.directories
    }
}

impl TestServerBuilder {
    /// One of the named policies instead of [`Roles`].
    #[must_use]
    pub fn policy(mut self, name: &str) -> Self {
        self.authorizer = None;
        self.setting("Adrastea.policy", name)
    }

    /// Another policy instead of [`Roles`].
    #[must_use]
    pub fn authorizer(mut self, authorizer: Arc<dyn Authorizer>) -> Self {
        self.authorizer = Some(authorizer);
        self
    }

    /// One of Jupyter's settings: `setting("ServerApp.base_url", "/x/")`.
    #[must_use]
    pub fn setting(mut self, name: &str, value: &str) -> Self {
        self.arguments.push(format!("--{name}={value}"));
        self
    }

    /// For how long all is kept for a page that was closed.
    #[must_use]
    pub fn return_wait(mut self, wait: Duration) -> Self {
        self.return_wait = Some(wait);
        self
    }

    /// A file in the root directory.
    #[must_use]
    pub fn file(self, path: &str, content: impl AsRef<[u8]>) -> Self {
        let path = self.directories.path().join("root").join(path);
        write(&path, content.as_ref());
        self
    }

    /// A file in Jupyter's configuration directory.
    #[must_use]
    pub fn config_file(self, path: &str, content: &str) -> Self {
        write(
            &self.directories.path().join("config").join(path),
            content.as_bytes(),
        );
        self
    }

    /// Where a file in Jupyter's configuration directory lies.
    pub fn config_path(&self, path: &str) -> PathBuf {
        self.directories.path().join("config").join(path)
    }

    /// A kernelspec, by its `kernel.json`.
    #[must_use]
    pub fn kernelspec(mut self, name: &str, kernel_json: serde_json::Value) -> Self {
        self.kernelspecs.push((name.to_owned(), kernel_json));
        self
    }

    /// A kernelspec that somebody installed elsewhere: its directory, with its logos.
    #[must_use]
    pub fn installed_kernelspec(self, directory: &Path) -> Self {
        let name = directory.file_name().expect("the name of a kernelspec");
        let kernels = self.directories.path().join("data/kernels").join(name);
        for file in std::fs::read_dir(directory).expect("an installed kernelspec") {
            let file = file.expect("a file of a kernelspec");
            let content = std::fs::read(file.path()).expect("a file of a kernelspec");
            write(&kernels.join(file.file_name()), &content);
        }
        self
    }

    /// No kernelspec but those given.
    #[must_use]
    pub fn without_fake_kernel(mut self) -> Self {
        self.has_fake_kernel = false;
        self
    }

    /// A Python environment, with its front ends and its kernels: the interpreter, as `…/bin/python`.
    #[must_use]
    pub fn python(mut self, interpreter: impl Into<PathBuf>) -> Self {
        self.python = Some(interpreter.into());
        self
    }

    /// The directory that will be served, to put things into.
    pub fn root(&self) -> PathBuf {
        self.directories.path().join("root")
    }

    /// Starts it.
    pub async fn start(self) -> TestServer {
        let (config, overrides, directories) = self.prepare();
        let base_url = config.base_url.as_str().to_owned();
        let server = match server::start(config, overrides).await {
            Ok(server) => server,
            Err(error) => panic!("the server does not start: {}", error.with_causes()),
        };
        TestServer {
            server,
            base_url,
            directories,
        }
    }

    fn prepare(mut self) -> (Config, Overrides, TempDir) {
        let kernels = self.directories.path().join("data/kernels");
        if self.has_fake_kernel {
            let program = fake_kernel_program();
            self.kernelspecs.push((
                "python3".to_owned(),
                serde_json::json!({
                    "argv": [program, "{connection_file}"],
                    "display_name": "Fake kernel",
                    "language": "python",
                }),
            ));
        }
        for (name, kernel_json) in &self.kernelspecs {
            write(
                &kernels.join(name).join("kernel.json"),
                kernel_json.to_string().as_bytes(),
            );
        }
        let mut arguments = vec![
            "--ServerApp.ip=127.0.0.1".to_owned(),
            "--ServerApp.port=0".to_owned(),
            format!("--IdentityProvider.token={TOKEN}"),
            // Hosts of a test that fails end with it.
            "--Adrastea.orphan_timeout=1".to_owned(),
        ];
        // Given later, so that a test may say something else.
        let given: Vec<&str> = self
            .arguments
            .iter()
            .filter_map(|it| it.split('=').next())
            .collect();
        arguments.retain(|argument| {
            !given
                .iter()
                .any(|given| argument.split('=').next() == Some(given))
        });
        arguments.extend(self.arguments);
        let line = command_line::parse(&arguments).expect("the settings of the test");
        let variables = variables(self.directories.path(), self.python.as_deref());
        let config = Config::load(Application::Server, line, &variables);
        let mut config = match config {
            Ok(config) => config,
            Err(error) => panic!("the configuration of the test is wrong: {}", error.with_causes()),
        };
        if self.python.is_none() {
            // What happens to be installed on this machine is none of the test's business.
            config.kernels.kernelspec_dirs = vec![kernels];
            config.kernels.native_kernel = None;
            config.frontends.environments.clear();
        }
        if let Some(wait) = self.return_wait {
            config.kernels.limits.return_wait = wait;
        }
        // This process is not the server's program.
        config.kernels.host_program = config.kernels.host_program.map(|_| server_program());
        let overrides = Overrides {
            authorizer: self.authorizer,
            schemes: vec![Arc::new(TestScheme)],
            launcher: None,
            ..Overrides::default()
        };
        (config, overrides, self.directories)
    }
}

/// An environment in which only the test's own directories exist.
fn variables(directories: &Path, python: Option<&Path>) -> Variables {
    let path = |name: &str| directories.join(name).into_os_string();
    let mut pairs = vec![
        ("HOME", path("home")),
        ("JUPYTER_CONFIG_DIR", path("config")),
        ("JUPYTER_DATA_DIR", path("data")),
        ("JUPYTER_RUNTIME_DIR", path("runtime")),
        ("IPYTHONDIR", path("ipython")),
        ("PYTHONNOUSERSITE", "1".into()),
    ];
    pairs.extend(variable("PATH").map(|value| ("PATH", value)));
    if let Some(prefix) = python.and_then(|python| python.parent()?.parent()) {
        pairs.push(("VIRTUAL_ENV", prefix.as_os_str().to_owned()));
    }
    Variables::from_pairs(directories.join("root"), pairs)
}

fn write(path: &Path, content: &[u8]) {
    std::fs::create_dir_all(path.parent().expect("a parent directory")).expect("a directory");
    std::fs::write(path, content).expect("a file");
}
