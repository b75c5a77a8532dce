//! Walks the route table: a concrete request for every route.

use authorization::{Requirement, RouteEntry, Surface};
use http::Method;
use test_support::{Answer, TestClient};

/// A value for each parameter of a path, such that it names something of the right form that does not exist.
fn value_of(parameter: &str) -> &'static str {
    match parameter {
        "kernel_id" | "session_id" => "00000000-0000-4000-8000-000000000000",
        "upload_id" => "00000000000000000000000000000000",
        "*path" => "no-such-directory/no-such-file.txt",
        _ => "no-such-name",
    }
}

/// The route's path in every form, with values in place of its parameters.
pub(crate) fn paths(route: &RouteEntry) -> Vec<String> {
    route
        .forms()
        .iter()
        .map(|form| {
            let parts = form.split('/').map(|part| {
                let parameter = part.strip_prefix('{').and_then(|part| part.strip_suffix('}'));
                parameter.map_or_else(|| part.to_owned(), |parameter| value_of(parameter).to_owned())
            });
            parts.collect::<Vec<_>>().join("/")
        })
        .collect()
}

/// All routes proper; what is no route has tests of its own.
pub(crate) fn routes() -> Vec<RouteEntry> {
    let routes: Vec<_> = api::route_table()
        .into_iter()
        .filter(|route| route.path.starts_with('/'))
        .collect();
    assert!(routes.len() > 40, "the table has lost its routes");
    routes
}

/// Those that are not public.
pub(crate) fn closed_routes() -> Vec<RouteEntry> {
    routes()
        .into_iter()
        .filter(|route| route.requirement != Requirement::Anyone)
        .collect()
}

/// Asks for the route under this path, as a WebSocket client where it is one.
pub(crate) async fn ask(client: &TestClient, route: &RouteEntry, path: &str) -> Answer {
    let method = match route.method {
        "WEBSOCKET" => Method::GET,
        method => method.parse().expect("a method"),
    };
    let mut request = client.request(method, path);
    if route.surface == Surface::WebSocket {
        request = request
            .header("connection", "upgrade")
            .header("upgrade", "websocket")
            .header("sec-websocket-version", "13")
            .header("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ==");
    }
    client.send(request).await
}

/// What the table, and the messages of these tests, call a route.
pub(crate) fn name(route: &RouteEntry) -> String {
    format!("{} {}", route.method, route.path)
}

/// The routes of a committed list, and that each line says why: `GET /api: tells only the version`.
pub(crate) fn listed(list: &str) -> Vec<String> {
    let lines = list
        .lines()
        .filter(|line| !line.is_empty() && !line.starts_with('#'));
    let mut names: Vec<_> = lines
        .map(|line| {
            let (name, reason) = line
                .split_once(": ")
                .unwrap_or_else(|| panic!("no reason is given in `{line}`"));
            assert!(reason.len() > 8, "no reason is given in `{line}`");
            name.to_owned()
        })
        .collect();
    names.sort();
    names
}
