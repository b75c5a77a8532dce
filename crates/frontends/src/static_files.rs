//! Files of packages, found by the path in a URL.

use std::path::{Component, Path, PathBuf};

/// The file that `path` names in the first of `directories` that has it.
///
/// A path that is absolute, leads upwards or holds a NUL names nothing, and neither does a directory. Symbolic
/// links below the directories are followed: develop installs consist of them.
pub(crate) fn find(directories: &[PathBuf], path: &str) -> Option<PathBuf> {
    let relative = Path::new(path);
    if path.contains(['\0', '\\']) || !is_plain(relative) {
        return None;
    }
    directories
        .iter()
        .map(|directory| directory.join(relative))
        .find(|file| file.is_file())
}

/// Whether a path leads downwards only.
pub(crate) fn is_plain(path: &Path) -> bool {
    let mut components = path.components().peekable();
    components.peek().is_some() && components.all(|component| matches!(component, Component::Normal(_)))
}

#[cfg(test)]
mod tests {
    use super::find;
    use std::path::PathBuf;

    #[test]
    fn files_are_found_below_the_directories_and_nowhere_else() {
        let here = vec![
            PathBuf::from("/nowhere"),
            PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/src")),
        ];
        let check = |path: &str, found: bool| assert_eq!(find(&here, path).is_some(), found, "{path}");
        check("lib.rs", true);
        check("templates/mod.rs", true);
        check("templates", false);
        check("../Cargo.toml", false);
        check("templates/../../Cargo.toml", false);
        check("/etc/passwd", false);
        check("lib.rs\0", false);
        check("", false);
    }
}
