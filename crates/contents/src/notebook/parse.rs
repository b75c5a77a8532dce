//! Reading JSON text into a [`Node`], strictly: what Python takes beyond JSON (`NaN`, `Infinity`, lone surrogates)
//! is refused with a sentence, because no browser could read it or no file could hold it.

mod string;

use std::borrow::Cow;

use super::lines::is_text_key;
use super::node::{Lines, Node, Object};
use super::texts::Texts;

/// Deepest nesting of a document, so that the stack stays bounded (Python stops near its recursion limit, too).
pub(crate) const DEPTH_MAX: usize = 400;
/// Most digits of an integer; Python's own limit for reading one.
const INTEGER_DIGITS_MAX: usize = 4300;

/// Why a text is not JSON, and where.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{what} at line {line} column {column}")]
pub(crate) struct ParseError {
    pub(crate) what: &'static str,
    pub(crate) line: usize,
    pub(crate) column: usize,
}

/// Reads a whole text. What cannot be borrowed from it lies in `texts`, or, without them, in memory of its own.
pub(crate) fn parse<'a>(text: &'a str, texts: Option<&'a Texts>) -> Result<Node<'a>, ParseError> {
    let mut parser = Parser {
        text,
        bytes: text.as_bytes(),
        at: 0,
        texts,
        unescaped: String::new(),
    };
    if text.starts_with('\u{feff}') {
        return Err(parser.error("the text begins with a byte order mark"));
    }
    parser.skip_space();
    let node = parser.value(DEPTH_MAX)?;
    parser.skip_space();
    match parser.peek() {
        None => Ok(node),
        Some(_) => Err(parser.error("there is more after the end of the document")),
    }
}

struct Parser<'a> {
    text: &'a str,
    bytes: &'a [u8],
    at: usize,
    texts: Option<&'a Texts>,
    /// The text that is just being read.
    unescaped: String,
}

impl<'a> Parser<'a> {
    fn peek(&self) -> Option<u8> {
        self.bytes.get(self.at).copied()
    }

    fn error(&self, what: &'static str) -> ParseError {
        let before = self.bytes.get(..self.at).unwrap_or(self.bytes);
        let line = 1 + before.iter().filter(|byte| **byte == b'\n').count();
        let column = 1 + before.iter().rev().take_while(|byte| **byte != b'\n').count();
        ParseError { what, line, column }
    }

    fn skip_space(&mut self) {
        while let Some(b' ' | b'\n' | b'\r' | b'\t') = self.peek() {
            self.at += 1;
        }
    }

