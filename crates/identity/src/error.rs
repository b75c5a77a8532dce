//! What can be wrong with the settings, or fail while somebody logs in.

/// A step that failed.
#[derive(Debug, thiserror::Error)]
pub enum IdentityError {
    /// `allow_origin_pat` is no regular expression.
    #[error("failed to read `allow_origin_pat` `{pattern}`")]
    OriginPattern {
        /// The setting.
        pattern: String,
        /// What is wrong with it.
        #[source]
        source: Box<regex::Error>,
    },
    /// The form of the hashed password is unknown.
    #[error(
        "the hashed password is of an unknown form\nhint: make one with `jupyter server password`; \
         known are `argon2:`, `sha1:` and `sha256:`"
    )]
    PasswordForm,
    /// The system has no random numbers.
    #[error("failed to get random numbers from the system")]
    Random(#[from] getrandom::Error),
    /// The check of a password did not finish.
    #[error("the check of a password was cut short")]
    PasswordCheck,
}
