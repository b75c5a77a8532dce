//! Directories with many entries.

use anyhow::{Result, ensure};

use super::Size;
use crate::http;
use crate::report::{Direction, Report};
use crate::side::{Name, Server};

pub(super) async fn run(servers: &[Server], size: Size, report: &mut Report) -> Result<()> {
    for server in servers {
        server.make_files("listing-10000", 10_000)?;
        // At half a millisecond an entry the reference would take most of a minute.
        if server.name != Name::Reference {
            server.make_files("listing-50000", 50_000)?;
        }
    }
    for _ in 0..size.rounds {
        for server in servers {
            listing(server, 10_000, "listing of 10,000 entries", size, report).await?;
        }
        for server in servers.iter().filter(|server| server.name != Name::Reference) {
            listing(server, 50_000, "listing of 50,000 entries", size, report).await?;
        }
    }
    Ok(())
}

async fn listing(
    server: &Server,
    entries: usize,
    row: &'static str,
    size: Size,
    report: &mut Report,
) -> Result<()> {
    let requests = match server.name {
        Name::Reference => 1,
        Name::Adrastea | Name::Limit => 5 * size.large_requests,
    };
    let path = format!("/api/contents/listing-{entries}?content=1");
    let measured = http::repeat(server, &path, 1, requests).await?;
    ensure!(
        measured.body_bytes_min > entries * "file-00000.txt".len(),
        "{}: the listing does not hold all entries",
        server.name
    );
    report.add(
        row,
        "ms",
        Direction::Less,
        server.name,
        measured.percentile_ms(50.0),
    );
    Ok(())
}
