//! Reading and saving: Adrastea beside the reference and the bare handler, with the targets of the contents service.

mod beside_a_save;
mod files;
mod listings;
mod notebook;
mod notebooks;

use anyhow::Result;

use crate::report::{Report, Target};
use crate::side::{Server, Side};

/// How much work a row does.
#[derive(Clone, Copy)]
struct Size {
    /// How many times each side runs each row.
    rounds: usize,
    /// Requests of a row whose answer takes milliseconds, or less.
    small_requests: usize,
    /// Requests of a row whose answer takes a second on the reference.
    large_requests: usize,
    /// Cells run to find the slowest of a hundred.
    round_trips: usize,
}

const FULL: Size = Size {
    rounds: 5,
    small_requests: 100,
    large_requests: 3,
    round_trips: 2_000,
};
const QUICK: Size = Size {
    rounds: 2,
    small_requests: 20,
    large_requests: 2,
    round_trips: 500,
};

const TARGETS: &[(&str, Target)] = &[
    ("listing of 10,000 entries", Target::TimesReference(60.0)),
    ("listing of 50,000 entries", Target::WithinLimit(3.0)),
    ("GET of a 1 MB notebook", Target::TimesReference(7.0)),
    ("PUT of a 1 MB notebook", Target::TimesReference(7.0)),
    ("GET of a 50 MB notebook, server CPU", Target::TimesReference(7.0)),
    ("PUT of a 50 MB notebook, server CPU", Target::TimesReference(6.0)),
    (
        "GET of a 50 MB notebook, peak memory",
        Target::AtMost(4.0 * notebooks::LARGE_MB),
    ),
    (
        "PUT of a 50 MB notebook, peak memory",
        Target::AtMost(4.0 * notebooks::LARGE_MB),
    ),
    ("/files, 100 MB", Target::WithinLimit(1.5)),
    ("/files, 1 kB", Target::WithinLimit(1.5)),
    (
        beside_a_save::BESIDE,
        Target::Beside {
            row: beside_a_save::ALONE,
            times: 2.0,
            plus: 1.0,
        },
    ),
];

/// Runs every row on all sides in turn.
pub(crate) async fn run(quick: bool) -> Result<Report> {
    let size = if quick { QUICK } else { FULL };
    let mut report = Report::new(TARGETS);
    listings::run(&started().await?, size, &mut report).await?;
    // Anew, because what the listings have left in memory is not what notebooks take.
    let servers = started().await?;
    notebooks::run(&servers, size, &mut report).await?;
    files::run(&servers, size, &mut report).await?;
    beside_a_save::run(&servers, size, &mut report).await?;
    Ok(report)
}

async fn started() -> Result<Vec<Server>> {
    let mut servers = Vec::new();
    for side in &Side::all()? {
        servers.push(side.start().await?.0);
    }
    Ok(servers)
}
