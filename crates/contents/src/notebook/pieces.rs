//! JSON on its way out. What is long and stands in the document it was read from (pictures above all) is shared with
//! that document instead of copied.

use bytes::Bytes;

/// A shorter text is copied: a piece of its own would cost more.
const SHARED_BYTES: usize = 16 << 10;

/// Where JSON is written.
pub(crate) trait Sink {
    /// The end of what is written.
    fn buffer(&mut self) -> &mut Vec<u8>;

    /// Writes a text as it is.
    fn plain(&mut self, text: &str) {
        self.buffer().extend_from_slice(text.as_bytes());
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
            end: Vec::new(),
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

    fn plain(&mut self, text: &str) {
        match part(self.source, text) {
            Some(shared) if text.len() >= SHARED_BYTES => {
                self.done.push(std::mem::take(&mut self.end).into());
                self.done.push(shared);
            }
            _ => self.end.extend_from_slice(text.as_bytes()),
        }
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
    fn long_parts_of_the_source_are_shared_and_all_else_is_copied() {
        let source = Bytes::from("long ".repeat(SHARED_BYTES));
        let text = std::str::from_utf8(&source).unwrap();
        let mut pieces = Pieces::new(&source);
        pieces.buffer().push(b'[');
        pieces.plain(&text[5..]);
        pieces.plain(&text[..5]);
        let other = text.to_owned();
        pieces.plain(&other);
        let pieces = pieces.finish();
        assert_eq!(pieces.len(), 3);
        assert_eq!(pieces[1].as_ptr(), source[5..].as_ptr());
        assert_eq!(
            pieces.concat(),
            ["[", &text[5..], "long ", text].concat().as_bytes()
        );
    }
}
