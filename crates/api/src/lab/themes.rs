//! `/lab/api/themes`: styles of themes. Public, as in the reference: they are part of the installed packages.

use authorization::{Anyone, Guard, GuardedRouter, NotFound};
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Response};
use frontends::{Frontends, ThemeFile};
use http::header::{CACHE_CONTROL, CONTENT_TYPE};
use http::request::Parts;

use crate::{ApiError, AppState, served_file};

pub(crate) fn routes(guard: Guard) -> GuardedRouter<AppState> {
    GuardedRouter::new(guard).get("/lab/api/themes/{*path}", get)
}

async fn get(
    _anyone: Anyone,
    State(frontends): State<Frontends>,
    path: Option<Path<String>>,
    request: Parts,
) -> Result<Response, ApiError> {
    let path = path.map(|Path(path)| path).unwrap_or_default();
    match frontends.themes().get(&path).await? {
        Some(ThemeFile::Style(style)) => {
            let headers = [
                (CONTENT_TYPE, "text/css; charset=utf-8"),
                (CACHE_CONTROL, "no-cache"),
            ];
            Ok((headers, style).into_response())
        }
        Some(ThemeFile::File(file)) => Ok(served_file::send(&file, &request).await),
        None => Err(ApiError::NotFound(NotFound::Json(
            "there is no such file of a theme".to_owned(),
        ))),
    }
}
