//! `/api/uploads`: files of any size that come in parts, by the protocol tus 1.0 (<https://tus.io>), with its extensions
//! creation, creation-with-upload, checksum, expiration and termination.
//!
//! An upload belongs to who began it. To go on with it one needs the right to write on it *and* on the file it is to be,
//! and is asked again whenever that may have changed, also within a request that takes an hour.

mod answer;
mod expire;
mod receive;
mod tus;

use authorization::{
    Authorized, Collection, Guard, GuardedRouter, Identified, NotFound, Read, Resource, ResourceKind,
    Unchecked, Write,
};
use axum::{
    body::Body,
    extract::State,
    response::{IntoResponse, Response},
};
use contents::{ContentsPath, NewUpload, UploadError, UploadId, UploadManager, UploadStatus};
use http::{HeaderMap, StatusCode};
use identity::BaseUrl;

pub use self::expire::expire_uploads;
use self::{
    answer::{Found, UploadModel, answer, location, refused, with_file},
    receive::{Ending, receive},
    tus::Creation,
};
use crate::{
    ApiError, AppState, Json,
    contents::name::{Contents, ContentsName},
    to_the_end::to_the_end,
};

/// Where uploads are, below the base URL. Their bodies are streams and have limits of their own.
pub const UPLOADS: &str = "/api/uploads";

pub(crate) fn routes(guard: Guard) -> GuardedRouter<AppState> {
    GuardedRouter::new(guard)
        .get(UPLOADS, list)
        .post(UPLOADS, create)
        .note("tus 1.0: the body, if there is one, is the first part")
        .get("/api/uploads/{upload_id}", get)
        .patch("/api/uploads/{upload_id}", append)
        .note("also `write` on the contents it is to be")
        .delete("/api/uploads/{upload_id}", terminate)
}

/// An upload, by its id.
pub(crate) enum Uploads {}

impl Resource for Uploads {
    const KINDS: &'static [ResourceKind] = &[ResourceKind::Uploads];
    const PARAMETER: &'static str = "upload_id";
    type Name = UploadId;

    fn missing(id: &UploadId) -> NotFound {
        NotFound::Json(UploadError::NoSuchUpload(id.clone()).to_string())
    }
}

/// The uploads the caller may see.
async fn list(auth: Identified, State(uploads): State<UploadManager>) -> Json<Vec<UploadModel>> {
    let all = uploads.list();
    let readable = auth
        .keep_allowed::<Read, Uploads, _>(all, |upload| upload.id.clone())
        .await;
    Json(readable.iter().map(UploadModel::of).collect())
}

/// How far an upload is; HEAD is enough for a client that goes on with it.
async fn get(
    auth: Authorized<Read, Uploads>,
    State(uploads): State<UploadManager>,
) -> Result<Found, ApiError> {
    Ok(Found(uploads.get(auth.resource())?))
}

/// Begins an upload; a body is its first part.
async fn create(
    auth: Authorized<Write, Collection<Uploads>>,
    State(uploads): State<UploadManager>,
    State(base_url): State<BaseUrl>,
    headers: HeaderMap,
    body: Body,
) -> Response {
    let begun = to_the_end(async move {
        let creation = Creation::read(&headers)?;
        let path = write_contents(&auth, creation.path.clone()).await?;
        let begun = begin(&auth, &uploads, path, &creation).await?;
        if !creation.has_body && begun.length > 0 {
            return Ok(begun);
        }
        let writer = uploads.writer(&begun.id, 0).await?;
        let ending = Ending::read(&headers)?;
        receive(&auth, &begun.path, writer, body, ending).await
    });
    match begun.await {
        Ok(status) => {
            let location = location(&base_url, &status.id);
            answer(with_file(
                (StatusCode::CREATED, location).into_response(),
                &status,
            ))
        }
        Err(error) => refused(error),
    }
}

/// Records the upload as the caller's and makes room for it.
async fn begin(
    auth: &Authorized<Write, Collection<Uploads>>,
    uploads: &UploadManager,
    path: ContentsPath,
    creation: &Creation,
) -> Result<UploadStatus, ApiError> {
    let id = UploadId::random().map_err(UploadError::Random)?;
    // Before it is there, so that it is at no time nobody's.
    auth.claim::<Uploads>(&id).await?;
    let new = NewUpload {
        id: id.clone(),
        path,
        length: creation.length,
        overwrite: creation.overwrite,
        precondition: creation.precondition.clone(),
        sha256: creation.sha256,
        metadata: creation.metadata.clone(),
    };
    let caller = auth.clone();
    let created = uploads
        .create(new, move |other| caller.made::<Uploads>(other), now())
        .await;
    if created.is_err() {
        auth.release::<Uploads>(&id).await?;
    }
    Ok(created?)
}

/// Goes on with an upload. With its last byte the file is in its place.
async fn append(
    auth: Authorized<Write, Uploads>,
    State(uploads): State<UploadManager>,
    headers: HeaderMap,
    body: Body,
) -> Response {
    let appended = to_the_end(async move {
        let offset = tus::offset_of_part(&headers)?;
        let ending = Ending::read(&headers)?;
        let status = uploads.get(auth.resource())?;
        let path = write_contents(&auth, status.path.clone()).await?;
        if status.is_complete() && offset == status.length {
            return Ok(status); // the answer to the last part was lost, and it comes again without bytes
        }
        let left = status.length.saturating_sub(offset);
        if tus::announced(&headers).is_some_and(|bytes| bytes > left) {
            let length = status.length;
            return Err(UploadError::MoreThanAnnounced { length }.into());
        }
        let writer = uploads.writer(auth.resource(), offset).await?;
        receive(&auth, &path, writer, body, ending).await
    });
    match appended.await {
        Ok(status) => answer(with_file(StatusCode::NO_CONTENT.into_response(), &status)),
        Err(error) => refused(error),
    }
}

/// Gives an upload up, or forgets one that has ended.
async fn terminate(
    auth: Authorized<Write, Uploads>,
    State(uploads): State<UploadManager>,
    headers: HeaderMap,
) -> Response {
    let terminated = to_the_end(async move {
        tus::check_version(&headers)?;
        uploads.terminate(auth.resource()).await?;
        auth.release::<Uploads>(auth.resource()).await?;
        Ok(StatusCode::NO_CONTENT.into_response())
    });
    terminated.await.map_or_else(refused, answer)
}

/// Asks whether the caller may write the file an upload is to be.
async fn write_contents(
    caller: &authorization::Caller,
    path: ContentsPath,
) -> Result<ContentsPath, ApiError> {
    let named = Unchecked::new(ContentsName::of(path));
    let name = caller.also::<Write, Contents>(named).await?;
    Ok(name.entry().clone())
}

fn now() -> std::time::SystemTime {
    std::time::SystemTime::now()
}
