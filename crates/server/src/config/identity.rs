//! Who may log in and how: the token, the password, and where requests may come from.

use std::path::PathBuf;

use identity::{BaseUrl, IdentityConfig};

use super::classes::{IDENTITY_PROVIDER, SERVER, SERVER_ONLY};
use super::network::NetworkConfig;
use crate::error::ServerError;
use crate::paths::JupyterPaths;
use crate::settings::reader::Reader;
use crate::variables::Variables;

/// The bytes of a token that is made here; twice as many hexadecimal digits.
const TOKEN_BYTES: usize = 24;

/// Where the token comes from: one that was made here may be shown, one that was given may not.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TokenOrigin {
    /// Made at this start.
    Generated,
    /// Configured.
    Given,
    /// There is none: a password is asked for, or nothing at all.
    None,
}

/// Classes that replace part of the security: ignoring such a setting would be worse than not starting.
const SECURITY_CLASSES: &[&str] = &[
    "identity_provider_class",
    "authorizer_class",
    "login_handler_class",
    "logout_handler_class",
];

/// What is configured about logging in.
#[derive(Clone)]
pub struct IdentitySettings {
    /// For the identity provider; the cookie secret is still to be read from its file.
    pub config: IdentityConfig,
    /// Where the token comes from.
    pub token_origin: TokenOrigin,
    /// The file of the secret that signs login cookies.
    pub cookie_secret_file: PathBuf,
}

impl IdentitySettings {
    /// Whether anybody has to log in at all.
    pub fn is_login_needed(&self) -> bool {
        !self.config.token.is_empty() || !self.config.hashed_password.is_empty()
    }
}

impl std::fmt::Debug for IdentitySettings {
    /// Without the secrets.
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("IdentitySettings")
            .field("token_origin", &self.token_origin)
            .field("has_password", &!self.config.hashed_password.is_empty())
            .finish_non_exhaustive()
    }
}

pub(super) fn read(
    reader: &Reader<'_>,
    variables: &Variables,
    paths: &JupyterPaths,
    network: &NetworkConfig,
    base_url: &BaseUrl,
    warnings: &mut Vec<String>,
) -> Result<IdentitySettings, ServerError> {
    let server = reader.class(SERVER);
    let provider = reader.class(IDENTITY_PROVIDER);
    for name in SECURITY_CLASSES {
        if let Some(class) = server.text(name)? {
            return Err(ServerError::Unsupported {
                message: format!(
                    "ServerApp.{name} names the Python class `{class}`, which cannot run here; remove the setting \
                     (policies: --policy)"
                ),
            });
        }
    }
    let hashed_password = renamed(reader, "hashed_password", "password", warnings)?.unwrap_or_default();
    let required = match provider.switch("password_required")? {
        Some(required) => required,
        None => server.switch("password_required")?.unwrap_or(false),
    };
    if required && hashed_password.is_empty() {
        return Err(ServerError::Unsupported {
            message: "PasswordIdentityProvider.password_required is set, but there is no password: set \
                      PasswordIdentityProvider.hashed_password (`jupyter server password` makes one)"
                .to_owned(),
        });
    }
    let given = match renamed(reader, "token", "token", warnings)? {
        // The reference's words for "make one".
        Some(token) if token == "<generated>" || token == "<DEPRECATED>" => None,
        Some(token) => Some(token),
        None => token_of_variables(variables)?,
    };
    let (token, token_origin) = match given {
        Some(token) if token.is_empty() => (token, TokenOrigin::None),
        Some(token) => (token, TokenOrigin::Given),
        None if !hashed_password.is_empty() => (String::new(), TokenOrigin::None),
        None => (generate_token()?, TokenOrigin::Generated),
    };
    if token.is_empty() && hashed_password.is_empty() {
        warnings.push(
            "all authentication is disabled: anyone who can connect to this server will be able to run code"
                .to_owned(),
        );
    }
    let own = reader.class(SERVER_ONLY);
    let config = IdentityConfig {
        token,
        hashed_password,
        cookie_secret: Vec::new(),
        cookie_name: provider.text("cookie_name")?.unwrap_or_default(),
        secure_cookie: provider.switch("secure_cookie")?.unwrap_or(false),
        base_url: base_url.clone(),
        allow_origin: server.text("allow_origin")?.unwrap_or_default(),
        allow_origin_pat: server.text("allow_origin_pat")?.unwrap_or_default(),
        allow_credentials: server.switch("allow_credentials")?.unwrap_or(false),
        allow_remote_access: network.allow_remote_access,
        local_hostnames: network.local_hostnames.clone(),
        disable_check_xsrf: own.switch("disable_check_xsrf")?.unwrap_or(false),
        allow_unauthenticated_access: match own.switch("allow_unauthenticated_access")? {
            Some(allowed) => allowed,
            None => variables
                .text("JUPYTER_SERVER_ALLOW_UNAUTHENTICATED_ACCESS")
                .is_none_or(|text| matches!(text.to_lowercase().as_str(), "true" | "yes")),
        },
    };
    let cookie_secret_file = match server.text("cookie_secret_file")?.filter(|file| !file.is_empty()) {
        Some(file) => variables.absolute(&file),
        None => paths.runtime_dir.join("jupyter_cookie_secret"),
    };
    Ok(IdentitySettings {
        config,
        token_origin,
        cookie_secret_file,
    })
}

/// A setting of the identity provider that was the server's until Jupyter Server 2.0.
fn renamed(
    reader: &Reader<'_>,
    name: &str,
    old_name: &str,
    warnings: &mut Vec<String>,
) -> Result<Option<String>, ServerError> {
    let new = reader.class(IDENTITY_PROVIDER).text(name)?;
    let Some(old) = reader.class(SERVER).text(old_name)? else {
        return Ok(new);
    };
    let class = if name == "token" {
        "IdentityProvider"
    } else {
        "PasswordIdentityProvider"
    };
    match new {
        Some(new) if new == old => Ok(Some(new)),
        Some(new) => {
            warnings.push(format!(
                "ignoring the deprecated ServerApp.{old_name}; {class}.{name} is set, too"
            ));
            Ok(Some(new))
        }
        None => {
            warnings.push(format!("ServerApp.{old_name} is deprecated; use {class}.{name}"));
            Ok(Some(old))
        }
    }
}

/// `JUPYTER_TOKEN`, or the content of the file that `JUPYTER_TOKEN_FILE` names.
fn token_of_variables(variables: &Variables) -> Result<Option<String>, ServerError> {
    if let Some(token) = variables.text("JUPYTER_TOKEN") {
        return Ok(Some(token));
    }
    let Some(path) = variables.path("JUPYTER_TOKEN_FILE") else {
        return Ok(None);
    };
    match std::fs::read_to_string(&path) {
        Ok(token) => Ok(Some(token)),
        Err(source) => Err(ServerError::Read { path, source }),
    }
}

fn generate_token() -> Result<String, ServerError> {
    let mut random = [0; TOKEN_BYTES];
    getrandom::fill(&mut random).map_err(ServerError::Random)?;
    Ok(hex::encode(random))
}
