//! A reader that stops reading.

use std::time::{Duration, Instant};

use anyhow::Result;

use super::Size;
use crate::http::Measured;
use crate::kernel::Connection;
use crate::report::{Direction, Report};
use crate::side::Server;

pub(super) const MEMORY: &str = "100 MB unread, memory of the server";

/// For how long cells run on another kernel meanwhile: longer than it takes to send it all.
const WHILE: Duration = Duration::from_secs(3);

pub(super) async fn run(servers: &[Server], size: Size, report: &mut Report) -> Result<()> {
    let less = Direction::Less;
    for _ in 0..size.rounds {
        for server in servers {
            let mut other = Connection::open(server).await?;
            let mut kernel = Connection::open(server).await?;
            other.execute("print warm").await?;
            kernel.execute("print warm").await?;
            server.forget_peak()?;
            let before = server.resident_mb()?;
            kernel.ask("burst 100 1000000").await?;
            let mut times = Vec::new();
            let begin = Instant::now();
            while begin.elapsed() < WHILE {
                times.push(other.execute("print x").await?.elapsed);
            }
            let slowest = Measured::of(times).percentile_ms(99.0);
            report.add(
                "100 MB unread, other kernel's round trip, p99",
                "ms",
                less,
                server.name,
                slowest,
            );
            report.add(MEMORY, "MB", less, server.name, server.peak_mb()? - before);
            // It reads on, and finds all.
            let misplaced = kernel.watch(100).await?;
            report.add(super::output::WRONG, "msg", less, server.name, misplaced as f64);
            kernel.close(server).await?;
            other.close(server).await?;
        }
    }
    Ok(())
}
