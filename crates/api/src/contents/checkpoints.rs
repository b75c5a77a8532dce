//! `/api/contents/…/checkpoints[/{id}]`.

use axum::response::{IntoResponse, Response};
use contents::{ContentsManager, ContentsPath, Precondition};
use http::{StatusCode, header::LOCATION};
use identity::BaseUrl;

use super::created::location;
use crate::{ApiError, Json};

pub(super) async fn list(contents: &ContentsManager, file: &ContentsPath) -> Result<Response, ApiError> {
    Ok(Json(contents.checkpoints(file).await?).into_response())
}

pub(super) async fn create(
    contents: &ContentsManager,
    base_url: &BaseUrl,
    file: &ContentsPath,
) -> Result<Response, ApiError> {
    let checkpoint = contents.create_checkpoint(file).await?;
    let location = location(base_url, file, &format!("/checkpoints/{}", checkpoint.id));
    let mut response = (StatusCode::CREATED, Json(checkpoint)).into_response();
    if let Some(location) = location {
        response.headers_mut().insert(LOCATION, location);
    }
    Ok(response)
}

pub(super) async fn restore(
    contents: &ContentsManager,
    file: &ContentsPath,
    id: &str,
    precondition: Precondition,
) -> Result<Response, ApiError> {
    contents
        .only_if(precondition)
        .restore_checkpoint(file, id)
        .await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}
