//! The differences we intend. The list may only shrink: each entry has an example, and a test fails when the example is
//! answered alike without the entry, and when the entry is not described in `docs/contents.md`.

mod entries;
mod routes;

use serde_json::Value;

use self::entries::ENTRIES;
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

/// What we answer where the reference fails with 500.
struct Foreseen {
    method: &'static str,
    status: u16,
    /// How the sentence begins, or ends after `…`.
    message: &'static str,
}

const fn foreseen(method: &'static str, status: u16, message: &'static str) -> Foreseen {
    Foreseen {
        method,
        status,
        message,
    }
}

impl Foreseen {
    fn is(&self, exchange: &Exchange) -> bool {
        let message = exchange.ours.message();
        let is_said = match self.message.strip_prefix('…') {
            Some(end) => message.ends_with(end),
            None => message.starts_with(self.message),
        };
        self.method == exchange.request.method && self.status == exchange.ours.status && is_said
    }
}

const FORESEEN: &[Foreseen] = &[
    foreseen("GET", 404, "file or directory '/"),
    foreseen("DELETE", 404, "File or directory does not exist: "),
    foreseen("DELETE", 400, "Cannot delete file or directory '/"),
    foreseen("PATCH", 400, "…is not a name this file system takes"),
    foreseen("PATCH", 400, "Can't copy '"),
    foreseen("PATCH", 409, "File already exists: "),
    foreseen("PATCH", 404, "File or directory does not exist: "),
    foreseen("POST", 400, "…is not a notebook"),
    foreseen("POST", 404, "Checkpoint does not exist: "),
    foreseen("POST", 404, "No such file or directory: "),
    foreseen("POST", 404, "File or directory does not exist: "),
    foreseen("POST", 404, "No such parent directory: "),
    foreseen("POST", 400, "…is not the name of a file or directory"),
    foreseen("POST", 400, "Cannot copy file or directory '/"),
    foreseen("POST", 400, "…is not a name this file system takes"),
    foreseen("PUT", 404, "No such directory: "),
    foreseen("PUT", 400, "…is a directory, not a file"),
    foreseen("PUT", 400, "…is not a name this file system takes"),
    foreseen("PUT", 400, "Cannot save "),
    foreseen("PUT", 400, "Encoding error saving "),
    foreseen(
        "PUT",
        400,
        "Must specify format of file contents as 'text' or 'base64'",
    ),
    foreseen(
        "PUT",
        400,
        "File type \"directory\" is not supported for large file transfer",
    ),
];

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
