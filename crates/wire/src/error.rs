//! What can be wrong with a message.

use crate::BUFFERS_MAX;

/// Why bytes are not a Jupyter message, or a message cannot be put into bytes.
#[derive(Debug, thiserror::Error)]
pub enum WireError {
    /// The frames hold no `<IDS|MSG>`.
    #[error("the frames hold no `<IDS|MSG>` delimiter")]
    NoDelimiter,
    /// Fewer frames follow the delimiter than signature, header, parent header, metadata and content.
    #[error("a frame of the message is missing")]
    MissingFrame,
    /// The signature is absent although there is a key, or is not the one the key gives.
    #[error("the signature does not match")]
    BadSignature,
    /// The connection file asks for a signature scheme this server does not have.
    #[error("the signature scheme `{scheme}` is not supported")]
    UnknownScheme {
        /// The scheme asked for.
        scheme: String,
    },
    /// A channel of another name than the four.
    #[error("there is no channel `{name}`")]
    UnknownChannel {
        /// The name, shortened when it is long.
        name: String,
    },
    /// A part that must be JSON is not.
    #[error("the {part} is not valid JSON")]
    Json {
        /// Which part.
        part: &'static str,
        /// What the parser said.
        #[source]
        source: serde_json::Error,
    },
    /// A part that must be text is not UTF-8.
    #[error("the {part} is not UTF-8")]
    NotUtf8 {
        /// Which part.
        part: &'static str,
    },
    /// The offsets in front of a binary WebSocket frame do not fit the frame.
    #[error("the offset table does not fit the frame")]
    BadOffsets,
    /// The v1 subprotocol has only binary frames.
    #[error("the v1 subprotocol carries no text frames")]
    TextInV1,
    /// More buffers than [`BUFFERS_MAX`].
    #[error("a message may have {BUFFERS_MAX} buffers, not {count}")]
    TooManyBuffers {
        /// How many there are.
        count: usize,
    },
    /// The legacy subprotocol counts in 32 bits; the message is larger.
    #[error("the message is too large for the legacy subprotocol")]
    TooLargeForLegacy,
}
