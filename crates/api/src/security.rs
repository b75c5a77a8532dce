//! `/api/security/csp-report`: what browsers say a page was kept from doing.

use authorization::{Authorized, Guard, GuardedRouter, Write};
use axum::body::Bytes;
use http::StatusCode;
use tracing::warn;

use crate::{AppState, resources::Csp};

/// The largest report, in bytes. Browsers send them without being asked.
const REPORT_BYTES_MAX: usize = 64 * 1024;

/// How much of a report is logged, in bytes.
const LOGGED_BYTES_MAX: usize = 4096;

pub(crate) fn routes(guard: Guard) -> GuardedRouter<AppState> {
    GuardedRouter::new(guard)
        .body_bytes_max(REPORT_BYTES_MAX)
        .post_checking_forgery_itself(
            "/api/security/csp-report",
            report,
            "browsers send reports on their own, without `_xsrf`; all one can do is to have a line logged",
        )
}

/// Logs a report, whatever it looks like.
async fn report(_auth: Authorized<Write, Csp>, body: Bytes) -> StatusCode {
    let shown = body.get(..LOGGED_BYTES_MAX).unwrap_or(&body);
    warn!("content security violation: {}", shown.escape_ascii());
    StatusCode::OK
}
