//! `/`, which leads to the front end that was asked for, and `/home`, which says what there is.

use authorization::{Anyone, Authorized, Guard, GuardedRouter, Read};
use axum::extract::{OriginalUri, State};
use axum::response::{Html, IntoResponse, Response};
use frontends::Frontends;
use http::StatusCode;
use http::header::LOCATION;

use crate::AppState;
use crate::resources::Server;

pub(crate) fn routes(guard: Guard) -> GuardedRouter<AppState> {
    GuardedRouter::new(guard).get("/", root).get("/home", home)
}

/// On to the default URL. The query (a token) stays, and `?` is always there, as in the reference. A front end that
/// is not installed leads to the page that says how to get it.
async fn root(
    _anyone: Anyone,
    State(frontends): State<Frontends>,
    OriginalUri(uri): OriginalUri,
) -> impl IntoResponse {
    let location = format!("{}?{}", frontends.default_url(), uri.query().unwrap_or_default());
    (StatusCode::FOUND, [(LOCATION, location)])
}

/// What can be opened here, and how to get the rest.
async fn home(_auth: Authorized<Read, Server>, State(frontends): State<Frontends>) -> Response {
    Html(frontends.own_pages().home_page(&frontends.home())).into_response()
}
