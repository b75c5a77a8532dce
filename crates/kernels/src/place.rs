//! Where a kernel is: the directory that it starts in, and what a path in its output (a traceback) names from there.

use std::path::{Component, Path, PathBuf};

use tracing::warn;

/// The absolute name of what `path` is for code that runs in `directory`, if it is there. As in the reference: `~` is
/// `home`, a relative path has its links followed and leaves out `x/..` even where there is no `x`, an absolute one
/// stays as it is written.
pub(crate) fn absolute_name(path: &str, directory: &Path, home: Option<&Path>) -> Option<String> {
    let named = match (path.strip_prefix('~'), home) {
        (Some(rest), Some(home)) if rest.is_empty() || rest.starts_with('/') => {
            home.join(rest.trim_start_matches('/'))
        }
        _ => PathBuf::from(path),
    };
    let absolute = if named.is_absolute() {
        // Without `/./`, `//` and a slash at the end.
        named.components().collect()
    } else {
        followed(directory, &named)
    };
    // What can't be looked at, or is no name at all, is not there.
    absolute.metadata().ok()?;
    absolute.to_str().map(str::to_owned)
}

/// `relative` from `directory` on, without links and `..`.
fn followed(directory: &Path, relative: &Path) -> PathBuf {
    let real = |path: PathBuf| path.canonicalize().unwrap_or(path);
    relative.components().fold(
        real(directory.to_owned()),
        |mut place, component| match component {
            Component::Normal(name) => real(place.join(name)),
            Component::ParentDir => {
                place.pop();
                place
            }
            Component::CurDir | Component::RootDir | Component::Prefix(_) => place,
        },
    )
}

/// The directory `path` (a document or directory relative to `root`) is in, or the nearest above it that exists.
/// Never leaves `root`: `..` goes no further up.
pub(crate) fn directory_for(root: &Path, path: &str) -> PathBuf {
    let mut directory = root.to_owned();
    for component in Path::new(path.trim_matches('/')).components() {
        match component {
            Component::Normal(name) => directory.push(name),
            Component::ParentDir if directory != root => {
                directory.pop();
            }
            Component::ParentDir | Component::CurDir | Component::RootDir | Component::Prefix(_) => {}
        }
    }
    while directory != root && !directory.is_dir() {
        if !directory.pop() {
            warn!(
                path,
                "no directory for the kernel's path; it starts in the root directory"
            );
            return root.to_owned();
        }
    }
    directory
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn paths_are_those_of_the_kernels_directory() {
        let made = tempfile::tempdir().unwrap();
        let root = made.path().canonicalize().unwrap();
        std::fs::create_dir_all(root.join("d/e")).unwrap();
        std::fs::create_dir_all(root.join("home")).unwrap();
        for file in ["a.py", "d/x.py", "home/h.py"] {
            std::fs::write(root.join(file), "").unwrap();
        }
        symlink("../d/e", root.join("home/link")).unwrap();
        symlink("nowhere", root.join("d/broken")).unwrap();
        symlink("loop", root.join("d/loop")).unwrap();
        let check_in = |directory: &str, path: &str, expected: Option<&str>| {
            let expected = expected.map(|below| {
                let below = format!("{}/{below}", root.display());
                below.trim_end_matches('/').to_owned()
            });
            let found = absolute_name(path, &root.join(directory), Some(&root.join("home")));
            assert_eq!(found, expected, "{path:?} in {directory}");
        };
        let check = |path: &str, expected: Option<&str>| check_in("d", path, expected);
        check("x.py", Some("d/x.py"));
        check("./x.py/", Some("d/x.py"));
        check("", Some("d"));
        check("..", Some(""));
        check("../a.py", Some("a.py"));
        check("none/../x.py", Some("d/x.py"));
        check("x.py/../x.py", Some("d/x.py"));
        check("../home/link/../x.py", Some("d/x.py"));
        check("a.py", None);
        check("broken", None);
        check("loop", None);
        check("x\0", None);
        check(&"x".repeat(300), None);
        check("~", Some("home"));
        check("~/h.py", Some("home/h.py"));
        check("~/../d/x.py", Some("home/../d/x.py"));
        check("~nobody/h.py", None);
        check_in("home/link", "../x.py", Some("d/x.py"));
        check_in("gone", "../a.py", Some("a.py"));
        let absolute = |path: &str| absolute_name(path, Path::new("/none"), None);
        assert_eq!(absolute("/../dev//./null").as_deref(), Some("/../dev/null"));
        assert_eq!(absolute("/none"), None);
        assert_eq!(absolute("~"), None);
    }

    #[test]
    fn a_kernel_starts_in_the_nearest_directory_that_exists() {
        let root = tempfile::tempdir().unwrap();
        let root = root.path();
        std::fs::create_dir_all(root.join("a/b")).unwrap();
        std::fs::write(root.join("a/b/x.ipynb"), "").unwrap();
        let check = |path: &str, expected: &str| {
            assert_eq!(directory_for(root, path), root.join(expected), "{path}");
        };
        check("a/b/x.ipynb", "a/b");
        check("/a/b/", "a/b");
        check("a/none/none.ipynb", "a");
        check("none", "");
        check("", "");
        check("../../..", "");
        check("a/../../etc/passwd", "");
        check("a/b\0/c", "a");
    }
}
