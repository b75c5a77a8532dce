//! The interpreter behind a [pyenv](https://github.com/pyenv/pyenv) shim, without starting the shim: that is a
//! chain of shell scripts and takes ten times as long as all the rest of our start.

use std::fs;
use std::path::{Path, PathBuf};

use crate::variables::Variables;

/// The prefix that the shim `interpreter` would start Python from. `None` when it is no shim, or one whose version
/// only pyenv itself can find (`system`, an abbreviation).
pub(super) fn prefix_behind(interpreter: &Path, variables: &Variables) -> Option<PathBuf> {
    let shims = interpreter.parent()?;
    let root = shims.parent()?;
    if !shims.ends_with("shims") || !root.join("versions").is_dir() {
        return None;
    }
    let version = chosen_version(root, variables)?;
    // A name and no path: it comes from a file in whatever directory this was started in.
    if version.contains('/') || version.starts_with('.') {
        return None;
    }
    let prefix = root.join("versions").join(version);
    prefix.join("bin/python3").exists().then_some(prefix)
}

/// As pyenv chooses: the variable, the nearest `.python-version`, the file of the installation. The first of
/// several versions is the one that `python3` runs.
fn chosen_version(root: &Path, variables: &Variables) -> Option<String> {
    if let Some(versions) = variables.text("PYENV_VERSION") {
        return versions.split(':').next().map(str::to_owned);
    }
    let local = variables
        .current_dir
        .ancestors()
        .map(|directory| directory.join(".python-version"));
    local
        .chain([root.join("version")])
        .find_map(|file| first_word(&file))
}

fn first_word(file: &Path) -> Option<String> {
    let text = fs::read_to_string(file).ok()?;
    text.lines()
        .filter(|line| !line.trim_start().starts_with('#'))
        .find_map(|line| line.split_whitespace().next())
        .map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A pyenv with two versions whose shim is `shims/python3`.
    fn pyenv() -> tempfile::TempDir {
        let root = tempfile::tempdir().expect("directory");
        for version in ["3.11.7", "3.12.1"] {
            let bin = root.path().join("versions").join(version).join("bin");
            fs::create_dir_all(&bin).expect("bin");
            fs::write(bin.join("python3"), "").expect("python");
        }
        fs::create_dir(root.path().join("shims")).expect("shims");
        fs::create_dir_all(root.path().join("project/notes")).expect("project");
        fs::write(root.path().join("version"), "3.11.7\n").expect("version");
        root
    }

    fn behind(root: &Path, pairs: &[(&str, &str)]) -> Option<String> {
        let variables = Variables::from_pairs(root.join("project/notes"), pairs.iter().copied());
        let prefix = prefix_behind(&root.join("shims/python3"), &variables)?;
        Some(prefix.file_name()?.to_string_lossy().into_owned())
    }

    #[test]
    fn the_variable_wins_over_the_project_and_the_project_over_the_installation() {
        let root = pyenv();
        assert_eq!(behind(root.path(), &[]).as_deref(), Some("3.11.7"));
        fs::write(
            root.path().join("project/.python-version"),
            "# ours\n 3.12.1 3.11.7\n",
        )
        .expect("file");
        assert_eq!(behind(root.path(), &[]).as_deref(), Some("3.12.1"));
        let variable = [("PYENV_VERSION", "3.11.7:3.12.1")];
        assert_eq!(behind(root.path(), &variable).as_deref(), Some("3.11.7"));
    }

    #[test]
    fn what_only_pyenv_can_resolve_is_left_to_it() {
        let root = pyenv();
        for version in ["system", "3.12", "../versions/3.12.1", "."] {
            assert_eq!(
                behind(root.path(), &[("PYENV_VERSION", version)]),
                None,
                "{version}"
            );
        }
        let variables = Variables::from_pairs(root.path(), [("PATH", "/nowhere")]);
        assert_eq!(
            prefix_behind(&root.path().join("versions/3.12.1/bin/python3"), &variables),
            None
        );
    }
}
