//! The servers under measure, started alike: same flags, same directories, same kernelspec.

use std::{
    ffi::OsString,
    fs,
    path::{Path, PathBuf},
    process::Stdio,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail, ensure};
use tokio::process::{Child, Command};

/// Which server a number belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Name {
    Adrastea,
    Reference,
    /// The bare handler: see [`crate::limit`].
    Limit,
}

impl Name {
    pub(crate) const ALL: [Self; 3] = [Self::Adrastea, Self::Reference, Self::Limit];
}

impl std::fmt::Display for Name {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(match self {
            Self::Adrastea => "adrastea",
            Self::Reference => "reference",
            Self::Limit => "limit",
        })
    }
}

/// The token of both servers.
pub(crate) const TOKEN: &str = "benchmark";
/// How long a server may take to answer first.
const START_TIMEOUT: Duration = Duration::from_secs(60);

/// A server that can be started: a program and the words before the common flags.
pub(crate) struct Side {
    name: Name,
    program: PathBuf,
    arguments: Vec<String>,
    /// The virtual environment both servers find active: front ends, kernel and all.
    environment: PathBuf,
    fake_kernel: PathBuf,
}

/// A running server with directories of its own; killed when dropped.
pub(crate) struct Server {
    pub(crate) name: Name,
    pub(crate) port: u16,
    /// Resident memory after the first answer, in megabytes.
    pub(crate) idle_mb: f64,
    child: Child,
    directory: tempfile::TempDir,
}

impl Side {
    /// Both servers, from the paths that `cargo xtask bench` hands over.
    pub(crate) fn ours_and_reference() -> Result<[Self; 2]> {
        let fake_kernel = given("ADRASTEA_TEST_FAKE_KERNEL")?;
        let python = given("ADRASTEA_TEST_PYTHON")?;
        let environment = python
            .parent()
            .and_then(Path::parent)
            .context("the interpreter lies in no environment")?
            .to_owned();
        let ours = Self {
            name: Name::Adrastea,
            program: given("ADRASTEA_TEST_BINARY")?,
            arguments: vec!["server".into()],
            environment: environment.clone(),
            fake_kernel: fake_kernel.clone(),
        };
        let reference = Self {
            name: Name::Reference,
            program: python,
            arguments: vec![
                "-m".into(),
                "jupyter_server".into(),
                // By default the reference drops output above 1,000 messages a second.
                "--ZMQChannelsWebsocketConnection.limit_rate=False".into(),
            ],
            environment,
            fake_kernel,
        };
        Ok([ours, reference])
    }

    /// Both servers, and the bare handler.
    pub(crate) fn all() -> Result<[Self; 3]> {
        Self::with_limit(vec![crate::limit::WORD.into()])
    }

    /// Both servers, and the raw relay.
    pub(crate) fn all_with_relay() -> Result<[Self; 3]> {
        let kernel = given("ADRASTEA_TEST_FAKE_KERNEL")?;
        let kernel = format!("{}{}", crate::relay::KERNEL, kernel.display());
        Self::with_limit(vec![crate::relay::WORD.into(), kernel])
    }

    /// Both servers, and this program with these arguments.
    fn with_limit(arguments: Vec<String>) -> Result<[Self; 3]> {
        let [ours, reference] = Self::ours_and_reference()?;
        let limit = Self {
            name: Name::Limit,
            program: std::env::current_exe()?,
            arguments,
            environment: ours.environment.clone(),
            fake_kernel: ours.fake_kernel.clone(),
        };
        Ok([ours, reference, limit])
    }

    /// Starts the server in empty directories; returns it and the time to its first 200.
    pub(crate) async fn start(&self) -> Result<(Server, Duration)> {
        let directory = tempfile::tempdir()?;
        for name in ["root", "config", "data", "runtime", "home"] {
            fs::create_dir(directory.path().join(name))?;
        }
        write_kernelspec(&directory.path().join("data"), &self.fake_kernel)?;
        let port = free_port()?;
        let log = fs::File::create(directory.path().join("log"))?;
        let begin = Instant::now();
        let child = Command::new(&self.program)
            .args(&self.arguments)
            .args([
                "--no-browser",
                "--allow-root",
                "--ServerApp.ip=127.0.0.1",
                "--ServerApp.port_retries=0",
            ])
            .arg(format!("--ServerApp.port={port}"))
            .arg(format!("--IdentityProvider.token={TOKEN}"))
            .arg(format!(
                "--ServerApp.root_dir={}",
                directory.path().join("root").display()
            ))
            .env("VIRTUAL_ENV", &self.environment)
            .env("PATH", search_path(&self.environment)?)
            .env("HOME", directory.path().join("home"))
            .env("JUPYTER_CONFIG_DIR", directory.path().join("config"))
            .env("JUPYTER_DATA_DIR", directory.path().join("data"))
            .env("JUPYTER_RUNTIME_DIR", directory.path().join("runtime"))
            .stdin(Stdio::null())
            .stdout(log.try_clone()?)
            .stderr(log)
            .kill_on_drop(true)
            .spawn()
            .with_context(|| format!("starting {}", self.program.display()))?;
        let mut server = Server {
            name: self.name,
            port,
            idle_mb: 0.0,
            child,
            directory,
        };
        server.wait_for_first_answer(begin).await?;
        let elapsed = begin.elapsed();
        server.idle_mb = server.resident_mb()?;
        Ok((server, elapsed))
    }
}

