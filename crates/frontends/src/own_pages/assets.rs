//! What lies in `frontend-static/`, as part of the program.

use sha2::{Digest, Sha256};

/// Below this path (after `base_url`) our own assets are served, without login.
pub const OWN_ASSETS_PREFIX: &str = "static/adrastea/";

/// Our templates by name.
pub(super) const TEMPLATES: [(&str, &str); 8] = [
    ("page.html", include_str!("../../../../frontend-static/page.html")),
    (
        "message.html",
        include_str!("../../../../frontend-static/message.html"),
    ),
    (
        "login.html",
        include_str!("../../../../frontend-static/login.html"),
    ),
    (
        "logout.html",
        include_str!("../../../../frontend-static/logout.html"),
    ),
    (
        "error.html",
        include_str!("../../../../frontend-static/error.html"),
    ),
    ("home.html", include_str!("../../../../frontend-static/home.html")),
    ("view.html", include_str!("../../../../frontend-static/view.html")),
    ("mark.html", include_str!("../../../../frontend-static/mark.html")),
];

const STYLE: &[u8] = include_bytes!("../../../../frontend-static/style.css");
const LOGO: &[u8] = include_bytes!("../../../../frontend-static/logo.svg");

/// A file of our own that pages refer to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Asset {
    /// For the `Content-Type` header.
    pub content_type: &'static str,
    /// The whole file.
    pub bytes: &'static [u8],
}

pub(super) fn asset(path: &str) -> Option<Asset> {
    match path {
        "style.css" => Some(Asset {
            content_type: "text/css; charset=utf-8",
            bytes: STYLE,
        }),
        "logo.svg" => Some(Asset {
            content_type: "image/svg+xml",
            bytes: LOGO,
        }),
        _ => None,
    }
}

/// Twelve hexadecimal digits that change with the assets.
pub(super) fn version() -> String {
    let digest = Sha256::new().chain_update(STYLE).chain_update(LOGO).finalize();
    hex::encode(digest).chars().take(12).collect()
}
