//! Rules about every route, tried on every route.

use std::sync::Arc;

use authorization::{
    Action, Authorizer, Covers, Decision, Requirement, ResourceKind, ResourceRef, RouteEntry, Surface,
};
use futures::future::BoxFuture;
use identity::Identity;
use test_support::{Answer, TestClient, TestServer};
use tokio::sync::watch;

use super::walk::{ask, closed_routes, listed, name, paths, routes};

/// Says no to everything.
struct DenyEverything;

impl Authorizer for DenyEverything {
    fn decide<'a>(&'a self, _: &'a Identity, _: Action, _: &'a ResourceRef) -> BoxFuture<'a, Decision> {
        Box::pin(std::future::ready(Decision::forbidden_by("everything")))
    }

    fn covers<'a>(&'a self, _: &'a Identity, _: Action, _: &'a ResourceRef) -> BoxFuture<'a, Covers> {
        Box::pin(std::future::ready(Covers::None))
    }

    fn changes(&self) -> watch::Receiver<()> {
        watch::channel(()).1
    }
}

fn is_authorized(route: &RouteEntry) -> bool {
    matches!(route.requirement, Requirement::Authorized { .. })
}

#[tokio::test]
async fn an_authorizer_that_denies_everything_denies_everything() {
    let server = TestServer::builder()
        .authorizer(Arc::new(DenyEverything))
        .start()
        .await;
    let client = server.as_owner();
    for route in routes().iter().filter(|route| is_authorized(route)) {
        for path in paths(route) {
            let answer = ask(&client, route, &path).await;
            assert_eq!(answer.status, 403, "{} at {path}: {}", name(route), answer.text());
            assert!(
                answer.text().contains("User is not authorized to"),
                "{}: {}",
                name(route),
                answer.text()
            );
        }
    }
    assert_eq!(server.server().kernels().list().len(), 0);
    let left: Vec<_> = std::fs::read_dir(server.root())
        .expect("the root directory")
        .collect();
    assert!(left.is_empty(), "something was written: {left:?}");
}

#[tokio::test]
async fn listings_under_an_authorizer_that_denies_everything_are_empty() {
    let server = TestServer::builder()
        .authorizer(Arc::new(DenyEverything))
        .start()
        .await;
    for (path, empty) in [
        ("/api/kernels", "[]"),
        ("/api/sessions", "[]"),
        ("/api/uploads", "[]"),
    ] {
        assert_eq!(
            server.as_owner().get(path).await.expect(200).text(),
            empty,
            "{path}"
        );
    }
}

/// How those are answered who are not logged in.
fn assert_turned_away(route: &RouteEntry, path: &str, answer: &Answer) {
    let what = format!("{} at {path}: {} {}", name(route), answer.status, answer.text());
    let is_safe = matches!(route.method, "GET" | "WEBSOCKET");
    match route.surface {
        Surface::Page if is_safe => {
            assert_eq!(answer.status, 302, "{what}");
            assert!(answer.header("location").starts_with("/login?next=%2F"), "{what}");
        }
        Surface::Api if is_safe => {
            assert_eq!(answer.status, 403, "{what}");
            assert_eq!(answer.json()["message"], "Forbidden", "{what}");
        }
        Surface::Api | Surface::Page | Surface::WebSocket => assert_eq!(answer.status, 403, "{what}"),
    }
}

async fn assert_all_turn_away(client: &TestClient, query: &str) {
    for route in closed_routes() {
        for path in paths(&route) {
            let answer = ask(client, &route, &format!("{path}{query}")).await;
            assert_turned_away(&route, &path, &answer);
        }
    }
}

#[tokio::test]
async fn every_route_denies_a_caller_without_credentials() {
    let server = TestServer::start().await;
    assert_all_turn_away(&server.anonymous(), "").await;
}

#[tokio::test]
async fn every_route_denies_a_caller_with_bad_credentials() {
    let server = TestServer::start().await;
    assert_all_turn_away(&server.anonymous(), "?token=wrong").await;
    let header = server.anonymous().with_header("authorization", "token wrong");
    assert_all_turn_away(&header, "").await;
    let port = server.server().local_address().expect("a TCP address").port();
    let cookie = format!("username-127-0-0-1-{port}=eyJ1c2VybmFtZSI6ImFkYSJ9.AAAA");
    assert_all_turn_away(&server.anonymous().with_header("cookie", &cookie), "").await;
}

#[tokio::test]
async fn every_route_hides_from_a_caller_with_no_permission() {
    let server = TestServer::start().await;
    let stranger = server.as_stranger();
    for route in routes().iter().filter(|route| is_authorized(route)) {
        for path in paths(route) {
            let answer = ask(&stranger, route, &path).await;
            assert_eq!(answer.status, 404, "{} at {path}: {}", name(route), answer.text());
        }
    }
}

