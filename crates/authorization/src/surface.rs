//! Whether a route is for programs, for people or a socket: the same refusal looks different on each.

/// Who reads the answers of a route.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Surface {
    /// A program: refusals are JSON.
    Api,
    /// A person: refusals are pages, and who is not logged in goes to the login page.
    Page,
    /// A WebSocket client: a refusal is a plain 403 instead of an upgrade.
    WebSocket,
}

/// Where APIs live; everything else is pages and files.
const API_PREFIXES: [&str; 3] = ["/api", "/lab/api", "/lsp"];
/// What lies there and is a file all the same: the reference sends who is not logged in to the login page.
const FILES_AMONG_APIS: [&str; 1] = ["/api/spec.yaml"];

impl Surface {
    /// The surface of a path below the base URL, be it a route's or a request's.
    #[must_use]
    pub fn of(path: &str) -> Self {
        let below = |prefix: &&str| {
            path.strip_prefix(*prefix)
                .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        };
        if API_PREFIXES.iter().any(below) && !FILES_AMONG_APIS.contains(&path) {
            Self::Api
        } else {
            Self::Page
        }
    }
}
