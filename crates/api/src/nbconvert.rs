//! Exports of notebooks: none so far, and every route says so.

use authorization::{Authorized, Guard, GuardedRouter, NotFound, Read, Write};
use axum::extract::{Path, State};
use frontends::OwnPages;
use serde_json::{Map, Value};

use crate::{ApiError, AppState, ErrorAsPage, Json, resources::Nbconvert};

/// What the table of routes says of these.
const SO_FAR: &str = "minimal so far: no formats";

pub(crate) fn routes(guard: Guard) -> GuardedRouter<AppState> {
    GuardedRouter::new(guard)
        .get("/api/nbconvert", formats)
        .note(SO_FAR)
        .get("/nbconvert/{format}/{*path}", export)
        .note(SO_FAR)
        .post("/nbconvert/{format}", convert)
        .note(SO_FAR)
}

/// The formats there are. Front ends hide their export menu when there is none.
async fn formats(_auth: Authorized<Read, Nbconvert>) -> Json<Map<String, Value>> {
    Json(Map::new())
}

/// Exports a notebook of the server.
async fn export(
    auth: Authorized<Read, Nbconvert>,
    State(pages): State<OwnPages>,
    Path(named): Path<Vec<(String, String)>>,
) -> ErrorAsPage {
    match auth.comes_from_our_pages() {
        Ok(()) => no_exporter(&pages, &named),
        Err(denied) => ErrorAsPage::new(&pages, &denied.into()),
    }
}

/// Exports a notebook of the body.
async fn convert(
    _auth: Authorized<Write, Nbconvert>,
    State(pages): State<OwnPages>,
    Path(named): Path<Vec<(String, String)>>,
) -> ErrorAsPage {
    no_exporter(&pages, &named)
}

fn no_exporter(pages: &OwnPages, named: &[(String, String)]) -> ErrorAsPage {
    let format = named
        .iter()
        .find(|(key, _)| key == "format")
        .map_or("", |(_, format)| format);
    let message = format!(
        "No exporter for format: {format}. This server does not export yet: run `jupyter nbconvert` in a terminal."
    );
    ErrorAsPage::new(pages, &ApiError::NotFound(NotFound::Json(message)))
}