/// Whether it is an API whose resources have names, so that one can be missing. (A page can be missing with its front end.)
fn is_about_one_of_many(route: &RouteEntry) -> bool {
    let named = [
        ResourceKind::Contents,
        ResourceKind::Kernels,
        ResourceKind::Kernelspecs,
        ResourceKind::Sessions,
        ResourceKind::Uploads,
        ResourceKind::Settings,
        ResourceKind::Workspaces,
    ];
    match route.requirement {
        Requirement::Authorized { kinds, .. } => {
            route.surface != Surface::Page && kinds.iter().any(|kind| named.contains(kind))
        }
        Requirement::Anyone | Requirement::Identified => false,
    }
}

#[tokio::test]
async fn what_is_hidden_looks_exactly_like_what_is_missing_on_every_route() {
    let server = TestServer::start().await;
    let (owner, stranger) = (server.as_owner(), server.as_stranger());
    let mut compared = 0;
    let mut different = Vec::new();
    for route in routes().iter().filter(|route| is_about_one_of_many(route)) {
        for path in paths(route) {
            let missing = ask(&owner, route, &path).await;
            if missing.status != 404 {
                continue;
            }
            let hidden = ask(&stranger, route, &path).await;
            let shown = |answer: &Answer| (answer.text(), answer.header("content-type").to_owned());
            if shown(&hidden) != shown(&missing) {
                different.push(format!(
                    "{}: {:?} is not {:?}",
                    name(route),
                    shown(&hidden),
                    shown(&missing)
                ));
            }
            compared += 1;
        }
    }
    assert_eq!(different, Vec::<String>::new());
    assert!(compared > 10, "only {compared} routes had something missing");
}

#[tokio::test]
async fn every_route_that_does_not_read_denies_a_viewer() {
    let server = TestServer::start().await;
    let viewer = server.as_viewer();
    for route in routes() {
        let Requirement::Authorized {
            action: Action::Write | Action::Execute,
            ..
        } = route.requirement
        else {
            continue;
        };
        for path in paths(&route) {
            let answer = ask(&viewer, &route, &path).await;
            assert_eq!(
                answer.status,
                403,
                "{} at {path}: {}",
                name(&route),
                answer.text()
            );
        }
    }
}

#[tokio::test]
async fn no_answer_of_any_route_is_a_fault_of_the_server() {
    let server = TestServer::start().await;
    let owner = server.as_owner();
    for route in routes() {
        // It would end the server.
        if route.path == "/api/shutdown" {
            continue;
        }
        for path in paths(&route) {
            let answer = ask(&owner, &route, &path).await;
            let status = answer.status.as_u16();
            // 501: what this server honestly does not do.
            assert!(
                status < 500 || status == 501,
                "{} at {path}: {status} {}",
                name(&route),
                answer.text()
            );
        }
    }
}

#[test]
fn public_routes_are_exactly_these() {
    let mut public: Vec<_> = routes()
        .iter()
        .filter(|route| route.requirement == Requirement::Anyone)
        .map(name)
        .collect();
    public.sort();
    assert_eq!(
        public,
        listed(include_str!("public_routes.txt")),
        "see public_routes.txt"
    );
}

#[test]
fn routes_open_to_any_user_are_exactly_these() {
    let mut open: Vec<_> = routes()
        .iter()
        .filter(|route| route.requirement == Requirement::Identified)
        .map(name)
        .collect();
    open.sort();
    assert_eq!(
        open,
        listed(include_str!("identified_routes.txt")),
        "see identified_routes.txt"
    );
}

#[test]
fn every_method_asks_for_its_action() {
    let mut exceptions: Vec<_> = routes()
        .iter()
        .filter(|route| match route.requirement {
            Requirement::Anyone | Requirement::Identified => false,
            Requirement::Authorized { action, .. } => action != action_of(route.method),
        })
        .map(name)
        .collect();
    exceptions.sort();
    assert_eq!(
        exceptions,
        listed(include_str!("exceptional_actions.txt")),
        "see exceptional_actions.txt"
    );
}

/// Jupyter's rule.
fn action_of(method: &str) -> Action {
    match method {
        "GET" => Action::Read,
        "POST" | "PUT" | "PATCH" | "DELETE" => Action::Write,
        "WEBSOCKET" => Action::Execute,
        other => panic!("a method without an action: {other}"),
    }
}

#[test]
fn routes_that_check_forgery_themselves_are_exactly_these() {
    let own: Vec<_> = routes()
        .iter()
        .filter(|route| route.forgery_check != authorization::ForgeryCheck::ByGuard)
        .map(name)
        .collect();
    assert_eq!(own, ["POST /login", "POST /api/security/csp-report"]);
}
