//! The JSON of a model, made piece by piece while it is sent: a text of control characters is six times as long in it,
//! and nobody's memory has to hold that.

use std::collections::VecDeque;

use bytes::Bytes;

use crate::base64_text;
use crate::model::{Content, ContentsModel, Paged};
use crate::notebook::encode;

/// About what an entry of a listing takes.
const ENTRY_BYTES: usize = 400;
/// About what a model takes without content.
const MODEL_BYTES: usize = 1024;
/// Bytes of a text that are escaped at once; a shorter one is in one piece with the rest.
const ESCAPED_BYTES: usize = 64 << 10;

/// The JSON of a [`ContentsModel`], in pieces that follow one another.
#[derive(Debug)]
pub struct ModelJson {
    /// Invariant: what is left has so many bytes when it is written.
    bytes: usize,
    parts: VecDeque<Part>,
}

/// A part of the JSON.
#[derive(Debug)]
enum Part {
    /// As it is.
    Written(Bytes),
    /// To be escaped.
    Text(Bytes),
    /// To be encoded in lines.
    Base64(Bytes),
}

impl Part {
    fn bytes(&self) -> usize {
        match self {
            Self::Written(json) => json.len(),
            Self::Text(text) => encode::escaped_length(text),
            Self::Base64(bytes) => base64_text::json_length(bytes.len()),
        }
    }

    /// The beginning of it; `None` when nothing is left.
    fn next(&mut self) -> Option<Bytes> {
        let part = match self {
            Self::Written(json) => return Some(std::mem::take(json)).filter(|json| !json.is_empty()),
            Self::Text(text) => text.split_to(text.len().min(ESCAPED_BYTES)),
            Self::Base64(bytes) => bytes.split_to(bytes.len().min(base64_text::ENCODED_BYTES)),
        };
        if part.is_empty() {
            return None;
        }
        let mut out = Vec::with_capacity(2 * ESCAPED_BYTES);
        match self {
            Self::Base64(_) => base64_text::push_json(&part, &mut out),
            Self::Written(_) | Self::Text(_) => encode::escaped(&part, &mut out),
        }
        Some(out.into())
    }
}

impl ModelJson {
    /// How many bytes are left. To know it, a text was looked at once.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    /// All of it.
    pub(crate) fn concat(self) -> Bytes {
        let mut whole = Vec::with_capacity(self.bytes);
        self.for_each(|piece| whole.extend_from_slice(&piece));
        whole.into()
    }
}

impl Iterator for ModelJson {
    type Item = Bytes;

    fn next(&mut self) -> Option<Bytes> {
        loop {
            if let Some(piece) = self.parts.front_mut()?.next() {
                self.bytes = self.bytes.saturating_sub(piece.len());
                return Some(piece);
            }
            self.parts.pop_front();
        }
    }
}

impl ContentsModel {
    /// The JSON of the model. A notebook and the bytes of a file are not copied into it.
    pub fn into_json(mut self) -> ModelJson {
        let mut before = Vec::with_capacity(self.first_bytes());
        self.push_before_content(&mut before);
        let parts = match self.content.take() {
            Some(Content::Notebook(json)) => {
                self.content = Some(Content::Notebook(Vec::new())); // for its format
                let json = json.into_iter().map(Part::Written);
                self.around(before, json, Vec::new())
            }
            Some(Content::Text(text)) if text.len() > ESCAPED_BYTES => {
                self.content = Some(Content::Text(String::new()));
                before.push(b'"');
                self.around(before, [Part::Text(text.into())], b"\"".to_vec())
            }
            Some(Content::Base64(bytes)) if bytes.len() > ESCAPED_BYTES => {
                self.content = Some(Content::Base64(Bytes::new()));
                before.push(b'"');
                self.around(before, [Part::Base64(bytes)], b"\"".to_vec())
            }
            content => {
                self.content = content;
                self.push_content(&mut before);
                self.push_after_content(&mut before);
                VecDeque::from([Part::Written(before.into())])
            }
        };
        ModelJson {
            bytes: parts.iter().map(Part::bytes).sum(),
            parts,
        }
    }

    /// `content` with what stands before and after it.
    fn around(
        &self,
        before: Vec<u8>,
        content: impl IntoIterator<Item = Part>,
        mut after: Vec<u8>,
    ) -> VecDeque<Part> {
        self.push_after_content(&mut after);
        let (before, after) = (Part::Written(before.into()), Part::Written(after.into()));
        std::iter::once(before).chain(content).chain([after]).collect()
    }

    /// About what stands in the first piece.
    fn first_bytes(&self) -> usize {
        MODEL_BYTES
            + match &self.content {
                Some(Content::Text(text)) => text.len().min(ESCAPED_BYTES),
                Some(Content::Base64(bytes)) => 2 * bytes.len().min(ESCAPED_BYTES),
                Some(Content::Directory(entries)) => entries.len() * ENTRY_BYTES,
                Some(Content::Notebook(_)) | None => 0,
            }
    }

