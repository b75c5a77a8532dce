//! `/files`: the bytes of a file, streamed. What a browser opens there is cut off from the server's origin.

mod body;
mod range;

use authorization::{
    Authorized, Guard, GuardedRouter, NotFound, Read, Resource, ResourceKind, ResourceRef, Unnamed,
};
use axum::{
    extract::{OriginalUri, RawQuery, State},
    response::{IntoResponse, Response},
};
use contents::{ContentsError, ContentsManager, ContentsPath, OpenFile, PathError};
use frontends::OwnPages;
use http::{
    HeaderMap, HeaderName, HeaderValue, StatusCode,
    header::{
        ACCEPT_RANGES, CACHE_CONTROL, CONTENT_DISPOSITION, CONTENT_LENGTH, CONTENT_RANGE,
        CONTENT_SECURITY_POLICY, CONTENT_TYPE, ETAG, IF_MODIFIED_SINCE, IF_RANGE, LAST_MODIFIED, RANGE,
    },
};
use identity::BaseUrl;

use self::range::Wanted;
use crate::{
    ApiError, AppState, ErrorAsPage,
    conditions::{Conditions, entity_tag},
    contents::name::no_path,
    http_text::{attachment, http_date, parse_http_date},
};

pub(crate) fn routes(guard: Guard) -> GuardedRouter<AppState> {
    GuardedRouter::new(guard).get("/files/{*path}", get)
}

/// A file, for pages: what is missing is the 404 page.
pub(crate) enum Files {}

impl Resource for Files {
    const KINDS: &'static [ResourceKind] = &[ResourceKind::Contents];
    const PARAMETER: &'static str = "path";
    type Name = ContentsPath;

    fn references(path: &ContentsPath) -> Vec<ResourceRef> {
        vec![ResourceRef::path(ResourceKind::Contents, path.as_str())]
    }

    fn unnamed(error: &PathError) -> Option<Unnamed> {
        Some(no_path(error)).filter(|answer| matches!(answer, Unnamed::BadRequest(_)))
    }

    fn missing(_path: &ContentsPath) -> NotFound {
        NotFound::Json(String::new())
    }
}

/// A file's bytes, or a range of them. Only for pages of ours, or for who has a token.
async fn get(
    auth: Authorized<Read, Files>,
    State(contents): State<ContentsManager>,
    State(base_url): State<BaseUrl>,
    State(pages): State<OwnPages>,
    RawQuery(query): RawQuery,
    OriginalUri(uri): OriginalUri,
    headers: HeaderMap,
) -> Response {
    // Without a slash there is no such page; with one it is the root directory, which is no file.
    if auth.resource().is_root() && !uri.path().ends_with('/') {
        let missing = ApiError::NotFound(Files::missing(auth.resource()));
        return ErrorAsPage::new(&pages, &missing).into_response();
    }
    let answer = file(&auth, &contents, query.as_deref(), &headers).await;
    let mut response = answer.unwrap_or_else(|error| ErrorAsPage::new(&pages, &error).into_response());
    response
        .headers_mut()
        .insert(CONTENT_SECURITY_POLICY, sandbox(&base_url));
    response
}

