//! Output from the kernel to its readers, and cells from a reader to the kernel and back.

use std::time::{Duration, Instant};

use anyhow::{Context, Result};

use super::Size;
use crate::http::Measured;
use crate::kernel::{self, Connection, Executed};
use crate::report::{Direction, Report};
use crate::side::{Name, Server};

pub(super) const SMALL: &str = "50,000 outputs of 200 B";
pub(super) const SMALL_CPU: &str = "50,000 outputs of 200 B, CPU";
pub(super) const LARGE: &str = "200 outputs of 1 MB";
pub(super) const ROUND_TRIP: &str = "execute round trip, p50";
pub(super) const PACED_LOST: &str = "20,000 outputs a second for 2 s, lost";
pub(super) const FAN_OUT_CPU: &str = "50 readers of 1,000 outputs, CPU a delivery";
pub(super) const WRONG: &str = "outputs missing, doubled or misplaced";

const SMALL_OUTPUTS: usize = 50_000;
const LARGE_OUTPUTS: usize = 200;
const PACED_OUTPUTS: usize = 40_000;
const READERS: usize = 50;
const OUTPUTS_FOR_ALL: usize = 1_000;

pub(super) async fn run(servers: &[Server], size: Size, report: &mut Report) -> Result<()> {
    for _ in 0..size.rounds {
        for server in servers {
            let mut kernel = Connection::open(server).await?;
            kernel.execute("print warm").await?;
            small(server, &mut kernel, report).await?;
            large(server, &mut kernel, report).await?;
            round_trips(server, &mut kernel, size.round_trips, report).await?;
            paced(server, &mut kernel, report).await?;
            kernel.close(server).await?;
        }
    }
    // The relay has one reader.
    for _ in 0..size.rounds {
        for server in servers.iter().filter(|server| server.name != Name::Limit) {
            fan_out(server, report).await?;
        }
    }
    Ok(())
}

/// Outputs of one cell, and the time and processor time that they took.
struct Burst {
    executed: Executed,
    cpu: Duration,
}

async fn burst(server: &Server, kernel: &mut Connection, code: &str) -> Result<Burst> {
    let cpu = server.cpu_with_hosts()?;
    let executed = kernel.execute(code).await?;
    let cpu = server.cpu_with_hosts()? - cpu;
    Ok(Burst { executed, cpu })
}

async fn small(server: &Server, kernel: &mut Connection, report: &mut Report) -> Result<()> {
    let Burst { executed, cpu } = burst(server, kernel, &format!("burst {SMALL_OUTPUTS} 200")).await?;
    let (count, more, less) = (SMALL_OUTPUTS as f64, Direction::More, Direction::Less);
    let each = cpu.as_secs_f64() * 1e6 / count;
    report.add(
        SMALL,
        "msg/s",
        more,
        server.name,
        count / executed.elapsed.as_secs_f64(),
    );
    report.add(SMALL_CPU, "us/msg", less, server.name, each);
    report.add(
        WRONG,
        "msg",
        less,
        server.name,
        wrong(&executed, SMALL_OUTPUTS) as f64,
    );
    Ok(())
}

async fn large(server: &Server, kernel: &mut Connection, report: &mut Report) -> Result<()> {
    let Burst { executed, cpu } = burst(server, kernel, &format!("burst {LARGE_OUTPUTS} 1000000")).await?;
    let (count, more, less) = (LARGE_OUTPUTS as f64, Direction::More, Direction::Less);
    report.add(
        LARGE,
        "MB/s",
        more,
        server.name,
        count / executed.elapsed.as_secs_f64(),
    );
    let each = cpu.as_secs_f64() * 1e6 / count;
    report.add("200 outputs of 1 MB, CPU", "us/msg", less, server.name, each);
    report.add(
        WRONG,
        "msg",
        less,
        server.name,
        wrong(&executed, LARGE_OUTPUTS) as f64,
    );
    Ok(())
}

async fn round_trips(
    server: &Server,
    kernel: &mut Connection,
    count: usize,
    report: &mut Report,
) -> Result<()> {
    let cpu = server.cpu_with_hosts()?;
    let mut times = Vec::with_capacity(count);
    for _ in 0..count {
        times.push(kernel.execute("print x").await?.elapsed);
    }
    let cpu = server.cpu_with_hosts()? - cpu;
    let measured = Measured::of(times);
    let less = Direction::Less;
    report.add(ROUND_TRIP, "ms", less, server.name, measured.percentile_ms(50.0));
    let slowest = measured.percentile_ms(99.0);
    report.add("execute round trip, p99", "ms", less, server.name, slowest);
    let each = cpu.as_secs_f64() * 1e6 / count as f64;
    report.add("execute round trip, CPU", "us/cell", less, server.name, each);
    Ok(())
}

/// From a kernel that drops what nobody fetches in time, as ipykernel does.
async fn paced(server: &Server, kernel: &mut Connection, report: &mut Report) -> Result<()> {
    let executed = kernel.execute(&format!("paced {PACED_OUTPUTS} 200 20")).await?;
    let lost = PACED_OUTPUTS.saturating_sub(executed.outputs);
    report.add(PACED_LOST, "msg", Direction::Less, server.name, lost as f64);
    Ok(())
}

/// One kernel's output for many.
async fn fan_out(server: &Server, report: &mut Report) -> Result<()> {
    let kernel_id = kernel::start(server).await?;
    let mut asker = Connection::join(server, &kernel_id).await?;
    asker.execute("print warm").await?;
    let mut readers = Vec::new();
    for _ in 0..READERS {
        readers.push(Connection::join(server, &kernel_id).await?);
    }
    let cpu = server.cpu_with_hosts()?;
    let begin = Instant::now();
    asker.ask(&format!("burst {OUTPUTS_FOR_ALL} 200")).await?;
    let reading = readers.iter_mut().map(|reader| reader.watch(OUTPUTS_FOR_ALL));
    let misplaced = futures::future::try_join_all(reading).await?;
    asker.watch(OUTPUTS_FOR_ALL).await?;
    let elapsed = begin.elapsed();
    let cpu = server.cpu_with_hosts()? - cpu;
    let deliveries = ((READERS + 1) * OUTPUTS_FOR_ALL) as f64;
    let (less, more) = (Direction::Less, Direction::More);
    let rate = deliveries / elapsed.as_secs_f64();
    report.add(
        "50 readers of 1,000 outputs, deliveries",
        "msg/s",
        more,
        server.name,
        rate,
    );
    report.add(
        FAN_OUT_CPU,
        "us",
        less,
        server.name,
        cpu.as_secs_f64() * 1e6 / deliveries,
    );
    let misplaced: usize = misplaced.into_iter().sum();
    report.add(WRONG, "msg", less, server.name, misplaced as f64);
    asker
        .close(server)
        .await
        .context("closing the kernel that many read")
}

/// Outputs that are missing, there twice, or not where they belong.
fn wrong(executed: &Executed, expected: usize) -> usize {
    executed.misplaced.max(expected.abs_diff(executed.outputs))
}
