//! `GET /api/spec.yaml`: what can be called here, made from the route table itself.

use std::fmt::Write as _;

use authorization::{Authorized, Guard, GuardedRouter, Read, Requirement, RouteEntry, Surface};
use axum::response::IntoResponse;
use http::header::CONTENT_TYPE;

use crate::{AppState, resources::Api, route_table, version::JUPYTER_SERVER_API};

pub(crate) fn routes(guard: Guard) -> GuardedRouter<AppState> {
    GuardedRouter::new(guard)
        .get("/api/spec.yaml", get)
        .note("minimal so far: paths, methods and permissions, no bodies")
}

async fn get(_auth: Authorized<Read, Api>) -> impl IntoResponse {
    ([(CONTENT_TYPE, "text/x-yaml")], as_openapi(&route_table()))
}

/// The API routes as OpenAPI 3, in YAML. Everything written here is a plain word, a path, or quoted.
fn as_openapi(table: &[RouteEntry]) -> String {
    let mut yaml = format!(
        "openapi: 3.0.3\ninfo:\n  title: Jupyter Server API of Adrastea\n  version: \"{JUPYTER_SERVER_API}\"\npaths:\n"
    );
    let mut paths: Vec<_> = table
        .iter()
        .filter(|route| route.surface == Surface::Api)
        .collect();
    paths.sort_by_key(|route| route.path);
    let mut current = "";
    for route in paths {
        if route.path != current {
            current = route.path;
            let _ = writeln!(yaml, "  \"{}\":", current.replace("{*", "{"));
            parameters(&mut yaml, current);
        }
        let summary = match route.requirement {
            Requirement::Anyone => "public".to_owned(),
            Requirement::Identified => "any logged-in user".to_owned(),
            Requirement::Authorized { action, kinds } => {
                let kinds: Vec<_> = kinds.iter().map(|kind| kind.as_str()).collect();
                format!("{action} on {}", kinds.join(" and "))
            }
        };
        let method = route.method.to_lowercase();
        let _ = write!(
            yaml,
            "    {method}:\n      summary: \"{summary}\"\n      responses:\n        default:\n          description: see Jupyter Server\n"
        );
    }
    yaml
}

fn parameters(yaml: &mut String, path: &str) {
    let names: Vec<_> = path
        .split('/')
        .filter_map(|part| part.strip_prefix('{')?.strip_suffix('}'))
        .map(|name| name.trim_start_matches('*'))
        .collect();
    if names.is_empty() {
        return;
    }
    yaml.push_str("    parameters:\n");
    for name in names {
        let _ = write!(
            yaml,
            "      - name: {name}\n        in: path\n        required: true\n        schema:\n          type: string\n"
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_api_route_is_in_the_specification() {
        let yaml = as_openapi(&route_table());
        for route in route_table().iter().filter(|route| route.surface == Surface::Api) {
            assert!(
                yaml.contains(&format!("\"{}\":", route.path.replace("{*", "{"))),
                "{}",
                route.path
            );
        }
        assert!(
            yaml.contains("  \"/api/me\":\n    get:\n      summary: \"any logged-in user\"\n"),
            "{yaml}"
        );
    }
}
