//! The differences we intend. The list may only shrink: each entry has an example, and a test fails when the example is
//! answered alike without the entry, and when the entry is not described in `docs/contents.md`.

mod entries;
mod foreseen;
mod routes;

use serde_json::Value;

use self::entries::ENTRIES;
pub(super) use self::foreseen::FORESEEN;
use self::routes::ROUTES;
use super::pair::Exchange;
use super::request::Request;

/// One difference.
pub(super) struct Intended {
    /// The first cell of the row in `docs/contents.md` that gives the reason.
    pub(super) what: &'static str,
    /// Requests of which the last shows the difference.
    pub(super) example: fn() -> Vec<Request>,
    /// Takes the difference out of an exchange that has it, as narrowly as it can be told.
    pub(super) explain: fn(&mut Exchange),
}

/// How many there may be, and of those answers where the reference gives up. Only ever less.
pub(super) const INTENDED: usize = 42;
pub(super) const FORESEEN_ANSWERS: usize = 22;

/// All of them.
pub(super) fn all() -> impl Iterator<Item = &'static Intended> {
    ROUTES.iter().chain(ENTRIES)
}

/// What is left of an exchange without the differences we intend.
pub(super) fn explained(mut exchange: Exchange) -> Exchange {
    for intended in all() {
        (intended.explain)(&mut exchange);
    }
    exchange
}

fn get(target: &str) -> Vec<Request> {
    vec![Request::new("GET", target)]
}

fn with_body(method: &str, target: &str, body: &Value) -> Vec<Request> {
    vec![Request::new(method, target).json(body)]
}

/// The reference gave up.
fn is_unforeseen(exchange: &Exchange) -> bool {
    exchange.theirs.status == 500
}

pub(super) fn settle(exchange: &mut Exchange) {
    exchange.theirs = exchange.ours.clone();
    exchange.on_disk.clear();
}

fn has_dots(path: &str) -> bool {
    path.split('/').any(|part| matches!(part, "." | ".."))
}

/// Whether a path of the API or in a body goes at no time above the root.
fn stays_inside(path: &str) -> bool {
    let routes = ["api/contents", "api/notebooks", "files", "view"];
    let path = routes
        .iter()
        .find_map(|route| path.strip_prefix(route))
        .unwrap_or(path);
    let mut depth = 0;
    path.split('/').all(|part| {
        depth += match part {
            "" | "." => 0,
            ".." => -1,
            _ => 1,
        };
        depth >= 0
    })
}
