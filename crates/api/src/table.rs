//! The route table as Markdown, for docs/routes.md.

use std::fmt::Write;

use authorization::{ForgeryCheck, Requirement, RouteEntry};

/// One line a route, in the order of the paths.
#[must_use]
pub fn route_table_markdown(table: &[RouteEntry]) -> String {
    let mut routes: Vec<_> = table.iter().collect();
    routes.sort_by_key(|route| (route.path, route.method));
    let mut markdown = String::from(
        "| method | path | who may call it | handler | notes |\n| --- | --- | --- | --- | --- |\n",
    );
    for route in routes {
        let who = match route.requirement {
            Requirement::Anyone => "anyone".to_owned(),
            Requirement::Identified => "any logged-in user".to_owned(),
            Requirement::Authorized { action, kinds } => {
                let kinds: Vec<_> = kinds.iter().map(|kind| format!("`{kind}`")).collect();
                format!("`{action}` on {}", kinds.join(" and "))
            }
        };
        let forgery = match route.forgery_check {
            ForgeryCheck::ByGuard => None,
            ForgeryCheck::ByHandler(reason) => Some(format!("without the guard's `_xsrf` check: {reason}")),
        };
        let notes: Vec<_> = route.note.map(str::to_owned).into_iter().chain(forgery).collect();
        // Writing to a String does not fail.
        let _ = writeln!(
            markdown,
            "| {} | `{}` | {who} | `{}` | {} |",
            route.method,
            route.path,
            route.handler,
            notes.join("; ")
        );
    }
    markdown
}
