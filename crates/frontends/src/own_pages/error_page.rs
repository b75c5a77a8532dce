use serde::Serialize;

/// A page for an error.
#[derive(Debug, Clone, Copy, Serialize)]
pub struct ErrorPage<'a> {
    /// The HTTP status code.
    pub status: u16,
    /// What the status is called (`Not Found`).
    pub status_message: &'a str,
    /// What exactly happened, for people; may be empty.
    pub message: &'a str,
}

#[derive(Serialize)]
pub(super) struct ErrorPageWithAdvice<'a> {
    #[serde(flatten)]
    page: ErrorPage<'a>,
    advice: &'static str,
}

impl<'a> ErrorPage<'a> {
    pub(super) fn with_advice(&self) -> ErrorPageWithAdvice<'a> {
        ErrorPageWithAdvice {
            page: *self,
            advice: advice(self.status),
        }
    }
}

fn advice(status: u16) -> &'static str {
    match status {
        404 => "You are requesting a page that does not exist!",
        403 => "You may not do this here. If you should, ask whoever runs this server.",
        405 => "This address does not answer to that kind of request.",
        400..=499 => "The server could not accept this request.",
        503 => "The server cannot do this now. Try again in a moment.",
        _ => "Something went wrong on the server. Its log says more.",
    }
}
