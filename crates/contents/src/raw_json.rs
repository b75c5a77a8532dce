//! JSON that is not read yet.

use bytes::Bytes;

/// The text of one JSON value: a part of the body it came in, which it keeps.
#[derive(Clone, Debug)]
pub struct RawJson {
    /// Invariant: UTF-8, and one JSON value.
    text: Bytes,
}

impl RawJson {
    /// A value that we write ourselves.
    pub(crate) fn of_ours(text: &'static str) -> Self {
        Self {
            text: Bytes::from_static(text.as_bytes()),
        }
    }

    /// A value that we wrote, in pieces.
    pub(crate) fn joined(pieces: &[Bytes]) -> Self {
        Self {
            text: pieces.concat().into(),
        }
    }

    /// The part `raw` of `body`.
    pub(crate) fn within(body: &Bytes, raw: &serde_json::value::RawValue) -> Self {
        Self {
            text: body.slice_ref(raw.get().as_bytes()),
        }
    }

    /// How long it is.
    pub(crate) fn bytes(&self) -> u64 {
        self.text.len() as u64
    }

    /// The bytes that [`Self::get`] borrows from.
    pub(crate) fn source(&self) -> &Bytes {
        &self.text
    }

    /// The text.
    pub(crate) fn get(&self) -> &str {
        std::str::from_utf8(&self.text).unwrap_or_default()
    }
}