impl Server {
    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://127.0.0.1:{}{path}", self.port)
    }

    /// The directory that is served.
    pub(crate) fn root(&self) -> PathBuf {
        self.directory.path().join("root")
    }

    /// Puts `count` small files into a directory below the root.
    pub(crate) fn make_files(&self, directory: &str, count: usize) -> Result<()> {
        let directory = self.root().join(directory);
        fs::create_dir(&directory)?;
        for index in 0..count {
            fs::write(directory.join(format!("file-{index:05}.txt")), "a line of text\n")?;
        }
        Ok(())
    }

    /// Resident memory of the server process, in megabytes.
    pub(crate) fn resident_mb(&self) -> Result<f64> {
        self.memory_mb("VmRSS:")
    }

    /// The most resident memory since [`Self::forget_peak`], in megabytes.
    pub(crate) fn peak_mb(&self) -> Result<f64> {
        self.memory_mb("VmHWM:")
    }

    /// Lets the peak begin anew from what is resident now.
    pub(crate) fn forget_peak(&self) -> Result<()> {
        Ok(fs::write(self.process_file("clear_refs")?, "5")?)
    }

    fn memory_mb(&self, field: &str) -> Result<f64> {
        memory_mb(&self.process_file("status")?, field)
    }

    /// User and system time the server process has used so far.
    pub(crate) fn cpu(&self) -> Result<Duration> {
        cpu(&self.process_file("stat")?)
    }

    /// The same with the hosts of its kernels.
    pub(crate) fn cpu_with_hosts(&self) -> Result<Duration> {
        let hosts = self.hosts()?;
        let hosts = hosts.iter().map(|host| cpu(&host.join("stat")));
        Ok(self.cpu()? + hosts.sum::<Result<Duration>>()?)
    }

    /// Memory of each host of its kernels, in megabytes.
    pub(crate) fn hosts_mb(&self) -> Result<Vec<f64>> {
        let hosts = self.hosts()?;
        // What they share, the program above all, is divided among them.
        let hosts = hosts
            .iter()
            .map(|host| memory_mb(&host.join("smaps_rollup"), "Pss:"));
        hosts.collect()
    }

    /// The hosts of its kernels, as directories of `/proc`: its children that were given the word `kernel-host`.
    fn hosts(&self) -> Result<Vec<PathBuf>> {
        let server = format!("PPid:\t{}", self.child.id().context("the server has ended")?);
        let is_host = |process: &Path| {
            // A process that has ended meanwhile is none.
            let text = |name: &str| fs::read_to_string(process.join(name)).unwrap_or_default();
            text("status").lines().any(|line| line == server) && text("cmdline").contains("kernel-host")
        };
        let processes = fs::read_dir("/proc")?.filter_map(|entry| Some(entry.ok()?.path()));
        Ok(processes.filter(|process| is_host(process)).collect())
    }

    fn process_file(&self, name: &str) -> Result<PathBuf> {
        let id = self
            .child
            .id()
            .with_context(|| format!("{} has ended", self.name))?;
        Ok(Path::new("/proc").join(id.to_string()).join(name))
    }

    async fn wait_for_first_answer(&mut self, begin: Instant) -> Result<()> {
        let client = reqwest::Client::new();
        while begin.elapsed() < START_TIMEOUT {
            if let Some(status) = self.child.try_wait()? {
                let log = fs::read_to_string(self.directory.path().join("log")).unwrap_or_default();
                bail!("{} ended at start ({status}):\n{log}", self.name);
            }
            match client.get(self.url("/api")).send().await {
                Ok(answer) if answer.status() == 200 => return Ok(()),
                _ => tokio::time::sleep(Duration::from_millis(1)).await,
            }
        }
        bail!("{} did not answer within {START_TIMEOUT:?}", self.name)
    }
}

fn memory_mb(status: &Path, field: &str) -> Result<f64> {
    let text = fs::read_to_string(status)?;
    let line = text.lines().find(|line| line.starts_with(field));
    let line = line.with_context(|| format!("no {field} in {}", status.display()))?;
    let kilobytes = line.split_whitespace().nth(1).context("no number of kilobytes")?;
    Ok(kilobytes.parse::<f64>()? * 1024.0 / 1e6)
}

fn cpu(stat: &Path) -> Result<Duration> {
    let stat = fs::read_to_string(stat)?;
    let (_, fields) = stat.rsplit_once(')').context("unreadable stat")?;
    let fields: Vec<&str> = fields.split_whitespace().collect();
    ensure!(fields.len() > 12, "short stat");
    let ticks = fields[11].parse::<u64>()? + fields[12].parse::<u64>()?;
    Ok(Duration::from_secs_f64(
        ticks as f64 / rustix::param::clock_ticks_per_second() as f64,
    ))
}

fn given(variable: &str) -> Result<PathBuf> {
    variable_os(variable)
        .map(PathBuf::from)
        .with_context(|| format!("{variable} is not set: run `cargo xtask bench`"))
}

/// `PATH` as it is when the environment is active.
fn search_path(environment: &Path) -> Result<OsString> {
    let path = variable_os("PATH").unwrap_or_default();
    Ok(std::env::join_paths(
        [environment.join("bin")]
            .into_iter()
            .chain(std::env::split_paths(&path)),
    )?)
}

#[expect(
    clippy::disallowed_methods,
    reason = "a program of its own, started by `cargo xtask bench`"
)]
fn variable_os(name: &str) -> Option<OsString> {
    std::env::var_os(name)
}

fn write_kernelspec(data: &Path, fake_kernel: &Path) -> Result<()> {
    let directory = data.join("kernels").join("synthetic");
    fs::create_dir_all(&directory)?;
    let spec = serde_json::json!({
        "argv": [fake_kernel, "{connection_file}"],
        "display_name": "Synthetic",
        "language": "synthetic",
    });
    Ok(fs::write(directory.join("kernel.json"), spec.to_string())?)
}

/// A port that was free a moment ago; both sides get theirs the same way.
fn free_port() -> Result<u16> {
    Ok(std::net::TcpListener::bind("127.0.0.1:0")?.local_addr()?.port())
}
