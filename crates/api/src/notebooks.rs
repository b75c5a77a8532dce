//! `/api/notebooks`: the name of `/api/contents` before there were other documents than notebooks.

use authorization::{Anyone, Guard, GuardedRouter};
use axum::{
    extract::{Path, State},
    response::{IntoResponse, Response},
};
use contents::{ContentsError, ContentsPath};
use http::{HeaderValue, StatusCode, header::LOCATION};
use identity::BaseUrl;

use crate::{ApiError, AppState, http_text::url_path};

pub(crate) fn routes(guard: Guard) -> GuardedRouter<AppState> {
    GuardedRouter::new(guard)
        .get("/api/notebooks/{*path}", redirect)
        .post("/api/notebooks/{*path}", redirect)
        .put("/api/notebooks/{*path}", redirect)
        .patch("/api/notebooks/{*path}", redirect)
        .delete("/api/notebooks/{*path}", redirect)
}

/// 302 to the present name, which asks who it is.
async fn redirect(
    _anyone: Anyone,
    State(base_url): State<BaseUrl>,
    path: Option<Path<String>>,
) -> Result<Response, ApiError> {
    let text = path.map(|Path(path)| path).unwrap_or_default();
    let path: ContentsPath = text.parse().map_err(ContentsError::Path)?;
    let url = base_url.join(&format!("api/contents/{}", url_path(path.as_str())));
    let url = url.trim_end_matches('/').to_owned();
    let location =
        HeaderValue::from_str(&url).map_err(|_| ApiError::BadRequest("no such path".to_owned()))?;
    Ok((StatusCode::FOUND, [(LOCATION, location)]).into_response())
}
