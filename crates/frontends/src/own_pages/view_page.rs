use serde::Serialize;

/// A file in a frame that may run scripts but is cut off from the server's origin.
#[derive(Debug, Clone, Copy, Serialize)]
pub struct ViewPage<'a> {
    /// The file's name, for the window's title.
    pub title: &'a str,
    /// Where the file is (`/files/…`, percent-encoded, with `base_url`).
    pub file_url: &'a str,
}