    fn value(&mut self, depth: usize) -> Result<Node<'a>, ParseError> {
        match self.peek() {
            Some(b'{') => self.object(depth),
            Some(b'[') => self.array(depth),
            Some(b'"') => Ok(Node::String(self.string()?)),
            Some(b'-' | b'0'..=b'9') => self.number(),
            Some(b't') => self.word("true", Node::Bool(true)),
            Some(b'f') => self.word("false", Node::Bool(false)),
            Some(b'n') => self.word("null", Node::Null),
            Some(b'N' | b'I') => Err(self.error("NaN and Infinity are not JSON")),
            Some(_) => Err(self.error("a value is expected")),
            None => Err(self.error("the text ends too early")),
        }
    }

    fn word(&mut self, word: &str, node: Node<'a>) -> Result<Node<'a>, ParseError> {
        let end = self.at + word.len();
        if self.bytes.get(self.at..end) != Some(word.as_bytes()) {
            return Err(self.error("a value is expected"));
        }
        self.at = end;
        Ok(node)
    }

    fn array(&mut self, depth: usize) -> Result<Node<'a>, ParseError> {
        let depth = depth
            .checked_sub(1)
            .ok_or_else(|| self.error("the document is nested too deeply"))?;
        self.at += 1;
        let mut items = Vec::new();
        self.skip_space();
        if self.peek() == Some(b']') {
            self.at += 1;
            return Ok(Node::Array(items));
        }
        loop {
            self.skip_space();
            items.push(self.value(depth)?);
            self.skip_space();
            match self.peek() {
                Some(b',') => self.at += 1,
                Some(b']') => {
                    self.at += 1;
                    return Ok(Node::Array(items));
                }
                _ => return Err(self.error("`,` or `]` is expected")),
            }
        }
    }

    /// The list of strings that begins here, if `key` is one that texts have in notebooks and it is one.
    fn lines_of(&mut self, key: &str) -> Result<Option<Lines<'a>>, ParseError> {
        if self.peek() != Some(b'[') || !is_text_key(key) {
            return Ok(None);
        }
        let start = self.at;
        self.unescaped.clear();
        let mut ends = Vec::new();
        loop {
            self.at += 1;
            self.skip_space();
            if self.peek() != Some(b'"') {
                break;
            }
            self.unescape()?;
            ends.push(self.unescaped.len());
            self.skip_space();
            match self.peek() {
                Some(b',') => {}
                Some(b']') => {
                    self.at += 1;
                    return Ok(Lines::cut(self.keep_unescaped(), ends));
                }
                _ => break,
            }
        }
        // Something else, or wrong: to be read, or reported, as any other list.
        self.at = start;
        Ok(None)
    }

    fn object(&mut self, depth: usize) -> Result<Node<'a>, ParseError> {
        let depth = depth
            .checked_sub(1)
            .ok_or_else(|| self.error("the document is nested too deeply"))?;
        self.at += 1;
        let mut members = Vec::new();
        self.skip_space();
        if self.peek() == Some(b'}') {
            self.at += 1;
            return Ok(Node::Object(Object::default()));
        }
        loop {
            self.skip_space();
            if self.peek() != Some(b'"') {
                return Err(self.error("a key in double quotes is expected"));
            }
            let key = self.string()?;
            self.skip_space();
            if self.peek() != Some(b':') {
                return Err(self.error("`:` is expected"));
            }
            self.at += 1;
            self.skip_space();
            let value = match self.lines_of(&key)? {
                Some(lines) => Node::Lines(lines),
                None => self.value(depth)?,
            };
            members.push((key, value));
            self.skip_space();
            match self.peek() {
                Some(b',') => self.at += 1,
                Some(b'}') => {
                    self.at += 1;
                    return Ok(Node::Object(Object::from_members(members)));
                }
                _ => return Err(self.error("`,` or `}` is expected")),
            }
        }
    }

    fn number(&mut self) -> Result<Node<'a>, ParseError> {
        let start = self.at;
        if self.peek() == Some(b'-') {
            self.at += 1;
        }
        match self.peek() {
            Some(b'0') => self.at += 1,
            Some(b'1'..=b'9') => self.digits(),
            Some(b'I') => return Err(self.error("NaN and Infinity are not JSON")),
            _ => return Err(self.error("a digit is expected")),
        }
        let mut is_integer = true;
        if self.peek() == Some(b'.') {
            is_integer = false;
            self.at += 1;
            self.one_digit_or_more()?;
        }
        if let Some(b'e' | b'E') = self.peek() {
            is_integer = false;
            self.at += 1;
            if let Some(b'+' | b'-') = self.peek() {
                self.at += 1;
            }
            self.one_digit_or_more()?;
        }
        let text = self.text.get(start..self.at).unwrap_or_default();
        if is_integer {
            if text.len() > INTEGER_DIGITS_MAX {
                return Err(self.error("the integer has too many digits"));
            }
            return Ok(Node::Integer(Cow::Borrowed(if text == "-0" {
                "0"
            } else {
                text
            })));
        }
        match text.parse::<f64>() {
            Ok(value) if value.is_finite() => Ok(Node::Float(value)),
            _ => Err(self.error("the number is too large")),
        }
    }

    fn digits(&mut self) {
        while let Some(b'0'..=b'9') = self.peek() {
            self.at += 1;
        }
    }

    fn one_digit_or_more(&mut self) -> Result<(), ParseError> {
        let start = self.at;
        self.digits();
        if self.at == start {
            Err(self.error("a digit is expected"))
        } else {
            Ok(())
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::encode::compact;
    use super::*;

    fn check(text: &str, expected: Result<&str, &str>) {
        let found = parse(text, None).map(|node| {
            let mut out = Vec::new();
            compact(&node, &mut out);
            String::from_utf8(out).unwrap()
        });
        assert_eq!(found.as_deref().map_err(|error| error.what), expected, "{text:?}");
    }

    #[test]
    fn what_is_json_is_read_without_loss() {
        check(
            " {\"b\" : [1, 2.50, -0, -0.0, 1e2], \"a\":null} ",
            Ok(r#"{"b":[1,2.5,0,-0.0,100.0],"a":null}"#),
        );
        check(
            "123456789012345678901234567890",
            Ok("123456789012345678901234567890"),
        );
        check(r#""\u00e4\ud83d\ude00\/\u0000""#, Ok("\"ä😀/\\u0000\""));
        check(r#"{"a":1,"b":2,"a":3}"#, Ok(r#"{"a":3,"b":2}"#));
        check("[]", Ok("[]"));
        check(
            r#"{"text": [ "a\n", "" , "\"b" ], "source": [], "a/b": ["a", 1], "c/d": ["a", ["b"]]}"#,
            Ok(r#"{"text":["a\n","","\"b"],"source":[],"a/b":["a",1],"c/d":["a",["b"]]}"#),
        );
    }

    #[test]
    fn what_is_not_json_is_refused_with_the_place() {
        check("", Err("the text ends too early"));
        check("[1,]", Err("a value is expected"));
        check("{\"a\" 1}", Err("`:` is expected"));
        check("[NaN]", Err("NaN and Infinity are not JSON"));
        check("-Infinity", Err("NaN and Infinity are not JSON"));
        check("1e999", Err("the number is too large"));
        check("01", Err("there is more after the end of the document"));
        check(
            r#""\ud800""#,
            Err("a string holds half of a surrogate pair, which is no text"),
        );
        check(
            r#""\ud800\u0041""#,
            Err("a string holds half of a surrogate pair, which is no text"),
        );
        check("\u{feff}{}", Err("the text begins with a byte order mark"));
        check("\"a\nb\"", Err("a control character in a string must be escaped"));
        check(r#""\u+123""#, Err("four hexadecimal digits are expected"));
        check(&"[".repeat(100_000), Err("the document is nested too deeply"));
        assert_eq!(
            parse("[1,\n  x]", None).unwrap_err().to_string(),
            "a value is expected at line 2 column 3"
        );
    }

    proptest! {
        #[test]
        fn any_text_is_parsed_or_refused_as_serde_json_does(text in "[\\[\\]{}:,\"\\\\ua0-9eE.+\\- truefalsnü\\n]{0,40}") {
            let ours = parse(&text, None);
            let theirs = serde_json::from_str::<serde_json::Value>(&text);
            prop_assert_eq!(ours.is_ok(), theirs.is_ok(), "{:?} {:?}", ours, theirs);
        }
    }
}
