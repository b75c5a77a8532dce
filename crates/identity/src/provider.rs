//! Everything about who a request is from, behind one handle.

use std::{net::SocketAddr, sync::Arc};

use http::{
    HeaderMap, HeaderName, HeaderValue,
    header::{ACCESS_CONTROL_ALLOW_CREDENTIALS, ACCESS_CONTROL_ALLOW_ORIGIN},
    request::Parts,
};
use tokio::sync::Semaphore;
use tracing::{debug, info, warn};

use crate::{
    Attempt, BaseUrl, Credential, Identity, IdentityConfig, IdentityError, RefererCheck, Scheme,
    login_cookie::{CookieScheme, LoginCookies},
    next::safe_next,
    origin::{self, Origins},
    password::HashedPassword,
    signed::CookieKey,
    token::{TokenScheme, is_same},
};

/// How many passwords are checked at once: each check takes a core for 70 ms and 10 MB, and nobody guesses faster.
const PASSWORD_CHECKS_MAX: usize = 1;
/// The longest password that is looked at, in bytes.
const PASSWORD_BYTES_MAX: usize = 4096;

/// Finds out who a request is from, and logs people in and out. A cheap clone.
#[derive(Clone)]
pub struct IdentityProvider {
    shared: Arc<Shared>,
}

struct Shared {
    config: IdentityConfig,
    origins: Origins,
    cookies: Arc<LoginCookies>,
    password: Option<HashedPassword>,
    schemes: Vec<Arc<dyn Scheme>>,
    password_checks: Arc<Semaphore>,
}

/// Who a request is from.
#[derive(Clone, Debug)]
pub struct Found {
    /// The user and what they showed; `None` when nobody is logged in.
    pub who: Option<(Identity, Credential)>,
    /// `Set-Cookie` headers for the response, that keep the user or clear what is stale.
    pub set_cookies: Vec<HeaderValue>,
}

impl IdentityProvider {
    /// Identifies by token and login cookie; without a token and a password, everybody.
    ///
    /// # Errors
    /// When a setting cannot be read.
    pub fn new(config: IdentityConfig) -> Result<Self, IdentityError> {
        Self::with_schemes(config, Vec::new())
    }

    /// The same, asking these schemes first.
    ///
    /// # Errors
    /// When a setting cannot be read.
    pub fn with_schemes(
        config: IdentityConfig,
        mut schemes: Vec<Arc<dyn Scheme>>,
    ) -> Result<Self, IdentityError> {
        let origins = Origins::new(&config)?;
        let password = HashedPassword::parse(&config.hashed_password)?;
        let mut secret = config.cookie_secret.clone();
        if secret.is_empty() {
            // Logins then end with the process.
            secret = vec![0; 32];
            getrandom::fill(&mut secret)?;
        }
        let key = CookieKey::new(&secret, &config.hashed_password);
        let cookies = Arc::new(LoginCookies::new(&config, key));
        if let Some(token) = TokenScheme::new(&config.token, Arc::clone(&cookies)) {
            schemes.push(Arc::new(token));
        }
        schemes.push(Arc::new(CookieScheme(Arc::clone(&cookies))));
        let password_checks = Arc::new(Semaphore::new(PASSWORD_CHECKS_MAX));
        Ok(Self {
            shared: Arc::new(Shared {
                config,
                origins,
                cookies,
                password,
                schemes,
                password_checks,
            }),
        })
    }

    /// Asks each scheme until one answers. One that fails does not end it.
    pub async fn identify(&self, request: &Parts, peer: Option<SocketAddr>) -> Found {
        let mut failed = None;
        for scheme in &self.shared.schemes {
            match scheme.attempt(request, peer).await {
                Attempt::Identified { identity, by } => return self.found(request, identity, by),
                Attempt::Failed(reason) => failed = Some(reason),
                Attempt::NotTried => {}
            }
        }
        if !self.auth_enabled() {
            return self.found(request, Identity::anonymous(), Credential::Anonymous);
        }
        if let Some(reason) = failed {
            debug!(?reason, "a request came with credentials that are not valid");
        }
        // A cookie that is no good would be sent, and looked at in vain, again and again. One that is not there must
        // not be cleared: that could log out somebody who logged in meanwhile.
        let stale = matches!(self.shared.cookies.read(request), Some(Err(_)));
        if stale {
            info!("clearing a login cookie that is invalid or expired");
        }
        let set_cookies = if stale {
            self.shared.cookies.clear(request)
        } else {
            Vec::new()
        };
        Found {
            who: None,
            set_cookies,
        }
    }

    /// Keeps who came without a cookie, so that they are the same user the next time.
    fn found(&self, request: &Parts, identity: Identity, by: Credential) -> Found {
        let keeps = by == Credential::Cookie
            || matches!(self.shared.cookies.read(request), Some(Ok(known)) if known == identity);
        let set_cookies = if keeps {
            Vec::new()
        } else {
            self.login_cookie(request, &identity).into_iter().collect()
        };
        Found {
            who: Some((identity, by)),
            set_cookies,
        }
    }

