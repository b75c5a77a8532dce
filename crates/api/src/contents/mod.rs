//! `/api/contents`: files, directories and notebooks, their checkpoints, and trust.
//!
//! A route can't say what follows a path, so `…/checkpoints`, `…/checkpoints/{id}` and `…/trust` are read here: see
//! [`name`]. What is left is the entry itself.

mod checkpoints;
mod created;
mod listing;
pub(crate) mod name;
mod query;
mod save_body;
mod words;

use authorization::{Authorized, Guard, GuardedRouter, Read, Resource, Unchecked, Write};
use axum::{
    extract::{RawQuery, State},
    response::{IntoResponse, Response},
};
use contents::{ContentsError, ContentsManager, EntryType, Get, NewEntry};
use http::StatusCode;
use identity::BaseUrl;
use serde::Deserialize;

use self::{
    listing::{allowed_page, only_allowed, whole_tree},
    name::{Contents, NewContents, ReadContents, Reading},
    save_body::SaveBody,
    words::{text_or_none, word},
};
use crate::{ApiError, AppState, Json, conditions::Conditions, merge::Merging};

pub(crate) fn routes(guard: Guard) -> GuardedRouter<AppState> {
    GuardedRouter::new(guard)
        .bodies_as_large_as_the_server_allows()
        .get("/api/contents/{*path}", get)
        .post("/api/contents/{*path}", create)
        .put("/api/contents/{*path}", save)
        .patch("/api/contents/{*path}", rename)
        .delete("/api/contents/{*path}", delete)
}

/// The model of a file or directory; or the checkpoints of a file.
async fn get(
    auth: Authorized<Read, ReadContents>,
    State(contents): State<ContentsManager>,
    State(merging): State<Merging>,
    RawQuery(query): RawQuery,
    conditions: Conditions,
) -> Result<Response, ApiError> {
    if let Some(Reading::Checkpoints(file)) = auth.resource().of_file(&contents).await? {
        return checkpoints::list(&contents, file).await;
    }
    let path = auth.resource().entry();
    let wanted = query::parse(query.as_deref())?;
    if wanted.content
        && wanted
            .entry_type
            .is_none_or(|wanted| wanted == EntryType::Notebook)
    {
        merging.before_opening(&auth, path).await;
    }
    let get = async |wanted| {
        let found = contents.get(path, wanted).await;
        found.map_err(|error| match error {
            ContentsError::NotFound(_) | ContentsError::NoSuchEntry(_) | ContentsError::Concealed { .. } => {
                ApiError::NotFound(ReadContents::missing(auth.resource()))
            }
            error => ApiError::Contents(error),
        })
    };
    if conditions.ask_about_the_version() {
        let outline = get(wanted.without_bytes()).await?;
        conditions.require_match(path, outline.version)?;
        if let Some(response) = conditions.not_modified(outline.version) {
            return Ok(response);
        }
    }
    if let Some(page) = query::page(query.as_deref())?.filter(|_| wanted.content) {
        let outline = get(wanted.without_bytes()).await?;
        if outline.entry_type == EntryType::Directory {
            return created::read(allowed_page(&auth, &contents, page).await?).await;
        }
    }
    let found = get(wanted).await?;
    created::read(only_allowed(&auth, found).await).await
}

/// What to create. Words that are no type count as `file`.
#[derive(Default, Deserialize)]
#[serde(default)]
struct CreateBody {
    #[serde(deserialize_with = "text_or_none")]
    copy_from: Option<String>,
    #[serde(rename = "type", deserialize_with = "word")]
    entry_type: Option<String>,
    ext: Option<String>,
}

