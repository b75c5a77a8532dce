//! `/login` and `/logout`: the form for the password or the token, and the way out.

use authorization::{Anyone, Guard, GuardedRouter, LogIn, LogOut};
use axum::{
    extract::{Form, Query, State},
    response::{Html, IntoResponse, Response},
};
use frontends::{LoginPage, LogoutPage, Message, MessageKind, OwnPages};
use http::{StatusCode, header::LOCATION};
use identity::IdentityProvider;
use serde::Deserialize;
use tracing::{info, warn};

use crate::{ApiError, AppState, ErrorAsPage};

/// The largest form, in bytes. Anybody may send one.
const FORM_BYTES_MAX: usize = 64 * 1024;

pub(crate) fn routes(guard: Guard) -> GuardedRouter<AppState> {
    GuardedRouter::new(guard)
        .body_bytes_max(FORM_BYTES_MAX)
        .get("/login", form)
        .post_checking_forgery_itself(
            "/login",
            log_in,
            "the `_xsrf` of the form is in the body, which only the handler reads",
        )
        .get("/logout", log_out)
}

#[derive(Deserialize)]
struct Next {
    next: Option<String>,
}

#[derive(Deserialize)]
struct LoginForm {
    #[serde(rename = "_xsrf")]
    xsrf: Option<String>,
    #[serde(default)]
    password: String,
    next: Option<String>,
}

/// The form; whoever is logged in goes on at once.
async fn form(
    anyone: Anyone,
    State(identity): State<IdentityProvider>,
    State(pages): State<OwnPages>,
    Query(query): Query<Next>,
) -> Result<Response, ErrorAsPage> {
    if anyone.identity().is_some() {
        return Ok(go_on(&identity, query.next.as_deref()));
    }
    show_form(&anyone, &identity, &pages, query.next.as_deref(), None)
}

/// What was typed: right, and the browser is logged in; wrong, and it gets the form again with 401.
async fn log_in(
    anyone: Anyone,
    State(identity): State<IdentityProvider>,
    State(pages): State<OwnPages>,
    Query(query): Query<Next>,
    Form(typed): Form<LoginForm>,
) -> Result<Response, ErrorAsPage> {
    let in_page = |error: ApiError| ErrorAsPage::new(&pages, &error);
    anyone
        .check_form(typed.xsrf.as_deref())
        .map_err(|denied| in_page(ApiError::Denied(denied)))?;
    let next = query.next.or(typed.next);
    match identity
        .log_in(&typed.password)
        .await
        .map_err(|error| in_page(ApiError::Identity(error)))?
    {
        Some(user) => {
            info!(identity = %user.username, "{} logged in", user.username);
            Ok((LogIn(user), go_on(&identity, next.as_deref())).into_response())
        }
        None => {
            warn!("a login was refused: neither the password nor the token");
            let wrong = Some(Message::error("Invalid credentials"));
            let page = show_form(&anyone, &identity, &pages, next.as_deref(), wrong)?;
            Ok((StatusCode::UNAUTHORIZED, page).into_response())
        }
    }
}

/// Removes the cookie, whoever asks.
async fn log_out(
    _anyone: Anyone,
    State(identity): State<IdentityProvider>,
    State(pages): State<OwnPages>,
) -> impl IntoResponse {
    let login_available = identity.auth_enabled();
    let message = if login_available {
        Message::info("Successfully logged out.")
    } else {
        let text = "Cannot log out. Jupyter Server authentication is disabled.".to_owned();
        Message {
            kind: MessageKind::Warning,
            text,
        }
    };
    let page = pages.logout_page(&LogoutPage {
        message: Some(message),
        login_available,
    });
    (LogOut, Html(page))
}

fn show_form(
    anyone: &Anyone,
    identity: &IdentityProvider,
    pages: &OwnPages,
    next: Option<&str>,
    message: Option<Message>,
) -> Result<Response, ErrorAsPage> {
    let xsrf_token = anyone
        .xsrf_token()
        .map_err(|error| ErrorAsPage::new(pages, &ApiError::Identity(error)))?;
    let page = LoginPage {
        next: next.unwrap_or(identity.base_url().as_str()),
        xsrf_token: &xsrf_token,
        message,
        login_available: identity.auth_enabled(),
        token_available: identity.token_available(),
        // The password is part of the configuration, which this server does not write.
        allow_password_change: false,
    };
    Ok(Html(pages.login_page(&page)).into_response())
}

fn go_on(identity: &IdentityProvider, next: Option<&str>) -> Response {
    let location = identity.safe_next(next.unwrap_or_default());
    (StatusCode::FOUND, [(LOCATION, location)]).into_response()
}