    /// Who may log in with what was typed into the form: the password, or the token. `None`: nobody.
    ///
    /// # Errors
    /// When the check could not be finished.
    pub async fn log_in(&self, typed: &str) -> Result<Option<Identity>, IdentityError> {
        if !self.auth_enabled() {
            warn!("logging somebody in without a check: authentication is switched off");
            return Ok(Some(Identity::anonymous()));
        }
        if typed.len() > PASSWORD_BYTES_MAX {
            return Ok(None);
        }
        let token = &self.shared.config.token;
        if !token.is_empty() && is_same(typed, token) {
            return Ok(Some(Identity::anonymous()));
        }
        let Some(password) = self.shared.password.clone() else {
            return Ok(None);
        };
        let turn = self
            .shared
            .password_checks
            .clone()
            .acquire_owned()
            .await
            .map_err(|_| IdentityError::PasswordCheck)?;
        let typed = typed.to_owned();
        // The turn ends with the check, not with the request: a client that goes away does not stop the check.
        let checking = tokio::task::spawn_blocking(move || {
            let _turn = turn;
            password.matches(&typed)
        });
        let matches = checking.await.map_err(|_| IdentityError::PasswordCheck)?;
        Ok(if matches {
            Some(Identity::anonymous())
        } else {
            None
        })
    }

    /// The cookie that keeps this user logged in.
    #[must_use]
    pub fn login_cookie(&self, request: &Parts, identity: &Identity) -> Option<HeaderValue> {
        self.shared.cookies.set(request, identity)
    }

    /// The cookies that log out.
    #[must_use]
    pub fn logout_cookies(&self, request: &Parts) -> Vec<HeaderValue> {
        self.shared.cookies.clear(request)
    }

    /// Where to go after a login: `next` when it leads to this server or an allowed one, else the base URL.
    #[must_use]
    pub fn safe_next(&self, next: &str) -> String {
        safe_next(next, self.base_url(), &self.shared.origins)
    }

    /// Whether the `Host` of a request is one that this server answers to.
    #[must_use]
    pub fn check_host(&self, request: &Parts) -> bool {
        let config = &self.shared.config;
        let host = origin::host(&request.headers, &request.uri);
        let allowed = config.allow_remote_access || origin::is_local(host, &config.local_hostnames);
        if !allowed {
            warn!(
                host,
                "blocking a request with the non-local `Host` {host}; if the server should be reachable under that \
                 name, set ServerApp.allow_remote_access"
            );
        }
        allowed
    }

    /// Whether a request comes from a page of this server, of an allowed one, or of none at all (a program).
    #[must_use]
    pub fn check_origin(&self, headers: &HeaderMap) -> bool {
        self.shared.origins.allows_all() || self.shared.origins.check_origin(headers)
    }

    /// What the `Referer` of a request says.
    #[must_use]
    pub fn check_referer(&self, headers: &HeaderMap) -> RefererCheck {
        if self.shared.origins.allows_all() {
            return RefererCheck::Ours;
        }
        self.shared.origins.check_referer(headers)
    }

    /// The headers that tell a browser which other sites' pages may read the response.
    #[must_use]
    pub fn cors_headers(
        &self,
        request: &HeaderMap,
        by: Option<Credential>,
    ) -> Vec<(HeaderName, HeaderValue)> {
        let mut headers = Vec::new();
        let origins = &self.shared.origins;
        let allow = if origins.is_configured() {
            origins.allow_header(request)
        } else if by == Some(Credential::Token) {
            // Who knows the token may use it from anywhere.
            let origin = origin::origin(request).unwrap_or_default();
            HeaderValue::from_str(origin).ok()
        } else {
            None
        };
        headers.extend(allow.map(|origin| (ACCESS_CONTROL_ALLOW_ORIGIN, origin)));
        if self.shared.config.allow_credentials {
            headers.push((ACCESS_CONTROL_ALLOW_CREDENTIALS, HeaderValue::from_static("true")));
        }
        headers
    }

    /// Whether anybody has to show anything at all.
    #[must_use]
    pub fn auth_enabled(&self) -> bool {
        !self.shared.config.token.is_empty() || self.shared.password.is_some()
    }

    /// Whether there is a token, so that the login form can ask for it.
    #[must_use]
    pub fn token_available(&self) -> bool {
        !self.shared.config.token.is_empty()
    }

    /// The prefix of all URLs.
    #[must_use]
    pub fn base_url(&self) -> &BaseUrl {
        &self.shared.config.base_url
    }

    /// The settings.
    #[must_use]
    pub fn config(&self) -> &IdentityConfig {
        &self.shared.config
    }
}
