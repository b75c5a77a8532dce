//! `adrastea stop [PORT|SOCKET]`: ends a server of this user.

use std::process::ExitCode;
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};

use super::chosen::Chosen;
use crate::error::ServerError;
use crate::variables::Variables;

/// How long a server may take to end its kernels.
const STOP_TIMEOUT: Duration = Duration::from_secs(15);
/// How often to look whether it did.
const LOOK_EVERY: Duration = Duration::from_millis(50);

pub(super) fn run(arguments: &[String], variables: &Variables) -> Result<ExitCode, ServerError> {
    let Chosen { wanted, pid, .. } = Chosen::by(arguments, variables)?;
    let problem = |source: nix::errno::Errno| ServerError::Unsupported {
        message: format!("could not stop the server on {wanted} (process {pid}): {source}"),
    };
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
