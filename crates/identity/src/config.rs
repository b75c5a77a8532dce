//! What decides who gets in, given once by `server`. The names are those of Jupyter's settings.

use crate::BaseUrl;

/// Settings of `IdentityProvider` and the `ServerApp` settings that belong to the same checks.
#[derive(Clone)]
pub struct IdentityConfig {
    /// The token; empty switches tokens off, and without a password all authentication.
    pub token: String,
    /// A hash as `jupyter server password` makes it (`argon2:…`, `sha1:salt:digest`, `sha256:…`); empty: none.
    pub hashed_password: String,
    /// The key that signs cookies, from Jupyter's file `jupyter_cookie_secret`.
    pub cookie_secret: Vec<u8>,
    /// The name of the login cookie; empty: `username-<host>`.
    pub cookie_name: String,
    /// Whether cookies are for https only.
    pub secure_cookie: bool,
    /// The prefix of all URLs, which is also the path of the cookies.
    pub base_url: BaseUrl,
    /// An origin that may use the API from its pages, or `*`; empty: none.
    pub allow_origin: String,
    /// A regular expression for such origins, which must match the whole of one; empty: none.
    pub allow_origin_pat: String,
    /// Whether such pages may use the cookies.
    pub allow_credentials: bool,
    /// Whether any `Host` is fine; else only local ones are, so that a foreign name that resolves here is no way in.
    pub allow_remote_access: bool,
    /// Names for which the server is local.
    pub local_hostnames: Vec<String>,
    /// Switches the `_xsrf` check off.
    pub disable_check_xsrf: bool,
    /// Whether routes that say so are open without login; `false` also closes what is no route at all.
    pub allow_unauthenticated_access: bool,
}

impl Default for IdentityConfig {
    /// Jupyter's defaults; without a token and a password, so with authentication off.
    fn default() -> Self {
        Self {
            token: String::new(),
            hashed_password: String::new(),
            cookie_secret: Vec::new(),
            cookie_name: String::new(),
            secure_cookie: false,
            base_url: BaseUrl::default(),
            allow_origin: String::new(),
            allow_origin_pat: String::new(),
            allow_credentials: false,
            allow_remote_access: false,
            local_hostnames: vec!["localhost".to_owned()],
            disable_check_xsrf: false,
            allow_unauthenticated_access: true,
        }
    }
}
