//! `/files`: a large file and a small one.

use std::fs;

use anyhow::{Result, ensure};

use super::Size;
use crate::http;
use crate::report::{Direction, Report};
use crate::side::Server;

const LARGE_BYTES: usize = 100_000_000;
const SMALL_BYTES: usize = 1_000;
/// Requests for the small file to each for the large one.
const SMALL_FOR_LARGE: usize = 200;

pub(super) async fn run(servers: &[Server], size: Size, report: &mut Report) -> Result<()> {
    for server in servers {
        fs::write(server.root().join("large.bin"), vec![b'x'; LARGE_BYTES])?;
        fs::write(server.root().join("small.bin"), vec![b'x'; SMALL_BYTES])?;
    }
    for _ in 0..size.rounds {
        for server in servers {
            large(server, 3 * size.large_requests, report).await?;
            small(server, SMALL_FOR_LARGE * size.large_requests, report).await?;
        }
    }
    for server in servers {
        fs::remove_file(server.root().join("large.bin"))?;
    }
    Ok(())
}

async fn large(server: &Server, requests: usize, report: &mut Report) -> Result<()> {
    server.forget_peak()?;
    let before = server.resident_mb()?;
    let cpu = server.cpu()?;
    let measured = http::drain(server, "/files/large.bin", requests).await?;
    let used = server.cpu()? - cpu;
    ensure!(
        measured.body_bytes_min == LARGE_BYTES,
        "{}: not all was sent",
        server.name
    );
    let megabytes = LARGE_BYTES as f64 / 1e6;
    report.add(
        "/files, 100 MB",
        "MB/s",
        Direction::More,
        server.name,
        megabytes / (measured.percentile_ms(50.0) / 1e3),
    );
    report.add(
        "/files, 100 MB, server CPU",
        "ms",
        Direction::Less,
        server.name,
        used.as_secs_f64() * 1e3 / requests as f64,
    );
    report.add(
        "/files, 100 MB, memory over what it had",
        "MB",
        Direction::Less,
        server.name,
        server.peak_mb()? - before,
    );
    Ok(())
}

async fn small(server: &Server, requests: usize, report: &mut Report) -> Result<()> {
    let measured = http::repeat(server, "/files/small.bin", 1, requests).await?;
    ensure!(
        measured.body_bytes_min == SMALL_BYTES,
        "{}: not all was sent",
        server.name
    );
    report.add(
        "/files, 1 kB",
        "ms",
        Direction::Less,
        server.name,
        measured.percentile_ms(50.0),
    );
    Ok(())
}
