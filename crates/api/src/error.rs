//! The one place that turns errors into status codes and Jupyter's body, `{"message": …, "reason": …}`.

use authorization::{Denied, NotFound, OwnershipError};
use axum::response::{IntoResponse, Response};
use contents::{ContentsError, ContentsErrorKind, UploadError};
use events::EventError;
use frontends::FrontendsError;
use http::StatusCode;
use identity::IdentityError;
use kernels::KernelError;
use serde_json::json;
use sessions::SessionsError;
use tracing::error;

use crate::Json;

/// What can go wrong in a handler. Each service has a variant for its error enum and an arm in [`ApiError::describe`].
#[derive(Debug, thiserror::Error)]
pub enum ApiError {
    /// The policy said no to something named in a body, a query or a message.
    #[error(transparent)]
    Denied(#[from] Denied),
    /// It does not exist; the same answer as for what is hidden (`Resource::missing`).
    #[error("{0}")]
    NotFound(NotFound),
    /// The request makes no sense; the sentence says why.
    #[error("{0}")]
    BadRequest(String),
    /// The owner could not be recorded.
    #[error("failed to record the owner")]
    Ownership(#[from] OwnershipError),
    /// Who somebody is could not be found out, or not be kept.
    #[error(transparent)]
    Identity(#[from] IdentityError),
    /// Something about a front end, or what it keeps on the server.
    #[error(transparent)]
    Frontends(#[from] FrontendsError),
    /// Something about a file or directory.
    #[error(transparent)]
    Contents(#[from] ContentsError),
    /// Something about an upload.
    #[error(transparent)]
    Upload(#[from] UploadError),
    /// The client speaks another version of tus.
    #[error("only version 1.0.0 of tus is spoken here")]
    TusVersion,
    /// The body is of another type than the route takes; the sentence says which.
    #[error("{0}")]
    UnsupportedMediaType(String),
    /// An event that is not emitted.
    #[error(transparent)]
    Event(#[from] EventError),
    /// The user has as many kernels as one may have.
    #[error("You have as many kernels as one user may have here ({most}). Shut one down to start another.")]
    TooManyKernelsOfYours {
        /// How many that are.
        most: usize,
    },
    /// Something about a kernel.
    #[error(transparent)]
    Kernel(#[from] KernelError),
    /// Something about a session.
    #[error(transparent)]
    Session(#[from] SessionsError),
}

/// What an error looks like from outside.
struct Described {
    status: StatusCode,
    /// A sentence for people; front ends show it.
    message: String,
    /// Jupyter's `reason`: mostly null, sometimes a short phrase as `bad type`.
    reason: Option<&'static str>,
    /// What Jupyter says in place of a reason when a session's kernel cannot be started.
    short_message: Option<String>,
}

impl Described {
    fn new(status: StatusCode, message: impl Into<String>) -> Self {
        Self {
            status,
            message: message.into(),
            reason: None,
            short_message: None,
        }
    }
}

impl ApiError {
    /// The same status and sentence for a page.
    pub(crate) fn status_and_message(&self) -> (StatusCode, String) {
        let Described { status, message, .. } = self.describe();
        self.log(status);
        (status, message)
    }

    /// Once, where it is answered; what the caller did wrong is in the answer and in the access log.
    fn log(&self, status: StatusCode) {
        if status.is_server_error() {
            error!(
                error = self as &dyn std::error::Error,
                "failed to answer a request: {self}"
            );
        }
    }

    /// Status and sentence of each error. Every variant is named; nothing falls through.
    fn describe(&self) -> Described {
        match self {
            Self::Denied(Denied::Forbidden { message }) => Described::new(StatusCode::FORBIDDEN, message),
            Self::Denied(Denied::Hidden(missing)) | Self::NotFound(missing) => {
                Described::new(StatusCode::NOT_FOUND, missing.to_string())
            }
            Self::BadRequest(message) => Described::new(StatusCode::BAD_REQUEST, message),
            Self::Ownership(source) => match source {
                OwnershipError::AlreadyOwned { .. } | OwnershipError::NotOwned { .. } => {
                    Described::new(StatusCode::CONFLICT, source.to_string())
                }
                OwnershipError::TooMany { .. } => {
                    Described::new(StatusCode::TOO_MANY_REQUESTS, source.to_string())
                }
                OwnershipError::Store(_) => {
                    Described::new(StatusCode::INTERNAL_SERVER_ERROR, self.to_string())
                }
            },
            Self::Identity(source) => match source {
                IdentityError::OriginPattern { .. }
                | IdentityError::PasswordForm
                | IdentityError::Random(_)
                | IdentityError::PasswordCheck => {
                    Described::new(StatusCode::INTERNAL_SERVER_ERROR, source.to_string())
                }
            },
            Self::Frontends(source) => of_frontends(source),
            Self::Contents(source) => of_contents(source),
            Self::Upload(source) => of_upload(source),
            Self::TusVersion => Described::new(StatusCode::PRECONDITION_FAILED, self.to_string()),
            Self::UnsupportedMediaType(message) => {
                Described::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, message)
            }
            Self::Event(source) => of_event(source),
            Self::TooManyKernelsOfYours { .. } => {
                Described::new(StatusCode::TOO_MANY_REQUESTS, self.to_string())
            }
            Self::Kernel(source) => of_kernel(source),
            Self::Session(source) => of_session(source),
        }
    }
}

fn of_event(error: &EventError) -> Described {
    match error {
        EventError::UnknownSchema { .. }
        | EventError::Invalid { .. }
        | EventError::Reserved { .. }
        | EventError::TooLarge { .. } => Described::new(StatusCode::BAD_REQUEST, error.to_string()),
    }
}

fn of_frontends(error: &FrontendsError) -> Described {
    let status = match error {
        FrontendsError::NotInstalled { .. }
        | FrontendsError::UnknownSchema { .. }
        | FrontendsError::UnknownWorkspace { .. } => StatusCode::NOT_FOUND,
        FrontendsError::SettingsSyntax { .. }
        | FrontendsError::SettingsInvalid { .. }
        | FrontendsError::WorkspaceNameMissing
        | FrontendsError::WorkspaceInvalid { .. }
        | FrontendsError::InvalidSection { .. }
        | FrontendsError::SectionNotObject
        | FrontendsError::LicenseFormat { .. }
        | FrontendsError::LicensePattern { .. } => StatusCode::BAD_REQUEST,
        FrontendsError::ExtensionCommand { .. } => StatusCode::UNPROCESSABLE_ENTITY,
        FrontendsError::TooLarge { .. } => StatusCode::PAYLOAD_TOO_LARGE,
        FrontendsError::ShuttingDown => StatusCode::SERVICE_UNAVAILABLE,
        FrontendsError::LoadTemplate { .. }
        | FrontendsError::RenderTemplate { .. }
        | FrontendsError::Read { .. }
        | FrontendsError::Write { .. }
        | FrontendsError::Remove { .. }
        | FrontendsError::ParseFile { .. }
        | FrontendsError::InvalidSchema { .. } => StatusCode::INTERNAL_SERVER_ERROR,
    };
    Described::new(status, error.to_string())
}

fn of_contents(error: &ContentsError) -> Described {
    let status = match error.kind() {
        ContentsErrorKind::NotFound => StatusCode::NOT_FOUND,
        ContentsErrorKind::BadRequest => StatusCode::BAD_REQUEST,
        ContentsErrorKind::Conflict => StatusCode::CONFLICT,
        ContentsErrorKind::PreconditionFailed => StatusCode::PRECONDITION_FAILED,
        ContentsErrorKind::Forbidden => StatusCode::FORBIDDEN,
        ContentsErrorKind::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
        ContentsErrorKind::NoSpace => StatusCode::INSUFFICIENT_STORAGE,
        ContentsErrorKind::Internal => StatusCode::INTERNAL_SERVER_ERROR,
    };
    Described {
        reason: error.reason(),
        ..Described::new(status, error.to_string())
    }
}

/// "Checksum Mismatch" of tus, which the registry of HTTP does not know.
fn checksum_mismatch() -> StatusCode {
    StatusCode::from_u16(460).unwrap_or(StatusCode::BAD_REQUEST)
}

fn of_upload(error: &UploadError) -> Described {
    let status = match error {
        UploadError::Contents(source) => return of_contents(source),
        UploadError::NoSuchUpload(_) => StatusCode::NOT_FOUND,
        UploadError::TooLarge { .. } | UploadError::MoreThanAnnounced { .. } => StatusCode::PAYLOAD_TOO_LARGE,
        UploadError::TooMany { .. } | UploadError::TooManyOfYours { .. } => StatusCode::TOO_MANY_REQUESTS,
        UploadError::NoRoom { .. } => StatusCode::INSUFFICIENT_STORAGE,
        UploadError::WrongOffset { .. } | UploadError::TakenOver { .. } => StatusCode::CONFLICT,
        UploadError::ChunkChecksum { .. } | UploadError::WholeChecksum { .. } => checksum_mismatch(),
        UploadError::Vanished(_) => StatusCode::GONE,
        UploadError::Record(_) | UploadError::Random(_) => StatusCode::INTERNAL_SERVER_ERROR,
    };
    Described::new(status, error.to_string())
}

fn of_kernel(error: &KernelError) -> Described {
    let status = match error {
        KernelError::NoSuchKernel { .. } => StatusCode::NOT_FOUND,
        KernelError::DuplicateKernel { .. } => StatusCode::CONFLICT,
        KernelError::NoSuchKernelspec { .. }
        | KernelError::NoSuchProvisioner { .. }
        | KernelError::External { .. } => StatusCode::BAD_REQUEST,
        KernelError::Message { .. }
        | KernelError::LongMessageId { .. }
        | KernelError::IopubIsForListening => StatusCode::BAD_REQUEST,
        KernelError::TooManyKernels { .. } | KernelError::Stopping | KernelError::NoAnswer { .. } => {
            StatusCode::SERVICE_UNAVAILABLE
        }
        KernelError::BadKernelspec { .. }
        | KernelError::Addresses { .. }
        | KernelError::WriteConnectionFile { .. }
        | KernelError::Launch(_)
        | KernelError::Died { .. }
        | KernelError::Key { .. }
        | KernelError::Host { .. }
        | KernelError::Interrupt { .. } => StatusCode::INTERNAL_SERVER_ERROR,
    };
    Described::new(status, error.to_string())
}

fn of_session(error: &SessionsError) -> Described {
    match error {
        SessionsError::NoSuchSession { .. } => Described::new(StatusCode::NOT_FOUND, error.to_string()),
        SessionsError::KernelChanged { .. } => Described::new(StatusCode::CONFLICT, error.to_string()),
        SessionsError::NoSuchKernel { .. } => Described::new(StatusCode::BAD_REQUEST, error.to_string()),
        SessionsError::TooManySessions => Described::new(StatusCode::SERVICE_UNAVAILABLE, error.to_string()),
        // Front ends know this status and body, and offer to choose another kernel.
        SessionsError::Start(
            KernelError::NoSuchKernelspec { name } | KernelError::NoSuchProvisioner { name, .. },
        ) => Described {
            short_message: Some(format!("{name} not found")),
            ..Described::new(StatusCode::NOT_IMPLEMENTED, error.to_string())
        },
        SessionsError::Start(source) => of_kernel(source),
        SessionsError::StartOther { name, source } => Described {
            short_message: Some(format!("Error starting kernel {name}")),
            ..Described::new(StatusCode::NOT_IMPLEMENTED, format!("{error}: {source}"))
        },
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        if let Self::Denied(Denied::Hidden(missing)) | Self::NotFound(missing) = self {
            return missing.into_response();
        }
        let Described {
            status,
            message,
            reason,
            short_message,
        } = self.describe();
        self.log(status);
        let body = match short_message {
            Some(short_message) => json!({ "message": message, "short_message": short_message }),
            None => json!({ "message": message, "reason": reason }),
        };
        (status, Json(body)).into_response()
    }
}
