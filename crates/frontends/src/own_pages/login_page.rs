use serde::Serialize;

/// What a message means; its name is the second word of the CSS class (`message error`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum MessageKind {
    /// Something failed.
    Error,
    /// Something was done.
    Info,
    /// Something needs attention.
    Warning,
}

/// A line above the content of a page.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Message {
    /// What it means.
    pub kind: MessageKind,
    /// A sentence for people.
    pub text: String,
}

impl Message {
    /// Something failed, as `Invalid credentials`.
    #[must_use]
    pub fn error(text: impl Into<String>) -> Message {
        Message {
            kind: MessageKind::Error,
            text: text.into(),
        }
    }

    /// Something was done, as `Successfully logged out.`
    #[must_use]
    pub fn info(text: impl Into<String>) -> Message {
        Message {
            kind: MessageKind::Info,
            text: text.into(),
        }
    }
}

/// The login form. Its fields are those of the reference: `_xsrf`, `password` (a password or a token), and
/// `new_password` in the second form.
#[derive(Debug, Clone, Serialize)]
pub struct LoginPage<'a> {
    /// Where to go after the login, as it came (unescaped); the page escapes it.
    pub next: &'a str,
    /// The value of the `_xsrf` cookie that goes out with this page.
    pub xsrf_token: &'a str,
    /// Why the form is shown again.
    pub message: Option<Message>,
    /// False when the server needs no login.
    pub login_available: bool,
    /// A token is accepted, not only a password.
    pub token_available: bool,
    /// Whoever has the token may set a password.
    pub allow_password_change: bool,
}

/// The page after logging out.
#[derive(Debug, Clone, Serialize)]
pub struct LogoutPage {
    /// `Successfully logged out.`
    pub message: Option<Message>,
    /// False when the server needs no login: then the page leads to the start page.
    pub login_available: bool,
}