/// Creates something untitled in a directory, or a copy; or makes or restores a checkpoint; or trusts.
async fn create(
    auth: Authorized<Write, NewContents>,
    State(contents): State<ContentsManager>,
    State(base_url): State<BaseUrl>,
    conditions: Conditions,
    body: Result<Json<Option<CreateBody>>, Response>,
) -> Result<Response, ApiError> {
    match auth.resource().of_file(&contents).await? {
        Some(Reading::Checkpoints(file)) => return checkpoints::create(&contents, &base_url, file).await,
        Some(Reading::Checkpoint(file, id)) => {
            return checkpoints::restore(&contents, file, id, conditions.0).await;
        }
        Some(Reading::Trust(file)) => {
            contents.trust(file).await?;
            return Ok(StatusCode::CREATED.into_response());
        }
        None => {}
    }
    let path = auth.resource().entry();
    if contents.is_file(path).await? {
        return Err(ContentsError::PostToFile.into());
    }
    let body = match body {
        Ok(Json(body)) => body.unwrap_or_default(),
        Err(bad_body) => return Ok(bad_body),
    };
    let created = match body.copy_from.filter(|from| !from.is_empty()) {
        Some(from) => {
            let from = from.parse().map_err(ContentsError::Path)?;
            let from = auth
                .also::<Read, Contents>(Unchecked::new(name::ContentsName::of(from)))
                .await?;
            whole_tree::<Read>(&auth, &contents, from.entry()).await?;
            contents.copy(from.entry(), path).await?
        }
        None => {
            let new = NewEntry {
                entry_type: body.entry_type,
                extension: body.ext.unwrap_or_default(),
            };
            contents.create_untitled(path, new).await?
        }
    };
    Ok(created::located(StatusCode::CREATED, &base_url, created))
}

/// Saves under the name of the URL; without a body creates something untitled there.
async fn save(
    auth: Authorized<Write, NewContents>,
    State(contents): State<ContentsManager>,
    State(base_url): State<BaseUrl>,
    conditions: Conditions,
    SaveBody(body): SaveBody,
) -> Result<Response, ApiError> {
    let path = auth.resource().entry();
    let Some(body) = body else {
        if contents.is_file(path).await? {
            return Err(ContentsError::NoSuchDirectory(path.clone()).into());
        }
        let created = contents.create_untitled(path, NewEntry::default()).await?;
        return Ok(created::located(StatusCode::CREATED, &base_url, created));
    };
    let saved = contents.only_if(conditions.0).save(path, body).await?;
    let status = if saved.created {
        StatusCode::CREATED
    } else {
        StatusCode::OK
    };
    Ok(created::located(status, &base_url, saved.model))
}

/// Where to rename to; without it nothing is renamed.
#[derive(Deserialize)]
struct RenameBody {
    path: Option<String>,
}

/// Renames a file or directory; the body names where to.
async fn rename(
    auth: Authorized<Write, Contents>,
    State(contents): State<ContentsManager>,
    State(base_url): State<BaseUrl>,
    conditions: Conditions,
    Json(body): Json<Option<RenameBody>>,
) -> Result<Response, ApiError> {
    let body = body.ok_or_else(|| ApiError::BadRequest("JSON body missing".to_owned()))?;
    let from = auth.resource().entry();
    let Some(path) = body.path else {
        let found = contents.get(from, Get::default()).await?;
        conditions.require(from, found.version)?;
        return Ok(created::located(StatusCode::OK, &base_url, found));
    };
    let to = path.parse().map_err(ContentsError::Path)?;
    let to = auth
        .also::<Write, Contents>(Unchecked::new(name::ContentsName::of(to)))
        .await?;
    whole_tree::<Write>(&auth, &contents, from).await?;
    let renamed = contents.only_if(conditions.0).rename(from, to.entry()).await?;
    Ok(created::located(StatusCode::OK, &base_url, renamed))
}

/// Deletes a file or directory; or a checkpoint.
async fn delete(
    auth: Authorized<Write, Contents>,
    State(contents): State<ContentsManager>,
    conditions: Conditions,
) -> Result<StatusCode, ApiError> {
    if let Some(Reading::Checkpoint(file, id)) = auth.resource().of_file(&contents).await? {
        contents.only_if(conditions.0).delete_checkpoint(file, id).await?;
        return Ok(StatusCode::NO_CONTENT);
    }
    let path = auth.resource().entry();
    whole_tree::<Write>(&auth, &contents, path).await?;
    contents.only_if(conditions.0).delete(path).await?;
    Ok(StatusCode::NO_CONTENT)
}
