//! JSON on its way out. What is long and stands in the document it was read from (pictures above all) is shared with
//! that document instead of copied.

use bytes::Bytes;

/// A shorter text is copied: a piece of its own would cost more.
const SHARED_BYTES: usize = 16 << 10;

/// Memory set aside for what is written between two shared texts, so that it seldom has to move.
const RESERVED_BYTES: usize = 1 << 20;

/// Where JSON is written.
pub(crate) trait Sink {
    /// The end of what is written.
    fn buffer(&mut self) -> &mut Vec<u8>;

    /// Whether a text was written without being looked at: what the parser has borrowed from the document needs no
    /// escapes.
    fn share(&mut self, _text: &str) -> bool {
        false
    }
}

impl Sink for Vec<u8> {
    fn buffer(&mut self) -> &mut Vec<u8> {
        self
    }
}

/// Pieces that follow one another, some of them parts of `source`.
pub(super) struct Pieces<'s> {
    source: &'s Bytes,
    done: Vec<Bytes>,
    end: Vec<u8>,
}

impl<'s> Pieces<'s> {
    pub(super) fn new(source: &'s Bytes) -> Self {
        Self {
            source,
            done: Vec::new(),
            end: Vec::with_capacity(RESERVED_BYTES),
        }
    }

    pub(super) fn finish(mut self) -> Vec<Bytes> {
        self.done.push(self.end.into());
        self.done
    }
}

impl Sink for Pieces<'_> {
    fn buffer(&mut self) -> &mut Vec<u8> {
        &mut self.end
    }

    fn share(&mut self, text: &str) -> bool {
        if text.len() < SHARED_BYTES {
            return false;
        }
        let Some(shared) = part(self.source, text) else {
            return false;
        };
        let end = std::mem::replace(&mut self.end, Vec::with_capacity(RESERVED_BYTES));
        self.done.extend([end.into(), shared]);
        true
    }
}

/// `text` as a part of `source`, if it is one: told by where it lies.
fn part(source: &Bytes, text: &str) -> Option<Bytes> {
    let start = text.as_ptr().addr().checked_sub(source.as_ptr().addr())?;
    let end = start.checked_add(text.len())?;
    (end <= source.len()).then(|| source.slice(start..end))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_long_parts_of_the_source_are_shared() {
        let source = Bytes::from("long ".repeat(SHARED_BYTES));
        let text = std::str::from_utf8(&source).unwrap();
        let mut pieces = Pieces::new(&source);
        pieces.buffer().push(b'[');
        assert!(pieces.share(&text[5..]));
        assert!(!pieces.share(&text[..5]));
        let copy = text.to_owned();
        assert!(!pieces.share(&copy));
        pieces.buffer().push(b']');
        let pieces = pieces.finish();
        assert_eq!(pieces[1].as_ptr(), source[5..].as_ptr());
        assert_eq!(pieces.concat(), ["[", &text[5..], "]"].concat().as_bytes());
    }
}
