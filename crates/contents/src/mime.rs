//! Types of files by their names, as Python's `mimetypes.guess_type` finds them: its own table and the system's
//! `mime.types` files, later ones over earlier ones.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::OnceLock;

use crate::mime_table::TYPES;

/// Endings that stand for two.
const SUFFIXES: [(&str, &str); 6] = [
    (".svgz", ".svg.gz"),
    (".tgz", ".tar.gz"),
    (".taz", ".tar.gz"),
    (".tz", ".tar.gz"),
    (".tbz2", ".tar.bz2"),
    (".txz", ".tar.xz"),
];

/// Endings that name a compression.
const ENCODINGS: [(&str, &str); 5] = [
    (".gz", "gzip"),
    (".Z", "compress"),
    (".bz2", "bzip2"),
    (".xz", "xz"),
    (".br", "br"),
];

/// The type and the compression that a name suggests.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Guess {
    /// `text/plain` and the like.
    pub mimetype: Option<String>,
    /// `gzip` and the like.
    pub encoding: Option<&'static str>,
}

/// The tables, filled when first needed.
#[derive(Debug)]
pub(crate) struct MimeTypes {
    files: Vec<PathBuf>,
    types: OnceLock<HashMap<String, String>>,
}

impl MimeTypes {
    pub(crate) fn new(files: Vec<PathBuf>) -> Self {
        Self {
            files,
            types: OnceLock::new(),
        }
    }

    /// Guesses by name alone.
    pub(crate) fn guess(&self, name: &str) -> Guess {
        let (mut base, mut extension) = split_extension(name);
        let replaced;
        if let Some((_, long)) = SUFFIXES
            .iter()
            .find(|(short, _)| extension.eq_ignore_ascii_case(short))
        {
            replaced = format!("{base}{long}");
            (base, extension) = split_extension(&replaced);
        }
        let encoding = ENCODINGS
            .iter()
            .find(|(ending, _)| *ending == extension)
            .map(|(_, encoding)| *encoding);
        if encoding.is_some() {
            (_, extension) = split_extension(base);
        }
        let types = self.types.get_or_init(|| self.load());
        let mimetype = types
            .get(extension)
            .or_else(|| types.get(&extension.to_lowercase()))
            .cloned();
        Guess { mimetype, encoding }
    }

    fn load(&self) -> HashMap<String, String> {
        let mut types: HashMap<String, String> = TYPES
            .iter()
            .map(|(extension, mimetype)| ((*extension).to_owned(), (*mimetype).to_owned()))
            .collect();
        // A file that isn't there is the usual case.
        for text in self
            .files
            .iter()
            .filter_map(|file| std::fs::read_to_string(file).ok())
        {
            for line in text.lines() {
                let mut words = line.split_whitespace().take_while(|word| !word.starts_with('#'));
                let Some(mimetype) = words.next() else { continue };
                types.extend(words.map(|extension| (format!(".{extension}"), mimetype.to_owned())));
            }
        }
        // The reference insists on these two whatever the system says: browsers refuse others.
        types.insert(".css".to_owned(), "text/css".to_owned());
        types.insert(".js".to_owned(), "application/javascript".to_owned());
        types
    }
}

/// The name without its last extension, and the extension with its dot; leading dots begin no extension.
pub(crate) fn split_extension(name: &str) -> (&str, &str) {
    let stem = name.trim_start_matches('.');
    let hidden = name.len() - stem.len();
    match stem.rfind('.') {
        Some(dot) => name.split_at(hidden + dot),
        None => (name, ""),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(name: &str, mimetype: Option<&str>, encoding: Option<&str>) {
        let guess = MimeTypes::new(Vec::new()).guess(name);
        assert_eq!(
            (guess.mimetype.as_deref(), guess.encoding),
            (mimetype, encoding),
            "{name}"
        );
    }

    #[test]
    fn types_are_guessed_as_python_guesses_them() {
        check("a.txt", Some("text/plain"), None);
        check("a.PY", Some("text/x-python"), None);
        check("a.tar.gz", Some("application/x-tar"), Some("gzip"));
        check("a.tgz", Some("application/x-tar"), Some("gzip"));
        check("a.js", Some("application/javascript"), None);
        check(".bashrc", None, None);
        check(".x.png", Some("image/png"), None);
        check("README", None, None);
        check("a.nothing-known", None, None);
    }
}
