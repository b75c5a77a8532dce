//! Styles of themes, with their relative addresses made absolute.

use std::path::{Path, PathBuf};

use crate::blocking::blocking;
use crate::labextensions::{extension_directories, subdirectories};
use crate::page_config::below;
use crate::{FrontendsError, json_files, static_files};

/// Levels below an extension in which its `themes` directory is looked for.
const THEMES_DEPTH_MAX: usize = 4;

/// What stands around an address in a style sheet.
const OPEN: &str = "url('";
const CLOSE: &str = "')";

/// A file of a theme.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ThemeFile {
    /// A style sheet, rewritten.
    Style(String),
    /// Anything else (images, fonts), as it lies on disk.
    File(PathBuf),
}

/// The themes of extensions and of JupyterLab itself; a cheap clone.
#[derive(Debug, Clone)]
pub struct Themes {
    labextensions_path: Vec<PathBuf>,
    themes_dir: Option<PathBuf>,
    /// Where the themes are on the server, with base URL.
    url: String,
}

impl Themes {
    pub(crate) fn new(app_dir: Option<&Path>, labextensions_path: Vec<PathBuf>, base_url: &str) -> Themes {
        Themes {
            labextensions_path,
            themes_dir: app_dir.map(|app_dir| app_dir.join("themes")),
            url: below(base_url, "/lab/api/themes"),
        }
    }

    /// The file at `path` (`<theme>/index.css`); `None` when there is none.
    ///
    /// # Errors
    /// When a style sheet cannot be read.
    pub async fn get(&self, path: &str) -> Result<Option<ThemeFile>, FrontendsError> {
        let (themes, path) = (self.clone(), path.to_owned());
        blocking(move || {
            let Some(file) = static_files::find(&themes.directories(), &path) else {
                return Ok(None);
            };
            if file.extension().is_none_or(|extension| extension != "css") {
                return Ok(Some(ThemeFile::File(file)));
            }
            Ok(json_files::read_text(&file)?.map(|style| ThemeFile::Style(themes.rewrite(&style, &path))))
        })
        .await
    }

    /// Every `themes` directory of an extension, in search order, then JupyterLab's own.
    fn directories(&self) -> Vec<PathBuf> {
        let mut directories = Vec::new();
        for extension in self
            .labextensions_path
            .iter()
            .flat_map(|path| extension_directories(path))
        {
            add_themes_below(&extension, THEMES_DEPTH_MAX, &mut directories);
        }
        directories.extend(self.themes_dir.clone());
        directories
    }

    /// Rewrites `url('images/a.png')`, in single quotes only, as the themes' builds write it.
    fn rewrite(&self, style: &str, path: &str) -> String {
        let directory = path.rsplit_once('/').map_or("", |(directory, _)| directory);
        let mut rewritten = String::with_capacity(style.len());
        let mut rest = style;
        while let Some((before, after)) = rest.split_once(OPEN) {
            rewritten.push_str(before);
            rewritten.push_str(OPEN);
            let address = after.split_once(CLOSE).map_or("", |(address, _)| address);
            let is_relative = !address.is_empty()
                && !address.starts_with('/')
                && !address.contains(['\'', '\n'])
                && !has_scheme(address);
            if is_relative {
                rewritten.push_str(&self.url);
                rewritten.push('/');
                if !directory.is_empty() {
                    rewritten.push_str(directory);
                    rewritten.push('/');
                }
            }
            rest = after;
        }
        rewritten + rest
    }
}

fn add_themes_below(directory: &Path, depth: usize, found: &mut Vec<PathBuf>) {
    if depth == 0 {
        return;
    }
    for below in subdirectories(directory) {
        if below.file_name().is_some_and(|name| name == "themes") {
            found.push(below.clone());
        }
        add_themes_below(&below, depth - 1, found);
    }
}

/// `http:`, `data:` and the like.
fn has_scheme(address: &str) -> bool {
    address.split_once(':').is_some_and(|(scheme, _)| {
        scheme.starts_with(|first: char| first.is_ascii_alphabetic())
            && scheme
                .chars()
                .all(|c| c.is_ascii_alphanumeric() || matches!(c, '+' | '-' | '.'))
    })
}

#[cfg(test)]
mod tests {
    use super::Themes;

    #[test]
    fn relative_addresses_become_absolute_and_others_stay() {
        let themes = Themes::new(None, Vec::new(), "/x/");
        let check =
            |style: &str, expected: &str| assert_eq!(themes.rewrite(style, "@a/b/index.css"), expected);
        check(
            "a{b:url('i/c.png')}",
            "a{b:url('/x/lab/api/themes/@a/b/i/c.png')}",
        );
        check(
            "url('../c.png') url('d.svg')",
            "url('/x/lab/api/themes/@a/b/../c.png') url('/x/lab/api/themes/@a/b/d.svg')",
        );
        for stays in [
            "url('/c.png')",
            "url('data:image/png;base64,x')",
            "url('https://a/b')",
            "url(\"c.png\")",
            "url(c.png)",
            "url('')",
        ] {
            check(stays, stays);
        }
    }
}
