//! What is served: the root directory, the directory that opens first, and a file to open.

use std::path::{Component, Path, PathBuf};

use super::classes::{CONTENTS, SERVER};
use crate::error::ServerError;
use crate::settings::reader::Reader;
use crate::variables::Variables;

/// The directories and the file of this server.
#[derive(Debug, Clone)]
pub struct Directories {
    /// Everything below it is served.
    pub root_dir: PathBuf,
    /// Where front ends begin, below `root_dir` with slashes; empty for the root itself.
    pub preferred_dir: String,
    /// The file to open, below `root_dir` with slashes.
    pub file_to_run: Option<String>,
}

impl Directories {
    /// `word` is the file or directory on the command line: it wins over every setting.
    pub(super) fn read(
        reader: &Reader<'_>,
        variables: &Variables,
        word: Option<&str>,
    ) -> Result<Self, ServerError> {
        let server = reader.class(SERVER);
        let contents = reader.class(CONTENTS);
        let configured_root = match (contents.text("root_dir")?, server.text("root_dir")?) {
            (Some(root), _) | (None, Some(root)) if !root.is_empty() => Some(root),
            _ => server.text("notebook_dir")?.filter(|root| !root.is_empty()),
        };
        let configured_file = server.text("file_to_run")?.filter(|file| !file.is_empty());
        let given = word
            .map(|word| existing(&normal(&variables.absolute(word))))
            .transpose()?;
        let (given_root, given_file) = match given {
            Some(path) if path.is_dir() => (Some(path), None),
            other => (None, other),
        };

        let file = given_file.or_else(|| configured_file.map(|file| normal(&variables.absolute(&file))));
        let root_dir = match (given_root, configured_root, &file) {
            (Some(root), ..) => root,
            (None, Some(root), _) => directory(&variables.absolute(&root), "ServerApp.root_dir")?,
            (None, None, Some(file)) => file.parent().unwrap_or(Path::new("/")).to_owned(),
            (None, None, None) => variables.current_dir.clone(),
        };
        let file_to_run = match file {
            None => None,
            Some(file) => Some(
                below(&root_dir, &file).ok_or_else(|| ServerError::FileOutsideRoot {
                    file: file.clone(),
                    root_dir: root_dir.clone(),
                })?,
            ),
        };
        let preferred = match contents.text("preferred_dir")? {
            Some(preferred) => Some(preferred),
            None => server.text("preferred_dir")?,
        };
        let preferred_dir = match preferred.filter(|preferred| !preferred.is_empty()) {
            None => String::new(),
            Some(preferred) => {
                // Relative to the root, or absolute.
                let path = directory(&root_dir.join(variables.expand_home(&preferred)), "preferred_dir")?;
                below(&root_dir, &path).ok_or_else(|| ServerError::Unsupported {
                    message: format!(
                        "preferred_dir must be below the directory to serve: {} is not below {}",
                        path.display(),
                        root_dir.display()
                    ),
                })?
            }
        };
        Ok(Self {
            root_dir,
            preferred_dir,
            file_to_run,
        })
    }
}

fn existing(path: &Path) -> Result<PathBuf, ServerError> {
    match path.exists() {
        true => Ok(path.to_owned()),
        false => Err(ServerError::NoSuchPath {
            path: path.to_owned(),
        }),
    }
}

fn directory(path: &Path, setting: &'static str) -> Result<PathBuf, ServerError> {
    let path = normal(path);
    match path.is_dir() {
        true => Ok(path),
        false => Err(ServerError::NoSuchDirectory { path, setting }),
    }
}

/// Without `.`, `..` and trailing slashes, by name alone, as Python's `abspath` does it.
fn normal(path: &Path) -> PathBuf {
    let mut normal = PathBuf::new();
    for component in path.components() {
        match component {
            Component::CurDir => {}
            Component::ParentDir => {
                normal.pop();
            }
            other => normal.push(other),
        }
    }
    normal
}

/// `path` below `root` with slashes; empty for the root itself.
fn below(root: &Path, path: &Path) -> Option<String> {
    let relative = path.strip_prefix(root).ok()?;
    Some(
        relative
            .iter()
            .map(|part| part.to_string_lossy())
            .collect::<Vec<_>>()
            .join("/"),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings::command_line;

    fn read(current: &Path, arguments: &[String]) -> Result<Directories, ServerError> {
        let line = command_line::parse(arguments).expect("a command line");
        let variables = Variables::from_pairs(current, [("HOME", "/h")]);
        let reader = Reader::new(&line.settings, &variables);
        Directories::read(&reader, &variables, line.words.first().map(String::as_str))
    }

    #[test]
    fn the_word_on_the_command_line_is_a_directory_to_serve_or_a_file_to_open() {
        let root = tempfile::tempdir().expect("directory");
        let root = root.path().canonicalize().expect("real");
        std::fs::create_dir_all(root.join("sub/deep")).expect("directories");
        std::fs::write(root.join("sub/nb.ipynb"), "{}").expect("file");
        let check = |arguments: &[&str], expected: (&Path, &str, Option<&str>)| {
            let arguments: Vec<String> = arguments.iter().map(|it| it.to_string()).collect();
            let found = read(&root, &arguments).expect("directories");
            let expected = (
                expected.0.to_owned(),
                expected.1.to_owned(),
                expected.2.map(str::to_owned),
            );
            assert_eq!(
                (found.root_dir, found.preferred_dir, found.file_to_run),
                expected,
                "{arguments:?}"
            );
        };
        check(&[], (&root, "", None));
        check(&["sub/"], (&root.join("sub"), "", None));
        check(&["sub/nb.ipynb"], (&root.join("sub"), "", Some("nb.ipynb")));
        check(
            &["--notebook-dir=.", "sub/nb.ipynb"],
            (&root, "", Some("sub/nb.ipynb")),
        );
        check(&["--notebook-dir=sub/../sub//"], (&root.join("sub"), "", None));
        check(&["--ServerApp.notebook_dir=sub"], (&root.join("sub"), "", None));
        check(&["--preferred-dir=sub/deep"], (&root, "sub/deep", None));
        check(&["--FileContentsManager.preferred_dir=sub"], (&root, "sub", None));
    }

    #[test]
    fn what_is_not_there_or_not_below_the_root_is_refused() {
        let root = tempfile::tempdir().expect("directory");
        std::fs::create_dir(root.path().join("sub")).expect("directory");
        std::fs::write(root.path().join("a.txt"), "").expect("file");
        let check = |arguments: &[&str], part: &str| {
            let arguments: Vec<String> = arguments.iter().map(|it| it.to_string()).collect();
            let error = read(root.path(), &arguments).expect_err("refused").to_string();
            assert!(error.contains(part), "{error}");
        };
        check(&["missing"], "no such file or directory");
        check(&["--notebook-dir=missing"], "no such directory");
        check(
            &["--notebook-dir=sub", "a.txt"],
            "is not below the directory to serve",
        );
        check(&["--preferred-dir=/"], "preferred_dir must be below");
    }
}
