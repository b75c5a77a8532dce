//! The whole server: start, small requests, a listing, cells and their output.

use std::time::Duration;

use anyhow::{Context, Result};

use crate::http;
use crate::kernel;
use crate::report::{Direction, Report, Target};
use crate::side::{Server, Side};

/// How much work a row does.
#[derive(Clone, Copy)]
struct Size {
    /// How many times each side runs each row.
    rounds: usize,
    api_requests: usize,
    listings: usize,
    round_trips: usize,
    outputs: usize,
}

const FULL: Size = Size {
    rounds: 5,
    api_requests: 20_000,
    listings: 40,
    round_trips: 400,
    outputs: 50_000,
};
const QUICK: Size = Size {
    rounds: 2,
    api_requests: 2_000,
    listings: 5,
    round_trips: 50,
    outputs: 50_000,
};

/// Connections that ask `GET /api` at once.
const API_CONNECTIONS: usize = 64;
/// Files in the directory that is listed.
const LISTING_ENTRIES: usize = 1_000;
/// Bytes in each small output.
const OUTPUT_BYTES: usize = 200;
/// How long a server may rest before its idle memory is read.
const SETTLE: Duration = Duration::from_secs(1);

/// What must hold whatever the other side does.
const TARGETS: &[(&str, Target)] = &[
    ("start: spawn to first 200", Target::AtMost(50.0)),
    ("start: resident memory, idle", Target::AtMost(25.0)),
    ("execute round trip, synthetic kernel, p50", Target::AtMost(1.0)),
    ("50,000 outputs, lost", Target::AtMost(0.0)),
];

/// Runs every row on both sides in turn.
pub(crate) async fn run(quick: bool) -> Result<Report> {
    let size = if quick { QUICK } else { FULL };
    let sides = Side::ours_and_reference()?;
    let mut report = Report::new(TARGETS);

    for _ in 0..size.rounds {
        for side in &sides {
            cold_start(side, &mut report).await?;
        }
    }

    let mut servers = Vec::new();
    for side in &sides {
        let (server, _) = side.start().await?;
        server.make_files("listing", LISTING_ENTRIES)?;
        servers.push(server);
    }
    for _ in 0..size.rounds {
        for server in &servers {
            api(server, size, &mut report).await?;
        }
    }
    for _ in 0..size.rounds {
        for server in &servers {
            listing(server, size, &mut report).await?;
        }
    }
    for _ in 0..size.rounds {
        for server in &servers {
            round_trip(server, size, &mut report).await?;
        }
    }
    for _ in 0..size.rounds {
        for server in &servers {
            outputs(server, size, &mut report).await?;
        }
    }
    Ok(report)
}

/// From spawn to the first 200, and the memory of a server nobody has asked anything yet.
async fn cold_start(side: &Side, report: &mut Report) -> Result<()> {
    let (server, elapsed) = side.start().await?;
    report.add(
        "start: spawn to first 200",
        "ms",
        Direction::Less,
        server.name,
        elapsed.as_secs_f64() * 1e3,
    );
    tokio::time::sleep(SETTLE).await;
    report.add(
        "start: resident memory, idle",
        "MB",
        Direction::Less,
        server.name,
        server.resident_mb()?,
    );
    Ok(())
}

/// The smallest request there is, from many connections.
async fn api(server: &Server, size: Size, report: &mut Report) -> Result<()> {
    let cpu = server.cpu()?;
    let measured = http::repeat(server, "/api", API_CONNECTIONS, size.api_requests).await?;
    let used = server.cpu()? - cpu;
    let requests = size.api_requests as f64;
    report.add(
        "GET /api, 64 connections",
        "req/s",
        Direction::More,
        server.name,
        requests / measured.elapsed.as_secs_f64(),
    );
    report.add(
        "GET /api, p99",
        "ms",
        Direction::Less,
        server.name,
        measured.percentile_ms(99.0),
    );
    report.add(
        "GET /api, server CPU",
        "us/req",
        Direction::Less,
        server.name,
        used.as_secs_f64() * 1e6 / requests,
    );
    Ok(())
}

/// A directory of 1,000 files, one request at a time.
async fn listing(server: &Server, size: Size, report: &mut Report) -> Result<()> {
    let measured = http::repeat(server, "/api/contents/listing?content=1", 1, size.listings).await?;
    anyhow::ensure!(
        measured.body_bytes_min > LISTING_ENTRIES * 50,
        "{}: the listing does not hold all entries",
        server.name
    );
    report.add(
        "listing of 1,000 entries, p50",
        "ms",
        Direction::Less,
        server.name,
        measured.percentile_ms(50.0),
    );
    Ok(())
}

/// `execute_request` to its `idle` on a synthetic kernel.
async fn round_trip(server: &Server, size: Size, report: &mut Report) -> Result<()> {
    let mut kernel = kernel::Connection::open(server).await?;
    kernel.execute("print warm").await?;
    let cpu = server.cpu()?;
    let mut times = Vec::with_capacity(size.round_trips);
    for _ in 0..size.round_trips {
        times.push(kernel.execute("print x").await?.elapsed);
    }
    let used = server.cpu()? - cpu;
    let measured = http::Measured::of(times);
    for (name, percentile) in [
        ("execute round trip, synthetic kernel, p50", 50.0),
        ("execute round trip, synthetic kernel, p99", 99.0),
    ] {
        report.add(
            name,
            "ms",
            Direction::Less,
            server.name,
            measured.percentile_ms(percentile),
        );
    }
    report.add(
        "execute round trip, server CPU",
        "us/cell",
        Direction::Less,
        server.name,
        used.as_secs_f64() * 1e6 / size.round_trips as f64,
    );
    kernel.close(server).await
}

/// 50,000 outputs of 200 bytes as fast as the kernel can send them.
async fn outputs(server: &Server, size: Size, report: &mut Report) -> Result<()> {
    let mut kernel = kernel::Connection::open(server).await?;
    kernel.execute("print warm").await?;
    let cpu = server.cpu()?;
    let burst = kernel
        .execute(&format!("burst {} {OUTPUT_BYTES}", size.outputs))
        .await?;
    let used = server.cpu()? - cpu;
    let sent = size.outputs as f64;
    report.add(
        "50,000 outputs of 200 B",
        "msg/s",
        Direction::More,
        server.name,
        burst.outputs as f64 / burst.elapsed.as_secs_f64(),
    );
    report.add(
        "50,000 outputs, server CPU",
        "us/msg",
        Direction::Less,
        server.name,
        used.as_secs_f64() * 1e6 / sent,
    );
    report.add(
        "50,000 outputs, lost",
        "msg",
        Direction::Less,
        server.name,
        sent - burst.outputs as f64,
    );
    kernel
        .close(server)
        .await
        .context("closing the kernel after the burst")
}
