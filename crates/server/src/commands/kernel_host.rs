//! `adrastea kernel-host`: the process beside each kernel. Only the server starts it.

use std::process::ExitCode;

use crate::error::ServerError;

pub(super) fn run() -> Result<ExitCode, ServerError> {
    let served = kernels::run_kernel_host();
    served.map_err(|source| ServerError::Service {
        what: "the kernel host",
        source: Box::new(source),
    })?;
    Ok(ExitCode::SUCCESS)
}
