//! One server after the other in the same process: `adrastea restart`. The process executes its program anew, which may be
//! another version by then, with the same arguments, environment and directory. What listens stays open meanwhile, so
//! nobody is refused, and nobody else gets the port.

use std::ffi::{OsStr, OsString};
use std::io::{self, Read, Write};
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd, RawFd};
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::Duration;

use rustix::io::{FdFlags, fcntl_setfd};
use serde::{Deserialize, Serialize};
use tracing::{info, warn};

use crate::listen::Address;
use crate::variables::Variables;

/// Says where a process finds what the server before left it: its own id, so that no child believes to be meant, and the
/// number of the descriptor to read it from. No secrets: others can read the environment.
pub(crate) const VARIABLE: &str = "ADRASTEA_SUCCEEDS";

/// How long the program may take to say its version.
const VERSION_TIMEOUT: Duration = Duration::from_secs(10);

/// What a server leaves to the next one.
#[derive(Debug)]
pub struct Estate {
    /// What it was asked to listen on.
    address: Address,
    listeners: Vec<OwnedFd>,
    token: Option<String>,
}

/// The same, as it is written down.
#[derive(Serialize, Deserialize)]
struct Will {
    address: Address,
    listeners: Vec<RawFd>,
    token: Option<String>,
}

/// The program that takes over.
#[derive(Debug)]
pub(crate) struct Successor {
    program: PathBuf,
    command_line: Vec<OsString>,
}

impl Estate {
    /// `token`: one that was made up, and that people and programs know by now.
    pub(crate) fn new(address: Address, listeners: Vec<OwnedFd>, token: Option<String>) -> Self {
        Self {
            address,
            listeners,
            token,
        }
    }

    /// What the server before left to this process, if there was one. To be called once, before anything is started.
    pub(crate) fn of_this_process(variables: &Variables) -> Option<Self> {
        let meant = variables.text(VARIABLE)?;
        let (pid, descriptor) = meant.split_once(':')?;
        if pid.parse() != Ok(std::process::id()) {
            return None;
        }
        match read(descriptor.parse().ok()?) {
            Ok(estate) => Some(estate),
            Err(error) => {
                warn!("what the server before left cannot be read: {error}");
                None
            }
        }
    }

    /// The token that people and programs know.
    pub(crate) fn token(&self) -> Option<&str> {
        self.token.as_deref()
    }

    /// What listens already, if it is where `address` asks for.
    pub(crate) fn listeners(self, address: &Address) -> Vec<OwnedFd> {
        match self.address == *address {
            true => self.listeners,
            false => Vec::new(),
        }
    }
}

#[expect(unsafe_code, reason = "a descriptor that was inherited has no owner yet")]
fn inherited(descriptor: RawFd) -> io::Result<OwnedFd> {
    // SAFETY: the server before left it open for this, and each is taken once.
    let owned = unsafe { OwnedFd::from_raw_fd(descriptor) };
    fcntl_setfd(&owned, FdFlags::CLOEXEC)?;
    Ok(owned)
}

fn read(descriptor: RawFd) -> io::Result<Estate> {
    let mut text = Vec::new();
    std::fs::File::from(inherited(descriptor)?).read_to_end(&mut text)?;
    let Will {
        address,
        listeners,
        token,
    } = serde_json::from_slice(&text)?;
    let listeners = listeners.into_iter().map(inherited).collect::<io::Result<_>>()?;
    Ok(Estate {
        address,
        listeners,
        token,
    })
}

/// A pipe from which the next server reads it. It is so short that nobody needs to read while it is written.
fn written(estate: &Estate) -> io::Result<OwnedFd> {
    let (reader, mut writer) = io::pipe()?;
    let will = Will {
        address: estate.address.clone(),
        listeners: estate.listeners.iter().map(AsRawFd::as_raw_fd).collect(),
        token: estate.token.clone(),
    };
    writer.write_all(&serde_json::to_vec(&will)?)?;
    Ok(reader.into())
}

impl Successor {
    /// What this process was started as: a name is looked up again, so that it may be another program by now.
    pub(crate) fn of_this_process(variables: &Variables) -> Option<Self> {
        let command_line = variables.command_line.clone();
        let name = command_line.first().map(PathBuf::from)?;
        let found = match name.components().count() {
            1 => {
                let directories = variables.path_list("PATH").into_iter();
                let candidates = directories.map(|directory| directory.join(&name));
                candidates.into_iter().find(|candidate| candidate.is_file())
            }
            _ => Some(variables.current_dir.join(&name)),
        };
        Some(Self {
            program: found.or_else(|| variables.program.clone())?,
            command_line,
        })
    }

    /// Whether the program can be started: it says its version.
    pub(crate) async fn check(&self) -> Result<(), String> {
        let program = self.program.display();
        let asking = tokio::process::Command::new(&self.program)
            .arg("--version")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .status();
        match tokio::time::timeout(VERSION_TIMEOUT, asking).await {
            Ok(Ok(status)) if status.success() => Ok(()),
            Ok(Ok(status)) => Err(format!("`{program} --version` failed ({status})")),
            Ok(Err(error)) => Err(format!("`{program}` cannot be started: {error}")),
            Err(_) => Err(format!("`{program} --version` does not answer")),
        }
    }

    /// Becomes the next server. Comes back only when the system has refused both the program and the one that runs now.
    pub(crate) fn take_over(&self, estate: &Estate) -> io::Error {
        let handed_over = written(estate).and_then(|will| {
            for descriptor in estate.listeners.iter().chain([&will]) {
                fcntl_setfd(descriptor, FdFlags::empty())?;
            }
            Ok(will)
        });
        let meant = match &handed_over {
            Ok(will) => format!("{}:{}", std::process::id(), will.as_raw_fd()),
            // It listens anew.
            Err(error) => {
                warn!("what listens cannot be handed over: {error}");
                String::new()
            }
        };
        info!("starting {} in place of this server", self.program.display());
        let refused = self.execute(self.program.as_os_str(), &meant);
        warn!("failed to start {}: {refused}", self.program.display());
        self.execute(OsStr::new("/proc/self/exe"), &meant)
    }

    fn execute(&self, program: &OsStr, meant: &str) -> io::Error {
        let mut command = Command::new(program);
        if let Some((name, arguments)) = self.command_line.split_first() {
            command.arg0(name).args(arguments);
        }
        command.env(VARIABLE, meant).exec()
    }
}

/// Reaps the hosts of kernels that the server before has started: they are children of this process. To be called before
/// it has others.
pub(crate) fn reap_inherited_children() {
    let mut children = children();
    if children.is_empty() {
        return;
    }
    let Ok(mut ended) = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::child()) else {
        // They are reaped when this process ends.
        return;
    };
    tokio::spawn(async move {
        loop {
            // Also at once: one may have ended already.
            let options = rustix::process::WaitOptions::NOHANG;
            children.retain(|child| matches!(rustix::process::waitpid(Some(*child), options), Ok(None)));
            if children.is_empty() || ended.recv().await.is_none() {
                return;
            }
        }
    });
}

fn children() -> Vec<rustix::process::Pid> {
    // Where the system does not tell, they stay until this process ends, which does no harm.
    let threads = std::fs::read_dir("/proc/self/task")
        .into_iter()
        .flatten()
        .flatten();
    let lists = threads.filter_map(|thread| std::fs::read_to_string(thread.path().join("children")).ok());
    let numbers = lists.flat_map(|list| {
        let numbers = list.split_whitespace().map(str::parse);
        numbers.flatten().collect::<Vec<i32>>()
    });
    numbers.filter_map(rustix::process::Pid::from_raw).collect()
}