async fn file(
    auth: &Authorized<Read, Files>,
    contents: &ContentsManager,
    query: Option<&str>,
    headers: &HeaderMap,
) -> Result<Response, ApiError> {
    auth.comes_from_our_pages()?;
    let path = auth.resource();
    let open = contents
        .open_file(path)
        .await
        .map_err(|error| page_error(error, path))?;
    Conditions::of(headers).require_match(path, Some(open.version))?;
    let content_type = content_type(contents, &open.name);
    let mut response = send(open, headers);
    let is_unmodified = response.status() == StatusCode::NOT_MODIFIED;
    let sent = response.headers_mut();
    if !is_unmodified {
        sent.entry(CONTENT_TYPE).or_insert(content_type);
    }
    sent.insert(CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    if (path.name().ends_with(".ipynb") || asks_for_download(query))
        && let Some(value) = attachment(path.name())
    {
        sent.insert(CONTENT_DISPOSITION, value);
    }
    Ok(response)
}

fn page_error(error: ContentsError, path: &ContentsPath) -> ApiError {
    match error {
        ContentsError::NotFound(_) => ApiError::NotFound(Files::missing(path)),
        // The reference's answer for a directory.
        ContentsError::NotAFile(_) => ApiError::Denied(authorization::Denied::Forbidden {
            message: format!("{path} is not a file"),
        }),
        error => ApiError::Contents(error),
    }
}

/// Status, body and the headers that depend on them.
fn send(open: OpenFile, headers: &HeaderMap) -> Response {
    let modified = open.modified.unix_seconds();
    let tag = entity_tag(open.version);
    let mut response = if is_known(&open, headers) {
        StatusCode::NOT_MODIFIED.into_response()
    } else {
        let range = headers.get(RANGE).filter(|_| may_send_range(&open, headers));
        send_range(open, range.and_then(|range| range.to_str().ok()))
    };
    let sent = response.headers_mut();
    if let Some(tag) = tag {
        sent.insert(ETAG, tag);
    }
    sent.insert(ACCEPT_RANGES, HeaderValue::from_static("bytes"));
    if let Some(date) = http_date(modified) {
        sent.insert(LAST_MODIFIED, date);
    }
    response
}

/// Whether the client has the file already. A date says less than a version, so it counts only without one.
fn is_known(open: &OpenFile, headers: &HeaderMap) -> bool {
    let conditions = Conditions::of(headers);
    if conditions.ask_for_another_version() {
        return conditions.not_modified(Some(open.version)).is_some();
    }
    let seen = headers.get(IF_MODIFIED_SINCE);
    let seen = seen.and_then(|date| parse_http_date(date.to_str().ok()?));
    seen.is_some_and(|seen| seen >= open.modified.unix_seconds())
}

/// `If-Range`: a part only of the version that the client has the rest of. A date is too coarse to tell.
fn may_send_range(open: &OpenFile, headers: &HeaderMap) -> bool {
    headers
        .get(IF_RANGE)
        .is_none_or(|known| entity_tag(open.version).is_some_and(|tag| tag == known))
}

fn send_range(open: OpenFile, range: Option<&str>) -> Response {
    let size = open.size;
    let (status, start, end) = match range::wanted(range, size) {
        Wanted::All => (StatusCode::OK, 0, size),
        Wanted::Part { start, end } => (StatusCode::PARTIAL_CONTENT, start, end),
        Wanted::Unsatisfiable => {
            let mut response =
                (StatusCode::RANGE_NOT_SATISFIABLE, [(CONTENT_TYPE, "text/plain")]).into_response();
            put(&mut response, CONTENT_RANGE, &format!("bytes */{size}"));
            return response;
        }
    };
    let length = end - start;
    let mut response = Response::new(body::body(open, start..end));
    *response.status_mut() = status;
    put(&mut response, CONTENT_LENGTH, &length.to_string());
    if status == StatusCode::PARTIAL_CONTENT {
        put(
            &mut response,
            CONTENT_RANGE,
            &format!("bytes {start}-{}/{size}", end.saturating_sub(1)),
        );
    }
    response
}

fn put(response: &mut Response, name: HeaderName, text: &str) {
    // Digits and ASCII words are always valid.
    if let Ok(value) = HeaderValue::from_str(text) {
        response.headers_mut().insert(name, value);
    }
}

fn content_type(contents: &ContentsManager, name: &str) -> HeaderValue {
    let guess = contents.guess_type(name);
    let content_type = match (guess.mimetype.as_deref(), guess.encoding) {
        _ if name.ends_with(".ipynb") => "application/x-ipynb+json",
        (Some("text/plain"), _) => "text/plain; charset=UTF-8",
        (_, Some("gzip")) => "application/gzip",
        (_, Some(_)) | (None, None) => "application/octet-stream",
        (Some(mimetype), None) => mimetype,
    };
    HeaderValue::from_str(content_type).unwrap_or(HeaderValue::from_static("application/octet-stream"))
}

/// Scripts in a file may run, but not with our origin.
fn sandbox(base_url: &BaseUrl) -> HeaderValue {
    let report = base_url.join("api/security/csp-report");
    let policy = format!("frame-ancestors 'self'; report-uri {report}; sandbox allow-scripts");
    HeaderValue::from_str(&policy).unwrap_or(HeaderValue::from_static(
        "frame-ancestors 'self'; sandbox allow-scripts",
    ))
}

/// Any `download=` that is not empty.
fn asks_for_download(query: Option<&str>) -> bool {
    let mut pairs = form_urlencoded::parse(query.unwrap_or_default().as_bytes());
    pairs.any(|(key, value)| key == "download" && !value.trim().is_empty())
}
