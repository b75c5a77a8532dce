//! `/directories`: a directory as a zip archive, streamed. The route and its query are those of the extension
//! jupyter-archive, so that its front end finds them here.

use authorization::{Authorized, Covers, Guard, GuardedRouter, Read, Resource, Unchecked};
use axum::{
    body::{Body, Bytes},
    extract::{RawQuery, State},
    response::{IntoResponse, Response},
};
use contents::{Archive, ArchiveEntry, ArchiveStep, ContentsError, ContentsManager, ContentsPath};
use frontends::OwnPages;
use futures::stream;
use http::{
    HeaderValue,
    header::{CACHE_CONTROL, CONTENT_DISPOSITION, CONTENT_TYPE},
};

use crate::{ApiError, AppState, ErrorAsPage, files::Files, http_text::attachment_for_all};

/// What the archive of the root directory is called.
const ROOT_NAME: &str = "files";

pub(crate) fn routes(guard: Guard) -> GuardedRouter<AppState> {
    GuardedRouter::new(guard)
        .get("/directories/{*path}", get)
        .note("a zip archive; only the entries the caller may read")
}

/// A directory as an archive. Only for pages of ours, or for who has a token.
async fn get(
    auth: Authorized<Read, Files>,
    State(contents): State<ContentsManager>,
    State(pages): State<OwnPages>,
    RawQuery(query): RawQuery,
) -> Response {
    match archive(&auth, &contents, query.as_deref()).await {
        Ok(archive) => send(auth, archive),
        Err(error) => ErrorAsPage::new(&pages, &error).into_response(),
    }
}

async fn archive(
    auth: &Authorized<Read, Files>,
    contents: &ContentsManager,
    query: Option<&str>,
) -> Result<Archive, ApiError> {
    auth.comes_from_our_pages()?;
    let mut pairs = form_urlencoded::parse(query.unwrap_or_default().as_bytes());
    if let Some((_, format)) = pairs.find(|(key, value)| key == "archiveFormat" && value != "zip") {
        return Err(ApiError::BadRequest(format!("archives are zip, not `{format}`")));
    }
    let path = auth.resource();
    contents.archive(path).await.map_err(|error| match error {
        ContentsError::NotFound(_) => ApiError::NotFound(Files::missing(path)),
        error => ApiError::Contents(error),
    })
}

fn send(auth: Authorized<Read, Files>, archive: Archive) -> Response {
    let name = match auth.resource().name() {
        "" => ROOT_NAME,
        name => name,
    };
    let disposition = attachment_for_all(&format!("{name}.zip"));
    let body = stream::try_unfold((auth, archive), |(auth, mut archive)| async move {
        match bytes(&auth, &mut archive).await {
            Ok(bytes) => Ok(bytes.map(|bytes| (bytes, (auth, archive)))),
            Err(error) => {
                // The answer has begun: all that can still be said is that it breaks off.
                tracing::warn!(%error, path = %auth.resource(), "an archive breaks off: {error}");
                Err(error)
            }
        }
    });
    let mut response = Body::from_stream(body).into_response();
    let sent = response.headers_mut();
    sent.insert(CONTENT_TYPE, HeaderValue::from_static("application/zip"));
    sent.insert(CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    if let Some(disposition) = disposition {
        sent.insert(CONTENT_DISPOSITION, disposition);
    }
    response
}

/// The next bytes, after the entries in question were looked at.
async fn bytes(auth: &Authorized<Read, Files>, archive: &mut Archive) -> Result<Option<Bytes>, ApiError> {
    loop {
        match archive.next().await? {
            None => return Ok(None),
            Some(ArchiveStep::Bytes(bytes)) => return Ok(Some(bytes)),
            Some(ArchiveStep::Ask { directory, entries }) => {
                archive.allow(readable(auth, &directory, entries).await?);
            }
        }
    }
}

/// The entries the caller may read, as in a listing. Asked anew for each piece: a right may be withdrawn meanwhile.
async fn readable(
    auth: &Authorized<Read, Files>,
    directory: &ContentsPath,
    entries: Vec<ArchiveEntry>,
) -> Result<Vec<ArchiveEntry>, ApiError> {
    auth.also::<Read, Files>(Unchecked::new(directory.clone()))
        .await?;
    Ok(match auth.covers::<Read, Files>(directory).await {
        Covers::All => entries,
        Covers::None => Vec::new(),
        Covers::Each => {
            auth.keep_allowed::<Read, Files, _>(entries, |entry| entry.path.clone())
                .await
        }
    })
}