    fn push_json(&self, out: &mut Vec<u8>) {
        self.push_before_content(out);
        self.push_content(out);
        self.push_after_content(out);
    }

    fn push_before_content(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(b"{\"name\":");
        encode::string(&self.name, out);
        out.extend_from_slice(b",\"path\":");
        encode::string(self.path.as_str(), out);
        out.extend_from_slice(b",\"last_modified\":");
        encode::string(&self.last_modified.to_iso(), out);
        out.extend_from_slice(b",\"created\":");
        encode::string(&self.created.to_iso(), out);
        out.extend_from_slice(b",\"content\":");
    }

    fn push_after_content(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(b",\"format\":");
        optional(self.format(), out);
        out.extend_from_slice(b",\"mimetype\":");
        optional(self.mimetype.as_deref(), out);
        out.extend_from_slice(b",\"size\":");
        match self.size {
            Some(size) => out.extend_from_slice(size.to_string().as_bytes()),
            None => out.extend_from_slice(b"null"),
        }
        out.extend_from_slice(if self.writable {
            b",\"writable\":true"
        } else {
            b",\"writable\":false"
        });
        out.extend_from_slice(b",\"hash\":");
        optional(self.hash.as_deref(), out);
        out.extend_from_slice(b",\"hash_algorithm\":");
        optional(self.hash.as_ref().map(|_| "sha256"), out);
        out.extend_from_slice(b",\"type\":");
        encode::string(self.entry_type.as_str(), out);
        if let Some(message) = &self.message {
            out.extend_from_slice(b",\"message\":");
            encode::string(message, out);
        }
        if let Some(Paged { total, next }) = &self.paged {
            out.extend_from_slice(b",\"total\":");
            out.extend_from_slice(total.to_string().as_bytes());
            out.extend_from_slice(b",\"next\":");
            optional(next.as_deref(), out);
        }
        out.push(b'}');
    }

    fn push_content(&self, out: &mut Vec<u8>) {
        match &self.content {
            None => out.extend_from_slice(b"null"),
            Some(Content::Text(text)) => encode::string(text, out),
            Some(Content::Base64(bytes)) => {
                out.push(b'"');
                base64_text::push_json(bytes, out);
                out.push(b'"');
            }
            Some(Content::Notebook(json)) => json.iter().for_each(|piece| out.extend_from_slice(piece)),
            Some(Content::Directory(entries)) => {
                out.push(b'[');
                for (count, entry) in entries.iter().enumerate() {
                    if count > 0 {
                        out.push(b',');
                    }
                    entry.push_json(out);
                }
                out.push(b']');
            }
        }
    }
}

fn optional(text: Option<&str>, out: &mut Vec<u8>) {
    match text {
        Some(text) => encode::string(text, out),
        None => out.extend_from_slice(b"null"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::EntryType;
    use crate::time::FileTime;

    fn model(content: Content) -> ContentsModel {
        let time = FileTime::from_stat(0, 0);
        ContentsModel {
            name: "a".to_owned(),
            path: "a".parse().unwrap(),
            entry_type: EntryType::File,
            last_modified: time,
            created: time,
            content: Some(content),
            mimetype: None,
            size: None,
            writable: true,
            hash: None,
            message: None,
            version: None,
            paged: None,
        }
    }

    /// The content as it is read back; no piece is larger than `piece_bytes_max`.
    fn written(content: Content, piece_bytes_max: usize) -> String {
        let mut json = model(content).into_json();
        let announced = json.bytes();
        let mut whole = Vec::new();
        for piece in json.by_ref() {
            assert!(piece.len() <= piece_bytes_max, "{}", piece.len());
            whole.extend_from_slice(&piece);
        }
        assert_eq!(json.bytes(), 0);
        assert_eq!(whole.len(), announced);
        let model: serde_json::Value = serde_json::from_slice(&whole).unwrap();
        assert_eq!(model["type"], "file");
        model["content"].as_str().unwrap().to_owned()
    }

    #[test]
    fn a_long_text_is_written_in_small_pieces_whatever_it_holds() {
        let controls: String = (0..0x20).map(char::from).collect();
        let texts = [
            "\0".repeat(1_000_000),
            format!("{controls}\"\\ü😀\u{7f}").repeat(20_000),
            "ü".repeat(ESCAPED_BYTES - 1) + "x",
        ];
        for text in texts {
            assert_eq!(written(Content::Text(text.clone()), 6 * ESCAPED_BYTES), text);
        }
    }

    #[test]
    fn long_base64_is_written_in_small_pieces() {
        for length in [ESCAPED_BYTES, ESCAPED_BYTES + 1, 1_000_000] {
            let bytes: Vec<u8> = (0..=255).cycle().take(length).collect();
            let text = written(Content::Base64(bytes.clone().into()), 2 * ESCAPED_BYTES);
            assert_eq!(base64_text::decode(&text).unwrap(), bytes);
        }
    }

    #[test]
    fn what_is_short_is_one_piece() {
        let json = model(Content::Text("\u{1}".repeat(ESCAPED_BYTES))).into_json();
        assert_eq!(json.count(), 1);
    }
}
