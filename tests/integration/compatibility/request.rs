//! One request, as a value that can be printed and sent to either server.

use std::fmt;

use serde_json::Value;

/// Who asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum As {
    /// A program with the token in a header.
    Token,
    /// A page in a browser, which sends its cookies and the token against forged requests.
    Page,
    /// A page of somebody else in the same browser: cookies alone.
    Cookies,
    /// Nobody.
    Nobody,
}

/// A request below the base URL.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Request {
    pub(super) method: String,
    /// As it stands in the request line, without the base URL: `api/contents/a%20b?content=0`.
    pub(super) target: String,
    pub(super) headers: Vec<(&'static str, String)>,
    pub(super) body: String,
    pub(super) by: As,
}

impl Request {
    pub(super) fn new(method: &str, target: impl Into<String>) -> Self {
        Self {
            method: method.to_owned(),
            target: target.into(),
            headers: Vec::new(),
            body: String::new(),
            by: As::Token,
        }
    }

    /// With a JSON body; null is no body.
    pub(super) fn json(mut self, body: &Value) -> Self {
        self.body = if body.is_null() {
            String::new()
        } else {
            body.to_string()
        };
        self
    }

    pub(super) fn body(mut self, body: impl Into<String>) -> Self {
        self.body = body.into();
        self
    }

    pub(super) fn header(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }

    pub(super) fn by(mut self, by: As) -> Self {
        self.by = by;
        self
    }

    /// The target without its query.
    pub(super) fn path(&self) -> &str {
        self.target.split('?').next().unwrap_or_default()
    }

    /// The same without percent-encoding.
    pub(super) fn decoded_path(&self) -> String {
        decoded(self.path())
    }

    /// The query, without `?`.
    pub(super) fn query(&self) -> &str {
        self.target.split_once('?').map_or("", |(_, query)| query)
    }

    /// The JSON of the body; null if it is none.
    pub(super) fn model(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_default()
    }
}

/// Without percent-encoding.
pub(super) fn decoded(text: &str) -> String {
    let mut bytes = Vec::new();
    let mut rest = text.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        let digits = after.get(..2).and_then(|digits| std::str::from_utf8(digits).ok());
        match digits.and_then(|digits| u8::from_str_radix(digits, 16).ok()) {
            Some(byte) if *first == b'%' => {
                bytes.push(byte);
                rest = &after[2..];
            }
            _ => {
                bytes.push(*first);
                rest = after;
            }
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

impl fmt::Display for Request {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} {}", self.method, self.target)?;
        for (name, value) in &self.headers {
            write!(formatter, " [{name}: {value}]")?;
        }
        if self.by != As::Token {
            write!(formatter, " as {:?}", self.by)?;
        }
        match self.body.len() {
            0 => Ok(()),
            _ => write!(formatter, " {}", self.body),
        }
    }
}
