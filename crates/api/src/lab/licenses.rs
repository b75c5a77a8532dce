//! `/lab/api/licenses/`: of what the front ends are built from.

use authorization::{Authorized, Guard, GuardedRouter, Read};
use axum::extract::{Query, State};
use axum::response::{IntoResponse, Response};
use frontends::{Frontends, LicenseFormat};
use http::header::{CONTENT_DISPOSITION, CONTENT_TYPE};
use serde::Deserialize;

use crate::resources::Extensions;
use crate::{ApiError, AppState};

pub(crate) fn routes(guard: Guard) -> GuardedRouter<AppState> {
    // JupyterLab asks with the slash at the end.
    GuardedRouter::new(guard)
        .get("/lab/api/licenses", report)
        .get("/lab/api/licenses/", report)
}

#[derive(Deserialize)]
struct Asked {
    format: Option<String>,
    bundles: Option<String>,
    full_text: Option<String>,
    download: Option<String>,
}

async fn report(
    _auth: Authorized<Read, Extensions>,
    State(frontends): State<Frontends>,
    Query(asked): Query<Asked>,
) -> Result<Response, ApiError> {
    let format: LicenseFormat = asked.format.as_deref().unwrap_or("json").parse()?;
    let pattern = asked.bundles.as_deref().unwrap_or(".*");
    let full_text = asked.full_text.as_deref().is_none_or(is_true);
    let report = frontends.licenses().report(format, pattern, full_text).await?;
    let mut response = ([(CONTENT_TYPE, format.content_type())], report).into_response();
    if asked.download.as_deref().is_some_and(is_true) {
        let attachment = format!("attachment; filename*=utf-8''{}", format.file_name());
        if let Ok(value) = attachment.parse() {
            response.headers_mut().insert(CONTENT_DISPOSITION, value);
        }
    }
    Ok(response)
}

/// `true`, `1`, …: everything but the words for no.
fn is_true(text: &str) -> bool {
    !matches!(text, "" | "0" | "false" | "null")
}
