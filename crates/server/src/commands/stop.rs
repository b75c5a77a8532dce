//! `adrastea stop [PORT|SOCKET]`: ends a server of this user.

use std::process::ExitCode;
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::error::ServerError;
use crate::runtime_files::{ServerInfo, running_servers};
use crate::variables::Variables;

/// The port when none is named, as in the reference.
const DEFAULT_PORT: u16 = 8888;
/// How long a server may take to end its kernels.
const STOP_TIMEOUT: Duration = Duration::from_secs(15);
/// How often to look whether it did.
const LOOK_EVERY: Duration = Duration::from_millis(50);

pub(super) fn run(arguments: &[String], variables: &Variables) -> Result<ExitCode, ServerError> {
    let paths = super::jupyter_paths(variables)?;
    let word = arguments.iter().find(|argument| !argument.starts_with('-'));
    let wanted = word.cloned().unwrap_or_else(|| DEFAULT_PORT.to_string());
    let servers = running_servers(&paths.runtime_dir);
    let Some(server) = servers.iter().find(|server| is_wanted(server, &wanted)) else {
        let others: String = servers
            .iter()
            .map(|server| format!("\n  {}", server.url))
            .collect();
        let hint = if others.is_empty() {
            String::new()
        } else {
            format!("; these run:{others}")
        };
        return Err(ServerError::Unsupported {
            message: format!("there is no server on {wanted}{hint}"),
        });
    };
    let pid = i32::try_from(server.pid).map_or(Pid::from_raw(0), Pid::from_raw);
    let problem = |source: nix::errno::Errno| ServerError::Unsupported {
        message: format!(
            "could not stop the server on {wanted} (process {}): {source}",
            server.pid
        ),
    };
    if pid.as_raw() <= 1 {
        return Err(problem(nix::errno::Errno::ESRCH));
    }
    kill(pid, Signal::SIGTERM).map_err(problem)?;
    let deadline = Instant::now() + STOP_TIMEOUT;
    while kill(pid, None).is_ok() {
        if Instant::now() > deadline {
            return Err(problem(nix::errno::Errno::ETIMEDOUT));
        }
        std::thread::sleep(LOOK_EVERY);
    }
    super::print(&format!("stopped the server on {wanted}\n"))
}

fn is_wanted(server: &ServerInfo, wanted: &str) -> bool {
    match wanted.parse::<u16>() {
        Ok(port) => server.sock.is_empty() && server.port == port,
        Err(_) => server.sock == wanted,
    }
}
