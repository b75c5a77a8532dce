//! Pages and redirects as answers.

use authorization::Caller;
use axum::response::{Html, IntoResponse, Response};
use frontends::{FrontendsError, OwnPages};
use http::header::{CACHE_CONTROL, LOCATION};
use http::{StatusCode, Uri};
use identity::BaseUrl;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use crate::{ApiError, ErrorAsPage};

/// What stays as it is in the path of a URL.
const URL_PATH: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'/')
    .remove(b'.')
    .remove(b'-')
    .remove(b'_')
    .remove(b'~');

/// A page of a front end. Its scripts read the `_xsrf` cookie, so the answer carries one. Browsers ask again each
/// time, for what the page says depends on who asks.
pub(crate) fn page(
    caller: &Caller,
    own_pages: &OwnPages,
    rendered: Result<String, FrontendsError>,
) -> Result<Response, ErrorAsPage> {
    let in_page = |error: ApiError| ErrorAsPage::new(own_pages, &error);
    let html = rendered.map_err(|error| in_page(error.into()))?;
    caller.xsrf_token().map_err(|error| in_page(error.into()))?;
    Ok(([(CACHE_CONTROL, "no-cache")], Html(html)).into_response())
}

/// To another path below the base URL, percent-encoded here; the query stays.
pub(crate) fn redirect(base_url: &BaseUrl, path: &str, uri: &Uri) -> Response {
    let location = base_url.join(&encode(path));
    to(StatusCode::FOUND, &location, uri.query())
}

/// A path as it stands in a URL.
pub(crate) fn encode(path: &str) -> String {
    utf8_percent_encode(path, URL_PATH).to_string()
}

/// The same address without its slashes at the end.
pub(crate) fn without_slash(base_url: &BaseUrl, uri: &Uri) -> Response {
    let location = base_url.join(uri.path().trim_matches('/'));
    to(StatusCode::MOVED_PERMANENTLY, &location, uri.query())
}

fn to(status: StatusCode, location: &str, query: Option<&str>) -> Response {
    let location = match query {
        Some(query) => format!("{location}?{query}"),
        None => location.to_owned(),
    };
    (status, [(LOCATION, location)]).into_response()
}
