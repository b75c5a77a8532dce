//! The parts of a message, wherever they stand.

use crate::{Channel, Header, WireError};

/// A message looked into and not taken apart: its parts but the buffers, borrowed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Parts<'a> {
    /// The channel it came on or goes to.
    pub channel: Channel,
    /// Ids and type of this message.
    pub header: &'a [u8],
    /// The header of the request this answers, or `{}`.
    pub parent_header: &'a [u8],
    /// Anything, mostly `{}`.
    pub metadata: &'a [u8],
    /// What the message says.
    pub content: &'a [u8],
}

impl<'a> Parts<'a> {
    /// Parses the header for its ids and type.
    ///
    /// # Errors
    /// [`WireError::Json`] when it is no JSON object with `msg_id` and `msg_type`.
    pub fn header(&self) -> Result<Header<'a>, WireError> {
        parse(self.header, "header")
    }

    /// Parses the parent header; an empty one (`{}`) is `None`.
    ///
    /// # Errors
    /// [`WireError::Json`] when it is neither empty nor a header.
    pub fn parent(&self) -> Result<Option<Header<'a>>, WireError> {
        let trimmed = self.parent_header.trim_ascii();
        let inner = trimmed
            .strip_prefix(b"{")
            .and_then(|rest| rest.strip_suffix(b"}"));
        if trimmed.is_empty()
            || trimmed == b"null"
            || inner.is_some_and(|inner| inner.trim_ascii().is_empty())
        {
            return Ok(None);
        }
        parse(self.parent_header, "parent header").map(Some)
    }
}

fn parse<'a>(bytes: &'a [u8], part: &'static str) -> Result<Header<'a>, WireError> {
    serde_json::from_slice(bytes).map_err(|source| WireError::Json { part, source })
}
