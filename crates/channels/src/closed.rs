//! Why a bridge ended, and the WebSocket close code that says so.

use wire::WireError;

/// Why a bridge ended.
///
/// JupyterLab does not reconnect after 1000 and 1001, and does after any other code; the codes follow from that.
#[derive(Debug)]
pub enum Closed {
    /// The client closed the connection, or it broke.
    ClientGone,
    /// The client did not answer pings.
    Unresponsive,
    /// What the client sent is no message.
    BadFrame(WireError),
    /// The same client connected anew.
    Superseded,
    /// The permission to listen was withdrawn.
    Revoked,
    /// The kernel is gone for good, and all it said has been sent.
    KernelGone,
    /// The server stops or restarts.
    Shutdown,
}

impl Closed {
    /// The [close code](https://www.rfc-editor.org/rfc/rfc6455#section-7.4.1) to send; `None` when nobody is there
    /// to read it.
    #[must_use]
    pub fn code(&self) -> Option<u16> {
        match self {
            Self::ClientGone => None,
            // Try again later: the client may be a laptop that woke up.
            Self::Unresponsive => Some(1013),
            Self::BadFrame(_) => Some(1007),
            // Done: reconnecting would take the connection away from the newer one, and so on for ever; or it
            // would look for a kernel that is gone.
            Self::Superseded | Self::KernelGone => Some(1000),
            Self::Revoked => Some(1008),
            // Service restart: come back.
            Self::Shutdown => Some(1012),
        }
    }

    /// The reason to send with the code; at most 123 bytes, as the protocol demands.
    #[must_use]
    pub fn reason(&self) -> &'static str {
        match self {
            Self::ClientGone => "the client is gone",
            Self::Unresponsive => "pings were not answered",
            Self::BadFrame(_) => "not a Jupyter message",
            Self::Superseded => "the same session connected anew",
            Self::Revoked => "the permission was withdrawn",
            Self::KernelGone => "the kernel is gone",
            Self::Shutdown => "the server is stopping",
        }
    }
}
