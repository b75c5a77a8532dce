//! What many idle kernels and sockets take.

use std::time::Duration;

use anyhow::Result;

use super::Size;
use crate::kernel::{self, Connection};
use crate::report::{Direction, Report};
use crate::side::{Name, Server};

pub(super) const SOCKET_MEMORY: &str = "idle sockets, memory of the server each";
pub(super) const KERNEL_MEMORY: &str = "idle kernels, memory of the server each";
pub(super) const HOST_MEMORY: &str = "idle kernels, memory of their hosts each";
pub(super) const START_CPU: &str = "start of a kernel, CPU of the server";
pub(super) const IDLE_CPU: &str = "idle server and hosts, CPU each";

/// How long the server may rest before it counts as idle.
const SETTLE: Duration = Duration::from_secs(2);
/// For how long idle processes are watched.
const IDLE: Duration = Duration::from_secs(10);

/// Only ours: the reference and the relay take a multiple, and minutes.
pub(super) async fn run(servers: &[Server], size: Size, report: &mut Report) -> Result<()> {
    let less = Direction::Less;
    for server in servers.iter().filter(|server| server.name == Name::Adrastea) {
        let mut first = Connection::open(server).await?;
        first.execute("print warm").await?;
        tokio::time::sleep(SETTLE).await;

        let (before, cpu) = (server.resident_mb()?, server.cpu()?);
        let mut kernels = Vec::new();
        for _ in 0..size.kernels {
            let id = kernel::start(server).await?;
            let mut connection = Connection::join(server, &id).await?;
            connection.execute("print warm").await?;
            kernels.push(connection);
        }
        let count = size.kernels as f64;
        let started = (server.cpu()? - cpu).as_secs_f64() * 1e3 / count;
        report.add(START_CPU, "ms", less, server.name, started);
        tokio::time::sleep(SETTLE).await;
        let each = (server.resident_mb()? - before) * 1e3 / count;
        report.add(KERNEL_MEMORY, "kB", less, server.name, each);
        let hosts = server.hosts_mb()?;
        let each = hosts.iter().sum::<f64>() / hosts.len().max(1) as f64;
        report.add(HOST_MEMORY, "MB", less, server.name, each);

        let before = server.resident_mb()?;
        let mut sockets = Vec::new();
        for _ in 0..size.sockets {
            sockets.push(Connection::join(server, first.kernel_id()).await?);
        }
        tokio::time::sleep(SETTLE).await;
        let each = (server.resident_mb()? - before) * 1e3 / size.sockets as f64;
        report.add(SOCKET_MEMORY, "kB", less, server.name, each);
        drop(sockets);
        tokio::time::sleep(SETTLE).await;

        let cpu = server.cpu_with_hosts()?;
        tokio::time::sleep(IDLE).await;
        let used = (server.cpu_with_hosts()? - cpu).as_secs_f64() / IDLE.as_secs_f64();
        let processes = (hosts.len() + 1) as f64;
        report.add(
            IDLE_CPU,
            "% of a core",
            less,
            server.name,
            used * 100.0 / processes,
        );

        for kernel in kernels {
            kernel.close(server).await?;
        }
        first.close(server).await?;
    }
    Ok(())
}
