//! The server that `adrastea stop` and `adrastea restart` are about.

use std::path::PathBuf;

use nix::unistd::Pid;

use crate::error::ServerError;
use crate::runtime_files::{ServerInfo, running_servers};
use crate::variables::Variables;

/// The port when none is named, as in the reference.
const DEFAULT_PORT: u16 = 8888;

/// A server of this user.
pub(super) struct Chosen {
    /// Its port or its Unix socket, as it was named.
    pub(super) wanted: String,
    pub(super) pid: Pid,
    pub(super) runtime_dir: PathBuf,
}

impl Chosen {
    /// The server whose port or socket is the first argument.
    pub(super) fn by(arguments: &[String], variables: &Variables) -> Result<Self, ServerError> {
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
        // 0 and 1 are no servers: the one is our own group, the other the system.
        let pid = i32::try_from(server.pid).ok().filter(|pid| *pid > 1);
        let pid = pid.ok_or_else(|| ServerError::Unsupported {
            message: format!("the server on {wanted} has no process ({})", server.pid),
        })?;
        Ok(Self {
            wanted,
            pid: Pid::from_raw(pid),
            runtime_dir: paths.runtime_dir,
        })
    }
}

fn is_wanted(server: &ServerInfo, wanted: &str) -> bool {
    match wanted.parse::<u16>() {
        Ok(port) => server.sock.is_empty() && server.port == port,
        Err(_) => server.sock == wanted,
    }
}
