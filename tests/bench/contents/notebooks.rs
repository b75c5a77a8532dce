//! Notebooks: opened and saved as front ends do it.

use std::fs;

use anyhow::{Context, Result, ensure};

use super::Size;
use super::notebook::Notebook;
use crate::http::{self, Measured};
use crate::report::{Direction, Report};
use crate::side::{Name, Server};

/// The size of the large notebook, in megabytes.
pub(super) const LARGE_MB: f64 = 50.0;

/// The rows of one size of notebook.
struct Rows {
    file: &'static str,
    get: &'static str,
    get_cpu: &'static str,
    get_memory: &'static str,
    put: &'static str,
    put_cpu: &'static str,
    put_memory: &'static str,
}

const SMALL: Rows = Rows {
    file: "small.ipynb",
    get: "GET of a 1 MB notebook",
    get_cpu: "GET of a 1 MB notebook, server CPU",
    get_memory: "GET of a 1 MB notebook, peak memory",
    put: "PUT of a 1 MB notebook",
    put_cpu: "PUT of a 1 MB notebook, server CPU",
    put_memory: "PUT of a 1 MB notebook, peak memory",
};
const LARGE: Rows = Rows {
    file: "large.ipynb",
    get: "GET of a 50 MB notebook",
    get_cpu: "GET of a 50 MB notebook, server CPU",
    get_memory: "GET of a 50 MB notebook, peak memory",
    put: "PUT of a 50 MB notebook",
    put_cpu: "PUT of a 50 MB notebook, server CPU",
    put_memory: "PUT of a 50 MB notebook, peak memory",
};

pub(super) async fn run(servers: &[Server], size: Size, report: &mut Report) -> Result<()> {
    for (rows, bytes, requests) in [
        (SMALL, 1_000_000, size.small_requests),
        (LARGE, 50_000_000, size.large_requests),
    ] {
        let notebook = Notebook::of_about(bytes);
        same_file_everywhere(servers, &rows, &notebook).await?;
        for _ in 0..size.rounds {
            for server in servers {
                get(server, &rows, requests, report).await?;
                put(server, &rows, &notebook, requests, report).await?;
            }
        }
    }
    Ok(())
}

/// Saves it on every side: ours and the reference must write the same bytes, and the bare handler is given them.
async fn same_file_everywhere(servers: &[Server], rows: &Rows, notebook: &Notebook) -> Result<()> {
    let mut written = None;
    for server in servers {
        let file = server.root().join(rows.file);
        if server.name == Name::Limit {
            fs::write(file, written.as_ref().context("nothing was written before")?)?;
            continue;
        }
        http::save(server, &path(rows), &notebook.bodies, 1).await?;
        let bytes = fs::read(file)?;
        ensure!(
            written.as_ref().is_none_or(|other| *other == bytes),
            "{} differs between the servers",
            rows.file
        );
        written = Some(bytes);
    }
    Ok(())
}

async fn get(server: &Server, rows: &Rows, requests: usize, report: &mut Report) -> Result<()> {
    let idle = begin(server)?;
    let cpu = server.cpu()?;
    let measured = http::repeat(server, &path(rows), 1, requests).await?;
    let used = server.cpu()? - cpu;
    let names = (rows.get, rows.get_cpu, rows.get_memory);
    record(server, names, &measured, used, idle, report)
}

async fn put(
    server: &Server,
    rows: &Rows,
    notebook: &Notebook,
    requests: usize,
    report: &mut Report,
) -> Result<()> {
    let idle = begin(server)?;
    let cpu = server.cpu()?;
    // The bare handler writes the body, so it must not replace the file that it is asked for.
    let path = match server.name {
        Name::Limit => format!("{}.body", path(rows)),
        Name::Adrastea | Name::Reference => path(rows),
    };
    let measured = http::save(server, &path, &notebook.bodies, requests).await?;
    let used = server.cpu()? - cpu;
    let names = (rows.put, rows.put_cpu, rows.put_memory);
    record(server, names, &measured, used, idle, report)
}

/// What was resident when the server had done nothing yet.
fn begin(server: &Server) -> Result<f64> {
    server.forget_peak()?;
    Ok(server.idle_mb)
}

fn record(
    server: &Server,
    (wall, cpu, memory): (&'static str, &'static str, &'static str),
    measured: &Measured,
    used: std::time::Duration,
    idle_mb: f64,
    report: &mut Report,
) -> Result<()> {
    let less = Direction::Less;
    report.add(wall, "ms", less, server.name, measured.percentile_ms(50.0));
    let each = used.as_secs_f64() * 1e3 / measured.count() as f64;
    report.add(cpu, "ms", less, server.name, each);
    report.add(memory, "MB", less, server.name, server.peak_mb()? - idle_mb);
    Ok(())
}

fn path(rows: &Rows) -> String {
    format!("/api/contents/{}", rows.file)
}
