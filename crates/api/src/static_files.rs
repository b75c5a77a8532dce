//! Static files: of the front ends, of their extensions, the icons, and a user's own style.

use authorization::{Anyone, Authorized, Guard, GuardedRouter, NotFound, Read};
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Response};
use frontends::{CustomFile, Frontends, OWN_ASSETS_PREFIX};
use http::header::CONTENT_TYPE;
use http::request::Parts;

use crate::resources::Server;
use crate::{ApiError, AppState, ErrorAsPage, served_file};

pub(crate) fn routes(guard: Guard) -> GuardedRouter<AppState> {
    GuardedRouter::new(guard)
        .get("/static/{*path}", file)
        .get("/lab/extensions/{*path}", labextension)
        .get("/nbextensions/{*path}", nbextension)
        .get("/custom/{*path}", custom)
        .get("/favicon.ico", favicon)
        .get("/robots.txt", robots)
}

/// The path in the URL; the root of a directory has none.
type FilePath = Option<Path<String>>;

fn text(path: FilePath) -> String {
    path.map(|Path(path)| path).unwrap_or_default()
}

/// Our own assets, else a front end's.
async fn file(
    _anyone: Anyone,
    State(frontends): State<Frontends>,
    path: FilePath,
    request: Parts,
) -> Result<Response, ErrorAsPage> {
    let path = text(path);
    let own = OWN_ASSETS_PREFIX
        .strip_prefix("static/")
        .and_then(|prefix| path.strip_prefix(prefix));
    if let Some(asset) = own.and_then(|name| frontends.own_pages().asset(name)) {
        let kind = (CONTENT_TYPE, http::HeaderValue::from_static(asset.content_type));
        return Ok(([kind, served_file::caching(&request)], asset.bytes).into_response());
    }
    send(&frontends, frontends.static_file(&path), &request).await
}

async fn labextension(
    _anyone: Anyone,
    State(frontends): State<Frontends>,
    path: FilePath,
    request: Parts,
) -> Result<Response, ErrorAsPage> {
    send(&frontends, frontends.labextension_file(&text(path)), &request).await
}

async fn nbextension(
    _anyone: Anyone,
    State(frontends): State<Frontends>,
    path: FilePath,
    request: Parts,
) -> Result<Response, ErrorAsPage> {
    send(&frontends, frontends.nbextension_file(&text(path)), &request).await
}

/// A user's own style and scripts: not for others.
async fn custom(
    _auth: Authorized<Read, Server>,
    State(frontends): State<Frontends>,
    path: FilePath,
    request: Parts,
) -> Result<Response, ErrorAsPage> {
    match frontends.custom_file(&text(path)) {
        Some(CustomFile::File(file)) => Ok(served_file::send(&file, &request).await),
        Some(CustomFile::Empty { content_type }) => Ok(([(CONTENT_TYPE, content_type)], "").into_response()),
        None => Err(missing(&frontends)),
    }
}

/// The icon browsers ask for by themselves.
async fn favicon(
    _anyone: Anyone,
    State(frontends): State<Frontends>,
    request: Parts,
) -> Result<Response, ErrorAsPage> {
    if let Some(file) = frontends.static_file("favicon.ico") {
        return Ok(served_file::send(&file, &request).await);
    }
    let logo = frontends
        .own_pages()
        .asset("logo.svg")
        .ok_or_else(|| missing(&frontends))?;
    Ok(([(CONTENT_TYPE, logo.content_type)], logo.bytes).into_response())
}

/// Nothing here is for search engines.
async fn robots(_anyone: Anyone) -> impl IntoResponse {
    (
        [(CONTENT_TYPE, "text/plain; charset=utf-8")],
        "User-agent: *\nDisallow: /\n",
    )
}

async fn send(
    frontends: &Frontends,
    file: Option<std::path::PathBuf>,
    request: &Parts,
) -> Result<Response, ErrorAsPage> {
    match file {
        Some(file) => Ok(served_file::send(&file, request).await),
        None => Err(missing(frontends)),
    }
}

fn missing(frontends: &Frontends) -> ErrorAsPage {
    ErrorAsPage::new(
        frontends.own_pages(),
        &ApiError::NotFound(NotFound::Json(String::new())),
    )
}
