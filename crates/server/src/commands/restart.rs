//! `adrastea restart [PORT|SOCKET]`: starts a server of this user anew, in the version of the program that is installed
//! by now. Its kernels go on.

use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use super::chosen::Chosen;
use crate::error::ServerError;
use crate::runtime_files::info_file;
use crate::signals::RESTART;
use crate::variables::Variables;

/// How long a server may take to go and the next to serve.
const RESTART_TIMEOUT: Duration = Duration::from_secs(60);
/// How often to look whether it does.
const LOOK_EVERY: Duration = Duration::from_millis(20);

pub(super) fn run(arguments: &[String], variables: &Variables) -> Result<ExitCode, ServerError> {
    let chosen = Chosen::by(arguments, variables)?;
    let Chosen { wanted, pid, .. } = &chosen;
    let failed = |problem: &str| ServerError::Unsupported {
        message: format!("could not restart the server on {wanted} (process {pid}): {problem}"),
    };
    if !can_restart(*pid) {
        return Err(failed("it is another program, or an older version"));
    }
    let file = info_file(&chosen.runtime_dir, pid.as_raw().unsigned_abs());
    let before = version_of(&file);
    let signal = Signal::try_from(RESTART.as_raw()).map_err(|error| failed(&error.to_string()))?;
    kill(*pid, signal).map_err(|error| failed(&error.to_string()))?;
    let deadline = Instant::now() + RESTART_TIMEOUT;
    // The next server writes it when it serves.
    while version_of(&file).is_none_or(|now| Some(now) == before) {
        if kill(*pid, None).is_err() {
            return Err(failed("it has ended; started again, it finds its kernels"));
        }
        if Instant::now() > deadline {
            return Err(failed("it does not come back; its log says why"));
        }
        std::thread::sleep(LOOK_EVERY);
    }
    super::print(&format!("restarted the server on {wanted}\n"))
}

/// Whether it knows the signal. Where the system does not tell, it is tried: others ignore it.
fn can_restart(pid: Pid) -> bool {
    let Ok(status) = std::fs::read_to_string(format!("/proc/{pid}/status")) else {
        return true;
    };
    let caught = status.lines().find_map(|line| line.strip_prefix("SigCgt:"));
    let caught = caught.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok());
    caught.is_none_or(|mask| mask >> (RESTART.as_raw() - 1) & 1 == 1)
}

/// Tells one file from another of the same name.
fn version_of(file: &Path) -> Option<(u64, i64, i64)> {
    let metadata = file.metadata().ok()?;
    Some((metadata.ino(), metadata.ctime(), metadata.ctime_nsec()))
}
