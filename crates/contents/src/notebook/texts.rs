//! Memory for the texts of one document.

use bumpalo::Bump;

/// The texts of one document that are spelt with escapes, so that they cannot be parts of it: all in one piece of
/// memory, which is given back at once. A large notebook has a hundred thousand of them.
pub(crate) struct Texts(Bump);

impl Texts {
    /// For the texts of a document of so many bytes: they never take more. What is not used takes no memory.
    pub(crate) fn of(document: &str) -> Self {
        Self(Bump::with_capacity(document.len()))
    }

    pub(super) fn keep(&self, text: &str) -> &str {
        self.0.alloc_str(text)
    }
}
