//! What somebody who runs cells notices of somebody else's large notebook.

use std::time::Duration;

use anyhow::{Context, Result};

use super::Size;
use super::notebook::Notebook;
use crate::http::{self, Measured};
use crate::kernel::Connection;
use crate::report::{Direction, Report};
use crate::side::{Name, Server};

pub(super) const ALONE: &str = "execute round trip, p99";
/// The column of the bare handler: our kernel, while the bare handler saves the same.
pub(super) const BESIDE: &str = "execute round trip beside saves of 100 MB, p99";

const SAVED_BYTES: usize = 100_000_000;
/// A pause between two cells, so that the cells themselves leave the machine idle.
const PAUSE: Duration = Duration::from_millis(3);

pub(super) async fn run(servers: &[Server], size: Size, report: &mut Report) -> Result<()> {
    let of = |name| servers.iter().find(move |server| server.name == name);
    let ours = of(Name::Adrastea).context("we are not measured")?;
    let limit = of(Name::Limit).context("the bare handler is not measured")?;
    let notebook = Notebook::of_about(SAVED_BYTES);
    let mut kernel = Connection::open(ours).await?;
    kernel.execute("print warm").await?;
    for _ in 0..size.rounds {
        let alone = round_trips(&mut kernel, size.round_trips).await?;
        report.add(ALONE, "ms", Direction::Less, ours.name, alone.percentile_ms(99.0));
        for saving in [ours, limit] {
            let beside = beside(saving, &mut kernel, &notebook, size.round_trips).await?;
            report.add(
                BESIDE,
                "ms",
                Direction::Less,
                saving.name,
                beside.percentile_ms(99.0),
            );
        }
    }
    kernel.close(ours).await
}

/// Round trips while `saving` saves without a pause.
async fn beside(
    saving: &Server,
    kernel: &mut Connection,
    notebook: &Notebook,
    count: usize,
) -> Result<Measured> {
    let save = async {
        loop {
            let saved = http::save(saving, "/api/contents/beside.ipynb", &notebook.bodies, 2).await;
            if let Err(error) = saved {
                break error;
            }
        }
    };
    tokio::select! {
        measured = round_trips(kernel, count) => measured,
        error = save => Err(error.context("saving beside the kernel")),
    }
}

async fn round_trips(kernel: &mut Connection, count: usize) -> Result<Measured> {
    let mut times = Vec::with_capacity(count);
    for _ in 0..count {
        times.push(kernel.execute("print x").await?.elapsed);
        tokio::time::sleep(PAUSE).await;
    }
    Ok(Measured::of(times))
}
